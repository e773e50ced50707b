/* SPDX-License-Identifier: Apache-2.0 */
/* In: a spec, numbers, and a seed.  Out: one step.  Names are evaluated when they are first asked
   for, so the order is that of the data.  */
#include "evaluate_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ev_fail(const evaluator *ev, const char *what, const char *name)
{
    fprintf(stderr, "evaluate: %s: %s '%s'\n", ev->spec ? ev->spec->name : "", what,
            name ? name : "");
    abort();
}

/* --- rooms ------------------------------------------------------------------------------------ */

room *ev_room(evaluator *ev)
{
    return ev->epoch ? flow_take(&ev->flow, sizeof(room)) : ARENA_NEW(ev->arena, room);
}

name_entry *ev_add(evaluator *ev, room *r, name_kind kind, const char *name, bool primed)
{
    if (r->n == r->cap) {
        const int cap = r->cap ? 2 * r->cap : 8;
        const size_t size = (size_t)cap * sizeof *r->entry;
        name_entry *more = ev->epoch ? flow_take(&ev->flow, size)
                                     : ARENA_ARRAY(ev->arena, name_entry, cap);
        if (r->n)
            memcpy(more, r->entry, (size_t)r->n * sizeof *more);
        r->entry = more;
        r->cap = cap;
    }
    r->entry[r->n] = (name_entry){.kind = kind, .name = name, .primed = primed, .var = -1,
                                  .bound_by = -1, .from = r};
    return &r->entry[r->n++];
}

static name_entry *find_here(room *r, const char *name, bool primed)
{
    for (int i = 0; i < r->n; i++)
        if (r->entry[i].primed == primed && strcmp(r->entry[i].name, name) == 0)
            return &r->entry[i];
    return NULL;
}

name_entry *ev_find(room **r, const char *name, bool primed)
{
    for (room *here = *r; here; here = here->outer) {
        name_entry *e = find_here(here, name, primed);
        if (e) {
            *r = here;
            return e;
        }
    }
    return NULL;
}

/* --- sizes ------------------------------------------------------------------------------------ */

/* The sizes that the axes of the cell's input NUMBER give.  */
static void bind_axes(evaluator *ev, room *r, int number)
{
    const array *x = ev_entry(ev, r, number);
    const spec_decl *d = r->entry[number].decl;
    for (size_t k = 0; k < d->rank; k++) {
        const bool named = d->dim[k]->kind == EXPR_NAME;
        name_entry *dim = named ? find_here(r, d->dim[k]->name, false) : NULL;
        if (dim && dim->kind == IS_DIM && dim->bound_by == number && !dim->known) {
            dim->number = x->dim[k];
            dim->known = true;
        }
    }
}

static int named_dim(evaluator *ev, room *r, const char *name)
{
    name_entry *found = ev_find(&r, name, false);
    if (!found || found->kind != IS_DIM)
        ev_fail(ev, "no size", name);
    const int index = (int)(found - r->entry);
    if (!found->known && found->bound_by >= 0)
        bind_axes(ev, r, found->bound_by);
    else if (!found->known)
        r->entry[index].number = ev_dim(ev, found->from, found->value);
    r->entry[index].known = true;
    return (int)r->entry[index].number;
}

int ev_dim(evaluator *ev, room *r, const expr *e)
{
    if (e->kind == EXPR_NUMBER)
        return (int)e->number;
    if (e->kind == EXPR_NAME)
        return named_dim(ev, r, e->name);
    const int a = ev_dim(ev, r, e->arg[0]), b = e->n_args > 1 ? ev_dim(ev, r, e->arg[1]) : 0;
    switch (e->name[0]) {
    case 'a': return a + b;
    case 's': return a - b;
    case 'm': return a * b;
    case 'n': return -a;
    default: return a / b;
    }
}

/* --- variables -------------------------------------------------------------------------------- */

