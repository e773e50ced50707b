/* SPDX-License-Identifier: Apache-2.0 */
/* In: expressions and a scope.  Out: nodes.  Every shape error names both shapes and both places; an
   operand that already failed (NO_NODE) is passed over in silence.  */
#include "scope.h"

#include <math.h>
#include <string.h>

static const int64_t numel_max = INT64_C(1) << 30;

/* Behind so many errors nothing more is evaluated.  */
enum { EVALS_MAX = 200000, DEPTH_MAX = 2000, ERRORS_ENOUGH = 1000 };

bool eval_fits(lowering *lo, loc at, shape s)
{
    int64_t n = 1;
    for (int i = 0; i < s.rank; i++) {
        if (s.dim[i] > 0 && n > numel_max / s.dim[i]) {
            diag_error(lo->diag, at, "E0321", "%s has more than %lld elements: %lld times %lld",
                       shape_text(lo->arena, s), (long long)numel_max, (long long)n,
                       (long long)s.dim[i]);
            return false;
        }
        n *= s.dim[i];
    }
    return true;
}

bool eval_number_fits(lowering *lo, loc at, double x)
{
    if (ir_has_number(lo->ir, x))
        return true;
    diag_error(lo->diag, at, "E0368", "%g is too large for a float", x);
    diag_note(lo->diag, at, "'dtype: float64' has numbers up to 1.8e308");
    return false;
}

bool eval_may_nest(lowering *lo, loc at)
{
    if (lo->depth < DEPTH_MAX)
        return true;
    diag_error(lo->diag, at, "E0315", "too many values wait for one another here: the limit is %d",
               DEPTH_MAX);
    return false;
}

/* --- whole numbers ---------------------------------------------------------------------------- */

static bool dim_operator(lowering *lo, const expr *e, int64_t a, int64_t b, int64_t *res)
{
    bool overflow = false;
    if (strcmp(e->name, "add") == 0)
        overflow = __builtin_add_overflow(a, b, res);
    else if (strcmp(e->name, "sub") == 0)
        overflow = __builtin_sub_overflow(a, b, res);
    else if (strcmp(e->name, "mul") == 0)
        overflow = __builtin_mul_overflow(a, b, res);
    else if (strcmp(e->name, "div") == 0 && b != 0 && a % b == 0)
        *res = a / b;
    else if (strcmp(e->name, "div") == 0) {
        diag_error(lo->diag, e->at, "E0322", "%lld is not a multiple of %lld", (long long)a,
                   (long long)b);
        return false;
    } else {
        diag_error(lo->diag, e->at, "E0323", "'%s' has no place in a size", expr_sign(e->name));
        return false;
    }
    if (overflow)
        diag_error(lo->diag, e->at, "E0324", "the size overflows: %lld and %lld", (long long)a,
                   (long long)b);
    return !overflow;
}

