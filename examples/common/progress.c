/* SPDX-License-Identifier: MIT-0 */
/* Progress.  In: how much is done.  Out: a line on a terminal or in a log.  */
#define _POSIX_C_SOURCE 200809L

#include "progress.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* X with commas: 1,234,567.  Three digits where it is small: 0.25.  */
static void format_rate(char *text, size_t size, double x)
{
    char digits[32];
    size_t n, at = 0;

    if (!(x < 1e15)) { /* nothing is that fast: no time had passed */
        snprintf(text, size, "-");
        return;
    }
    if (x < 9.995) {
        snprintf(text, size, "%.3g", x);
        return;
    }
    n = (size_t)snprintf(digits, sizeof digits, "%.0f", x);
    for (size_t i = 0; i < n && at + 2 < size; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
}

/* 0:12, or 1:02:03 from an hour on.  */
static void format_time(char *text, size_t size, double seconds)
{
    const long s = seconds < 359999 ? (long)(seconds + 0.5) : 359999;

    if (s < 3600)
        snprintf(text, size, "%ld:%02ld", s / 60, s % 60);
    else
        snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

void progress_line(char *line, size_t size, long done, long total, double seconds,
                   const char *unit, const char *text)
{
    char rate[32], left[32] = "-";

    format_rate(rate, sizeof rate, (double)done / seconds);
    if (done > 0)
        format_time(left, sizeof left, seconds * (double)(total - done) / (double)done);
    snprintf(line, size, "%4.0f %%  %s %s/s  %s left%s%s", 100 * (double)done / (double)total, rate,
             unit, left, text[0] ? "  " : "", text);
}

void progress_begin(progress *p, FILE *out, const char *unit, long total)
{
    const int fd = fileno(out);

    *p = (progress){.out = out, .unit = unit, .total = total > 0 ? total : 1};
    p->terminal = fd >= 0 && isatty(fd);
    p->begun = now();
    p->last = p->begun;
}

void progress_show(progress *p, long done, const char *text)
{
    const double at = now();
    const int tenths = (int)(10.0 * (double)done / (double)p->total);
    char line[256];

    if (p->terminal ? at - p->last < 0.1 && done < p->total : tenths <= p->tenths)
        return;
    p->last = at;
    p->tenths = tenths;
    /* A terminal is 80 wide at least; a line that wraps could not be written over.  */
    progress_line(line, p->terminal ? 80 : sizeof line, done, p->total, at - p->begun, p->unit, text);
    fprintf(p->out, p->terminal ? "\r%s\033[K" : "%s\n", line);
    fflush(p->out);
}

double progress_end(progress *p)
{
    if (p->terminal) {
        fputs("\r\033[K", p->out);
        fflush(p->out);
    }
    return now() - p->begun;
}
