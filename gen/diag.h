/* SPDX-License-Identifier: Apache-2.0 */
/* Positions in spec files, and every message to the user.

   Messages are kept until diag_flush, which sorts them by file (in the order in
   which the files were opened), line and column, drops exact repeats, and prints

       model.yaml:12:7: error: unknown function 'matmull' (did you mean 'matmul'?) [E0203]
          12 |   - y = matmull(x, W)
             |         ^~~~~~~
       model.yaml:3:3: note: ...

   A note belongs to the error or warning reported before it and stays behind it.  */
#ifndef DIAG_H
#define DIAG_H

#include "arena.h"
#include "buf.h"
#include "source_limit.h"
#include "warning.h"

#include <stdbool.h>

/* One file's text, kept for the carets.  NAME is as the user gave it.  */
typedef struct {
    const char *name;
    const char *text;
    size_t len;
    int index; /* order of opening */
    size_t n_marks;
    size_t *mark; /* where some of its lines begin: diag.c */
} source;

/* A place: 1-based line and column (column in code points), LENGTH code points
   on that line (0: a caret alone).  SRC NULL: no place (the command line).  */
typedef struct {
    const source *src;
    int line, col, length;
} loc;

typedef struct diag diag;

diag *diag_new(arena *a, int max_errors);

/* How messages look, and which there are.  */
typedef struct {
    bool json;      /* an object a line, see diag_json.c */
    bool color;
    bool errors_only;
    bool no_warnings;
    warning_set warnings;
    const char *program; /* NULL: etrace-gen */
} diag_style;

void diag_set_style(diag *d, const diag_style *style);

/* Register the file NAME with TEXT (not copied).  */
const source *diag_source(diag *d, const char *name, const char *text, size_t len);

/* Sources whose names begin with FOLDER are shown with SHOWN instead of it, so that messages about
   installed files are the same on every machine.  */
void diag_shorten(diag *d, const char *folder, const char *shown);

/* The limit on what a source may hold; diag_set_limits takes all of them.  */
int diag_limit(const diag *d, source_limit which);
void diag_set_limits(diag *d, const int *limit);

/* The error that there is more of WHAT than the limit WHICH allows.  */
void diag_over_limit(diag *d, loc at, const char *code, const char *what, source_limit which);

/* One more of WHAT.  False where it is one too many: the first such is reported.  */
bool diag_spend(diag *d, loc at, const char *code, const char *what, source_limit which);

/* The file PATH was read.  All that were, in this order: an output must not be written over one,
   and a depfile names them.  */
void diag_read(diag *d, const char *path);
const char *const *diag_files(const diag *d, size_t *n);

/* The text of the line of AT, in A; "" where there is none.  A long one is cut.  */
const char *diag_line_text(arena *a, loc at);

/* "model.yaml:9", the file's name as messages have it; and TEXT of a file's, in a form that is safe to print.  */
void diag_put_place(buf *out, const diag *d, loc at);
void diag_put_safe(buf *out, const char *text);

/* The character at the place AT where it is ASCII, else NUL.  */
char diag_character(loc at);

/* CODE is "E0203" for an error, "mixed-path" for a warning (printed [-Wmixed-path]; a row of
   warning_rows, so that -W can say more of it: one that is off leaves nothing, one that is an error
   counts as such).  */
void diag_error(diag *d, loc at, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_warning(diag *d, loc at, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_note(diag *d, loc at, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Append a line of what the program says of its own work, which is no message about a spec; as JSON
   it is a note.  */
void diag_remark(const diag_style *style, const char *text, buf *out);

/* TEXT as a string of JSON, in ASCII.  */
void diag_json_string(buf *out, const char *text);

/* Errors since the start, flushed or not.  */
int diag_errors(const diag *d);

/* The text of the first error that is held, without its place; NULL: there is none.  */
const char *diag_first_error(const diag *d);

/* Append what is held to OUT, as text, and forget it.  */
void diag_print(diag *d, buf *out);

/* The same to stderr.  */
void diag_flush(diag *d);

/* The candidate nearest to NAME by edit distance, or NULL if none is near.  */
const char *diag_nearest(const char *name, const char *const *candidates, size_t n);

#endif