static void find_binding(evaluator *ev, ev_var *v)
{
    for (int i = 0; i < ev->n_bound; i++) {
        const ev_binding *b = &ev->bound[i];
        if (b->kind != v->kind || strcmp(b->path, v->path) != 0)
            continue;
        if (b->n != v->n)
            ev_fail(ev, "another size than the model's:", v->path);
        v->value = b->value;
    }
    if (!v->value)
        ev_fail(ev, "no value", v->path);
}

static int new_var(evaluator *ev, room *r, const name_entry *e)
{
    const room *owner = e->var_kind == EV_PARAM && r->params ? r->params : r;
    const char *path = arena_printf(ev->arena, "%s%s", owner->prefix, e->name);
    for (int i = 0; i < ev->n_vars; i++)
        if (strcmp(ev->var[i].path, path) == 0 && ev->var[i].kind == e->var_kind)
            return i;
    if (ev->n_vars == EV_VARS)
        ev_fail(ev, "too many variables:", path);
    ev_var *v = &ev->var[ev->n_vars];
    *v = (ev_var){.kind = e->var_kind, .path = path, .pattern = -1};
    v->trainable = e->decl->trainable;
    v->traced = e->var_kind == EV_PARAM && e->decl->trace && e->decl->trainable;
    v->rank = (int)e->decl->rank;
    for (int k = 0; k < v->rank; k++)
        v->dim[k] = ev_dim(ev, r, e->decl->dim[k]);
    if (e->decl->sparse) {
        v->pattern = ev_read_pattern(ev, e->decl->sparse, v->dim[0], v->dim[1]);
        v->rank = 1;
        v->dim[0] = ev->pattern[v->pattern].n;
    }
    v->n = array_numel(v->rank, v->dim);
    find_binding(ev, v);
    return ev->n_vars++;
}

static array *var_value(evaluator *ev, room *r, int index)
{
    if (r->entry[index].var < 0) {
        const int var = new_var(ev, r, &r->entry[index]);
        r->entry[index].var = var;
    }
    const name_entry *e = &r->entry[index];
    ev_var *v = &ev->var[e->var];
    array *a = array_new(&ev->flow, v->rank, v->dim);
    memcpy(a->v, v->value, v->n * sizeof *a->v);
    a->of_params = v->kind == EV_PARAM;
    a->traced = v->traced ? 1ull << e->var : 0;
    a->pattern = v->pattern;
    a->is_index = e->decl->is_index;
    const bool all = ev->seed.kind == SEED_ALL;
    if (e->var == ev->seed.var && (all || ev->seed.kind == SEED_ELEMENT)) {
        a->t = flow_take(&ev->flow, v->n * sizeof *a->t);
        for (size_t i = 0; i < v->n; i++)
            a->t[i] = all || i == ev->seed.element;
    }
    if (e->decl->is_seed) { /* it counts by itself */
        v->next = array_stop(&ev->flow, a);
        v->next->v = flow_take(&ev->flow, sizeof *a->v);
        v->next->v[0] = a->v[0] + 1;
    }
    return a;
}

/* What a state's equation gives it.  */
static array *new_state(evaluator *ev, room *r, const name_entry *eq, array *x)
{
    name_entry *state = find_here(r, eq->name, false);
    if (!state || state->kind != IS_VAR)
        ev_fail(ev, "no state", eq->name);
    const int index = (int)(state - r->entry);
    ev_entry(ev, r, index);
    const int var = r->entry[index].var;
    ev_var *v = &ev->var[var];
    x = array_broadcast(&ev->flow, x, v->rank, v->dim);
    const bool met = ev->flow.mode == MODE_WEIGHTS && x->of_params; /* element-wise, by the state */
    if (v->kind == EV_STATE || met) {
        x = array_stop(&ev->flow, x);
    } else if (ev->seed.kind == SEED_NEW && ev->seed.var == var) {
        x = array_stop(&ev->flow, x);
        x->t = flow_take(&ev->flow, x->n * sizeof *x->t);
        x->t[ev->seed.element] = 1;
    } else if (ev->seed.kind == SEED_NEW && ev->seed.direct) {
        x->t = NULL;
    }
    return v->next = x;
}

