/* SPDX-License-Identifier: Apache-2.0 */
/* In: the environment, and the place of the running program.  Out: the folder of its data files.
   Afterwards an installation that was moved reads its own files, not those of another one.  */
#define _POSIX_C_SOURCE 200809L
#include "datadir.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder PATH if it has the templates; else NULL.  */
static const char *with_templates(arena *a, const char *path)
{
    return access(arena_printf(a, "%s/templates/prelude.m4", path), R_OK) == 0 ? path : NULL;
}

/* How many characters A and B have in common, up to a slash.  */
static size_t common_folder(const char *a, const char *b)
{
    size_t n = 0;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        if (a[i] == '/')
            n = i;
    return n;
}

/* DATA for a program in the folder HERE (N characters) instead of BIN: /usr/local/bin and
   /usr/local/share/etrace have /usr/local in common, so /opt/x/bin has /opt/x/share/etrace.  */
static const char *moved(arena *a, const char *here, size_t n, const char *bin, const char *data)
{
    size_t root = common_folder(bin, data);
    size_t tail = strlen(bin) - root; /* /bin */
    if (n < tail || strncmp(here + n - tail, bin + root, tail) != 0)
        return NULL;
    return arena_printf(a, "%.*s%s", (int)(n - tail), here, data + root);
}

const char *datadir_beside(arena *a, const char *exe, const char *bin, const char *data)
{
    const char *slash = strrchr(exe, '/');
    size_t n = slash ? (size_t)(slash - exe) : 0;
    const char *prefix = moved(a, exe, n, bin, data), *res = NULL;
    if (prefix)
        res = with_templates(a, prefix);
    return res ? res : with_templates(a, arena_printf(a, "%.*s/..", (int)n, exe));
}

const char *datadir_find(arena *a)
{
    const char *given = getenv("ETRACE_DATADIR");
    char exe[4096];
    if (given && *given)
        return given;
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = '\0';
    const char *beside = n > 0 ? datadir_beside(a, exe, BINDIR, DATADIR) : NULL;
    return beside ? beside : DATADIR;
}

const char *datadir_relative(arena *a, const char *found, const char *path)
{
    size_t root = common_folder(DATADIR, path), tail = strlen(DATADIR) - root, n = strlen(found);
    if (n < tail || strcmp(found + n - tail, &DATADIR[root]) != 0)
        return path;
    return arena_printf(a, "%.*s%s", (int)(n - tail), found, path + root);
}
