/* SPDX-License-Identifier: Apache-2.0 */
/* What tests share: running a program, files, folders that go away, texts compared.  */
#ifndef RUN_H
#define RUN_H

#include "buf.h"

#include <stdbool.h>

typedef struct {
    int status; /* of exit, or minus the signal */
    buf out, err;
} run_result;

enum { RUN_ARGS_MAX = 24 };

/* Run ARGV (ended by NULL) in the folder DIR.  Standard input is empty.  */
run_result run_program(const char *dir, const char *const *argv);

/* The same for etrace-gen with the further arguments in WORDS, separated by spaces.  */
run_result run_etrace(const char *dir, const char *words);

void run_free(run_result *r);

/* The file PATH below the source tree; the program under test.  */
const char *run_source_path(const char *path);
const char *run_etrace_path(void);

/* A new empty folder, and its end with all that is in it.  */
char *run_make_folder(void);
void run_remove_folder(char *folder);

/* FOLDER/NAME, good until the next but seven calls.  */
const char *run_path(const char *folder, const char *name);

/* The whole of a file; false: it cannot be read.  TEXT is added to.  */
bool run_read_file(const char *path, buf *text);
void run_write_file(const char *path, const char *text, size_t len);

/* Everything that can be read from FD without waiting, up to SIZE bytes with the NUL behind it.  Returns how many
   without it.  */
size_t run_read_all(int fd, char *text, size_t size);

/* How many files FOLDER holds, hidden ones counted in.  */
int run_count_files(const char *folder);

/* Where WANTED and GOT differ, as lines with - and +; an empty text where they do not.  */
void run_diff(const char *wanted, const char *got, buf *out);

#endif
