/* SPDX-License-Identifier: Apache-2.0 */
/* In: the files that were read, the outputs.  Out: a rule for make.
   Afterwards make and ninja read the names back as they are, and the order depends on the names
   alone.  */
#include "depfile.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_WIDTH = 78 };

/* As gcc: a blank gets a backslash, and the backslashes before it are doubled; # gets a backslash,
   $ is doubled.  */
static void put_name(const char *name, buf *out)
{
    for (const char *p = name; *p; p++) {
        if (*p == ' ' || *p == '\t') {
            for (const char *q = p; q > name && q[-1] == '\\'; q--)
                buf_puts(out, "\\");
            buf_puts(out, "\\");
        } else if (*p == '#') {
            buf_puts(out, "\\");
        } else if (*p == '$') {
            buf_puts(out, "$");
        }
        buf_bytes(out, p, 1);
    }
}

const char *depfile_path(const options *o, arena *a)
{
    if (o->depfile)
        return o->depfile;
    if (o->deps_only)
        return "-";
    size_t n = strlen(o->c_path);
    if (strcmp(o->c_path, "-") == 0)
        return arena_printf(a, "%s.d", o->stem);
    return arena_printf(
        a, "%.*s.d", (int)(n > 2 && strcmp(o->c_path + n - 2, ".c") == 0 ? n - 2 : n), o->c_path);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_installed(const options *o, const char *path, arena *a)
{
    const char *templates = arena_printf(a, "%s/templates/", o->data_dir);
    const char *runtime = arena_printf(a, "%s/runtime/", o->data_dir);
    return strncmp(path, templates, strlen(templates)) == 0
           || strncmp(path, runtime, strlen(runtime)) == 0;
}

/* What was read, sorted, each once; returns how many.  */
static size_t prerequisites(const options *o, const diag *d, arena *a, const char ***res)
{
    size_t n_read, n = 0, kept = 0;
    const char *const *read = diag_files(d, &n_read);
    const char **name = ARENA_ARRAY(a, const char *, n_read + 1);
    for (size_t i = 0; i < n_read; i++) {
        if (!o->deps_user || !is_installed(o, read[i], a))
            name[n++] = read[i];
    }
    qsort(name, n, sizeof *name, compare);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(name[i], name[kept - 1]) != 0)
            name[kept++] = name[i];
    *res = name;
    return kept;
}

static void put_targets(const options *o, buf *out)
{
    const char *const written[] = {o->c_path, o->single_file ? NULL : o->h_path};
    for (size_t i = 0; i < o->target.n; i++) {
        buf_puts(out, i > 0 ? " " : "");
        /* -MQ is quoted, -MT is not.  */
        if (o->target.item[i][0] == 'Q')
            put_name(o->target.item[i] + 1, out);
        else
            buf_puts(out, o->target.item[i] + 1);
    }
    for (size_t i = 0; o->target.n == 0 && i < 2; i++)
        if (written[i] && strcmp(written[i], "-") != 0) {
            buf_puts(out, out->len > 0 ? " " : "");
            put_name(written[i], out);
        }
}

void depfile_write(const options *o, const diag *d, arena *a, buf *out)
{
    const char **name;
    size_t n = prerequisites(o, d, a, &name);
    put_targets(o, out);
    buf_puts(out, ":");
    size_t column = out->len;
    for (size_t i = 0; i < n; i++) {
        buf one = {0};
        put_name(name[i], &one);
        bool full = column + 1 + one.len > LINE_WIDTH;
        buf_printf(out, "%s%s", full ? " \\\n " : " ", buf_text(&one));
        column = full ? 1 + one.len : column + 1 + one.len;
        buf_free(&one);
    }
    buf_puts(out, "\n");
    for (size_t i = 0; o->phony && i < n; i++)
        if (strcmp(name[i], o->model) != 0) {
            put_name(name[i], out);
            buf_puts(out, ":\n");
        }
}
