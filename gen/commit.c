/* SPDX-License-Identifier: Apache-2.0 */
/* In: the finished text of each file.  Out: the files, or none of them changed.
   Each is written beside its target first; a signal on the way removes what is unfinished.  */
#define _POSIX_C_SOURCE 200809L
#include "outputs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The temporary files, for the handler; NULL: not made yet, or renamed.  */
static char *volatile *temporary;
static volatile size_t n_temporary;

static void remove_temporary(void)
{
    for (size_t i = 0; i < n_temporary; i++)
        if (temporary[i])
            unlink(temporary[i]);
}

static void on_signal(int number)
{
    remove_temporary();
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

static bool may_replace(const char *path, const outputs *o, diag *d)
{
    struct stat target;

    if (stat(path, &target) != 0)
        return errno == ENOENT || refuse(d, path, strerror(errno));
    if (S_ISDIR(target.st_mode))
        return refuse(d, path, "is a directory");
    if (!S_ISREG(target.st_mode))
        return refuse(d, path, "is not a regular file and will not be replaced");
    for (size_t i = 0; i < o->n_inputs; i++)
        if (is_file(&target, o->input[i]))
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

static bool check_targets(const outputs *o, diag *d)
{
    for (size_t i = 0; i < o->n; i++) {
        const char *path = o->file[i].path;

        if (is_stdout(path))
            continue;
        if (!may_replace(path, o, d))
            return false;
        for (size_t k = 0; k < i; k++)
            if (same_target(o->file[k].path, path))
                return refuse(d, path, "would be two files at once");
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

/* A new file that the handler knows of from its first moment on; -1 with errno.  */
static int open_temporary(size_t i, const char *path)
{
    sigset_t set, before;
    char *name = temporary_name(path);

    sigemptyset(&set);
    for (int k = 0; k < N_WATCHED; k++)
        sigaddset(&set, watched[k]);
    sigprocmask(SIG_BLOCK, &set, &before);
    int fd = mkstemp(name), error = errno;
    temporary[i] = fd < 0 ? NULL : name;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (fd < 0)
        free(name);
    errno = error;
    return fd;
}

static bool make_temporary(size_t i, const char *path, const buf *content, diag *d)
{
    int fd = open_temporary(i, path);

    if (fd < 0)
        return refuse(d, path, strerror(errno));
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

static bool commit(const outputs *o, diag *d)
{
    if (!check_targets(o, d))
        return false;
    for (size_t i = 0; i < o->n; i++)
        if (!is_stdout(o->file[i].path)
            && !make_temporary(i, o->file[i].path, &o->file[i].content, d))
            return false;
    for (size_t i = 0; i < o->n; i++)
        if (is_stdout(o->file[i].path) && !write_all(STDOUT_FILENO, &o->file[i].content))
            return refuse(d, "standard output", strerror(errno));
    for (size_t i = 0; i < o->n; i++) {
        char *name = temporary[i];

        if (name && rename(name, o->file[i].path) != 0)
            return refuse(d, o->file[i].path, strerror(errno));
        temporary[i] = NULL;
        free(name);
    }
    return true;
}

/* MADE: which of the folders were not there.  */
static bool make_folders(const outputs *o, bool *made, diag *d)
{
    for (size_t i = 0; i < o->n_folders; i++) {
        made[i] = mkdir(o->folder[i], 0777) == 0;
        if (made[i] || errno == EEXIST)
            continue;
        diag_error(d, (loc){NULL, 0, 0, 0}, "E0562", "cannot make the folder %s: %s", o->folder[i],
                   strerror(errno));
        return false;
    }
    return true;
}

bool outputs_commit(outputs *o, diag *d)
{
    struct sigaction before[N_WATCHED];
    bool *made = ARENA_ARRAY(o->arena, bool, o->n_folders + 1);

    temporary = ARENA_ARRAY(o->arena, char *, o->n + 1);
    n_temporary = o->n;
    atexit(remove_temporary); /* no memory may be left on the way */
    watch(before);
    bool ok = make_folders(o, made, d) && commit(o, d);
    for (size_t i = 0; i < o->n; i++) {
        char *name = temporary[i];

        if (!name)
            continue;
        unlink(name);
        temporary[i] = NULL;
        free(name);
    }
    for (size_t i = 0; i < o->n_folders && !ok; i++)
        if (made[i])
            rmdir(o->folder[i]);
    unwatch(before);
    n_temporary = 0;
    return ok;
}

void outputs_add(outputs *o, const char *path, buf *content)
{
    for (size_t i = 0; i < o->n; i++) {
        const output_file *f = &o->file[i];

        if (!is_stdout(path) && strcmp(f->path, path) == 0
            && f->content.len == content->len
            && memcmp(buf_text(&f->content), buf_text(content), content->len) == 0) {
            buf_free(content);
            return;
        }
    }
    ARENA_PUSH(o->arena, o->file, o->n, o->cap, ((output_file){path, *content}));
    *content = (buf){NULL, 0, 0};
}

void outputs_folder(outputs *o, const char *path)
{
    ARENA_PUSH(o->arena, o->folder, o->n_folders, o->cap_folders, path);
}

void outputs_protect(outputs *o, const diag *d)
{
    size_t n;
    const char *const *read = diag_files(d, &n);

    for (size_t i = 0; i < n; i++)
        ARENA_PUSH(o->arena, o->input, o->n_inputs, o->cap_inputs, read[i]);
}

void outputs_free(outputs *o)
{
    for (size_t i = 0; i < o->n; i++)
        buf_free(&o->file[i].content);
    o->n = 0;
}
