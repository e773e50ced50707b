/* SPDX-License-Identifier: Apache-2.0 */
/* In: programs and files.  Out: what they printed, and how they ended.  A helper that cannot do its
   work ends the test with a message.  */
#define _XOPEN_SOURCE 700
#include "run.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- files ----------------------------------------------------------------------------------- */

bool run_read_file(const char *path, buf *text)
{
    FILE *f = fopen(path, "rb");
    char part[4096];
    size_t n;
    if (!f)
        return false;
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_bytes(text, part, n);
    fclose(f);
    return true;
}

size_t run_read_all(int fd, char *text, size_t size)
{
    size_t n = 0;
    ssize_t got;

    while (n < size - 1 && (got = read(fd, text + n, size - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    return n;
}

void run_write_file(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "wb");
    ck_assert_msg(f != NULL, "%s: %s", path, strerror(errno));
    ck_assert_uint_eq(fwrite(text, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

char *run_make_folder(void)
{
    const char *base = getenv("TMPDIR");
    buf name = {0};
    buf_printf(&name, "%s/etrace-test-XXXXXX", base && *base ? base : "/tmp");
    ck_assert_msg(mkdtemp(name.text) != NULL, "%s: %s", name.text, strerror(errno));
    return name.text;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

void run_remove_folder(char *folder)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

const char *run_path(const char *folder, const char *name)
{
    static char path[8][4096];
    static unsigned next;
    char *res = path[next++ % 8];
    ck_assert_int_lt(snprintf(res, sizeof path[0], "%s/%s", folder, name), (int)sizeof path[0]);
    return res;
}

int run_count_files(const char *folder)
{
    DIR *dir = opendir(folder);
    int n = 0;
    ck_assert_msg(dir != NULL, "%s: %s", folder, strerror(errno));
    for (const struct dirent *file; (file = readdir(dir)) != NULL;)
        n += strcmp(file->d_name, ".") != 0 && strcmp(file->d_name, "..") != 0;
    closedir(dir);
    return n;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    ck_assert_msg(value != NULL, "%s is not set: run the tests with make check", name);
    return value;
}

const char *run_source_path(const char *path)
{
    return run_path(environment("srcdir"), path);
}

const char *run_etrace_path(void)
{
    return environment("ETRACE_GEN");
}

/* --- programs -------------------------------------------------------------------------------- */

static void take(FILE *f, buf *text)
{
    char part[4096];
    size_t n;
    rewind(f);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_bytes(text, part, n);
    fclose(f);
}

run_result run_program(const char *dir, const char *const *argv)
{
    run_result r = {0};
    FILE *out = tmpfile(), *err = tmpfile();
    int status;
    ck_assert(out && err);
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        int nothing = open("/dev/null", O_RDONLY);
        if (chdir(dir) == 0 && dup2(nothing, 0) >= 0 && dup2(fileno(out), 1) >= 0
            && dup2(fileno(err), 2) >= 0)
            execvp(argv[0], (char *const *)argv);
        _exit(126);
    }
    while (waitpid(pid, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    r.status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    take(out, &r.out);
    take(err, &r.err);
    return r;
}

run_result run_etrace(const char *dir, const char *words)
{
    const char *argv[RUN_ARGS_MAX + 2] = {run_etrace_path()};
    char *copy = strdup(words), *rest = NULL;
    int n = 1;
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        ck_assert_int_le(n, RUN_ARGS_MAX);
        argv[n++] = word;
    }
    run_result r = run_program(dir, argv);
    free(copy);
    return r;
}

void run_free(run_result *r)
{
    buf_free(&r->out);
    buf_free(&r->err);
}

/* --- texts ----------------------------------------------------------------------------------- */

static size_t line_length(const char *text)
{
    const char *end = strchr(text, '\n');
    return end ? (size_t)(end - text) + 1 : strlen(text);
}

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; *text; text += line_length(text))
        n++;
    return n;
}

static const char *nth_line(const char *text, size_t n)
{
    while (n-- > 0)
        text += line_length(text);
    return text;
}

static bool same_line(const char *a, const char *b)
{
    size_t n = line_length(a);
    return n == line_length(b) && memcmp(a, b, n) == 0;
}

static void put_lines(const char *text, size_t from, size_t to, char mark, buf *out)
{
    for (size_t i = from; i < to; i++) {
        const char *line = nth_line(text, i);
        size_t n = line_length(line);
        buf_printf(out, "%c %.*s%s", mark, (int)n, line, n && line[n - 1] == '\n' ? "" : "\n");
    }
}

void run_diff(const char *wanted, const char *got, buf *out)
{
    size_t n = count_lines(wanted), m = count_lines(got), same = 0, tail = 0;
    if (strcmp(wanted, got) == 0)
        return;
    while (same < n && same < m && same_line(nth_line(wanted, same), nth_line(got, same)))
        same++;
    while (tail < n - same && tail < m - same
           && same_line(nth_line(wanted, n - 1 - tail), nth_line(got, m - 1 - tail)))
        tail++;
    buf_printf(out, "from line %zu on (- wanted, + got):\n", same + 1);
    put_lines(wanted, same, n - tail, '-', out);
    put_lines(got, same, m - tail, '+', out);
}
