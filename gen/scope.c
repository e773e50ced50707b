/* SPDX-License-Identifier: Apache-2.0 */
/* In: the spec and the cell files it names.  Out: scopes full of symbols, evaluated on demand.
   Afterwards every declaration knows its place in the spec (order), however late it is evaluated.  */
#include "scope.h"

#include "loop.h"
#include "origin.h"

#include <stdio.h>
#include <string.h>

/* Smaller scopes are searched from end to end.  */
enum { INDEXED = 16, DIM_UNKNOWN = -2 };

static size_t hash_of(const char *name, bool primed)
{
    size_t h = primed;
    for (; *name; name++)
        h = h * 31 + (unsigned char)*name;
    return h;
}

static bool is_called(const symbol *sym, const char *name, bool primed)
{
    return sym->primed == primed && strcmp(sym->name, name) == 0;
}

/* The slot of the first symbol of that name, or the empty one where it belongs.  */
static int *find_slot(const scope *sc, const char *name, bool primed)
{
    size_t i = hash_of(name, primed) % sc->n_slots;
    while (sc->slot[i] && !is_called(&sc->symbol[sc->slot[i] - 1], name, primed))
        i = (i + 1) % sc->n_slots;
    return &sc->slot[i];
}

symbol *scope_find(scope *sc, const char *name, bool primed)
{
    if (sc->n_slots) {
        int at = *find_slot(sc, name, primed);
        return at ? &sc->symbol[at - 1] : NULL;
    }
    for (size_t i = 0; i < sc->n; i++)
        if (is_called(&sc->symbol[i], name, primed))
            return &sc->symbol[i];
    return NULL;
}

static symbol *push(lowering *lo, scope *sc, symbol sym)
{
    arena_grow(lo->arena, &sc->symbol, sc->n, &sc->cap, sizeof *sc->symbol);
    sc->symbol[sc->n++] = sym;
    size_t first = sc->n - 1;
    if (sc->n > INDEXED && sc->n * 2 > sc->n_slots) {
        sc->n_slots = sc->n * 4;
        sc->slot = ARENA_ARRAY(lo->arena, int, sc->n_slots);
        first = 0;
    }
    for (size_t i = first; sc->n_slots && i < sc->n; i++) {
        int *slot = find_slot(sc, sc->symbol[i].name, sc->symbol[i].primed);
        if (*slot == 0)
            *slot = (int)i + 1;
    }
    return &sc->symbol[sc->n - 1];
}

symbol *scope_lookup(scope **sc, const char *name, bool primed)
{
    for (scope *here = *sc; here; here = here->outer) {
        symbol *sym = scope_find(here, name, primed);
        if (sym) {
            *sc = here;
            return sym;
        }
    }
    return NULL;
}

symbol *scope_add(lowering *lo, scope *sc, symbol_kind kind, const char *name, loc at)
{
    symbol *old = scope_find(sc, name, false);
    if (old && kind != SYM_ARGUMENT) {
        diag_error(lo->diag, at, "E0301", "'%s' is declared twice", name);
        diag_note(lo->diag, old->at, "the first time here");
    }
    symbol fresh = {.kind = kind, .name = name, .at = at, .node = NO_NODE, .var = -1,
                    .bound_by = -1, .from = sc, .order = lo->order++};
    return push(lo, sc, fresh);
}

static void add_decls(lowering *lo, scope *sc, const spec_decl *d, size_t n, var_kind kind)
{
    for (size_t i = 0; i < n; i++) {
        symbol *sym = scope_add(lo, sc, SYM_VAR, d[i].name, d[i].at);
        sym->decl = &d[i];
        sym->var_kind = kind;
    }
}

