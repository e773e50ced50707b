/* SPDX-License-Identifier: Apache-2.0 */
/* In: SIGABRT, SIGSEGV, SIGBUS and SIGFPE.  Out: a message and status 70.
   Programs with sanitizers are left alone: what these say is worth more.  */
#define _XOPEN_SOURCE 700
#include "bug.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_BUG = 70 };

static void on_bug(int number)
{
    static const char text[] =
        "etrace-gen: internal error; please report it, with the spec and the command line\n";
    (void)number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(EXIT_BUG);
    _exit(EXIT_BUG);
}

void bug_watch(void)
{
#if !defined(__SANITIZE_ADDRESS__)
    static const int number[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE};
    static char stack[65536]; /* there may be none left */
    const stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction act = {.sa_handler = on_bug, .sa_flags = SA_ONSTACK};
    sigaltstack(&own, NULL);
    for (size_t i = 0; i < sizeof number / sizeof number[0]; i++)
        sigaction(number[i], &act, NULL);
#endif
}
