/* SPDX-License-Identifier: Apache-2.0 */
/* In: calls by name.  Out: nodes.  A name is the user's function, a cell's argument that stands for one, a
   function of builtin.c, activation.c or surrogate.c, or an operator of ops.def, in this order.  */
#include "scope.h"

#include <string.h>

enum { NESTING_MAX = 200 };

/* The operators that have a name in the language.  */
static bool has_name(op_code op)
{
    return op_table[op].elementwise && op != OP_real && op != OP_copy && op != OP_graft
           && op != OP_weight && op != OP_index && op != OP_next_seed && op != OP_random
           && op != OP_repeat;
}

static op_code find_operator(const char *name)
{
    for (int op = 0; op < OP_COUNT; op++)
        if (has_name((op_code)op) && strcmp(op_table[op].name, name) == 0)
            return (op_code)op;
    return OP_COUNT;
}

/* The shape of all arguments together; false after an error.  */
static bool common_shape(lowering *lo, const expr *e, const int *arg, shape *res)
{
    const ir *g = lo->ir;
    *res = g->node[arg[0]].shape;
    for (size_t i = 1; i < e->n_args; i++) {
        shape mine = g->node[arg[i]].shape, fit;
        if (shape_broadcast(*res, mine, res))
            continue;
        size_t k = 0; /* the first argument that does not fit with this one */
        while (k < i - 1 && shape_broadcast(g->node[arg[k]].shape, mine, &fit))
            k++;
        shape other = g->node[arg[k]].shape;
        diag_error(lo->diag, e->at, "E0340", "%s and %s do not fit in '%s'", shape_text(lo->arena, other),
                   shape_text(lo->arena, mine), expr_sign(e->name));
        diag_note(lo->diag, e->arg[k]->at, "this is %s", shape_text(lo->arena, other));
        diag_note(lo->diag, e->arg[i]->at, "this is %s", shape_text(lo->arena, mine));
        return false;
    }
    return eval_fits(lo, e->at, *res);
}

/* False after an error: an argument is a list or has a name, and CALLEE takes none such.  */
static bool all_values(lowering *lo, const expr *e, const char *callee, const int *arg)
{
    for (size_t i = 0; i < e->n_args; i++) {
        if (arg[i] != NO_NODE)
            continue;
        if (e->keyword && e->keyword[i])
            diag_error(lo->diag, e->arg[i]->at, "E0357", "'%s' has no argument '%s='", callee,
                       e->keyword[i]);
        else
            diag_error(lo->diag, e->arg[i]->at, "E0358", "'%s' does not take a list or a text",
                       expr_sign(callee));
        return false;
    }
    return true;
}

static int call_operator(lowering *lo, const expr *e, op_code op, const int *arg)
{
    shape s;
    if (!all_values(lo, e, e->name, arg))
        return NO_NODE;
    if ((int)e->n_args != op_table[op].arity) {
        diag_error(lo->diag, e->at, "E0341", "'%s' takes %d argument%s, not %zu", e->name,
                   op_table[op].arity, op_table[op].arity == 1 ? "" : "s", e->n_args);
        return NO_NODE;
    }
    return common_shape(lo, e, arg, &s) ? ir_ew(lo->ir, op, arg) : NO_NODE;
}

/* --- the user's functions ---------------------------------------------------------------------------- */

/* The scope of F's arguments, behind which stand the functions of HOME, where F was declared.  */
static scope *make_scope(lowering *lo, scope *home, const spec_function *f)
{
    scope *inner = ARENA_NEW(lo->arena, scope);
    inner->spec = home->spec;
    inner->prefix = home->prefix;
    inner->name = f->name;
    inner->function = f;
    for (size_t i = 0; i < f->n_args; i++)
        scope_add(lo, inner, SYM_ARGUMENT, f->arg[i], f->at)->progress = DONE;
    for (size_t i = 0; i < home->n; i++)
        if (home->symbol[i].kind == SYM_USER && !scope_find(inner, home->symbol[i].name, false))
            scope_add(lo, inner, SYM_USER, home->symbol[i].name, f->at)->function =
                home->symbol[i].function;
    ARENA_PUSH(lo->arena, home->inner, home->n_inner, home->cap_inner, inner);
    return inner;
}

