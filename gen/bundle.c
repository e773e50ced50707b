/* SPDX-License-Identifier: Apache-2.0 */
/* In: the text of a model's header and source.  Out: the files that were asked for.
   Afterwards a single file needs no other one, and --standalone no installed one.  */
#include "bundle.h"

#include <errno.h>
#include <string.h>

/* What of the runtime allocates nothing and is meant for every target.  */
static const char *const runtime[] = {"etrace.c",       "etrace_snapshot.c", "etrace.h",
                                      "etrace_info.h",  "etrace_label.h",    "etrace_layout.h",
                                      "etrace_random.h", "etrace_snapshot.h"};

enum { N_RUNTIME = sizeof runtime / sizeof runtime[0], N_SOURCES = 2 };

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Beside the C file.  */
static const char *beside(const options *o, const char *name, arena *a)
{
    const char *slash = strrchr(o->c_path, '/');
    return arena_printf(a, "%.*s%s", slash ? (int)(slash - o->c_path) + 1 : 0, o->c_path, name);
}

const char *bundle_test(const options *o, arena *a)
{
    return arena_printf(a, "%s_test.c", o->stem);
}

size_t bundle_names(const options *o, arena *a, const char ***res)
{
    const char **name = ARENA_ARRAY(a, const char *, N_RUNTIME + 6);
    size_t n = 0;
    name[n++] = o->c_path;
    if (!o->single_file)
        name[n++] = o->h_path;
    for (int i = 0; o->standalone && !o->single_file && i < N_RUNTIME; i++)
        name[n++] = beside(o, runtime[i], a);
    if (o->with_main)
        name[n++] = arena_printf(a, "%s_main.c", o->stem);
    if (o->with_test)
        name[n++] = bundle_test(o, a);
    if (o->python)
        name[n++] = arena_printf(a, "%s.py", o->stem);
    if (o->keep_temps)
        name[n++] = arena_printf(a, "%s.m4", o->stem);
    *res = name;
    return n;
}

bool bundle_read(const options *o, const char *name, buf *text, arena *a, diag *d)
{
    const char *path = arena_printf(a, "%s/%s", o->data_dir, name);
    diag_read(d, path);
    if (buf_read_file(text, path))
        return true;
    diag_error(d, (loc){0}, "E0411", "cannot read %s: %s", path, strerror(errno));
    diag_note(d, (loc){0}, "the installation is not complete; ETRACE_DATADIR names another");
    return false;
}

static bool read_runtime(const options *o, const char *name, buf *text, arena *a, diag *d)
{
    return bundle_read(o, arena_printf(a, "runtime/%s", name), text, a, d);
}

/* The name of the file that the line TEXT includes with quotes, among those of LIST; or NULL.  */
static const char *included(const char *text, const char *const *list, int n)
{
    static const char directive[] = "#include \"";
    if (strncmp(text, directive, strlen(directive)) != 0)
        return NULL;
    text += strlen(directive);
    for (int i = 0; i < n; i++)
        if (strncmp(text, list[i], strlen(list[i])) == 0 && text[strlen(list[i])] == '"')
            return list[i];
    return NULL;
}

/* TEXT, every file of the runtime in the place of the line that includes it.  They guard
   themselves.  */
static bool put_inlined(const options *o, const char *text, buf *out, arena *a, diag *d)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        const char *name = included(text, runtime, N_RUNTIME);
        buf part = {0};
        bool ok = true;
        if (!name)
            buf_printf(out, "%.*s\n", (int)n, text);
        else if ((ok = read_runtime(o, name, &part, a, d)))
            ok = put_inlined(o, buf_text(&part), out, a, d);
        buf_free(&part);
        if (!ok)
            return false;
        text += n + (text[n] == '\n');
    }
    return true;
}

/* The templates of FROM, behind those of TO.  Returns how many stood there.  */
static int join_templates(skel_map *to, const skel_map *from)
{
    int before = to->n_templates;
    for (int i = 0; i < from->n_templates && to->n_templates < SKEL_TEMPLATES; i++)
        memcpy(to->template[to->n_templates++], from->template[i], SKEL_NAME);
    return before;
}

