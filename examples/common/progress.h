/* SPDX-License-Identifier: MIT-0 */
/* How far a long run is: on a terminal one line that is written over, with the rate and the time
   left; in a log a plain line for each tenth of the way.  */
#ifndef EXAMPLES_PROGRESS_H
#define EXAMPLES_PROGRESS_H

#include <stddef.h>
#include <stdio.h>

typedef struct {
    FILE *out;
    const char *unit; /* of what is counted: "steps" */
    long total;
    int terminal;
    int tenths;         /* of the way, already in the log */
    double begun, last; /* seconds; when the line was last written */
} progress;

/* Begin.  OUT is where the line goes: stderr leaves stdout to the results.  */
void progress_begin(progress *p, FILE *out, const char *unit, long total);

/* DONE of the total are done; TEXT says more, such as a loss, and may be "".  Cheap to call often:
   a terminal sees ten lines a second at most.  */
void progress_show(progress *p, long done, const char *text);

/* Take the line off the terminal.  Returns the seconds since the beginning.  */
double progress_end(progress *p);

/* The line itself: "  42 %  1,234,567 steps/s  0:12 left  TEXT", into LINE of SIZE.  */
void progress_line(char *line, size_t size, long done, long total, double seconds,
                   const char *unit, const char *text);

#endif
