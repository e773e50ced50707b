/* SPDX-License-Identifier: Apache-2.0 */
/* In: the mappings inputs, targets, params, hidden, state, consts, dims and args.
   Out: declarations.  Afterwards every shape is a list of expressions.  */
#include "spec_read.h"

#include <string.h>

static void read_shape(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_decl *d = context;
    (void)key;
    if (value->kind != YAML_SEQUENCE) {
        diag_error(r->diag, value->at, "E0250", "a shape is a list of sizes: [n] or [3, n], and [] for "
                                                "a single number");
        return;
    }
    d->rank = value->n;
    d->dim = ARENA_ARRAY(r->arena, expr *, value->n + 1);
    for (size_t i = 0; i < value->n; i++)
        d->dim[i] = expr_parse(value->item[i], r->arena, r->diag);
}

static const char *const data_types[] = {"real", "index", NULL};
static const char *const state_types[] = {"real", "index", "seed", NULL};

static void read_type(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_decl *d = context;
    (void)key;
    d->is_index = spec_choice(r, value, data_types) == data_types[1];
}

static void read_state_type(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_decl *d = context;
    const char *type = spec_choice(r, value, state_types);
    (void)key;
    d->is_seed = type == state_types[2];
    d->is_index = type == state_types[1] || d->is_seed;
}

static void read_size(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_decl *d = context;
    (void)key;
    d->size = expr_parse(value, r->arena, r->diag);
}

static void read_init(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_decl *d = context;
    (void)key;
    if (spec_want_scalar(r, value, "init"))
        d->init = value;
}

static void read_trace(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_decl *d = context;
    (void)key;
    spec_bool(r, value, &d->trace);
}

static void read_trainable(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_decl *d = context;
    (void)key;
    spec_bool(r, value, &d->trainable);
}

static void read_events(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_decl *d = context;
    (void)key;
    spec_bool(r, value, &d->events);
}

static void read_value(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_decl *d = context;
    (void)r;
    (void)key;
    d->value = value;
}

static void read_sparse(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_decl *d = context;
    (void)r;
    (void)key;
    d->sparse = value;
}

static void read_npz(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_decl *d = context;
    (void)key;
    if (spec_want_scalar(r, value, "a file's path"))
        d->npz = value;
}

static void read_member(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_decl *d = context;
    (void)key;
    if (spec_want_scalar(r, value, "the name of an array"))
        d->member = value;
}

static const spec_key input_keys[] = {
    {"shape", read_shape, "shape"},
    {"type", read_type, "data_type"},
    {"size", read_size, "scalar"},
    {"events", read_events, "bool"},
};
static const spec_key target_keys[] = {
    {"shape", read_shape, "shape"},
    {"type", read_type, "data_type"},
    {"size", read_size, "scalar"},
};
static const spec_key param_keys[] = {
    {"shape", read_shape, "shape"},
    {"init", read_init, "scalar"},
    {"trace", read_trace, "bool"},
    {"trainable", read_trainable, "bool"},
    {"sparse", read_sparse, "sparse"},
};
static const spec_key hidden_keys[] = {
    {"shape", read_shape, "shape"},
    {"init", read_init, "scalar"},
};
static const spec_key state_keys[] = {
    {"shape", read_shape, "shape"},
    {"init", read_init, "scalar"},
    {"type", read_state_type, "state_type"},
};
static const spec_key const_keys[] = {
    {"shape", read_shape, "shape"},
    {"value", read_value, "lists"},
    {"npz", read_npz, "scalar"},
    {"name", read_member, "scalar"},
};

/* One mapping of declarations of one kind.  */
typedef struct {
    const char *what;
    const spec_key *keys;
    size_t n_keys;
    bool needs_shape;
} decl_form;

static void check_decl(reader *r, const spec_decl *d, const yaml_tree *value, const decl_form *form)
{
    if (form->needs_shape && !yaml_get(value, "shape"))
        diag_error(r->diag, value->at, "E0251", "'%s' needs a shape", d->name);
    if (!form->needs_shape && (d->value != NULL) == (d->npz && d->member)) {
        diag_error(r->diag, value->at, "E0252", "'%s' needs a value", d->name);
        diag_note(r->diag, value->at, "a number, lists, or {npz: file.npz, name: array}");
    }
    bool is_data = form->keys == input_keys || form->keys == target_keys;
    if (d->is_index && !d->size && is_data) {
        diag_error(r->diag, value->at, "E0253", "the index '%s' needs a size", d->name);
        diag_note(r->diag, value->at, "size: 10 says that its values are 0 to 9");
    }
    if (d->size && !d->is_index)
        diag_error(r->diag, value->at, "E0254", "a size belongs to 'type: index'");
    if (d->events && d->is_index) {
        diag_error(r->diag, value->at, "E0258", "the index '%s' has no events", d->name);
        diag_note(r->diag, value->at, "events belong to real inputs, most of whose elements are zero; "
                                      "an embedding reads one row alone as it is");
    }
}

static void read_decl(reader *r, const yaml_pair *pair, const decl_form *form, spec_decl *d)
{
    yaml_tree *value = pair->value;
    d->name = spec_name(r, pair->key);
    d->at = pair->key->at;
    d->trace = d->trainable = true;
    if (!d->name)
        d->name = pair->key->text;
    if (value->kind == YAML_SEQUENCE && form->needs_shape) {
        read_shape(r, pair->key, value, d);
    } else if (value->kind != YAML_MAPPING && !form->needs_shape) {
        d->value = value;
    } else if (value->kind == YAML_MAPPING) {
        spec_read_keys(r, value, form->what, form->keys, form->n_keys, d);
        check_decl(r, d, value, form);
    } else {
        diag_error(r->diag, value->at, "E0255", "%s is a shape like [3, n] or a mapping {shape: ...}",
                   form->what);
    }
}

