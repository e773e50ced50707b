/* SPDX-License-Identifier: Apache-2.0 */
/* In: modules, functions.  Out: the same as data, its expressions parsed.  */
#include "spec_read.h"

#include <ctype.h>
#include <string.h>

/* --- functions -------------------------------------------------------------------------------- */

static void add_function_arg(reader *r, spec_function *f, const yaml_tree *t, size_t *cap)
{
    const char *name = spec_name(r, t);
    for (size_t i = 0; name && i < f->n_args; i++)
        if (strcmp(f->arg[i], name) == 0) {
            diag_error(r->diag, t->at, "E0260", "the argument '%s' is there twice", name);
            return;
        }
    if (name)
        ARENA_PUSH(r->arena, f->arg, f->n_args, *cap, name);
}

static void read_function_args(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_function *f = context;
    size_t cap = 0;
    (void)key;
    if (value->kind != YAML_SEQUENCE) {
        diag_error(r->diag, value->at, "E0261", "args is a list of names: [x, y]");
        return;
    }
    for (size_t i = 0; i < value->n; i++)
        add_function_arg(r, f, value->item[i], &cap);
}

static void read_function_value(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_function *f = context;
    (void)key;
    f->value = expr_parse(value, r->arena, r->diag);
}

static void read_function_derivative(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_function *f = context;
    (void)r;
    (void)key;
    f->stated = value;
}

static void missing_derivative(reader *r, const spec_function *f, const char *arg)
{
    diag_error(r->diag, f->stated->at, "E0262", "the derivative of '%s' leaves out '%s'", f->name, arg);
    diag_note(r->diag, f->at, "it is one expression for one argument, a list or a mapping for several; "
                              "0 where nothing passes");
}

/* What was stated, an expression for each argument, once all of them are known.  */
static void read_stated(reader *r, spec_function *f)
{
    const yaml_tree *t = f->stated;
    size_t given = t->kind == YAML_SCALAR ? 1 : t->n;
    f->derivative = ARENA_ARRAY(r->arena, expr *, f->n_args + 1);
    for (size_t i = 0; i < f->n_args; i++) {
        const yaml_tree *part = t->kind == YAML_MAPPING  ? yaml_get(t, f->arg[i])
                                : i >= given             ? NULL
                                : t->kind == YAML_SCALAR ? t
                                                         : t->item[i];
        f->derivative[i] = part ? expr_parse(part, r->arena, r->diag) : NULL;
        if (!part) {
            missing_derivative(r, f, f->arg[i]);
            return;
        }
    }
    if (given > f->n_args)
        diag_error(r->diag, t->at, "E0273", "%zu derivatives for %zu argument%s", given, f->n_args,
                   f->n_args == 1 ? "" : "s");
}

/* A name inside of KEY, as a scalar of its own with its own place.  */
static yaml_tree *part_of(reader *r, const yaml_tree *key, size_t from, size_t to)
{
    while (from < to && key->text[from] == ' ')
        from++;
    while (to > from && key->text[to - 1] == ' ')
        to--;
    yaml_tree *t = ARENA_NEW(r->arena, yaml_tree);
    *t = (yaml_tree){.kind = YAML_SCALAR, .at = yaml_place(key, from, (int)(to - from)),
                     .text = arena_strndup(r->arena, key->text + from, to - from), .len = to - from};
    return t;
}

/* NAME or NAME(x, y).  */
static void read_function_head(reader *r, const yaml_tree *key, spec_function *f)
{
    const char *open = strchr(key->text, '(');
    size_t name_end = open ? (size_t)(open - key->text) : key->len, cap = 0;
    f->at = key->at;
    f->name = spec_name(r, part_of(r, key, 0, name_end));
    if (!f->name)
        f->name = key->text;
    if (!open)
        return;
    if (key->text[key->len - 1] != ')') {
        diag_error(r->diag, key->at, "E0263", "a function is declared as name(x, y): \"...\"");
        return;
    }
    for (size_t i = name_end + 1; i < key->len;) {
        size_t n = strcspn(key->text + i, ",)");
        add_function_arg(r, f, part_of(r, key, i, i + n), &cap);
        i += n + 1;
    }
}

static const spec_key function_keys[] = {
    {"value", read_function_value, "scalar"},
    {"args", read_function_args, "names"},
    {"derivative", read_function_derivative, "derivatives"},
};

