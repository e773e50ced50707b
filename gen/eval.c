/* SPDX-License-Identifier: Apache-2.0 */
/* In: expressions and a scope.  Out: nodes.  Every shape error names both shapes and both places; an
   operand that already failed (NO_NODE) is passed over in silence.  */
#include "scope.h"

#include <math.h>
#include <string.h>

static const int64_t numel_max = INT64_C(1) << 30;

enum { EVALS_MAX = 200000, DEPTH_MAX = 2000 };

bool eval_fits(lowering *lo, loc at, shape s)
{
    int64_t n = 1;
    for (int i = 0; i < s.rank; i++) {
        if (s.dim[i] > 0 && n > numel_max / s.dim[i]) {
            diag_error(lo->diag, at, "E0321", "%s has more than %lld elements",
                       shape_text(lo->arena, s), (long long)numel_max);
            return false;
        }
        n *= s.dim[i];
    }
    return true;
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
        symbol *sym = scope_find(sc, e->name, false);
        if (sym && sym->kind == SYM_DIM) {
            if (symbol_dim(lo, sc, sym, e->at, res))
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

bool eval_dim(lowering *lo, scope *sc, const expr *e, int64_t *res)
{
    if (!e || !dim_value(lo, sc, e, res))
        return false;
    if (*res >= 1 && *res <= INT32_MAX)
        return true;
    diag_error(lo->diag, e->at, "E0328", "a size is between 1 and %d, not %lld", INT32_MAX,
               (long long)*res);
    return false;
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

int eval_path(lowering *lo, scope *sc, const expr *e)
{
    return path_from(lo, sc, e, e->name);
}

/* --- calls ---------------------------------------------------------------------------------------- */

static op_code find_operator(const char *name)
{
    for (int op = 0; op < OP_COUNT; op++)
        if (op_table[op].elementwise && op != OP_real && op != OP_copy
            && strcmp(op_table[op].name, name) == 0)
            return (op_code)op;
    return OP_COUNT;
}

static void report_shapes(lowering *lo, const expr *e, const expr *first, shape a,
                          const expr *second, shape b)
{
    diag_error(lo->diag, e->at, "E0340", "%s and %s do not fit in '%s'", shape_text(lo->arena, a),
               shape_text(lo->arena, b), expr_sign(e->name));
    diag_note(lo->diag, first->at, "this is %s", shape_text(lo->arena, a));
    diag_note(lo->diag, second->at, "this is %s", shape_text(lo->arena, b));
}

/* Operators and the user's functions take values by their position alone.  */
static bool check_values(lowering *lo, const expr *e)
{
    for (size_t i = 0; i < e->n_args; i++) {
        if (e->keyword && e->keyword[i])
            diag_error(lo->diag, e->arg[i]->at, "E0357", "'%s' has no argument '%s='", e->name,
                       e->keyword[i]);
        else if (e->arg[i]->kind == EXPR_LIST)
            diag_error(lo->diag, e->arg[i]->at, "E0358", "'%s' does not take a list", expr_sign(e->name));
        else
            continue;
        return false;
    }
    return true;
}

static int call_operator(lowering *lo, const expr *e, op_code op, const int *arg)
{
    ir *g = lo->ir;
    if (!check_values(lo, e))
        return NO_NODE;
    if ((int)e->n_args != op_table[op].arity) {
        diag_error(lo->diag, e->at, "E0341", "'%s' takes %d argument%s, not %zu", e->name,
                   op_table[op].arity, op_table[op].arity == 1 ? "" : "s", e->n_args);
        return NO_NODE;
    }
    shape s = g->node[arg[0]].shape;
    for (size_t i = 1; i < e->n_args; i++) {
        shape mine = g->node[arg[i]].shape, fit;
        if (shape_broadcast(s, mine, &s))
            continue;
        size_t k = 0; /* the first argument that does not fit with this one */
        while (k < i - 1 && shape_broadcast(g->node[arg[k]].shape, mine, &fit))
            k++;
        report_shapes(lo, e, e->arg[k], g->node[arg[k]].shape, e->arg[i], mine);
        return NO_NODE;
    }
    return eval_fits(lo, e->at, s) ? ir_ew(g, op, arg) : NO_NODE;
}

/* A user's function: its arguments are symbols of a scope of its own, behind which stand the functions of
   the scope where it was declared.  */
static int call_user(lowering *lo, scope *home, const expr *e, const spec_function *f,
                     const int *arg)
{
    if (!check_values(lo, e))
        return NO_NODE;
    if (f->n_args != e->n_args) {
        diag_error(lo->diag, e->at, "E0342", "'%s' takes %zu argument%s, not %zu", f->name,
                   f->n_args, f->n_args == 1 ? "" : "s", e->n_args);
        diag_note(lo->diag, f->at, "it is declared here");
        return NO_NODE;
    }
    if (f->derivative) {
        diag_error(lo->diag, f->at, "E0343", "a stated derivative is not supported yet");
        return NO_NODE;
    }
    for (const scope *caller = home; caller; caller = caller->parent)
        if (caller->function == f) {
            diag_error(lo->diag, e->at, "E0344", "the function '%s' calls itself", f->name);
            return NO_NODE;
        }
    scope *inner = ARENA_NEW(lo->arena, scope);
    inner->spec = home->spec;
    inner->parent = home;
    inner->prefix = home->prefix;
    inner->name = f->name;
    inner->function = f;
    for (size_t i = 0; i < f->n_args; i++) {
        symbol *sym = scope_add(lo, inner, SYM_ARGUMENT, f->arg[i], f->at);
        sym->node = arg[i];
        sym->progress = DONE;
    }
    for (size_t i = 0; i < home->n; i++)
        if (home->symbol[i].kind == SYM_USER)
            scope_add(lo, inner, SYM_USER, home->symbol[i].name, f->at)->function =
                home->symbol[i].function;
    return eval(lo, inner, f->value);
}

static void unknown_function(lowering *lo, scope *sc, const expr *e, const char *name, loc at)
{
    const char *names[256];
    size_t n = builtin_names(names, 100);
    for (int op = 0; op < OP_COUNT; op++)
        if (op_table[op].elementwise)
            names[n++] = op_table[op].name;
    for (size_t i = 0; i < sc->n && n < 256; i++)
        if (sc->symbol[i].kind == SYM_USER || sc->symbol[i].kind == SYM_FUNCTION)
            names[n++] = sc->symbol[i].name;
    const char *near = diag_nearest(name, names, n);
    diag_error(lo->diag, at, "E0203", "unknown function '%s'%s%s%s", name,
               near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    if (name != e->name)
        diag_note(lo->diag, e->at, "it is called here as '%s'", e->name);
}

/* NAME, written at AT, may be a cell's argument: follow it to the scope in which its value was written.  */
static int call_by_name(lowering *lo, scope *sc, const expr *e, const char *name, loc at,
                        const int *arg)
{
    symbol *sym = scope_find(sc, name, false);
    if (sym && sym->kind == SYM_USER)
        return call_user(lo, sc, e, sym->function, arg);
    if (sym && sym->kind == SYM_FUNCTION && sym->text)
        return call_by_name(lo, sym->from == sc ? sc->parent : sym->from, e, sym->text, sym->at,
                            arg);
    if (builtin_known(name)) {
        expr call = *e;
        call.name = name;
        return builtin_call(lo, sc, &call, arg);
    }
    op_code op = find_operator(name);
    if (op != OP_COUNT)
        return call_operator(lo, e, op, arg);
    unknown_function(lo, sc, e, name, at);
    return NO_NODE;
}

static int eval_call(lowering *lo, scope *sc, const expr *e)
{
    int *arg = ARENA_ARRAY(lo->arena, int, e->n_args + 1);
    bool failed = false;
    for (size_t i = 0; i < e->n_args; i++) {
        bool is_value = !(e->keyword && e->keyword[i]) && e->arg[i]->kind != EXPR_LIST;
        arg[i] = is_value ? eval(lo, sc, e->arg[i]) : NO_NODE;
        failed = failed || (is_value && arg[i] == NO_NODE);
    }
    return failed ? NO_NODE : call_by_name(lo, sc, e, e->name, e->at, arg);
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

static int slice_axis(lowering *lo, scope *sc, const expr_slice *s, const expr *e, int x, int axis)
{
    ir *g = lo->ir;
    int64_t n = g->node[x].shape.dim[axis], first, last;
    if (s->single && g->node[x].shape.rank == 1 && s->first && s->first->kind == EXPR_NAME) {
        symbol *sym = scope_find(sc, s->first->name, false);
        int index = sym && sym->kind == SYM_VAR ? eval(lo, sc, s->first) : NO_NODE;
        if (index != NO_NODE && g->node[index].type == TYPE_INDEX
            && g->node[index].shape.rank == 0)
            return ir_take(g, x, index);
    }
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
        int rank = g->node[x].shape.rank;
        x = slice_axis(lo, sc, &e->slice[k], e, x, (int)k);
        if (x == NO_NODE || g->node[x].shape.rank < rank)
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
    case EXPR_NUMBER: return ir_const(lo->ir, e->number, shape_scalar());
    case EXPR_NAME: return eval_path(lo, sc, e);
    case EXPR_CALL: return eval_call(lo, sc, e);
    case EXPR_SLICE: return eval_slice(lo, sc, e);
    default:
        diag_error(lo->diag, e->at, "E0348", "a list has no place here");
        return NO_NODE;
    }
}

int eval(lowering *lo, scope *sc, const expr *e)
{
    if (lo->n_evals > EVALS_MAX)
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