symbol *scope_assign(lowering *lo, scope *sc, symbol_kind kind, const char *name, bool primed, loc at)
{
    const symbol *old = scope_find(sc, name, primed);
    if (old) {
        bool assigned = old->kind == SYM_EQUATION || old->kind == SYM_BLOCK;
        diag_error(lo->diag, at, "E0302",
                   assigned ? "'%s%s' is assigned twice"
                            : "'%s%s' is declared already and cannot be assigned",
                   name, primed ? "'" : "");
        diag_note(lo->diag, old->at, assigned ? "the first time here" : "it is declared here");
        if (old->kind == SYM_ARGUMENT
            || (old->kind == SYM_VAR && (old->var_kind == VAR_HIDDEN || old->var_kind == VAR_STATE)))
            diag_note(lo->diag, at,
                      kind == SYM_BLOCK ? "carry it under a name of its own: u, and then %s' = u"
                                        : "the new value is written %s'", name);
        return NULL;
    }
    return push(lo, sc, (symbol){.kind = kind, .name = name, .primed = primed, .at = at,
                                 .node = NO_NODE, .from = sc, .var = -1, .bound_by = -1});
}

void scope_add_equations(lowering *lo, scope *sc, const spec_equation *eq, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const expr *target = eq[i].target;
        if (eq[i].form != SPEC_ASSIGN) {
            control_add(lo, sc, &eq[i]);
            continue;
        }
        symbol *sym = scope_assign(lo, sc, SYM_EQUATION, target->name, target->primed, target->at);
        if (!sym)
            continue;
        sym->value = eq[i].value;
        sym->equation = eq[i].text;
    }
}

static void add_consts(lowering *lo, scope *sc, const spec *s)
{
    for (size_t i = 0; i < s->n_consts; i++) {
        symbol *sym = scope_add(lo, sc, SYM_CONST, s->constant[i].name, s->constant[i].at);
        sym->decl = &s->constant[i];
    }
}

void scope_add_all(lowering *lo, scope *sc, const spec *s)
{
    add_decls(lo, sc, s->param, s->n_params, VAR_PARAM);
    add_decls(lo, sc, s->hidden, s->n_hidden, VAR_HIDDEN);
    add_decls(lo, sc, s->state, s->n_states, VAR_STATE);
    add_consts(lo, sc, s);
    for (size_t i = 0; i < s->n_functions; i++)
        scope_add(lo, sc, SYM_USER, s->function[i].name, s->function[i].at)->function =
            &s->function[i];
    module_add_all(lo, sc, s);
    scope_add_equations(lo, sc, s->equation, s->n_equations);
}

static void add_dims(lowering *lo, scope *sc, const spec *s)
{
    for (size_t i = 0; i < s->n_dims; i++) {
        symbol *sym = scope_add(lo, sc, SYM_DIM, s->dim[i].name, s->dim[i].at);
        sym->value = expr_parse(s->dim[i].value, lo->arena, lo->diag);
        sym->progress = sym->value ? FRESH : DONE;
    }
}

scope *scope_model(lowering *lo, const spec *s)
{
    scope *sc = ARENA_NEW(lo->arena, scope);
    sc->spec = s;
    sc->prefix = "";
    sc->name = s->name;
    sc->at = s->name_at;
    add_dims(lo, sc, s);
    add_decls(lo, sc, s->input, s->n_inputs, VAR_INPUT);
    add_decls(lo, sc, s->target, s->n_targets, VAR_TARGET);
    import_all(lo, s);
    scope_add_all(lo, sc, s);
    return sc;
}

/* --- evaluation on demand ------------------------------------------------------------------------ */

/* The parameter of the module OWNER that stands for SYM of SC too.  */
static int shared_var(lowering *lo, scope *sc, symbol *sym, scope *owner, shape s)
{
    symbol *own = scope_find(owner, sym->name, false);
    int x = own && own->kind == SYM_VAR ? symbol_node(lo, owner, own, sym->at) : NO_NODE;
    if (x == NO_NODE)
        return NO_NODE;
    own = scope_find(owner, sym->name, false);
    sym->var = own->var;
    if (sym->decl->sparse || shape_equal(lo->ir->var[own->var].shape, s))
        return x;
    diag_error(lo->diag, sc->at, "E0391", "'%s' shares its parameters with '%s', but its %s is %s and not "
               "%s", sc->name, owner->name, sym->name, shape_text(lo->arena, s),
               shape_text(lo->arena, lo->ir->var[own->var].shape));
    return NO_NODE;
}

