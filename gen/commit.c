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

static bool is_stdout(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* Is TARGET the file PATH?  */
static bool is_file(const struct stat *target, const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && st.st_dev == target->st_dev && st.st_ino == target->st_ino;
}

/* Was the file TARGET read in this run?  */
static bool is_input(const struct stat *target, const char *input, const diag *d)
{
    size_t n;
    const source *const *src = diag_sources(d, &n);

    for (size_t i = 0; i < n; i++)
        if (is_file(target, src[i]->name))
            return true;
    return input && is_file(target, input);
}

static bool may_replace(const char *path, const char *input, diag *d)
{
    struct stat target;

    if (stat(path, &target) != 0)
        return errno == ENOENT || refuse(d, path, strerror(errno));
    if (S_ISDIR(target.st_mode))
        return refuse(d, path, "is a directory");
    if (!S_ISREG(target.st_mode))
        return refuse(d, path, "is not a regular file and will not be replaced");
    if (is_input(&target, input, d))
        return refuse(d, path, "is a file that was read and will not be replaced");
    return true;
}

/* PATH's folder, "." where it names none; the caller frees it.  */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    buf folder = {NULL, 0, 0};

    buf_bytes(&folder, path, slash ? (size_t)(slash - path) + 1 : 0);
    buf_puts(&folder, ".");
    return folder.text;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Two ways to write one name, as out.c and ./out.c.  */
static bool same_target(const char *a, const char *b)
{
    char *x = folder_of(a), *y = folder_of(b);
    struct stat st;
    bool same = strcmp(last_part(a), last_part(b)) == 0 && stat(x, &st) == 0 && is_file(&st, y);

    free(x);
    free(y);
    return same;
}

static bool check_targets(const char *const *path, size_t n, const char *input, diag *d)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_stdout(path[i]) && !may_replace(path[i], input, d))
            return false;
        for (size_t k = 0; k < i; k++)
            if (same_target(path[k], path[i]))
                return refuse(d, path[i], "would be two files at once");
    }
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

static bool commit(const char *const *path, const buf *content, size_t n, const char *input,
                   diag *d)
{
    if (!check_targets(path, n, input, d))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_stdout(path[i]) && !make_temporary(i, path[i], &content[i], d))
            return false;
    for (size_t i = 0; i < n; i++)
        if (is_stdout(path[i]) && !write_all(STDOUT_FILENO, &content[i]))
            return refuse(d, "standard output", strerror(errno));
    for (size_t i = 0; i < n; i++) {
        char *name = temporary[i];

        if (name && rename(name, path[i]) != 0)
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