/* F called with ARG from HOME.  No function is inside of itself, so one scope serves all calls.  */
static scope *function_scope(lowering *lo, scope *home, const spec_function *f, const int *arg)
{
    scope *declared = home, *inner = NULL;
    while (declared->function)
        declared = declared->parent;
    for (size_t i = 0; i < declared->n_inner; i++)
        if (declared->inner[i]->function == f)
            inner = declared->inner[i];
    if (!inner)
        inner = make_scope(lo, declared, f);
    inner->parent = home;
    for (size_t i = 0; i < f->n_args; i++)
        inner->symbol[i].node = arg[i];
    return inner;
}

int function_eval(lowering *lo, scope *home, const spec_function *f, const expr *body, const int *arg)
{
    int x = eval(lo, function_scope(lo, home, f, arg), body);
    if (x != NO_NODE && lo->ir->node[x].type == TYPE_BOOL)
        x = ir_ew1(lo->ir, OP_real, x);
    return x;
}

/* Is every node from FIRST on element-wise?  */
static bool works_by_position(const ir *g, int first)
{
    for (int n = first; n < g->n_nodes; n++) {
        op_code op = g->node[n].op;
        if (!op_table[op].elementwise && op != OP_const && op != OP_broadcast && op != OP_var)
            return false;
    }
    return true;
}

/* The value F, with no derivative of its own, and what is stated grafted on for each argument.  */
static int call_stated(lowering *lo, scope *home, const expr *e, const spec_function *f,
                       const int *given)
{
    ir *g = lo->ir;
    shape s;
    if (!f->derivative || !common_shape(lo, e, given, &s))
        return NO_NODE;
    int *arg = ARENA_ARRAY(lo->arena, int, f->n_args + 1);
    for (size_t i = 0; i < f->n_args; i++)
        arg[i] = ir_broadcast(g, given[i], s);
    int first = g->n_nodes;
    int x = function_eval(lo, home, f, f->value, arg);
    if (x == NO_NODE)
        return NO_NODE;
    x = ir_ew1(g, OP_stop_gradient, ir_broadcast(g, x, s));
    for (size_t i = 0; i < f->n_args; i++) {
        int d = function_eval(lo, home, f, f->derivative[i], arg);
        if (d == NO_NODE)
            return NO_NODE;
        x = works_by_position(g, first) ? ir_ew3(g, OP_graft, x, arg[i], d) : x;
    }
    if (works_by_position(g, first))
        return x;
    diag_error(lo->diag, f->at, "E0343", "'%s' mixes positions: a derivative can be stated for an "
                                         "element-wise function only", f->name);
    return NO_NODE;
}

int function_call_user(lowering *lo, scope *home, const expr *e, const spec_function *f, const int *arg)
{
    if (f->n_args != e->n_args) {
        diag_error(lo->diag, e->at, "E0342", "'%s' takes %zu argument%s, not %zu", f->name,
                   f->n_args, f->n_args == 1 ? "" : "s", e->n_args);
        diag_note(lo->diag, f->at, "it is declared here");
        return NO_NODE;
    }
    for (const scope *caller = home; caller; caller = caller->parent)
        if (caller->function == f) {
            diag_error(lo->diag, e->at, "E0344", "the function '%s' calls itself", f->name);
            return NO_NODE;
        }
    if (!all_values(lo, e, f->name, arg))
        return NO_NODE;
    return f->stated ? call_stated(lo, home, e, f, arg) : function_eval(lo, home, f, f->value, arg);
}

/* --- by name ------------------------------------------------------------------------------------------ */

