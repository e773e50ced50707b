/* SPDX-License-Identifier: Apache-2.0 */
/* In: the finished text of each file.  Out: the files, or none of them changed.
   Each is written beside its target first; a signal on the way removes what is unfinished.  */
#define _POSIX_C_SOURCE 200809L
#include "skel.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 4 };

/* The temporary files, for the handler; NULL: not made yet, or renamed.  */
static char *volatile temporary[FILES_MAX];

static void on_signal(int number)
{
    for (int i = 0; i < FILES_MAX; i++)
        if (temporary[i])
            unlink(temporary[i]);
    signal(number, SIG_DFL);
    raise(number);
}

static const int watched[] = {SIGINT, SIGTERM, SIGHUP};
enum { N_WATCHED = sizeof watched / sizeof watched[0] };

static void watch(struct sigaction *before)
{
    struct sigaction act = {.sa_handler = on_signal};

    for (int i = 0; i < N_WATCHED; i++) {
        sigaction(watched[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            sigaction(watched[i], &act, NULL);
    }
}

static void unwatch(const struct sigaction *before)
{
    for (int i = 0; i < N_WATCHED; i++)
        sigaction(watched[i], &before[i], NULL);
}

static bool refuse(diag *d, const char *path, const char *why)
{
    diag_error(d, (loc){NULL, 0, 0, 0}, "E0410", "%s: %s", path, why);
    return false;
}

static bool may_replace(const char *path, const char *input, diag *d)
{
    struct stat target, spec;

    if (stat(path, &target) != 0)
        return errno == ENOENT || refuse(d, path, strerror(errno));
    if (S_ISDIR(target.st_mode))
        return refuse(d, path, "is a directory");
    if (!S_ISREG(target.st_mode))
        return refuse(d, path, "is not a regular file and will not be replaced");
    if (input && stat(input, &spec) == 0 && spec.st_dev == target.st_dev
        && spec.st_ino == target.st_ino)
        return refuse(d, path, "is the spec itself and will not be replaced");
    return true;
}

static bool write_all(int fd, const buf *content)
{
    size_t done = 0;

    while (done < content->len) {
        ssize_t n = write(fd, content->text + done, content->len - done);

        if (n < 0 && errno != EINTR)
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* The name of a temporary file in the folder of PATH; the caller frees it.  */
static char *temporary_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    buf name = {NULL, 0, 0};

    buf_bytes(&name, path, slash ? (size_t)(slash - path) + 1 : 0);
    buf_puts(&name, ".etrace-XXXXXX");
    return name.text;
}

static bool make_temporary(size_t i, const char *path, const buf *content, diag *d)
{
    char *name = temporary_name(path);
    int fd = mkstemp(name);

    if (fd < 0) {
        free(name);
        return refuse(d, path, strerror(errno));
    }
    temporary[i] = name;
    mode_t mask = umask(0);
    umask(mask);
    bool ok = fchmod(fd, 0666 & ~mask) == 0 && write_all(fd, content);
    int error = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        error = errno;
    }
    return ok || refuse(d, path, strerror(error));
}

static bool commit(const char *const *path, const buf *content, size_t n, const char *input, diag *d)
{
    for (size_t i = 0; i < n; i++)
        if (!may_replace(path[i], input, d) || !make_temporary(i, path[i], &content[i], d))
            return false;
    for (size_t i = 0; i < n; i++) {
        char *name = temporary[i];

        if (rename(name, path[i]) != 0)
            return refuse(d, path[i], strerror(errno));
        temporary[i] = NULL;
        free(name);
    }
    return true;
}

skel_status skel_commit(const char *const *path, const buf *content, size_t n, const char *input,
                        diag *d)
{
    struct sigaction before[N_WATCHED];

    watch(before);
    bool ok = n <= FILES_MAX && commit(path, content, n, input, d);
    for (size_t i = 0; i < FILES_MAX; i++) {
        char *name = temporary[i];

        if (!name)
            continue;
        unlink(name);
        temporary[i] = NULL;
        free(name);
    }
    unwatch(before);
    return ok ? SKEL_OK : SKEL_IO;
}
