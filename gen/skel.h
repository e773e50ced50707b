/* SPDX-License-Identifier: Apache-2.0 */
/* Run GNU m4 over values and templates; turn what it prints into files.

   What goes in: the files PRELUDE (prelude.m4) and the templates, named on m4's command
   line, and VALUES (macro definitions and calls) on its standard input between them:
   m4 -P prelude.m4 - TEMPLATE...   No shell.  Empty environment but LC_ALL=C.

   What comes out, line by line, is decoded:
     @hh              the byte with the hex digits hh (lower case)
     @{file:N:NAME@}  alone on a line: what follows goes to output N (0, 1, ...), and is the template
                      NAME's; :NAME may be missing
     @{text:N:NAME@}  the same for an output that is no C: its lines stay as they are
     @+ and @-        at the start of a line: indent the following lines 4 spaces more / less;
                      such a line carries nothing else
     @{end@}          the last line: m4 came to its end
     @{N@}            a mark: the line comes from number N; the first one of a line counts
     @@               never comes: every literal @ is quoted as @40
   Lines of white space alone become empty ones; two empty ones in a row become one;
   lines longer than 100 columns are broken at a space at the lowest depth of parentheses,
   the rest indented 8 more, never inside a string or behind a // (a block comment goes on with
   " * " aligned when it began the line).  Anything else behind an @, a word that starts with
   m4_ or et_ and is left over, output outside of any file, or no end, is an error: the program is
   not GNU m4, or the templates are of another version.  */
#ifndef SKEL_H
#define SKEL_H

#include "child.h"
#include "diag.h"

enum { SKEL_TEMPLATES = 8, SKEL_NAME = 32 };

/* Where a line of an output comes from.  */
typedef struct {
    int from;     /* the number in its mark; 0: it is the template's own */
    int template; /* into skel_map.template */
} skel_line;

/* All lines of an output.  A line that ends in quoted text gives its number to the next one, and one that begins a
   block to the one that ends it.  */
typedef struct {
    size_t n, cap;
    skel_line *line; /* of malloc */
    int n_templates;
    char template[SKEL_TEMPLATES][SKEL_NAME];
} skel_map;

void skel_map_add(skel_map *map, int from, int template);
void skel_map_free(skel_map *map);

typedef enum { SKEL_OK = 0, SKEL_IO = 3, SKEL_ENVIRONMENT = 4 } skel_status;

/* What m4 may use: 30 seconds of CPU, 2 GiB of memory, 60 seconds in all.  Then it is killed.  */
extern const child_limits skel_limits;

/* Run m4 (the program M4) within LIMITS in the folder of templates DATADIR.  OUT has N buffers, one
   an output; so has MAP, or it is NULL.  On failure a message with no place was reported through D, and OUT is of no use.  */
skel_status skel_run_within(const child_limits *limits, const char *m4, const char *datadir,
                            const char *const *templates, size_t n_templates, const buf *values,
                            buf *out, skel_map *map, size_t n, diag *d);

/* The same within skel_limits.  */
skel_status skel_run(const char *m4, const char *datadir, const char *const *templates,
                     size_t n_templates, const buf *values, buf *out, skel_map *map, size_t n,
                     diag *d);

/* The decoding alone (for tests).  False on an error; WHY then says which.  */
bool skel_decode(const char *text, size_t len, buf *out, skel_map *map, size_t n, const char **why);

#endif
