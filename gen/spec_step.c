/* SPDX-License-Identifier: Apache-2.0 */
/* In: step, outputs, loss.  Out: the same as data, its expressions parsed.  */
#include "spec_read.h"

#include <string.h>

/* --- equations ---------------------------------------------------------------------------------------- */

static spec_equation *read_equations(reader *r, const yaml_tree *value, size_t *n);

static void read_assignment(reader *r, const yaml_tree *t, spec_equation *eq)
{
    if (!spec_want_scalar(r, t, "an equation"))
        return;
    eq->text = t->text;
    eq->value = expr_parse_equation(t, &eq->target, r->arena, r->diag);
    if (!eq->value)
        return;
    if (strchr(eq->target->name, '.')) {
        diag_error(r->diag, eq->target->at, "E0269", "'%s' belongs to a module, which computes it itself",
                   eq->target->name);
        eq->value = NULL;
        return;
    }
    yaml_tree name = {.kind = YAML_SCALAR, .at = eq->target->at, .text = eq->target->name,
                      .len = strlen(eq->target->name)};
    if (!spec_name(r, &name))
        eq->value = NULL;
}

/* --- control flow --------------------------------------------------------------------------------------- */

static void read_head(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_equation *eq = context;
    eq->at = key->at;
    if (!spec_want_scalar(r, value, key->text))
        return;
    eq->text = arena_printf(r->arena, "%s %s", key->text, value->text);
    eq->value = expr_parse(value, r->arena, r->diag);
}

static void read_max(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_equation *eq = context;
    long max;
    (void)key;
    if (spec_whole_number(r, value, 1, SPEC_REPEAT_MAX, &max))
        eq->max = (int)max;
}

static void read_carry(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_equation *eq = context;
    (void)key;
    if (!spec_want_mapping(r, value, "carry"))
        return;
    eq->carry = ARENA_ARRAY(r->arena, spec_output, value->n + 1);
    for (size_t i = 0; i < value->n; i++) {
        const char *name = spec_name(r, value->pair[i].key);
        expr *e = expr_parse(value->pair[i].value, r->arena, r->diag);
        if (name && e)
            eq->carry[eq->n_carry++] = (spec_output){name, value->pair[i].key->at, e};
    }
}

static void read_body(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_equation *eq = context;
    (void)key;
    eq->body = read_equations(r, value, &eq->n_body);
}

static void read_other(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_equation *eq = context;
    (void)key;
    eq->other = read_equations(r, value, &eq->n_other);
}

static const spec_key repeat_keys[] = {
    {"repeat", read_head, "scalar"}, {"carry", read_carry, "named"}, {"do", read_body, "step"}};
static const spec_key if_keys[] = {
    {"if", read_head, "scalar"}, {"then", read_body, "step"}, {"else", read_other, "step"}};
static const spec_key while_keys[] = {{"while", read_head, "scalar"},
                                      {"max", read_max, "repeats"},
                                      {"carry", read_carry, "named"},
                                      {"do", read_body, "step"}};

typedef struct {
    const char *word;
    spec_form form;
    const spec_key *keys;
    size_t n_keys, n_needed; /* the first keys are needed */
} control_form;

static const control_form controls[] = {{"repeat", SPEC_REPEAT, repeat_keys, 3, 3},
                                        {"if", SPEC_IF, if_keys, 3, 3},
                                        {"while", SPEC_WHILE, while_keys, 4, 4}};

static void missing_key(reader *r, const spec_equation *eq, const char *word, const char *key)
{
    diag_error(r->diag, eq->at, "E0267", "'%s' needs '%s'", word, key);
    if (strcmp(key, "max") == 0)
        diag_note(r->diag, eq->at, "every loop of the emitted C has a literal bound: 'max: 10' says how "
                                   "often it runs at most");
    else if (strcmp(key, "else") == 0)
        diag_note(r->diag, eq->at, "both branches assign the same names; [y = x] keeps a value");
    else if (strcmp(key, "carry") == 0)
        diag_note(r->diag, eq->at, "'carry: {u: x}' names what one iteration hands to the next, and how it "
                                   "begins");
}

/* False after an error: T is no block of control flow.  */
static bool read_control(reader *r, yaml_tree *t, spec_equation *eq)
{
    const control_form *form = NULL;
    for (size_t i = 0; i < sizeof controls / sizeof controls[0] && !form; i++)
        if (yaml_get(t, controls[i].word))
            form = &controls[i];
    if (!form) {
        diag_error(r->diag, t->n ? t->pair[0].key->at : t->at, "E0268", "an equation is written name = "
                   "expression; with 'name: ' it is a mapping for YAML");
        return false;
    }
    int before = diag_errors(r->diag);
    eq->form = form->form;
    eq->text = form->word;
    spec_read_keys(r, t, arena_printf(r->arena, "'%s'", form->word), form->keys, form->n_keys, eq);
    for (size_t i = 0; i < form->n_needed; i++)
        if (!yaml_get(t, form->keys[i].name))
            missing_key(r, eq, form->word, form->keys[i].name);
    return diag_errors(r->diag) == before;
}