static int make_var(lowering *lo, scope *sc, symbol *sym)
{
    shape s;
    if (!eval_shape(lo, sc, sym->decl, &s) || !eval_fits(lo, sym->at, s))
        return NO_NODE;
    scope *owner = sym->var_kind == VAR_PARAM ? module_shared(sc) : NULL;
    if (owner)
        return shared_var(lo, sc, sym, owner, s);
    const spec_decl *d = sym->decl;
    const char *path = arena_printf(lo->arena, "%s%s", sc->prefix, sym->name);
    int sparse = d->sparse ? sparse_read(lo, d->sparse, s) : -1;
    shape matrix = s;
    if (d->sparse && sparse < 0)
        return NO_NODE;
    if (d->sparse)
        s = shape_of1(lo->ir->pattern[sparse].n);
    sym->var = ir_var(lo->ir, sym->var_kind, path, s, d->is_index ? TYPE_INDEX : TYPE_REAL,
                      sym->at);
    var *v = &lo->ir->var[sym->var];
    v->order = sym->order;
    v->trainable = d->trainable;
    v->traced = d->trainable && d->trace;
    if (d->is_index && d->size)
        eval_dim(lo, sc, d->size, &v->index_size);
    v->pattern = sparse;
    int now = v->now;
    if (d->events)
        lo->ir->node[now].events = EVENTS_SAID;
    init_read(lo, sc, d, matrix, sym->var);
    return now;
}

/* The shape of the input D as far as it is known: [n_in, 3].  */
static const char *declared_shape(lowering *lo, scope *sc, const spec_decl *d)
{
    const char *text = "";
    for (size_t k = 0; k < d->rank; k++) {
        const expr *e = d->dim[k];
        symbol *dim = e->kind == EXPR_NAME ? scope_find(sc, e->name, false) : NULL;
        bool free = dim && dim->kind == SYM_DIM && dim->progress != DONE;
        int64_t value = 0;
        const char *size = free                          ? e->name
                           : eval_dim(lo, sc, e, &value) ? arena_printf(lo->arena, "%lld", (long long)value)
                                                         : "?";
        text = arena_printf(lo->arena, "%s%s%s", text, k ? ", " : "", size);
    }
    return arena_printf(lo->arena, "[%s]", text);
}

static bool bind_shape(lowering *lo, scope *sc, symbol *sym, int x)
{
    const spec_decl *d = sym->decl;
    shape s = lo->ir->node[x].shape;
    const char *declared = declared_shape(lo, sc, d);
    bool fits = s.rank == (int)d->rank;
    for (int k = 0; fits && k < s.rank; k++) {
        const expr *e = d->dim[k];
        symbol *dim = e->kind == EXPR_NAME ? scope_find(sc, e->name, false) : NULL;
        int64_t want;
        if (dim && dim->kind == SYM_DIM && dim->bound_by >= 0 && dim->progress == FRESH) {
            dim->dim = s.dim[k];
            dim->progress = DONE;
        } else if (!eval_dim(lo, sc, e, &want)) {
            return false;
        } else {
            fits = want == s.dim[k];
        }
    }
    if (!fits) {
        diag_error(lo->diag, sym->value ? sym->value->at : sc->at, "E0320",
                   "module '%s' is given %s, but its input '%s' is %s", sc->name,
                   shape_text(lo->arena, s), sym->name, declared);
        diag_note(lo->diag, sym->at, "the input is declared here");
    }
    return fits;
}

static int input_node(lowering *lo, scope *sc, symbol *sym, loc use)
{
    int x = sym->value ? eval(lo, sym->from, sym->value)
                       : scope_output(lo, sym->module, NULL, use);
    size_t index = (size_t)(sym - sc->symbol);
    if (x == NO_NODE || !bind_shape(lo, sc, &sc->symbol[index], x))
        return NO_NODE;
    if (sc->symbol[index].decl->events)
        lo->ir->node[x].events = EVENTS_SAID;
    return x;
}

/* Is X no element-wise operator's result, or one that canon.c takes apart where it is read?  */
static bool is_seen_through(const ir *g, int x)
{
    x = loop_within(g, x);
    const ir_node *v = &g->node[x];
    return !ir_elementwise(g, x) || v->op == OP_neg || v->op == OP_copy
           || (v->op == OP_mul && g->node[v->arg[0]].op == OP_const);
}

/* The new value of a state has the state's shape, and is the result of an element-wise operator of its
   own: so it is never at the same time the output of a weight op, and whoever reads it reads this node.  */
