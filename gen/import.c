/* SPDX-License-Identifier: Apache-2.0 */
/* In: names of cells and the files that `import:` brings in.  Out: cells, each file read once.
   Afterwards no file imports itself, not even through others, and none lies outside of the directory of the
   file that names it.  */
#define _POSIX_C_SOURCE 200809L

#include "scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 16 };

const char *import_path_fault(const char *path)
{
    if (*path == '/' || *path == '\0')
        return "its path is relative to the file that names it";
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return "it lies beside the file that names it, or below; '..' leaves that directory";
    }
    return NULL;
}

static char *read_whole(arena *a, int fd, size_t most, size_t *len)
{
    buf all = {NULL, 0, 0};
    char part[4096];
    ssize_t n;
    while (all.len <= most && (n = read(fd, part, sizeof part)) > 0)
        buf_bytes(&all, part, (size_t)n);
    *len = all.len;
    char *text = arena_strndup(a, buf_text(&all), all.len);
    buf_free(&all);
    return text;
}

/* The file PATH, not through a symbolic link; -1 after an error.  */
static int open_cell(lowering *lo, const char *path, loc at, struct stat *st)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    int error = fd < 0 ? errno : 0;
    if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    diag_error(lo->diag, at, "E0387", "cannot import %s: %s", path,
               error == ELOOP ? "it is a symbolic link"
               : error        ? strerror(error)
                              : "it is no regular file");
    return -1;
}

static import *find_import(const lowering *lo, const struct stat *st)
{
    for (import *i = lo->import; i; i = i->next)
        if (i->device == st->st_dev && i->inode == st->st_ino)
            return i;
    return NULL;
}

static void report_cycle(lowering *lo, const import *again, loc at)
{
    const char *chain = again->name;
    for (const import *i = lo->importing; i; i = i->importer) {
        chain = arena_printf(lo->arena, "%s -> %s", i->name, chain);
        if (i == again)
            break;
    }
    diag_error(lo->diag, at, "E0388", "%s imports itself: %s", again->name, chain);
}

static void import_files(lowering *lo, const spec *s);

/* The file that S imports as PATH; NULL after an error.  */
static import *import_file(lowering *lo, const spec *s, const char *path, loc at)
{
    const char *slash = strrchr(s->file, '/'), *fault = import_path_fault(path);
    struct stat st;
    int depth = 0;
    for (const import *i = lo->importing; i; i = i->importer)
        depth++;
    if (depth > DEPTH_MAX)
        fault = "imports are nested more than 16 deep";
    if (fault) {
        diag_error(lo->diag, at, "E0389", "cannot import '%s'", path);
        diag_note(lo->diag, at, "%s", fault);
        return NULL;
    }
    const char *full = slash ? arena_printf(lo->arena, "%.*s/%s", (int)(slash - s->file), s->file, path)
                             : path;
    int fd = open_cell(lo, full, at, &st);
    if (fd < 0)
        return NULL;
    import *known = find_import(lo, &st);
    if (known && known->busy)
        report_cycle(lo, known, at);
    if (known) {
        close(fd);
        return known->busy ? NULL : known;
    }
    import *file = ARENA_NEW(lo->arena, import);
    *file = (import){.device = st.st_dev, .inode = st.st_ino, .name = path, .busy = true,
                     .next = lo->import, .importer = lo->importing};
    size_t len;
    spec_status status;
    char *text = read_whole(lo->arena, fd, (size_t)diag_limit(lo->diag, LIMIT_FILE), &len);
    diag_read(lo->diag, full);
    close(fd);
    lo->import = lo->importing = file;
    file->cell = spec_parse(full, text, len, true, lo->arena, lo->diag, &status);
    if (file->cell)
        import_files(lo, file->cell);
    lo->importing = file->importer;
    file->busy = false;
    return file;
}

/* All that S imports; two files of one cell's name are refused.  */
static void import_files(lowering *lo, const spec *s)
{
    for (size_t i = 0; i < s->n_imports; i++) {
        const import *file = import_file(lo, s, s->import[i].name, s->import[i].at);
        s->import[i].cell = file ? file->cell : NULL;
        for (size_t k = 0; file && file->cell && k < i; k++)
            if (s->import[k].cell && strcmp(s->import[k].cell->name, file->cell->name) == 0
                && s->import[k].cell != file->cell)
                diag_error(lo->diag, s->import[i].at, "E0390", "%s and %s are both of the name '%s'",
                           s->import[k].name, s->import[i].name, file->cell->name);
    }
}

void import_all(lowering *lo, const spec *s)
{
    struct stat st;
    import root = {.name = s->base_name, .busy = true};
    if (s->n_imports > 0 && stat(s->file, &st) == 0) {
        root.device = st.st_dev;
        root.inode = st.st_ino;
    }
    lo->import = lo->importing = &root;
    import_files(lo, s);
    lo->import = lo->importing = NULL;
}

static import *find_cell(const lowering *lo, const char *path)
{
    for (import *i = lo->cell; i; i = i->next)
        if (strcmp(i->name, path) == 0)
            return i;
    return NULL;
}

/* Read the cell in PATH and remember it, even if it is faulty.  False if there is none.  */
static bool read_cell(lowering *lo, const char *path)
{
    spec_status status;
    if (access(path, R_OK) != 0 || spec_is_model(path, lo->arena))
        return false;
    import *file = ARENA_NEW(lo->arena, import);
    *file = (import){.name = path, .next = lo->cell};
    lo->cell = file;
    file->cell = spec_read(path, true, lo->arena, lo->diag, &status);
    if (file->cell)
        import_all(lo, file->cell);
    return true;
}

/* Imported by the file that says M, beside the model, or in the library, in this order.  */
const spec *import_cell(lowering *lo, const scope *around, const spec_module *m)
{
    bool faulty = false;
    while (around && !around->spec)
        around = around->parent;
    for (size_t i = 0; around && i < around->spec->n_imports; i++) {
        const spec *cell = around->spec->import[i].cell;
        if (cell && strcmp(cell->name, m->cell) == 0)
            return cell;
        faulty = faulty || !cell;
    }
    if (faulty) /* it may be the one that is meant, and its errors were reported */
        return NULL;
    const char *candidate[] = {
        arena_printf(lo->arena, "%s%s.yaml", lo->model_dir, m->cell),
        arena_printf(lo->arena, "%s/templates/cells/%s.yaml", lo->options->data_dir, m->cell)};
    for (size_t i = 0; i < 2; i++)
        if (find_cell(lo, candidate[i]) || read_cell(lo, candidate[i]))
            return find_cell(lo, candidate[i])->cell;
    const char *const folder[] = {
        *lo->model_dir ? lo->model_dir : ".",
        arena_printf(lo->arena, "%s/templates/cells", lo->options->data_dir)};
    const char *near = cell_nearest(m->cell, folder, 2, lo->arena);
    diag_error(lo->diag, m->cell_at, "E0307", "there is no cell '%s'%s%s%s", m->cell,
               near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    diag_note(lo->diag, m->cell_at, "looked for %s.yaml beside the model, among what is imported, and among "
                                    "the cells that are installed", m->cell);
    return NULL;
}