static bool dim_value(lowering *lo, scope *sc, const expr *e, int64_t *res)
{
    if (e->kind == EXPR_NUMBER && e->integer && fabs(e->number) < 9e15) {
        *res = (int64_t)e->number;
        return true;
    }
    if (e->kind == EXPR_NAME && !e->primed) {
        scope *home = sc;
        symbol *sym = scope_lookup(&home, e->name, false);
        if (sym && sym->kind == SYM_DIM) {
            if (symbol_dim(lo, home, sym, e->at, res))
                return true;
            if (diag_errors(lo->diag) == 0)
                diag_error(lo->diag, e->at, "E0325", "the size '%s' is not known", e->name);
            return false;
        }
        const char **names = ARENA_ARRAY(lo->arena, const char *, sc->n + 1);
        size_t n = 0;
        for (size_t i = 0; i < sc->n; i++)
            if (sc->symbol[i].kind == SYM_DIM)
                names[n++] = sc->symbol[i].name;
        const char *near = diag_nearest(e->name, names, n);
        diag_error(lo->diag, e->at, "E0326", "there is no size '%s'%s%s%s", e->name,
                   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
        return false;
    }
    if (e->kind == EXPR_CALL && e->n_args == 2) {
        int64_t a, b;
        return dim_value(lo, sc, e->arg[0], &a) && dim_value(lo, sc, e->arg[1], &b)
               && dim_operator(lo, e, a, b, res);
    }
    diag_error(lo->diag, e->at, "E0327", "a size is a whole number, a name from dims, or + - * / of "
                                         "such");
    return false;
}

static bool whole_from(lowering *lo, scope *sc, const expr *e, int least, int64_t *res)
{
    if (!e || !dim_value(lo, sc, e, res))
        return false;
    if (*res >= least && *res <= INT32_MAX)
        return true;
    diag_error(lo->diag, e->at, "E0328", "a size is between %d and %d, not %lld", least, INT32_MAX,
               (long long)*res);
    return false;
}

bool eval_dim(lowering *lo, scope *sc, const expr *e, int64_t *res)
{
    return whole_from(lo, sc, e, 1, res);
}

bool eval_count(lowering *lo, scope *sc, const expr *e, int64_t *res)
{
    return whole_from(lo, sc, e, 0, res);
}

bool eval_shape(lowering *lo, scope *sc, const spec_decl *d, shape *res)
{
    *res = shape_scalar();
    if (d->rank > RANK_MAX) {
        diag_error(lo->diag, d->at, "E0329", "'%s' has %zu axes; at most %d are supported", d->name,
                   d->rank, RANK_MAX);
        return false;
    }
    for (size_t k = 0; k < d->rank; k++)
        if (!d->dim[k] || !eval_dim(lo, sc, d->dim[k], &res->dim[k]))
            return false;
    res->rank = (int)d->rank;
    return true;
}

/* --- names -------------------------------------------------------------------------------------- */

static bool is_name(const expr *e, const char *name)
{
    return e && e->kind == EXPR_NAME && strcmp(e->name, name) == 0;
}

static void unknown_name(lowering *lo, scope *sc, const expr *e, const char *name)
{
    const char **names = ARENA_ARRAY(lo->arena, const char *, sc->n + 1);
    for (size_t i = 0; i < sc->n; i++)
        names[i] = sc->symbol[i].name;
    const char *near = diag_nearest(name, names, sc->n);
    symbol *plain = scope_find(sc, name, false);
    if (e->primed && plain && plain->kind == SYM_VAR)
        diag_error(lo->diag, e->at, "E0330", "%s' is read here, but step has no equation for it",
                   e->name);
    else if (sc->parent)
        diag_error(lo->diag, e->at, "E0331", "'%s' is not known in '%s'%s%s%s", name, sc->name,
                   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    else
        diag_error(lo->diag, e->at, "E0332", "'%s' is not known%s%s%s", name,
                   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    for (size_t i = 0; !sc->parent && sc->spec && i < sc->spec->n_outputs; i++)
        if (strcmp(sc->spec->output[i].name, name) == 0 && !is_name(sc->spec->output[i].value, name))
            diag_note(lo->diag, sc->spec->output[i].at, "'outputs' names what is shown, not a value that can be read: "
                                                        "write an equation, '%s = ...', in step", name);
}

/* a.b.c seen from SC: walk into modules, then a declaration, an equation or an output.  */
static int path_from(lowering *lo, scope *sc, const expr *e, const char *rest)
{
    const char *dot = strchr(rest, '.');
    if (!dot) {
        for (size_t i = 0; !e->primed && sc->parent && i < sc->n_outputs; i++)
            if (rest != e->name && strcmp(sc->output[i].name, rest) == 0)
                return scope_output(lo, sc, rest, e->at);
        symbol *sym = scope_find(sc, rest, e->primed);
        if (sym)
            return symbol_node(lo, sc, sym, e->at);
        unknown_name(lo, sc, e, rest);
        return NO_NODE;
    }
    const char *head = arena_strndup(lo->arena, rest, (size_t)(dot - rest));
    symbol *sym = scope_find(sc, head, false);
    if (!sym || sym->kind != SYM_MODULE) {
        unknown_name(lo, sc, e, head);
        return NO_NODE;
    }
    return sym->module ? path_from(lo, sym->module, e, dot + 1) : NO_NODE;
}

int eval_path(lowering *lo, scope *sc, const expr *e, bool bare)
{
    scope *home = sc;
    const char *dot = strchr(e->name, '.');
    const char *head = dot ? arena_strndup(lo->arena, e->name, (size_t)(dot - e->name)) : e->name;
    if (!scope_lookup(&home, head, !dot && e->primed))
        while (home->outer)
            home = home->outer;
    return control_guard(lo, sc, home, path_from(lo, home, e, e->name), bare);
}

/* --- slices --------------------------------------------------------------------------------------- */

static bool slice_bound(lowering *lo, scope *sc, const expr *e, int64_t n, int64_t fallback,
                        int64_t *res)
{
    int64_t written;
    *res = fallback;
    if (!e)
        return true;
    if (e->kind == EXPR_CALL && strcmp(e->name, "neg") == 0 && e->n_args == 1) {
        if (!dim_value(lo, sc, e->arg[0], &written))
            return false;
        written = -written;
    } else if (!dim_value(lo, sc, e, &written)) {
        return false;
    }
    *res = written < 0 ? n + written : written;
    if (*res >= 0 && *res <= n)
        return true;
    diag_error(lo->diag, e->at, "E0345", "%lld is outside of an axis of %lld elements",
               (long long)written, (long long)n);
    return false;
}

/* The whole number that E names, a value known only when the program runs; NO_NODE if it is none.  */
static int index_node(lowering *lo, scope *sc, const expr *e)
{
    const expr *name = e && e->kind == EXPR_SLICE ? e->arg[0] : e;
    scope *home = sc;
    const symbol *sym = name && name->kind == EXPR_NAME ? scope_lookup(&home, name->name, false) : NULL;
    if (!sym || (sym->kind != SYM_VAR && sym->kind != SYM_INPUT))
        return NO_NODE;
    int x = eval(lo, sc, e);
    return x != NO_NODE && lo->ir->node[x].type == TYPE_INDEX && lo->ir->node[x].shape.rank == 0
               ? x
               : NO_NODE;
}

/* Element INDEX of the last axis of X, which has N.  */
static int pick(lowering *lo, const expr *e, int x, int index, int64_t n)
{
    int64_t size = ir_index_size(lo->ir, index);
    if (size > 0 && size <= n)
        return ir_take(lo->ir, x, index);
    diag_error(lo->diag, e->at, "E0422", "an index of %lld values for an axis of %lld elements",
               (long long)size, (long long)n);
    if (size == 0)
        diag_note(lo->diag, e->at, "how far a state goes is not known; only inputs and targets of "
                                   "'type: index' pick an element");
    return NO_NODE;
}

static int slice_axis(lowering *lo, scope *sc, const expr_slice *s, const expr *e, int x, int axis)
{
    ir *g = lo->ir;
    int64_t n = g->node[x].shape.dim[axis], first, last;
    int index = s->single ? index_node(lo, sc, s->first) : NO_NODE;
    if (index != NO_NODE && axis == g->node[x].shape.rank - 1)
        return pick(lo, s->first, x, index, n);
    if (!slice_bound(lo, sc, s->first, n, 0, &first)
        || (!s->single && !slice_bound(lo, sc, s->last, n, n, &last)))
        return NO_NODE;
    if (s->single)
        last = first + 1;
    if (last > n || first >= last) {
        diag_error(lo->diag, e->at, "E0346", "the slice from %lld to %lld of an axis of %lld "
                                             "elements is empty or too long",
                   (long long)first, (long long)last, (long long)n);
        return NO_NODE;
    }
    return ir_slice(g, x, axis, first, last - first);
}

static int eval_slice(lowering *lo, scope *sc, const expr *e)
{
    ir *g = lo->ir;
    int x = eval(lo, sc, e->arg[0]);
    if (x == NO_NODE)
        return NO_NODE;
    if ((int)e->n_slices > g->node[x].shape.rank) {
        diag_error(lo->diag, e->at, "E0347", "%zu subscripts for %s", e->n_slices,
                   shape_text(lo->arena, g->node[x].shape));
        return NO_NODE;
    }
    shape kept = shape_scalar();
    for (size_t k = 0; k < e->n_slices; k++) {
        x = slice_axis(lo, sc, &e->slice[k], e, x, (int)k);
        if (x == NO_NODE)
            return x;
    }
    shape s = g->node[x].shape;
    for (int k = 0; k < s.rank; k++)
        if (k >= (int)e->n_slices || !e->slice[k].single)
            kept.dim[kept.rank++] = s.dim[k];
    return ir_reshape(g, x, kept);
}

static int eval_kind(lowering *lo, scope *sc, const expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER:
        return eval_number_fits(lo, e->at, e->number) ? ir_const(lo->ir, e->number, shape_scalar()) : NO_NODE;
    case EXPR_NAME: return eval_path(lo, sc, e, false);
    case EXPR_CALL: return function_call(lo, sc, e);
    case EXPR_SLICE: return eval_slice(lo, sc, e);
    default:
        diag_error(lo->diag, e->at, "E0348", "a list or a text has no place here");
        return NO_NODE;
    }
}

int eval(lowering *lo, scope *sc, const expr *e)
{
    if (lo->n_evals > EVALS_MAX || diag_errors(lo->diag) >= ERRORS_ENOUGH)
        return NO_NODE;
    if (++lo->n_evals > EVALS_MAX) {
        diag_error(lo->diag, e->at, "E0349", "the model is too large: the limit is %d operations, with "
                                             "functions and cells written out", EVALS_MAX);
        return NO_NODE;
    }
    if (!eval_may_nest(lo, e->at))
        return NO_NODE;
    lo->depth++;
    int x = eval_kind(lo, sc, e);
    lo->depth--;
    return x;
}
