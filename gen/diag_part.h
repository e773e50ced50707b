/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of diag share: messages as they are held, and the text that they point into.  */
#ifndef DIAG_PART_H
#define DIAG_PART_H

#include "diag.h"

typedef enum { ERROR, WARNING, NOTE } severity;

typedef struct message message;
struct message {
    severity severity;
    loc at;
    const char *code, *text;
    bool was_warning;      /* an error by -Werror */
    size_t order;          /* of reporting */
    message *note, *last;  /* the notes that belong to it */
    message *next;         /* of a note: the next one */
};

struct diag {
    arena *arena;
    diag_style style;
    int limit[N_SOURCE_LIMITS], spent[N_SOURCE_LIMITS];
    bool muted; /* the last warning is not shown, nor are its notes */
    int max_errors; /* 0: no limit */
    int n_errors, n_printed;
    bool gave_up;
    int n_sources;
    size_t n_files, cap_files;
    const char **file;
    const char *folder, *shown; /* see diag_shorten */
    size_t n, cap;
    message **held;
};

/* The bytes of the code point at TEXT, at most LEN; its value in *CODE, or -1 when it is none.  */
size_t diag_code_point(const char *text, size_t len, long *code);

/* The text of LINE of SRC without its end; false when there is none.  A line ends as libyaml
   counts: with CR LF, CR or LF.  */
bool diag_line(const source *src, int line, const char **start, size_t *len);

/* The name of the file SRC as the user sees it.  */
void diag_name(buf *out, const diag *d, const source *src);

/* One message, without its notes.  In diag_text.c and diag_json.c.  */
void diag_put_text(buf *out, const diag *d, const message *m);
void diag_put_json(buf *out, const diag *d, const message *m);

#endif
