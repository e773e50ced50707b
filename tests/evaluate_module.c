/* SPDX-License-Identifier: Apache-2.0 */
/* In: the declarations of a model, a cell, its modules.  Out: rooms with their names.  A module is
   its cell in a room of its own; what its cell is given is read in the room around it.  */
#include "evaluate_part.h"

#include "etrace_random.h"

#include <stdlib.h>
#include <string.h>

/* --- sparse patterns -------------------------------------------------------------------------- */

static int *read_list(evaluator *ev, const yaml_tree *t, int *n)
{
    int *list = ARENA_ARRAY(ev->arena, int, t->n + 1);
    *n = (int)t->n;
    for (int i = 0; i < *n; i++)
        list[i] = (int)strtol(t->item[i]->text, NULL, 10);
    return list;
}

/* [i][k] is there when number i COLS + k of stream 0 under the seed is below p.  */
static void draw_pattern(evaluator *ev, ev_pattern *p, const yaml_tree *t)
{
    const double chance = strtod(yaml_get(t, "p")->text, NULL);
    const uint64_t seed = strtoull(yaml_get(t, "seed")->text, NULL, 10);
    p->row = ARENA_ARRAY(ev->arena, int, p->n_rows * p->n_cols);
    p->col = ARENA_ARRAY(ev->arena, int, p->n_rows * p->n_cols);
    for (int i = 0; i < p->n_rows * p->n_cols; i++)
        if (etr_uniform_f64(seed, 0, (uint64_t)i) < chance) {
            p->row[p->n] = i / p->n_cols;
            p->col[p->n++] = i % p->n_cols;
        }
}

int ev_read_pattern(evaluator *ev, const yaml_tree *t, int rows, int cols)
{
    ev_pattern *p = &ev->pattern[ev->n_patterns];
    const yaml_tree *start = yaml_get(t, "indptr");
    int n;
    *p = (ev_pattern){.n_rows = rows, .n_cols = cols};
    if (yaml_get(t, "random")) {
        draw_pattern(ev, p, yaml_get(t, "random"));
        return ev->n_patterns++;
    }
    p->col = read_list(ev, yaml_get(t, start ? "indices" : "cols"), &p->n);
    int *row = read_list(ev, start ? start : yaml_get(t, "rows"), &n);
    p->row = row;
    if (start) {
        p->row = ARENA_ARRAY(ev->arena, int, p->n + 1);
        for (int i = 0; i < rows; i++)
            for (int k = row[i]; k < row[i + 1]; k++)
                p->row[k] = i;
    }
    return ev->n_patterns++;
}

/* --- declarations ----------------------------------------------------------------------------- */

static void add_decls(evaluator *ev, room *r, const spec_decl *d, size_t n, name_kind kind,
                      ev_kind var_kind)
{
    for (size_t i = 0; i < n; i++) {
        name_entry *e = ev_add(ev, r, kind, d[i].name, false);
        e->decl = &d[i];
        e->var_kind = var_kind;
    }
}

static void add_modules(evaluator *ev, room *r, const spec_module *m, size_t n, bool chain,
                        room *before);

void ev_add_all(evaluator *ev, room *r, const spec *s)
{
    r->spec = s;
    for (size_t i = 0; i < s->n_dims; i++)
        ev_add(ev, r, IS_DIM, s->dim[i].name, false)->value =
            expr_parse(s->dim[i].value, ev->arena, ev->diag);
    if (!s->is_cell) {
        add_decls(ev, r, s->input, s->n_inputs, IS_VAR, EV_INPUT);
        add_decls(ev, r, s->target, s->n_targets, IS_VAR, EV_TARGET);
    }
    add_decls(ev, r, s->param, s->n_params, IS_VAR, EV_PARAM);
    add_decls(ev, r, s->hidden, s->n_hidden, IS_VAR, EV_HIDDEN);
    add_decls(ev, r, s->state, s->n_states, IS_VAR, EV_STATE);
    add_decls(ev, r, s->constant, s->n_consts, IS_CONST, EV_STATE);
    for (size_t i = 0; i < s->n_functions; i++)
        ev_add(ev, r, IS_USER, s->function[i].name, false)->function = &s->function[i];
    add_modules(ev, r, s->module, s->n_modules, false, NULL);
    ev_add_equations(ev, r, s->equation, s->n_equations);
}

/* --- cells ------------------------------------------------------------------------------------ */

static const spec_setting *setting_of(const spec_module *m, const char *name)
{
    for (size_t i = 0; i < m->n_settings; i++)
        if (strcmp(m->setting[i].name, name) == 0)
            return &m->setting[i];
    return NULL;
}

/* NAME stands for WORD, a number that no other word has.  */
static void add_word(evaluator *ev, room *r, const char *name, const char *word)
{
    room *home = r;
    int i = 0;
    while (i < ev->n_words && strcmp(ev->word[i], word) != 0)
        i++;
    if (i == ev->n_words)
        ev->word[ev->n_words++] = word;
    if (!ev_find(&home, name, false))
        ev_add(ev, r, IS_WORD, name, false)->number = i;
}