static int new_value(lowering *lo, scope *sc, const symbol *eq, int x)
{
    ir *g = lo->ir;
    symbol *state = scope_find(sc, eq->name, false);
    if (!state || state->kind != SYM_VAR || symbol_node(lo, sc, state, eq->at) == NO_NODE)
        return NO_NODE;
    const var *v = &g->var[state->var];
    shape s = g->node[x].shape, fit;
    if (!shape_broadcast(s, v->shape, &fit) || !shape_equal(fit, v->shape)) {
        diag_error(lo->diag, eq->at, "E0371", "%s' is %s, but %s is %s", eq->name,
                   shape_text(lo->arena, s), eq->name, shape_text(lo->arena, v->shape));
        diag_note(lo->diag, state->at, "the state is declared here");
        return NO_NODE;
    }
    x = ir_broadcast(g, x, v->shape);
    if (v->type == TYPE_INDEX)
        return ir_ew1(g, OP_index, x);
    if (g->node[x].type != TYPE_REAL)
        x = ir_ew1(g, OP_real, x);
    if (v->kind == VAR_STATE)
        x = ir_ew1(g, OP_stop_gradient, x);
    return is_seen_through(g, x) ? ir_own_copy(g, x, state->var) : x;
}

/* What an equation or a block gives SYM: X.  A block's own new values become those of states only outside.  */
static int equation_node(lowering *lo, scope *sc, const symbol *sym, int x)
{
    if (x != NO_NODE && sym->primed && !sc->outer)
        x = new_value(lo, sc, sym, x);
    if (x == NO_NODE)
        return NO_NODE;
    char *name = arena_printf(lo->arena, "%s%s%s", sc->prefix, sym->name,
                              sym->primed ? "_new" : "");
    for (char *p = name; *p; p++)
        if (*p == '.')
            *p = '_';
    return ir_name(lo->ir, x, name, lower_comment(lo, sc->spec, sym->at.line, sym->equation));
}

static int compute(lowering *lo, scope *sc, symbol *sym, loc use)
{
    switch (sym->kind) {
    case SYM_VAR: return make_var(lo, sc, sym);
    case SYM_CONST: return constant_node(lo, sc, sym->decl);
    case SYM_NUMBER: return sym->value ? eval(lo, sym->from, sym->value) : NO_NODE;
    case SYM_INPUT: return input_node(lo, sc, sym, use);
    case SYM_EQUATION: return equation_node(lo, sc, sym, eval(lo, sc, sym->value));
    case SYM_BLOCK: return equation_node(lo, sc, sym, control_value(lo, sc, sym, use));
    case SYM_MODULE: return scope_output(lo, sym->module, NULL, use);
    case SYM_DIM: {
        int64_t value;
        if (!symbol_dim(lo, sc, sym, use, &value))
            return NO_NODE;
        return ir_const(lo->ir, (double)value, shape_scalar());
    }
    default:
        diag_error(lo->diag, use, "E0313", "'%s' is a function; it needs arguments", sym->name);
        return NO_NODE;
    }
}

/* A value that is being computed.  */
struct busy {
    const scope *sc;
    size_t index; /* of its symbol */
};

static const char *full_name(lowering *lo, const struct busy *b)
{
    const symbol *sym = &b->sc->symbol[b->index];
    return arena_printf(lo->arena, "%s%s%s", b->sc->prefix, sym->name, sym->primed ? "'" : "");
}

/* What SYM reads, and so on until it is read again.  */
static const char *cycle_text(lowering *lo, const scope *sc, const symbol *sym, size_t *first)
{
    const char *text = "";
    *first = lo->n_busy;
    while (*first > 0 && !(lo->busy[*first - 1].sc == sc && &sc->symbol[lo->busy[*first - 1].index] == sym))
        --*first;
    for (size_t i = *first; i < lo->n_busy; i++)
        text = arena_printf(lo->arena, "%s%s%s", text, i > *first ? ", which reads " : "", full_name(lo, &lo->busy[i]));
    return text;
}