static spec_equation *read_equations(reader *r, const yaml_tree *value, size_t *n)
{
    *n = 0;
    if (value->kind != YAML_SEQUENCE) {
        diag_error(r->diag, value->at, "E0270", "this is a list of equations: - h' = tanh(x)");
        return NULL;
    }
    spec_equation *list = ARENA_ARRAY(r->arena, spec_equation, value->n + 1);
    for (size_t i = 0; i < value->n; i++) {
        spec_equation eq = {.at = value->item[i]->at, .text = ""};
        bool whole = true;
        if (value->item[i]->kind == YAML_MAPPING)
            whole = read_control(r, value->item[i], &eq);
        else
            read_assignment(r, value->item[i], &eq);
        if (whole && eq.value)
            list[(*n)++] = eq;
    }
    return list;
}

void spec_read_step(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    (void)key;
    (void)context;
    r->spec->equation = read_equations(r, value, &r->spec->n_equations);
}

/* --- outputs ------------------------------------------------------------------------------------------- */

static void add_output(reader *r, const char *name, loc at, const yaml_tree *value)
{
    expr *e = expr_parse(value, r->arena, r->diag);
    if (e)
        r->spec->output[r->spec->n_outputs++] = (spec_output){name, at, e};
}

void spec_read_outputs(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    (void)key;
    (void)context;
    r->spec->output = ARENA_ARRAY(r->arena, spec_output, value->n + 1);
    if (value->kind == YAML_SCALAR) {
        diag_error(r->diag, value->at, "E0271", "outputs is a list of names or a mapping {name: value}");
        return;
    }
    for (size_t i = 0; i < value->n; i++) {
        if (value->kind == YAML_MAPPING) {
            const yaml_tree *k = value->pair[i].key;
            const char *name = spec_name(r, k);
            add_output(r, name ? name : k->text, k->at, value->pair[i].value);
            continue;
        }
        const yaml_tree *item = value->item[i];
        if (!spec_want_scalar(r, item, "an output") || !spec_count(r, item->at))
            continue;
        expr *e = expr_parse(item, r->arena, r->diag);
        if (e && e->kind != EXPR_NAME) {
            diag_error(r->diag, item->at, "E0272", "this output needs a name");
            diag_note(r->diag, item->at, "write outputs: {name: \"%s\"}", item->text);
        } else if (e) {
            r->spec->output[r->spec->n_outputs++] = (spec_output){item->text, item->at, e};
        }
    }
}

/* --- losses -------------------------------------------------------------------------------------------- */

static void read_loss_value(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_loss *loss = context;
    (void)key;
    loss->value = expr_parse(value, r->arena, r->diag);
    loss->text = value->kind == YAML_SCALAR ? value->text : "";
}

static void read_loss_weight(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    spec_loss *loss = context;
    (void)key;
    loss->weight = expr_parse(value, r->arena, r->diag);
}

static const spec_key loss_keys[] = {
    {"value", read_loss_value, "scalar"}, {"weight", read_loss_weight, "scalar"}};

static void add_loss(reader *r, const char *name, loc at, yaml_tree *t)
{
    spec_loss loss = {.name = name, .at = at, .text = ""};
    if (!spec_count(r, at))
        return;
    if (t->kind == YAML_MAPPING) {
        spec_read_keys(r, t, "a loss", loss_keys, 2, &loss);
        if (!yaml_get(t, "value"))
            diag_error(r->diag, t->at, "E0274", "a loss needs a value: {value: ..., weight: 0.1}");
    } else {
        read_loss_value(r, NULL, t, &loss);
    }
    if (loss.value)
        r->spec->loss[r->spec->n_losses++] = loss;
}

void spec_read_loss(reader *r, const yaml_tree *key, yaml_tree *value, void *context)
{
    (void)context;
    r->spec->loss = ARENA_ARRAY(r->arena, spec_loss, value->n + 1);
    if (value->kind == YAML_SCALAR || (value->kind == YAML_MAPPING && yaml_get(value, "value"))) {
        add_loss(r, NULL, key->at, value);
        return;
    }
    if (value->n == 0)
        diag_error(r->diag, value->at, "E0275", "a loss is an expression, a list of them, or a mapping "
                                                "{name: {value: ..., weight: ...}}");
    for (size_t i = 0; i < value->n; i++) {
        if (value->kind == YAML_MAPPING) {
            const char *name = spec_name(r, value->pair[i].key);
            add_loss(r, name, value->pair[i].key->at, value->pair[i].value);
        } else {
            add_loss(r, NULL, value->item[i]->at, value->item[i]);
        }
    }
}

const spec_mapping spec_step_mappings[] = {
    SPEC_MAPPING("repeat", repeat_keys, 3), SPEC_MAPPING("if", if_keys, 3),
    SPEC_MAPPING("while", while_keys, 4), SPEC_MAPPING("loss", loss_keys, 1), {0}};