/* The source with the header in the place of its #include.  */
void bundle_join(const options *o, const emit_text *text, buf *out, skel_map *map)
{
    const char *header = last_part(o->h_path);
    const skel_map *outer = &text->source_map, *inner = &text->header_map;
    int own = map ? join_templates(map, outer) : 0, theirs = map ? join_templates(map, inner) : 0;
    size_t line = 0;
    for (const char *p = buf_text(&text->source); *p; p += strcspn(p, "\n") + 1, line++) {
        bool here = included(p, &header, 1);
        if (here)
            buf_puts(out, buf_text(&text->header));
        else
            buf_bytes(out, p, strcspn(p, "\n") + 1);
        for (size_t i = 0; map && here && i < inner->n; i++)
            skel_map_add(map, inner->line[i].from, theirs + inner->line[i].template);
        if (map && !here && line < outer->n)
            skel_map_add(map, outer->line[line].from, own + outer->line[line].template);
    }
}

static bool add_single(const options *o, const emit_text *text, outputs *out, arena *a, diag *d)
{
    buf whole = {0};
    bool ok = true;
    bundle_join(o, text, &whole, NULL);
    for (int i = 0; o->standalone && ok && i < N_SOURCES; i++) {
        buf part = {0};
        buf_puts(&whole, "\n");
        ok = read_runtime(o, runtime[i], &part, a, d)
             && put_inlined(o, buf_text(&part), &whole, a, d);
        buf_free(&part);
    }
    outputs_add(out, o->c_path, &whole);
    return ok;
}

static bool add_runtime(const options *o, outputs *out, arena *a, diag *d)
{
    bool ok = true;
    for (int i = 0; ok && i < N_RUNTIME; i++) {
        buf part = {0};
        ok = read_runtime(o, runtime[i], &part, a, d);
        outputs_add(out, beside(o, runtime[i], a), &part);
    }
    return ok;
}

const char *bundle_header(const options *o)
{
    return last_part(o->single_file ? o->c_path : o->h_path);
}

bool bundle_fill(const options *o, const char *name, const char *const (*pair)[2], buf *out, arena *a, diag *d)
{
    buf template = {0};
    bool ok = bundle_read(o, name, &template, a, d);
    for (const char *p = buf_text(&template); *p;) {
        int i = 0;
        while (pair[i][0] && strncmp(p, pair[i][0], strlen(pair[i][0])) != 0)
            i++;
        if (pair[i][0])
            buf_puts(out, pair[i][1]);
        else
            buf_bytes(out, p, 1);
        p += pair[i][0] ? strlen(pair[i][0]) : 1;
    }
    buf_free(&template);
    return ok;
}

/* A program around the model.  */
static bool add_main(const options *o, const char *name, outputs *out, arena *a, diag *d)
{
    const char *const pair[][2] = {{"@NAME@", name}, {"@HEADER@", bundle_header(o)}, {NULL, NULL}};
    buf text = {0};
    bool ok = bundle_fill(o, "templates/main.c", pair, &text, a, d);
    outputs_add(out, arena_printf(a, "%s_main.c", o->stem), &text);
    return ok;
}

/* The module: what it says of the model, and what is the same for all.  */
static bool add_python(const options *o, emit_text *text, outputs *out, arena *a, diag *d)
{
    buf_puts(&text->python, "\n");
    bool ok = bundle_read(o, "templates/python/model.py", &text->python, a, d);
    outputs_add(out, arena_printf(a, "%s.py", o->stem), &text->python);
    return ok;
}

bool bundle_add(const options *o, emit_text *text, outputs *out, arena *a, diag *d)
{
    bool ok = true;
    if (o->single_file) {
        ok = add_single(o, text, out, a, d);
    } else {
        outputs_add(out, o->c_path, &text->source);
        outputs_add(out, o->h_path, &text->header);
        ok = !o->standalone || add_runtime(o, out, a, d);
    }
    ok = ok && (!o->with_main || add_main(o, text->name, out, a, d));
    if (o->python)
        ok = add_python(o, text, out, a, d) && ok;
    if (o->keep_temps)
        outputs_add(out, arena_printf(a, "%s.m4", o->stem), &text->values);
    emit_text_free(text);
    return ok;
}