/* --- values ----------------------------------------------------------------------------------- */

static array *const_value(evaluator *ev, room *r, const name_entry *e)
{
    const yaml_tree *t = e->decl->value;
    int dim[AXES_MAX];
    if (t->kind == YAML_SCALAR) {
        array *x = ev_expr(ev, r, expr_parse(t, ev->arena, ev->diag));
        for (size_t k = 0; k < e->decl->rank; k++)
            dim[k] = ev_dim(ev, r, e->decl->dim[k]);
        return e->decl->rank ? array_broadcast(&ev->flow, x, (int)e->decl->rank, dim) : x;
    }
    dim[0] = (int)t->n;
    array *x = array_new(&ev->flow, 1, dim);
    x->of_params = true;
    for (int i = 0; i < dim[0]; i++)
        x->v[i] = ev_expr(ev, r, expr_parse(t->item[i], ev->arena, ev->diag))->v[0];
    return x;
}

static array *module_value(evaluator *ev, room *r, const char *output)
{
    while (r->last)
        r = r->last;
    for (size_t i = 0; r->spec && i < r->spec->n_outputs; i++)
        if (!output || strcmp(r->spec->output[i].name, output) == 0)
            return ev_expr(ev, r, r->spec->output[i].value);
    ev_fail(ev, "no output", output);
    return NULL;
}

static array *compute(evaluator *ev, room *r, int index)
{
    const name_entry *e = &r->entry[index];
    switch (e->kind) {
    case IS_VAR: return var_value(ev, r, index);
    case IS_CONST: return const_value(ev, r, e);
    case IS_DIM: return array_number(&ev->flow, named_dim(ev, r, e->name));
    case IS_WORD: return array_number(&ev->flow, e->number);
    case IS_NUMBER:
    case IS_INPUT:
        return e->value ? ev_expr(ev, e->from, e->value) : module_value(ev, e->module, NULL);
    case IS_EQUATION: return ev_expr(ev, r, e->value);
    case IS_BLOCK: return ev_block_value(ev, r, e);
    case IS_MODULE: return module_value(ev, e->module, NULL);
    default: ev_fail(ev, "no value", e->name); return NULL;
    }
}

array *ev_entry(evaluator *ev, room *r, int index)
{
    name_entry *e = &r->entry[index];
    if (e->kind == IS_VALUE || (e->got && e->epoch == ev->epoch))
        return e->got;
    if (e->busy)
        ev_fail(ev, "a cycle through", e->name);
    e->busy = true;
    array *x = compute(ev, r, index);
    e = &r->entry[index];
    if (e->primed && !r->outer && (e->kind == IS_EQUATION || e->kind == IS_BLOCK))
        x = new_state(ev, r, e, x);
    e = &r->entry[index];
    e->busy = false;
    e->got = x;
    e->epoch = ev->epoch;
    return x;
}

/* a.b.c seen from R.  */
static array *path_value(evaluator *ev, room *r, const expr *e)
{
    const char *rest = e->name, *dot;
    char head[64];
    while ((dot = strchr(rest, '.')) != NULL) {
        snprintf(head, sizeof head, "%.*s", (int)(dot - rest), rest);
        const name_entry *m = rest == e->name ? ev_find(&r, head, false)
                                              : find_here(r, head, false);
        if (!m || m->kind != IS_MODULE)
            ev_fail(ev, "no module", head);
        r = m->module;
        rest = dot + 1;
    }
    if (rest != e->name && !e->primed && r->spec)
        for (size_t i = 0; i < r->spec->n_outputs; i++)
            if (strcmp(r->spec->output[i].name, rest) == 0)
                return module_value(ev, r, rest);
    const name_entry *found = ev_find(&r, rest, e->primed);
    if (!found)
        ev_fail(ev, "no name", e->name);
    return ev_entry(ev, r, (int)(found - r->entry));
}