static void report_cycle(lowering *lo, scope *sc, const symbol *sym, loc use)
{
    size_t first;
    if (sym->kind == SYM_DIM) {
        diag_error(lo->diag, use, "E0314", "the size '%s' depends on itself", sym->name);
        diag_note(lo->diag, sym->at, "it is declared here");
        return;
    }
    const char *others = cycle_text(lo, sc, sym, &first), *name = arena_printf(lo->arena, "%s%s%s", sc->prefix, sym->name,
                                                                               sym->primed ? "'" : "");
    diag_error(lo->diag, use, "E0314", "'%s' depends on itself within one step%s%s%s%s", name, *others ? ": it reads " : "",
               others, *others ? ", which reads " : "", *others ? name : "");
    diag_note(lo->diag, sym->at, "it is computed here; a state without a prime (h, not h') is "
                                 "the value before the step and breaks the cycle");
    for (size_t i = first; i < lo->n_busy; i++)
        diag_note(lo->diag, lo->busy[i].sc->symbol[lo->busy[i].index].at, "%s is computed here",
                  full_name(lo, &lo->busy[i]));
}

/* What the nodes of SYM come from: its equation, or what an input of its module is given.  */
static int place_of(lowering *lo, const scope *sc, const symbol *sym)
{
    ir *g = lo->ir;
    if (sym->kind == SYM_EQUATION || sym->kind == SYM_BLOCK)
        return origin_place(g, sym->at, sym->equation, sc->prefix, PASS_STEP);
    if (sym->kind == SYM_INPUT && sym->value)
        return origin_place(g, sym->value->at, diag_line_text(lo->arena, sym->value->at), sc->prefix,
                            PASS_STEP);
    return g->here;
}

int symbol_node(lowering *lo, scope *sc, symbol *sym, loc use)
{
    if (sym->progress == DONE && sym->kind != SYM_DIM)
        return sym->node;
    if (sym->progress == BUSY) {
        report_cycle(lo, sc, sym, use);
        return NO_NODE;
    }
    if (!eval_may_nest(lo, use))
        return NO_NODE;
    if (sym->kind == SYM_DIM)
        return compute(lo, sc, sym, use);
    size_t index = (size_t)(sym - sc->symbol);
    sym->progress = BUSY;
    lo->depth++;
    struct busy b = {sc, index};
    ARENA_PUSH(lo->arena, lo->busy, lo->n_busy, lo->cap_busy, b);
    int before = origin_begin(lo->ir, place_of(lo, sc, sym));
    int x = compute(lo, sc, sym, use);
    origin_begin(lo->ir, before);
    lo->n_busy--;
    lo->depth--;
    sc->symbol[index].node = x;
    sc->symbol[index].progress = DONE;
    return x;
}

bool symbol_dim(lowering *lo, scope *sc, symbol *sym, loc use, int64_t *res)
{
    size_t index = (size_t)(sym - sc->symbol);
    if (sym->progress == BUSY) {
        report_cycle(lo, sc, sym, use);
        return false;
    }
    if (sym->progress == FRESH && sym->bound_by >= 0) {
        symbol_node(lo, sc, &sc->symbol[sym->bound_by], use);
    } else if (sym->progress == FRESH) {
        if (!eval_may_nest(lo, use))
            return false;
        sym->progress = BUSY;
        int64_t value = 0;
        lo->depth++;
        bool ok = (sym->may_be_zero ? eval_count : eval_dim)(lo, sym->from, sym->value, &value);
        lo->depth--;
        sc->symbol[index].dim = ok ? value : DIM_UNKNOWN;
        sc->symbol[index].progress = DONE;
    }
    *res = sc->symbol[index].dim;
    return *res > 0 || (*res == 0 && sc->symbol[index].may_be_zero);
}

int scope_output(lowering *lo, scope *sc, const char *name, loc use)
{
    if (!sc)
        return NO_NODE;
    if (!sc->spec)
        return scope_output(lo, sc->last_layer, name, use);
    for (size_t i = 0; i < sc->n_outputs; i++)
        if (!name || strcmp(sc->output[i].name, name) == 0)
            return sc->output[i].value ? eval(lo, sc, sc->output[i].value) : NO_NODE;
    if (!name)
        diag_error(lo->diag, use, "E0316", "module '%s' has no output", sc->name);
    return NO_NODE;
}
