/* SPDX-License-Identifier: Apache-2.0 */
/* A library for LD_PRELOAD: the allocation number FAIL_AT of a process fails, and all behind it (with
   FAIL_ONCE that one alone).  With FAIL_COUNT the number of all is written to that file at the end.  */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static long n_calls;
static long fail_at;
static char early[65536]; /* for what dlsym asks for before it has answered */
static size_t n_early;

static int fails(void)
{
    if (fail_at == 0) {
        const char *at = getenv("FAIL_AT");
        fail_at = at ? atol(at) : -1;
    }
    n_calls++;
    if (fail_at < 0 || n_calls < fail_at || (n_calls > fail_at && getenv("FAIL_ONCE")))
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    static void *(*next)(size_t);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "malloc");
    return fails() ? NULL : next(size);
}

void *realloc(void *old, size_t size)
{
    static void *(*next)(void *, size_t);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "realloc");
    return fails() ? NULL : next(old, size);
}

void *calloc(size_t n, size_t size)
{
    static void *(*next)(size_t, size_t);
    static int asking;
    if (asking) {
        void *res = early + n_early;
        n_early += (n * size + 15) / 16 * 16;
        return n_early <= sizeof early ? res : NULL;
    }
    if (!next) {
        asking = 1;
        *(void **)&next = dlsym(RTLD_NEXT, "calloc");
        asking = 0;
    }
    return fails() ? NULL : next(n, size);
}

__attribute__((destructor)) static void count(void)
{
    const char *name = getenv("FAIL_COUNT");
    FILE *f = name ? fopen(name, "w") : NULL;
    if (!f)
        return;
    fprintf(f, "%ld\n", n_calls);
    fclose(f);
}