static int bound_of(evaluator *ev, room *r, const expr *e, int n, int otherwise)
{
    const int x = e ? ev_dim(ev, r, e) : otherwise;
    return x < 0 ? n + x : x;
}

/* The element that a variable of type index picks, or -1: E is no such variable.  */
static int picked(evaluator *ev, room *r, const expr *e)
{
    const name_entry *index = e->kind == EXPR_NAME ? ev_find(&r, e->name, false) : NULL;
    if (!index || index->kind != IS_VAR)
        return -1;
    return (int)ev_entry(ev, r, (int)(index - r->entry))->v[0];
}

static array *slice_value(evaluator *ev, room *r, const expr *e)
{
    array *x = ev_expr(ev, r, e->arg[0]);
    int axis = 0;
    for (size_t k = 0; k < e->n_slices; k++) {
        const expr_slice *s = &e->slice[k];
        const int n = x->dim[axis], pick = s->single ? picked(ev, r, s->first) : -1;
        const int first = pick >= 0 ? pick : bound_of(ev, r, s->first, n, 0);
        const int last = s->single ? first + 1 : bound_of(ev, r, s->last, n, n);
        x = array_slice(&ev->flow, x, axis, first, last - first, s->single);
        axis += !s->single;
    }
    return x;
}

array *ev_expr(evaluator *ev, room *r, const expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER: return array_number(&ev->flow, e->number);
    case EXPR_NAME: return path_value(ev, r, e);
    case EXPR_CALL: return ev_call(ev, r, e);
    case EXPR_SLICE: return slice_value(ev, r, e);
    default: ev_fail(ev, "no value", e->name); return NULL;
    }
}

/* --- uses ------------------------------------------------------------------------------------- */

static bool same_numbers(const array *a, const array *b)
{
    return !a || !b ? a == b : a->n == b->n && memcmp(a->v, b->v, a->n * sizeof *a->v) == 0;
}

int ev_note_use(evaluator *ev, const char *op, array *x, array *w)
{
    for (int i = 0; strcmp(op, "element_wise") != 0 && i < ev->n_uses; i++)
        if (strcmp(ev->use[i].op, op) == 0 && ev->use[i].w->traced == w->traced
            && same_numbers(ev->use[i].x, x) && same_numbers(ev->use[i].w, w))
            return i;
    if (ev->n_uses == EV_USES)
        ev_fail(ev, "too many uses of weights in", ev->spec->name);
    ev->use[ev->n_uses] = (ev_use){.op = op, .x = x, .w = w, .dead = ev->dead > 0};
    return ev->n_uses++;
}

/* --- runs ------------------------------------------------------------------------------------- */

static void visit(evaluator *ev, room *r)
{
    for (int i = 0; i < r->n; i++) {
        const name_kind kind = r->entry[i].kind;
        if (kind == IS_VAR || kind == IS_EQUATION || kind == IS_BLOCK || kind == IS_INPUT)
            ev_entry(ev, r, i);
        else if (kind == IS_MODULE && r->entry[i].module)
            visit(ev, r->entry[i].module);
    }
}

static array *combine(evaluator *ev, const char *name, array *a, array *b)
{
    int n;
    const array_function f = array_find_function(name, &n);
    return array_map(&ev->flow, f, (array *[]){a, b}, 2);
}

static void add_loss(evaluator *ev, const spec_loss *loss)
{
    array *x = ev_expr(ev, ev->model, loss->value);
    if (loss->weight)
        x = combine(ev, "mul", ev_expr(ev, ev->model, loss->weight), x);
    ev->loss = ev->loss ? combine(ev, "add", ev->loss, x) : x;
}

