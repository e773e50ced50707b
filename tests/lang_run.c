/* SPDX-License-Identifier: Apache-2.0 */
/* In: files of tests/lang/.  Out: Check's verdict.  Everything is made in a directory of its own, which is
   removed when all went well.  */
#define _POSIX_C_SOURCE 200809L

#include "lang_run.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);
    ck_assert_msg(value != NULL, "%s is not set: run the tests through make check", name);
    return value;
}

static char *print(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *print(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    char *text = malloc((size_t)n + 1);
    ck_assert_ptr_nonnull(text);
    va_start(ap, format);
    vsnprintf(text, (size_t)n + 1, format, ap);
    va_end(ap);
    return text;
}

static char *read_all(FILE *f)
{
    size_t len = 0, cap = 4096, n;
    char *text = malloc(cap);
    ck_assert_ptr_nonnull(text);
    while ((n = fread(text + len, 1, cap - len - 1, f)) > 0) {
        len += n;
        if (cap - len < 2)
            text = realloc(text, cap *= 2);
        ck_assert_ptr_nonnull(text);
    }
    text[len] = '\0';
    return text;
}

/* The exit status of COMMAND; *TEXT is what it printed.  */
static int run(const char *command, char **text)
{
    FILE *f = popen(command, "r");
    ck_assert_ptr_nonnull(f);
    *text = read_all(f);
    int status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Free COMMAND; fail when it failed.  */
static void must(char *command)
{
    char *text;
    int status = run(command, &text);
    ck_assert_msg(status == 0, "status %d of %s\n%s", status, command, text);
    free(text);
    free(command);
}

static char *new_directory(void)
{
    const char *base = getenv("TMPDIR");
    char *path = print("%s/etrace-lang-XXXXXX", base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(path));
    return path;
}

static const char *const warnings = "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow "
                                    "-Wdouble-promotion -Werror -O1";

void lang_compile(const char *spec, const char *options)
{
    char *dir = new_directory();
    must(print("'%s' %s -o '%s/model.c' '%s/tests/lang/%s' 2>&1", from_environment("ETRACE_GEN"),
               options, dir, from_environment("srcdir"), spec));
    must(print("%s %s -c -o '%s/model.o' '%s/model.c' 2>&1", from_environment("CC"), warnings, dir,
               dir));
    must(print("rm -r '%s'", dir));
    free(dir);
}

void lang_run(const char *name)
{
    char *dir = new_directory();
    const char *src = from_environment("srcdir"), *cc = from_environment("CC");
    must(print("'%s' -o '%s/model.c' '%s/tests/lang/%s.yaml' 2>&1", from_environment("ETRACE_GEN"), dir,
               src, name));
    must(print("%s %s -c -o '%s/model.o' '%s/model.c' 2>&1", cc, warnings, dir, dir));
    must(print("%s -std=c11 -Wall -Wextra -Werror -I '%s' -I '%s/tests/lang' -o '%s/run' "
               "'%s/tests/lang/%s.c' '%s/model.o' -lm 2>&1", cc, dir, src, dir, src, name, dir));
    must(print("'%s/run' 2>&1", dir));
    must(print("rm -r '%s'", dir));
    free(dir);
}

int lang_generate(const char *spec, const char *options, char **text)
{
    char *command = print("cd '%s/tests/lang' && '%s' %s %s 2>&1", from_environment("srcdir"),
                          from_environment("ETRACE_GEN"), options, spec);
    int status = run(command, text);
    free(command);
    return status;
}

char *lang_file(const char *path)
{
    char *name = print("%s/%s", from_environment("srcdir"), path);
    FILE *f = fopen(name, "r");
    ck_assert_msg(f != NULL, "cannot read %s", name);
    char *text = read_all(f);
    fclose(f);
    free(name);
    return text;
}