static void add_arg(evaluator *ev, room *r, room *around, const spec_module *m,
                    const spec_arg *arg)
{
    static const name_kind kind[] = {[SPEC_ARG_DIM] = IS_DIM, [SPEC_ARG_NUMBER] = IS_NUMBER,
                                     [SPEC_ARG_FUNCTION] = IS_FUNCTION};
    const spec_setting *given = setting_of(m, arg->name);
    const yaml_tree *t = given ? given->value : arg->fallback;
    if (arg->type == SPEC_ARG_CHOICE) {
        for (size_t i = 0; i < arg->n_words; i++)
            add_word(ev, r, arg->word[i], arg->word[i]);
        add_word(ev, r, arg->name, t->text);
        return;
    }
    name_entry *e = ev_add(ev, r, kind[arg->type], arg->name, false);
    e->from = given ? around : r;
    e->value = t ? expr_parse(t, ev->arena, ev->diag) : NULL;
}

/* What the module M gives to input number K of its cell.  */
static const yaml_tree *given_input(const spec_module *m, size_t k, const char *name)
{
    if (m->n_inputs == 1 && !m->input[0].name)
        return k == 0 ? m->input[0].value : NULL;
    for (size_t i = 0; i < m->n_inputs; i++)
        if (m->input[i].name && strcmp(m->input[i].name, name) == 0)
            return m->input[i].value;
    return NULL;
}

/* The free names in the shape of input NUMBER take the sizes of what is given.  */
static void add_axes(evaluator *ev, room *r, const spec_decl *d, int number)
{
    for (size_t i = 0; i < d->rank; i++) {
        room *home = r;
        if (d->dim[i]->kind != EXPR_NAME)
            continue;
        name_entry *dim = ev_find(&home, d->dim[i]->name, false);
        if (!dim)
            dim = ev_add(ev, r, IS_DIM, d->dim[i]->name, false);
        if (!dim->value && dim->bound_by < 0)
            dim->bound_by = number;
    }
}

static void add_input(evaluator *ev, room *r, room *around, const spec_module *m, size_t k,
                      const spec_decl *d, room *before)
{
    const yaml_tree *t = given_input(m, k, d->name);
    const int number = r->n;
    name_entry *e = ev_add(ev, r, IS_INPUT, d->name, false);
    e->decl = d;
    e->from = around;
    e->module = before;
    e->value = t ? expr_parse(t, ev->arena, ev->diag) : NULL;
    add_axes(ev, r, d, number);
}

static const spec *read_cell(evaluator *ev, const char *name)
{
    spec_status status;
    const char *path = arena_printf(ev->arena, "%s/%s.yaml", ev->cells, name);
    const spec *s = spec_read(path, true, ev->arena, ev->diag, &status);
    if (!s) {
        diag_flush(ev->diag);
        ev_fail(ev, "no cell", name);
    }
    return s;
}

/* M, or with the cell and the settings of the module of LIST whose parameters it shares.  */
static spec_module with_shared(const spec_module *list, size_t n, const spec_module *m)
{
    spec_module res = *m;
    for (size_t i = 0; m->share && i < n; i++)
        if (strcmp(list[i].name, m->share) == 0) {
            const spec_module from = with_shared(list, n, &list[i]);
            res.cell = from.cell;
            if (res.n_settings == 0) {
                res.setting = from.setting;
                res.n_settings = from.n_settings;
            }
        }
    return res;
}

static room *add_module(evaluator *ev, room *r, const spec_module *m, room *before)
{
    room *inner = ev_room(ev), *around = r, *owner = r;
    inner->parent = r;
    inner->prefix = arena_printf(ev->arena, "%s%s.", r->prefix, m->name);
    while (!around->spec)
        around = around->parent;
    if (!m->cell) {
        add_modules(ev, inner, m->layer, m->n_layers, true, before);
        return inner;
    }
    const spec *cell = read_cell(ev, m->cell);
    const name_entry *shared = m->share ? ev_find(&owner, m->share, false) : NULL;
    if (shared)
        inner->params = shared->module->params ? shared->module->params : shared->module;
    for (size_t k = 0; k < cell->n_args; k++)
        add_arg(ev, inner, around, m, &cell->arg[k]);
    for (size_t k = 0; k < cell->n_inputs; k++)
        add_input(ev, inner, around, m, k, &cell->input[k], before);
    ev_add_all(ev, inner, cell);
    return inner;
}

/* In a CHAIN each module's first input is the one before, unless it is given another.  */
static void add_modules(evaluator *ev, room *r, const spec_module *m, size_t n, bool chain,
                        room *before)
{
    for (size_t i = 0; i < n; i++) {
        const spec_module whole = m[i].cell ? with_shared(m, n, &m[i]) : m[i];
        room *inner = add_module(ev, r, &whole, chain ? before : NULL);
        ev_add(ev, r, IS_MODULE, m[i].name, false)->module = inner;
        before = inner;
    }
    if (chain)
        r->last = before;
}