static void begin(evaluator *ev, ev_seed seed)
{
    const spec_learning_value *dense = &ev->spec->learning.value[LEARN_DENSE];
    const bool hidden = seed.kind == SEED_ALL && ev->var[seed.var].kind == EV_HIDDEN;
    flow_reset(&ev->flow);
    ev->epoch++;
    ev->seed = seed;
    ev->dead = ev->n_uses = ev->n_streams = 0;
    ev->loss = NULL;
    ev->flow.mode = seed.mode;
    ev->flow.params_seed = seed.mode == MODE_ELEMENTS
                           || (seed.kind == SEED_ALL && ev->var[seed.var].kind == EV_PARAM)
                           || (seed.kind == SEED_USE && seed.element);
    ev->flow.diagonal = dense->said && strcmp(dense->word, "diagonal") == 0 && hidden;
}

void evaluate_run(evaluator *ev, ev_seed seed)
{
    begin(ev, seed);
    visit(ev, ev->model);
    ev->n_outputs = (int)ev->spec->n_outputs;
    for (int i = 0; i < ev->n_outputs; i++) {
        ev->output[i].name = ev->spec->output[i].name;
        ev->output[i].value = ev_expr(ev, ev->model, ev->spec->output[i].value);
    }
    for (size_t i = 0; i < ev->spec->n_losses; i++)
        add_loss(ev, &ev->spec->loss[i]);
}

evaluator *evaluate_open(const char *text, const char *cells)
{
    evaluator *ev = calloc(1, sizeof *ev);
    spec_status status;
    if (!ev)
        abort();
    ev->arena = arena_new();
    ev->diag = diag_new(ev->arena, 20);
    ev->cells = cells;
    ev->spec = spec_parse("model.yaml", text, strlen(text), false, ev->arena, ev->diag, &status);
    if (!ev->spec) {
        diag_flush(ev->diag);
        evaluate_close(ev);
        return NULL;
    }
    ev->model = ev_room(ev);
    ev->model->prefix = "";
    ev_add_all(ev, ev->model, ev->spec);
    return ev;
}

void evaluate_close(evaluator *ev)
{
    free(ev->flow.memory);
    arena_free(ev->arena);
    free(ev);
}

void evaluate_bind(evaluator *ev, ev_kind kind, const char *path, const double *value, size_t n)
{
    int i = 0;
    while (i < ev->n_bound && (ev->bound[i].kind != kind || strcmp(ev->bound[i].path, path) != 0))
        i++;
    if (i == EV_VARS)
        ev_fail(ev, "too many variables:", path);
    ev->n_bound += i == ev->n_bound;
    ev->bound[i] = (ev_binding){.kind = kind, .value = value, .n = n};
    snprintf(ev->bound[i].path, sizeof ev->bound[i].path, "%s", path);
    for (int k = 0; k < ev->n_vars; k++)
        if (ev->var[k].kind == kind && strcmp(ev->var[k].path, path) == 0)
            ev->var[k].value = value;
}

void evaluate_sample(evaluator *ev, int sample)
{
    ev->sample = sample;
}

/* --- what a run left -------------------------------------------------------------------------- */

int evaluate_n_vars(const evaluator *ev)
{
    return ev->n_vars;
}

ev_var *evaluate_var(evaluator *ev, int i)
{
    return &ev->var[i];
}

int evaluate_n_uses(const evaluator *ev)
{
    return ev->n_uses;
}

const ev_use *evaluate_use(const evaluator *ev, int i)
{
    return &ev->use[i];
}

int evaluate_n_outputs(const evaluator *ev)
{
    return ev->n_outputs;
}

const ev_output *evaluate_output(const evaluator *ev, int i)
{
    return &ev->output[i];
}

double evaluate_loss(const evaluator *ev)
{
    return ev->loss ? ev->loss->v[0] : 0;
}

double evaluate_loss_tangent(const evaluator *ev)
{
    if (!ev->loss)
        return 0;
    return (ev->loss->t ? ev->loss->t[0] : 0) + (ev->loss->u ? ev->loss->u[0] : 0);
}
