/* SPDX-License-Identifier: Apache-2.0 */
/* In: a spec, and what the command line says against it.  Out: the spec as if it had been written
   so. Afterwards every NAME of -D was one that the spec declares.  */
#include "override.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const loc nowhere = {NULL, 0, 0, 0};

static void unknown_name(const spec *s, const char *text, const char *name, arena *a, diag *d)
{
    const char **names = ARENA_ARRAY(a, const char *, s->n_dims + s->n_consts + 1);
    size_t n = 0;
    for (size_t i = 0; i < s->n_dims; i++)
        names[n++] = s->dim[i].name;
    for (size_t i = 0; i < s->n_consts; i++)
        names[n++] = s->constant[i].name;
    const char *near = diag_nearest(name, names, n);
    diag_error(d, nowhere, "E0309", "-D %s: the model has no dim or constant '%s'%s%s%s", text,
               name, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static yaml_tree *scalar(const char *text, arena *a)
{
    yaml_tree *t = ARENA_NEW(a, yaml_tree);
    *t = (yaml_tree){.kind = YAML_SCALAR, .plain = true, .text = text, .len = strlen(text)};
    return t;
}

static void define_dim(spec_setting *dim, const char *text, const char *value, arena *a, diag *d)
{
    long long n = 0;
    char rest;
    if (sscanf(value, "%lld%c", &n, &rest) != 1 || n < 1 || n > INT32_MAX)
        diag_error(d, nowhere, "E0310", "-D %s: a size is a whole number of at least 1", text);
    else
        dim->value = scalar(value, a);
}

static void define_constant(spec_decl *c, const char *text, const char *value, arena *a, diag *d)
{
    char *end;
    bool number = *value && strspn(value, "0123456789+-.eE") == strlen(value)
                  && (strtod(value, &end), *end == '\0');
    if (c->rank > 0 || !c->value || c->value->kind != YAML_SCALAR)
        diag_error(d, nowhere, "E0319", "-D %s: the constant '%s' is no single number", text,
                   c->name);
    else if (!number)
        diag_error(d, nowhere, "E0392", "-D %s: the value of a constant is a number", text);
    else
        c->value = scalar(value, a);
}

/* TEXT is NAME=VALUE.  */
static void define(spec *s, const char *text, arena *a, diag *d)
{
    const char *equal = strchr(text, '=');
    const char *name = arena_strndup(a, text, (size_t)(equal - text));
    for (size_t i = 0; i < s->n_dims; i++)
        if (strcmp(s->dim[i].name, name) == 0) {
            define_dim(&s->dim[i], text, equal + 1, a, d);
            return;
        }
    for (size_t i = 0; i < s->n_consts; i++)
        if (strcmp(s->constant[i].name, name) == 0) {
            define_constant(&s->constant[i], text, equal + 1, a, d);
            return;
        }
    unknown_name(s, text, name, a, d);
}

/* The last OLD=NEW whose OLD the file's name begins with.  */
static void map_name(const option_list *map, spec *s, arena *a)
{
    for (size_t i = map->n; i-- > 0;) {
        const char *equal = strrchr(map->item[i], '=');
        size_t n = (size_t)(equal - map->item[i]);
        if (strncmp(s->file, map->item[i], n) != 0)
            continue;
        s->base_name = arena_printf(a, "%s%s", equal + 1, s->file + n);
        return;
    }
}

bool override_spec(const options *o, spec *s, arena *a, diag *d)
{
    int before = diag_errors(d);
    for (size_t i = 0; i < o->define.n; i++)
        define(s, o->define.item[i], a, d);
    if (o->real)
        s->real_bits = strcmp(o->real, "double") == 0 ? 64 : 32;
    if (o->batch)
        s->batch = o->batch;
    map_name(&o->prefix_map, s, a);
    return diag_errors(d) == before;
}