static spec_decl *read_decls(reader *r, yaml_tree *value, const decl_form *form, size_t *n)
{
    *n = 0;
    if (!spec_want_mapping(r, value, "this"))
        return NULL;
    spec_decl *d = ARENA_ARRAY(r->arena, spec_decl, value->n + 1);
    for (; *n < value->n; ++*n)
        read_decl(r, &value->pair[*n], form, &d[*n]);
    return d;
}

#define FORM(what, keys, needs_shape) {what, keys, sizeof keys / sizeof keys[0], needs_shape}

void spec_read_inputs(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    static const decl_form form = FORM("an input", input_keys, true);
    (void)key;
    (void)context;
    r->spec->input = read_decls(r, value, &form, &r->spec->n_inputs);
}

void spec_read_targets(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    static const decl_form form = FORM("a target", target_keys, true);
    (void)key;
    (void)context;
    r->spec->target = read_decls(r, value, &form, &r->spec->n_targets);
}

void spec_read_params(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    static const decl_form form = FORM("a parameter", param_keys, true);
    (void)key;
    (void)context;
    r->spec->param = read_decls(r, value, &form, &r->spec->n_params);
}

void spec_read_hidden(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    static const decl_form form = FORM("a hidden state", hidden_keys, true);
    (void)key;
    (void)context;
    r->spec->hidden = read_decls(r, value, &form, &r->spec->n_hidden);
}

void spec_read_states(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    static const decl_form form = FORM("a state", state_keys, true);
    (void)key;
    (void)context;
    r->spec->state = read_decls(r, value, &form, &r->spec->n_states);
}

void spec_read_consts(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    static const decl_form form = FORM("a constant", const_keys, false);
    (void)key;
    (void)context;
    r->spec->constant = read_decls(r, value, &form, &r->spec->n_consts);
}

void spec_read_dims(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec *s = r->spec;
    (void)key;
    (void)context;
    if (!spec_want_mapping(r, value, "dims"))
        return;
    s->dim = ARENA_ARRAY(r->arena, spec_setting, value->n + 1);
    for (size_t i = 0; i < value->n; i++) {
        const char *name = spec_name(r, value->pair[i].key);
        if (name && spec_want_scalar(r, value->pair[i].value, "a size"))
            s->dim[s->n_dims++] = (spec_setting){name, value->pair[i].key->at, value->pair[i].value};
    }
}

static const char *const arg_types[] = {"dim", "number", "function", "choice", NULL};

static void read_arg_type(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    static const spec_arg_type type[] = {SPEC_ARG_DIM, SPEC_ARG_NUMBER, SPEC_ARG_FUNCTION,
                                         SPEC_ARG_CHOICE};
    spec_arg *arg = context;
    const char *word = spec_choice(r, value, arg_types);
    (void)key;
    for (int i = 0; word && i < 4; i++)
        if (word == arg_types[i])
            arg->type = type[i];
}

static void read_arg_default(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_arg *arg = context;
    (void)key;
    if (spec_want_scalar(r, value, "a default"))
        arg->fallback = value;
}

static void read_arg_words(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_arg *arg = context;
    size_t cap = 0;
    (void)key;
    for (size_t i = 0; value->kind == YAML_SEQUENCE && i < value->n; i++) {
        const char *word = spec_name(r, value->item[i]);
        if (word)
            ARENA_PUSH(r->arena, arg->word, arg->n_words, cap, word);
    }
    if (value->kind != YAML_SEQUENCE)
        diag_error(r->diag, value->at, "E0256", "what a choice is of is a list of words: [soft, hard]");
}

static const spec_key arg_keys[] = {
    {"type", read_arg_type, "arg_type"},
    {"default", read_arg_default, "scalar"},
    {"of", read_arg_words, "names"},
};

static void check_arg(reader *r, const spec_arg *arg, const yaml_tree *what)
{
    bool words = what->kind == YAML_MAPPING && yaml_get(what, "of");
    if (words != (arg->type == SPEC_ARG_CHOICE))
        diag_error(r->diag, what->at, "E0257", words ? "'of' belongs to 'type: choice'"
                                                     : "a choice says what it is of: "
                                                       "{type: choice, of: [soft, hard]}");
}

void spec_read_args(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec *s = r->spec;
    (void)key;
    (void)context;
    if (!spec_want_mapping(r, value, "args"))
        return;
    s->arg = ARENA_ARRAY(r->arena, spec_arg, value->n + 1);
    for (size_t i = 0; i < value->n; i++) {
        spec_arg *arg = &s->arg[s->n_args++];
        yaml_tree *what = value->pair[i].value;
        arg->name = spec_name(r, value->pair[i].key);
        arg->at = value->pair[i].key->at;
        if (!arg->name)
            arg->name = value->pair[i].key->text;
        if (what->kind == YAML_SCALAR)
            read_arg_type(r, value->pair[i].key, what, arg);
        else
            spec_read_keys(r, what, "an argument", arg_keys, 3, arg);
        check_arg(r, arg, what);
    }
}

const spec_mapping spec_decl_mappings[] = {
    SPEC_MAPPING("input", input_keys, 1),   SPEC_MAPPING("target", target_keys, 1),
    SPEC_MAPPING("param", param_keys, 1),
    SPEC_MAPPING("hidden", hidden_keys, 1), SPEC_MAPPING("state", state_keys, 1),
    SPEC_MAPPING("const", const_keys, 0),   SPEC_MAPPING("arg", arg_keys, 0), {0}};
const spec_words spec_decl_words[] = {
    {"data_type", data_types}, {"state_type", state_types}, {"arg_type", arg_types}, {0}};
