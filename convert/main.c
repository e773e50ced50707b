/* SPDX-License-Identifier: Apache-2.0 */
/* etrace-convert: networks and weights of others, in and out.  The work is done in a child with limits, so
   that a file that breaks the HDF5 library ends in a message.  */
#define _XOPEN_SOURCE 700
#include "convert.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_MAX = 600 };

#define MEMORY_MAX ((rlim_t)16 << 30)

static int convert(const convert_options *o, arena *a, diag *d, outputs *out)
{
    if (o->from == FORMAT_TORCH)
        return torch_convert(o, a, d, out);
    net *n = net_new(a, d);
    buf file = {NULL, 0, 0};
    int status = o->from == FORMAT_NIR ? nir_read(o->in, n) : spec_to_net(o, n);
    diag_read(d, o->in);
    if (status)
        return status;
    if (o->to == FORMAT_SPEC)
        return spec_write(n, o, out);
    if (!nir_write(n, &file))
        return EXIT_FILES;
    outputs_add(out, o->out, &file);
    return 0;
}

static int run(const convert_options *o, arena *a)
{
    outputs out = {.arena = a};
    diag *d = diag_new(a, 20);
    diag_set_style(d, &o->style);
    int status = convert(o, a, d, &out);
    outputs_protect(&out, d);
    if (status == 0 && !outputs_commit(&out, d))
        status = EXIT_FILES;
    diag_flush(d);
    outputs_free(&out);
    return status;
}

static void limit(int what, rlim_t most)
{
    struct rlimit now;
    if (getrlimit(what, &now) == 0 && (now.rlim_cur == RLIM_INFINITY || now.rlim_cur > most)) {
        now.rlim_cur = most;
        setrlimit(what, &now);
    }
}

/* The child, and the signal that is to end it and then this program.  */
static volatile pid_t child;
static volatile sig_atomic_t ended_by;

static void pass_on(int number)
{
    ended_by = number;
    kill(child, number);
}

/* As run, in a child: its status, or 1 after a message where a signal ended it.  */
static int run_apart(const convert_options *o, arena *a)
{
    int state = 0;
    child = fork();
    if (child < 0) {
        perror("etrace-convert: error: cannot start a process");
        return EXIT_ENVIRONMENT;
    }
    if (child == 0) {
#if !defined(__SANITIZE_ADDRESS__)
        limit(RLIMIT_AS, MEMORY_MAX);
#endif
        limit(RLIMIT_CPU, SECONDS_MAX);
        limit(RLIMIT_CORE, 0);
        exit(run(o, a));
    }
    signal(SIGTERM, pass_on);
    signal(SIGHUP, pass_on);
    signal(SIGINT, pass_on);
    while (waitpid(child, &state, 0) < 0)
        ;
    if (ended_by) {
        signal(ended_by, SIG_DFL);
        raise(ended_by);
    }
    if (WIFEXITED(state))
        return WEXITSTATUS(state);
    fprintf(stderr, "etrace-convert: error: %s: reading it ended with signal %d: it is damaged, or too large "
                    "[E0708]\n", o->in, WTERMSIG(state));
    return 1;
}

int main(int argc, char **argv)
{
    arena *a = arena_new();
    convert_options o;
    int status = convert_read_options(argc, argv, &o, a);
    if (status == OPTIONS_GO_ON)
        status = run_apart(&o, a);
    arena_free(a);
    return fflush(stdout) == 0 ? status : EXIT_FILES;
}
