/* SPDX-License-Identifier: Apache-2.0 */
/* In: what goes on.  Out: lines on standard error; of --diagnostics-format=json objects, as messages are.
   Afterwards no line of progress is left on the terminal.  */
#define _POSIX_C_SOURCE 200809L
#include "talk.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Who is done sooner shows no progress on a terminal.  */
static const double patience = 1; /* seconds */

talk talk_begin(const options *o)
{
    bool when = !o->progress || strcmp(o->progress, "auto") == 0;
    talk t = {.options = o, .terminal = when && !o->style.json && isatty(STDERR_FILENO)};
    clock_gettime(CLOCK_MONOTONIC, &t.started);
    return t;
}

static void clear_line(talk *t)
{
    if (t->width > 0)
        fprintf(stderr, "\r%*s\r", t->width, "");
    t->width = 0;
}

void talk_say(talk *t, const char *text)
{
    buf out = {0};
    clear_line(t);
    for (; *text; text += strcspn(text, "\n") + (text[strcspn(text, "\n")] == '\n')) {
        buf line = {0};
        buf_bytes(&line, text, strcspn(text, "\n"));
        diag_remark(&t->options->style, buf_text(&line), &out);
        buf_free(&line);
    }
    fputs(buf_text(&out), stderr);
    fflush(stderr);
    buf_free(&out);
}

static double seconds_since(const struct timespec *began)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began->tv_sec) + 1e-9 * (double)(now.tv_nsec - began->tv_nsec);
}

static void say_time(talk *t)
{
    char text[100];
    snprintf(text, sizeof text, "time: %s: %.3f s", t->pass, seconds_since(&t->began));
    talk_say(t, text);
}

void talk_pass(talk *t, const char *name)
{
    const options *o = t->options;
    clear_line(t);
    if (t->pass && o->trace_time)
        say_time(t);
    t->pass = name;
    clock_gettime(CLOCK_MONOTONIC, &t->began);
    if (name && o->progress && strcmp(o->progress, "always") == 0) {
        buf text = {0};
        buf_printf(&text, "%s: %s", o->model, name);
        talk_say(t, buf_text(&text));
        buf_free(&text);
    } else if (name && t->terminal && seconds_since(&t->started) > patience) {
        buf shown = {0};
        diag_put_safe(&shown, o->model);
        t->width = fprintf(stderr, "%s: %s", buf_text(&shown), name);
        fflush(stderr);
        buf_free(&shown);
    }
}
