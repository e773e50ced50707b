/* SPDX-License-Identifier: Apache-2.0 */
/* What the table of options says to people and to shells.  */
#ifndef OPTION_DOCS_H
#define OPTION_DOCS_H

#include "buf.h"

/* --help: GNU's form, at most 80 columns.  */
void option_help(buf *out);

/* TEMPLATE, the manual page in roff, with the options in the place of the line "@options@", the
   warnings in that of "@warnings@" and the version in that of "@version@".  */
void option_manual(const char *template, buf *out);

/* Completions for bash and for zsh.  */
void option_bash(buf *out);
void option_zsh(buf *out);

#endif