static void unknown_function(lowering *lo, scope *sc, const expr *e, const expr *named)
{
    const char *names[256];
    size_t n = builtin_names(names, 100);
    n += activation_names(names + n, 50);
    names[n++] = "spike";
    for (int op = 0; op < OP_COUNT; op++)
        if (has_name((op_code)op))
            names[n++] = op_table[op].name;
    for (size_t i = 0; i < sc->n && n < 256; i++)
        if (sc->symbol[i].kind == SYM_USER || sc->symbol[i].kind == SYM_FUNCTION)
            names[n++] = sc->symbol[i].name;
    const char *near = diag_nearest(named->name, names, n);
    diag_error(lo->diag, named->at, "E0203", "unknown function '%s'%s%s%s", named->name,
               near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    if (named != e)
        diag_note(lo->diag, e->at, "it is called here as '%s'", e->name);
}

const expr *function_named(lowering *lo, scope **sc, const expr *name)
{
    for (int i = 0; i < NESTING_MAX; i++) {
        scope *home = *sc;
        bool named = name && (name->kind == EXPR_NAME || name->kind == EXPR_CALL);
        symbol *sym = named ? scope_lookup(&home, name->name, false) : NULL;
        if (!sym || sym->kind != SYM_FUNCTION)
            return name;
        bool itself = sym->value && sym->from == home && strcmp(sym->value->name, sym->name) == 0;
        *sc = itself ? NULL : sym->from;
        name = sym->value;
        if (itself)
            return name;
    }
    diag_error(lo->diag, name->at, "E0359", "'%s' stands for itself", name->name);
    return NULL;
}

static int call_by_name(lowering *lo, scope *sc, const expr *e, const int *arg)
{
    scope *home = sc;
    const expr *named = function_named(lo, &home, e);
    if (!named)
        return NO_NODE;
    if (named != e && named->kind != EXPR_NAME) {
        diag_error(lo->diag, named->at, "E0318", "the name of a function is wanted here");
        return NO_NODE;
    }
    expr call = *e;
    call.name = named->name;
    symbol *sym = home ? scope_lookup(&home, call.name, false) : NULL;
    if (sym && sym->kind == SYM_USER)
        return function_call_user(lo, home, e, sym->function, arg);
    if (strcmp(call.name, "spike") == 0)
        return surrogate_spike(lo, sc, &call, arg);
    if (builtin_known(call.name))
        return builtin_call(lo, sc, &call, arg);
    if (activation_known(call.name))
        return activation_call(lo, sc, &call, arg);
    op_code op = find_operator(call.name);
    if (op != OP_COUNT)
        return call_operator(lo, &call, op, arg);
    unknown_function(lo, home ? home : sc, e, named);
    return NO_NODE;
}

static bool is_param(const ir *g, int x)
{
    return x != NO_NODE && g->node[x].op == OP_var && g->var[g->node[x].var].kind == VAR_PARAM;
}

/* Calls that may hand a parameter on to a weight op get it as it is, and what it meets there is masked.  */
int function_call(lowering *lo, scope *sc, const expr *e)
{
    int *arg = ARENA_ARRAY(lo->arena, int, e->n_args + 1);
    bool failed = false, mixing = find_operator(e->name) == OP_COUNT, weight = false;
    for (size_t i = 0; i < e->n_args; i++) {
        bool is_value = !(e->keyword && e->keyword[i]) && e->arg[i]->kind != EXPR_LIST
                        && e->arg[i]->kind != EXPR_STRING;
        arg[i] = !is_value                                 ? NO_NODE
                 : mixing && e->arg[i]->kind == EXPR_NAME ? eval_path(lo, sc, e->arg[i], true)
                                                          : eval(lo, sc, e->arg[i]);
        failed = failed || (is_value && arg[i] == NO_NODE);
        weight = weight || (mixing && is_param(lo->ir, arg[i]));
    }
    for (size_t i = 0; weight && i < e->n_args; i++)
        if (arg[i] != NO_NODE && !is_param(lo->ir, arg[i]))
            arg[i] = control_mask(lo, sc, arg[i]);
    return failed ? NO_NODE : call_by_name(lo, sc, e, arg);
}
