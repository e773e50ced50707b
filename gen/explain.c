/* SPDX-License-Identifier: Apache-2.0 */
/* In: the emitted text, and for each of its lines a number of ir.origin.  Out: the equation and the pass that made a
   line, in words.  Afterwards no line is without an answer: what no equation made is a template's or the
   runtime's.  */
#include "explain.h"

#include "bundle.h"
#include "origin.h"

#include <stdlib.h>
#include <string.h>

void explain_line(const ir *g, const skel_map *map, size_t line, bool short_names, buf *out)
{
    if (line == 0 || line > map->n)
        buf_puts(out, "runtime"); /* behind the model, with --standalone */
    else if (map->line[line - 1].from > 0)
        origin_say(g, map->line[line - 1].from, short_names, out);
    else
        buf_printf(out, "template %s", map->template[map->line[line - 1].template]);
}

/* One of the files, as it would be written.  */
typedef struct {
    const char *name;
    const buf *text;
    const skel_map *map;
} file;

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static size_t count_lines(const buf *text)
{
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++)
        n += text->text[i] == '\n';
    return n;
}

static void say(const file *f, const ir *g, size_t line, buf *out)
{
    buf_printf(out, "%s:%zu: ", f->name, line);
    explain_line(g, f->map, line, false, out);
    buf_puts(out, "\n");
}

/* The line LINE itself.  */
static void show(const file *f, size_t line, buf *out)
{
    const char *p = buf_text(f->text);
    for (size_t i = 1; i < line; i++)
        p += strcspn(p, "\n") + 1;
    buf_printf(out, "%5zu | ", line);
    buf_bytes(out, p, strcspn(p, "\n"));
    buf_puts(out, "\n");
}

/* The file that WORD begins with, up to a colon; the first one, if WORD names none.  NULL: it is none of these.  */
static const file *find(const file *files, size_t n, const char *word)
{
    const char *colon = strrchr(word, ':');
    if (!colon)
        return files;
    for (size_t i = 0; i < n; i++) {
        const char *name[] = {files[i].name, last_part(files[i].name)};
        for (size_t k = 0; k < 2; k++)
            if (strlen(name[k]) == (size_t)(colon - word) && strncmp(word, name[k], strlen(name[k])) == 0)
                return &files[i];
    }
    return NULL;
}

static int explain_files(const options *o, const file *files, size_t n, const ir *g, arena *a, buf *out)
{
    const char *word = o->explain;
    if (strcmp(word, "all") == 0) {
        for (size_t i = 0; i < n; i++)
            for (size_t line = 1; line <= count_lines(files[i].text); line++)
                say(&files[i], g, line, out);
        return EXIT_SUCCESS;
    }
    const file *f = find(files, n, word);
    const char *colon = strrchr(word, ':');
    if (!f)
        return option_usage(&o->style, "--explain names no file that would be written:", word);
    size_t lines = count_lines(f->text), line = strtoul(colon ? colon + 1 : word, NULL, 10);
    if (line == 0 || line > lines)
        return option_usage(&o->style, arena_printf(a, "%s has lines 1 to %zu, not", f->name, lines), word);
    say(f, g, line, out);
    show(f, line, out);
    return EXIT_SUCCESS;
}

int explain_run(const options *o, const ir *g, const emit_text *text, arena *a, buf *out)
{
    bool printed = strcmp(o->c_path, "-") == 0;
    file files[] = {{printed ? arena_printf(a, "%s.c", o->stem) : o->c_path, &text->source, &text->source_map},
                    {o->h_path, &text->header, &text->header_map}};
    buf whole = {0};
    skel_map map = {0};
    if (o->single_file) {
        bundle_join(o, text, &whole, &map);
        files[0].text = &whole;
        files[0].map = &map;
    }
    int status = explain_files(o, files, o->single_file ? 1 : 2, g, a, out);
    buf_free(&whole);
    skel_map_free(&map);
    return status;
}
