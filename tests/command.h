/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests do outside their process: run programs, keep files in folders of their own.  */
#ifndef COMMAND_H
#define COMMAND_H

#include <stddef.h>

enum { COMMAND_WORDS = 64, COMMAND_PATH = 512 };

/* A command line that is put together word by word.  */
typedef struct {
    const char *word[COMMAND_WORDS + 1]; /* ended by NULL */
    int n;
    char text[4096];
    size_t used;
} command;

/* Add a copy of one word, or each word of TEXT (split at blanks).  */
void command_add(command *c, const char *word);
void command_add_words(command *c, const char *text);

/* Run it, searched in PATH, what it prints going to the file LOG.  Returns its exit status, or -1:
   it could not be started, was killed, or its line was too long.  */
int command_run(const command *c, const char *log);

/* Is PROGRAM there: does it run with --version?  */
int command_exists(const char *program);

/* A new empty folder; its path into PATH.  Returns 0, or -1 after a message.  */
int folder_make(char path[COMMAND_PATH]);

/* Remove the folder and the files in it.  */
void folder_remove(const char *path);

/* FOLDER/NAME into PATH.  */
void folder_path(char path[COMMAND_PATH], const char *folder, const char *name);

/* The text of a file, for free(); NULL if it cannot be read.  */
char *file_text(const char *path);

/* Write TEXT to PATH.  Returns 0, or -1.  */
int file_put(const char *path, const char *text);

#endif