const spec_mapping spec_net_mappings[] = {SPEC_MAPPING("function", function_keys, 1), {0}};

void spec_read_functions(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec *s = r->spec;
    (void)key;
    (void)context;
    if (!spec_want_mapping(r, value, "functions"))
        return;
    s->function = ARENA_ARRAY(r->arena, spec_function, value->n + 1);
    for (size_t i = 0; i < value->n; i++) {
        spec_function *f = &s->function[s->n_functions++];
        const yaml_tree *head = value->pair[i].key;
        yaml_tree *body = value->pair[i].value;
        read_function_head(r, head, f);
        if (body->kind != YAML_MAPPING)
            f->value = expr_parse(body, r->arena, r->diag);
        else
            spec_read_keys(r, body, "a function", function_keys, 3, f);
        if (body->kind == YAML_MAPPING && !yaml_get(body, "value"))
            diag_error(r->diag, body->at, "E0264", "the function '%s' needs a value", f->name);
        if (f->stated)
            read_stated(r, f);
    }
}

/* --- modules ---------------------------------------------------------------------------------- */

static void read_module(reader *r, yaml_tree *value, spec_module *m);

static void read_module_inputs(reader *r, yaml_tree *value, spec_module *m)
{
    if (value->kind != YAML_MAPPING) {
        if (!spec_want_scalar(r, value, "in"))
            return;
        m->n_inputs = 1;
        m->input = ARENA_NEW(r->arena, spec_setting);
        *m->input = (spec_setting){NULL, value->at, value};
        return;
    }
    m->input = ARENA_ARRAY(r->arena, spec_setting, value->n + 1);
    for (size_t i = 0; i < value->n; i++)
        if (spec_want_scalar(r, value->pair[i].value, "an input"))
            m->input[m->n_inputs++] = (spec_setting){value->pair[i].key->text,
                                                     value->pair[i].key->at, value->pair[i].value};
}

static void read_stack(reader *r, yaml_tree *value, spec_module *m)
{
    if (value->n == 0)
        diag_error(r->diag, value->at, "E0265", "a stack of no layers has no output");
    m->layer = ARENA_ARRAY(r->arena, spec_module, value->n + 1);
    for (size_t i = 0; i < value->n; i++) {
        spec_module *layer = &m->layer[m->n_layers++];
        layer->name = arena_printf(r->arena, "%zu", i);
        layer->at = value->item[i]->at;
        read_module(r, value->item[i], layer);
    }
}

static void read_module(reader *r, yaml_tree *value, spec_module *m)
{
    if (value->kind == YAML_SEQUENCE) {
        read_stack(r, value, m);
        return;
    }
    if (!spec_want_mapping(r, value, "a module"))
        return;
    if (!yaml_get(value, "cell") && !yaml_get(value, "share"))
        diag_error(r->diag, m->at, "E0266", "the module '%s' does not say 'cell: NAME'", m->name);
    m->cell = "";
    m->setting = ARENA_ARRAY(r->arena, spec_setting, value->n + 1);
    for (size_t i = 0; i < value->n; i++) {
        const yaml_tree *key = value->pair[i].key;
        yaml_tree *v = value->pair[i].value;
        if (strcmp(key->text, "cell") == 0) {
            m->cell_at = v->at;
            m->cell = spec_name(r, v);
            if (!m->cell)
                m->cell = "";
        } else if (strcmp(key->text, "share") == 0) {
            m->share_at = v->at;
            m->share = spec_name(r, v);
        } else if (strcmp(key->text, "in") == 0) {
            read_module_inputs(r, v, m);
        } else if (spec_want_scalar(r, v, "an argument of a cell")) {
            m->setting[m->n_settings++] = (spec_setting){key->text, key->at, v};
        }
    }
}

void spec_read_modules(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec *s = r->spec;
    (void)key;
    (void)context;
    if (!spec_want_mapping(r, value, "modules"))
        return;
    s->module = ARENA_ARRAY(r->arena, spec_module, value->n + 1);
    for (size_t i = 0; i < value->n; i++) {
        spec_module *m = &s->module[s->n_modules++];
        m->name = spec_name(r, value->pair[i].key);
        m->at = value->pair[i].key->at;
        if (!m->name)
            m->name = value->pair[i].key->text;
        read_module(r, value->pair[i].value, m);
    }
}
