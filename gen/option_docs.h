/* SPDX-License-Identifier: Apache-2.0 */
/* What a table of options says to people and to shells.  */
#ifndef OPTION_DOCS_H
#define OPTION_DOCS_H

#include "option_set.h"

/* --help: GNU's form, at most 80 columns.  */
void option_help(const option_set *set, buf *out);

/* The same on standard output: .read of an option.  */
int option_print_help(const option_row *row, const char *value, const option_reader *r);

/* TEMPLATE, the manual page in roff, with the options in the place of the line "@options@", the
   warnings in that of "@warnings@" and the version in that of "@version@".  */
void option_manual(const option_set *set, const char *template, buf *out);

/* Completions for bash and for zsh.  */
void option_bash(const option_set *set, buf *out);
void option_zsh(const option_set *set, buf *out);

#endif
