/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the program from outside share: a folder a test with a spec that is right and one
   that is wrong, runs in it, and what must be there afterwards.  */
#ifndef CLI_H
#define CLI_H

#include "run.h"

/* What model.yaml has in it at the beginning.  */
extern const char cli_model[];

extern char *cli_folder;
extern run_result cli_result; /* of the last run */

void cli_set_up(void);
void cli_tear_down(void);

void cli_write(const char *name, const char *text);

/* Run etrace-gen with WORDS in the test's folder: it exits with STATUS, and what it says has SAID
   in it (NULL: it says nothing).  */
void cli_run(const char *words, int status, const char *said);

/* Run LINE in a shell in which $E is the program.  */
void cli_shell(const char *line, int status);

bool cli_exists(const char *name);
void cli_holds(const char *name, const char *text);
void cli_is_as_before(const char *name, const char *text);

/* Only the two specs and MORE files are there: no output, no temporary file.  */
void cli_nothing_but(int more);

/* An executable ./m4 that does SCRIPT.  */
void cli_fake_m4(const char *script);

/* The run with WORDS fails with status 4, and outputs from an earlier run stay as they are.  */
void cli_breaks(const char *words, const char *said);

#endif
