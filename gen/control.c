/* SPDX-License-Identifier: Apache-2.0 */
/* In: repeat, if and while.  Out: nodes; every iteration and both branches are in the graph.

   A repeat is its body as often as it says; one of more than unroll_limit iterations stays a loop (region.c,
   loop.c).  Of an if, every name that the branches
   assign becomes where(condition, then, else).  A while is a repeat whose iterations keep what they got once
   the condition has failed.

   What a branch reads from outside passes a guard: the value itself, with the condition as its derivative.  So
   nothing flows back out of a branch that is not taken, not even a NaN that arose in it (0 * NaN is NaN, but
   where(false, NaN, 0) is 0).  Parameters that a weight op reads stay as they are, for graph.c looks for them;
   what they meet there becomes zero in a branch that is not taken, so that their gradient does, too.  */
#include "loop.h"
#include "region.h"
#include "scope.h"

#include <string.h>

struct block {
    const spec_equation *eq;
    progress progress; /* of a loop */
    scope *branch[2];  /* of an if: then, else */
    int condition;     /* of an if, once a branch was asked for; else NO_NODE */
    int *value;        /* of a loop, when DONE: what its carries end with */
};

static const char *word_of(const block *b)
{
    static const char *const word[] = {[SPEC_REPEAT] = "repeat", [SPEC_IF] = "if", [SPEC_WHILE] = "while"};
    return word[b->eq->form];
}

static scope *inner_scope(lowering *lo, scope *sc)
{
    scope *inner = ARENA_NEW(lo->arena, scope);
    inner->spec = sc->spec;
    inner->prefix = sc->prefix;
    inner->name = sc->name;
    inner->parent = sc->parent;
    inner->outer = sc;
    inner->at = sc->at;
    return inner;
}

static bool is_assigned(const symbol *sym)
{
    return sym->kind == SYM_EQUATION || sym->kind == SYM_BLOCK;
}

/* --- names ---------------------------------------------------------------------------------------------- */

static void assign(lowering *lo, scope *sc, block *b, const char *name, bool primed, loc at)
{
    symbol *sym = scope_assign(lo, sc, SYM_BLOCK, name, primed, at);
    if (!sym)
        return;
    sym->block = b;
    sym->equation = b->eq->text;
}

static void add_branches(lowering *lo, scope *sc, block *b)
{
    static const char *const word[] = {"then", "else"};
    const spec_equation *eq = b->eq;
    for (int k = 0; k < 2; k++) {
        b->branch[k] = inner_scope(lo, sc);
        scope_add_equations(lo, b->branch[k], k ? eq->other : eq->body, k ? eq->n_other : eq->n_body);
    }
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < b->branch[k]->n; i++) {
            const symbol *sym = &b->branch[k]->symbol[i];
            if (!scope_find(b->branch[1 - k], sym->name, sym->primed)) {
                diag_error(lo->diag, sym->at, "E0333", "'%s%s' is assigned in '%s' alone", sym->name,
                           sym->primed ? "'" : "", word[k]);
                diag_note(lo->diag, eq->at, "both branches of this 'if' assign the same names");
            } else if (k == 0) {
                assign(lo, sc, b, sym->name, sym->primed, sym->at);
            }
        }
    }
}

void control_add(lowering *lo, scope *sc, const spec_equation *eq)
{
    block *b = ARENA_NEW(lo->arena, block);
    b->eq = eq;
    b->condition = NO_NODE;
    if (eq->form == SPEC_IF)
        add_branches(lo, sc, b);
    for (size_t i = 0; i < eq->n_carry; i++)
        assign(lo, sc, b, eq->carry[i].name, false, eq->carry[i].at);
}

/* --- conditions and guards ------------------------------------------------------------------------------- */

/* The value X with CONDITION (1 or 0) as its derivative.  */
static int guard(ir *g, int x, int condition)
{
    const ir_node *v = &g->node[x];
    if (v->type != TYPE_REAL || v->op == OP_const || g->node[condition].op == OP_const)
        return x;
    if (v->op == OP_var && g->var[v->var].kind != VAR_HIDDEN && g->var[v->var].kind != VAR_PARAM)
        return x;
    shape s = v->shape;
    int one = ir_const(g, 1, s), zero = ir_const(g, 0, s);
    int mask = ir_ew3(g, OP_where, condition, one, zero);
    return ir_ew3(g, OP_graft, ir_ew1(g, OP_stop_gradient, x), x, mask);
}

int control_guard(lowering *lo, const scope *sc, const scope *home, int x, bool bare)
{
    const ir_node *v = x == NO_NODE ? NULL : &lo->ir->node[x];
    if (!v || sc == home || !sc || (bare && v->op == OP_var && lo->ir->var[v->var].kind == VAR_PARAM))
        return x;
    x = control_guard(lo, sc->outer, home, x, bare);
    return sc->guarded ? guard(lo->ir, x, sc->guard) : x;
}

int control_mask(lowering *lo, const scope *sc, int x)
{
    ir *g = lo->ir;
    for (; sc; sc = sc->outer)
        if (sc->guarded && g->node[x].type == TYPE_REAL && g->node[x].op != OP_const)
            x = ir_ew3(g, OP_where, sc->guard, x, ir_const(g, 0, shape_scalar()));
    return x;
}

static int condition_node(lowering *lo, scope *sc, const block *b)
{
    int c = eval(lo, sc, b->eq->value);
    if (c == NO_NODE || lo->ir->node[c].shape.rank == 0)
        return c;
    diag_error(lo->diag, b->eq->value->at, "E0334", "the condition of '%s' is a scalar, not %s",
               word_of(b), shape_text(lo->arena, lo->ir->node[c].shape));
    diag_note(lo->diag, b->eq->value->at, "max(...) makes one of 'any', min(...) of 'all'; where(c, a, b) "
                                          "chooses element by element");
    return NO_NODE;
}

/* where(C, A, B), if A and B fit.  */
static int choose(lowering *lo, int c, int a, int b, const char *name, loc at)
{
    ir *g = lo->ir;
    shape s;
    if (a == NO_NODE || b == NO_NODE)
        return NO_NODE;
    if (shape_broadcast(g->node[a].shape, g->node[b].shape, &s))
        return ir_ew3(g, OP_where, c, a, b);
    diag_error(lo->diag, at, "E0335", "'%s' is %s or %s", name, shape_text(lo->arena, g->node[a].shape),
               shape_text(lo->arena, g->node[b].shape));
    return NO_NODE;
}

static int if_value(lowering *lo, scope *sc, block *b, const symbol *sym)
{
    if (b->condition == NO_NODE) {
        int c = condition_node(lo, sc, b);
        if (c == NO_NODE)
            return NO_NODE;
        b->condition = c;
        b->branch[0]->guarded = b->branch[1]->guarded = true;
        b->branch[0]->guard = c;
        b->branch[1]->guard = ir_ew1(lo->ir, OP_not, c);
    }
    int x[2];
    for (int k = 0; k < 2; k++) {
        symbol *own = scope_find(b->branch[k], sym->name, sym->primed);
        x[k] = own ? symbol_node(lo, b->branch[k], own, own->at) : NO_NODE;
    }
    return choose(lo, b->condition, x[0], x[1], sym->name, sym->at);
}

/* --- loops ------------------------------------------------------------------------------------------------ */

/* How many iterations; 0 after an error.  */
static int64_t iterations(lowering *lo, scope *sc, const block *b)
{
    int64_t n = b->eq->max;
    if (b->eq->form == SPEC_REPEAT && !eval_dim(lo, sc, b->eq->value, &n))
        return 0;
    if (n > SPEC_REPEAT_MAX) {
        diag_error(lo->diag, b->eq->value->at, "E0336", "a repeat of %lld iterations is too long: it is "
                   "written out, and %d is the most", (long long)n, SPEC_REPEAT_MAX);
        return 0;
    }
    return n;
}

/* What the body assigns with a prime are the carries, all of them and no others.  */
static bool carries_fit(lowering *lo, const block *b, scope *body)
{
    const spec_equation *eq = b->eq;
    bool fit = true;
    for (size_t k = 0; k < body->n; k++) {
        const symbol *sym = &body->symbol[k];
        if (!sym->primed || scope_find(body, sym->name, false))
            continue;
        fit = false;
        diag_error(lo->diag, sym->at, "E0337", "%s' is assigned in a '%s' that does not carry '%s'",
                   sym->name, word_of(b), sym->name);
        diag_note(lo->diag, eq->at, "other names are local to an iteration; after the block, 'h' = u' gives "
                                    "a state what was carried");
    }
    for (size_t i = 0; i < eq->n_carry; i++) {
        if (scope_find(body, eq->carry[i].name, true))
            continue;
        fit = false;
        diag_error(lo->diag, eq->carry[i].at, "E0338", "'%s' is carried, but %s' is never assigned",
                   eq->carry[i].name, eq->carry[i].name);
    }
    return fit;
}

static void bind_carries(lowering *lo, scope *sc, const block *b, const int *u, int condition)
{
    for (size_t i = 0; i < b->eq->n_carry; i++) {
        symbol *sym = scope_add(lo, sc, SYM_ARGUMENT, b->eq->carry[i].name, b->eq->carry[i].at);
        sym->node = condition == NO_NODE ? u[i] : guard(lo->ir, u[i], condition);
        sym->progress = DONE;
    }
}

/* The new U of one carry.  Only the first iteration may widen it.  */
static int next_carry(lowering *lo, const spec_output *carry, int u, int x, int condition, bool first)
{
    ir *g = lo->ir;
    shape s;
    if (x == NO_NODE)
        return NO_NODE;
    shape old = g->node[u].shape, new = g->node[x].shape;
    if (!shape_broadcast(old, new, &s) || !shape_equal(s, new) || (!first && !shape_equal(old, new))) {
        diag_error(lo->diag, carry->at, "E0339", "'%s' is %s before an iteration and %s after it",
                   carry->name, shape_text(lo->arena, old), shape_text(lo->arena, new));
        return NO_NODE;
    }
    if (g->node[x].type == TYPE_BOOL)
        x = ir_ew1(g, OP_real, x);
    return condition == NO_NODE ? x : ir_ew3(g, OP_where, condition, x, u);
}

/* One iteration: U is brought to the next.  False after an error.  */
static bool iterate(lowering *lo, scope *sc, const block *b, int *u, bool first)
{
    const spec_equation *eq = b->eq;
    int condition = NO_NODE;
    if (eq->form == SPEC_WHILE) {
        scope *test = inner_scope(lo, sc);
        bind_carries(lo, test, b, u, NO_NODE);
        condition = condition_node(lo, test, b);
        if (condition == NO_NODE)
            return false;
    }
    scope *body = inner_scope(lo, sc);
    body->guarded = condition != NO_NODE;
    body->guard = condition;
    bind_carries(lo, body, b, u, condition);
    scope_add_equations(lo, body, eq->body, eq->n_body);
    if (first && !carries_fit(lo, b, body))
        return false;
    bool whole = true;
    for (size_t k = 0; k < body->n; k++)
        if (is_assigned(&body->symbol[k]))
            whole = symbol_node(lo, body, &body->symbol[k], body->symbol[k].at) != NO_NODE && whole;
    for (size_t i = 0; whole && i < eq->n_carry; i++) {
        symbol *sym = scope_find(body, eq->carry[i].name, true);
        u[i] = next_carry(lo, &eq->carry[i], u[i], sym->node, condition, first);
        whole = u[i] != NO_NODE;
    }
    return whole;
}

/* WHY the loop cannot stay one.  */
static void refuse_loop(lowering *lo, const block *b, const char *why)
{
    diag_error(lo->diag, b->eq->at, "E0367", "this '%s' is longer than unroll_limit, %d, and cannot stay a loop: "
               "%s", word_of(b), lo->unroll_limit, why);
    diag_note(lo->diag, b->eq->at, "a higher 'unroll_limit' in the model writes all iterations out");
}

/* What the carries are like behind one iteration: the first may widen them.  */
static bool carry_shapes(lowering *lo, scope *sc, const block *b, shape *res)
{
    int *u = ARENA_ARRAY(lo->arena, int, b->eq->n_carry);
    memcpy(u, b->value, sizeof *u * b->eq->n_carry);
    if (!iterate(lo, sc, b, u, true))
        return false;
    for (size_t i = 0; i < b->eq->n_carry; i++)
        res[i] = lo->ir->node[u[i]].shape;
    return true;
}

/* N iterations as a loop of any nodes.  */
static bool make_general(lowering *lo, const scope *sc, block *b, int64_t n, const int *bound, const int *next)
{
    ir *g = lo->ir;
    int n_carry = (int)b->eq->n_carry;
    int L = loop_close(g, &(loop_plan){.count = n, .of = NO_NODE, .n_carry = n_carry, .bound = bound,
                                       .next = next, .init = b->value}, NULL);
    int deep = loop_too_deep(g, L);
    ir_name(g, L, NULL, arena_printf(lo->arena, "%s:%d: %s, %lld turns", sc->spec->base_name, b->eq->at.line,
                                     word_of(b), (long long)n));
    for (int i = 0; i < n_carry; i++)
        b->value[i] = loop_last(g, L, bound[i]);
    if (deep != NO_NODE)
        refuse_loop(lo, b, arena_printf(lo->arena, "its body has a value of %d axes, %s, and the iterations are one "
                                        "more", RANK_MAX, shape_text(lo->arena, g->node[deep].shape)));
    return deep == NO_NODE;
}

/* N iterations as a loop of the emitted code: position by position within other loops if that can be (region.c), and
   else by itself (loop.c).  */
static bool make_loop(lowering *lo, scope *sc, block *b, int64_t n)
{
    ir *g = lo->ir;
    size_t n_carry = b->eq->n_carry;
    int *bound = ARENA_ARRAY(lo->arena, int, n_carry), *next = ARENA_ARRAY(lo->arena, int, n_carry);
    shape *s = ARENA_ARRAY(lo->arena, shape, n_carry);
    bool alike = true;
    if (!carry_shapes(lo, sc, b, s))
        return false;
    for (size_t i = 0; i < n_carry; i++) {
        if (g->node[b->value[i]].type != TYPE_REAL)
            b->value[i] = ir_ew1(g, OP_real, b->value[i]);
        b->value[i] = ir_broadcast(g, b->value[i], s[i]);
        next[i] = bound[i] = ir_name(g, loop_bound(g, TYPE_REAL, s[i]), b->eq->carry[i].name, NULL);
        alike = alike && shape_equal(s[i], s[0]);
    }
    int64_t streams = lo->n_streams;
    if (!iterate(lo, sc, b, next, false))
        return false;
    if (lo->n_streams != streams) {
        refuse_loop(lo, b, "it draws other random numbers in each iteration");
        return false;
    }
    if (alike && region_make(g, n, (int)n_carry, bound, next, b->value) == NO_NODE)
        return true;
    return make_general(lo, sc, b, n, bound, next);
}

static bool of_parameters(const ir *g, const int *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!g->node[value[i]].of_params)
            return false;
    return n > 0;
}

/* A loop of parameters alone is written out, however long: reverse mode would lose what it hands
   to them.  */
static bool run_loop(lowering *lo, scope *sc, block *b)
{
    const spec_equation *eq = b->eq;
    int errors = diag_errors(lo->diag);
    int64_t n = iterations(lo, sc, b);
    for (size_t i = 0; i < eq->n_carry; i++) {
        b->value[i] = eval(lo, sc, eq->carry[i].value);
        if (b->value[i] == NO_NODE)
            return false;
    }
    int *begin = ARENA_ARRAY(lo->arena, int, eq->n_carry);
    memcpy(begin, b->value, sizeof *begin * eq->n_carry);
    if (n > lo->unroll_limit) {
        if (!make_loop(lo, sc, b, n))
            return false;
        if (!of_parameters(lo->ir, b->value, eq->n_carry))
            return true;
        memcpy(b->value, begin, sizeof *begin * eq->n_carry);
    }
    for (int64_t k = 0; k < n; k++)
        if (!iterate(lo, sc, b, b->value, k == 0) || diag_errors(lo->diag) > errors)
            return false;
    return n > 0;
}

static int loop_value(lowering *lo, scope *sc, block *b, const symbol *sym, loc use)
{
    size_t k = 0;
    while (strcmp(b->eq->carry[k].name, sym->name) != 0)
        k++;
    if (b->progress == BUSY) {
        diag_error(lo->diag, use, "E0314", "'%s%s' depends on itself within one step", sc->prefix,
                   sym->name);
        diag_note(lo->diag, b->eq->at, "it is what this '%s' ends with", word_of(b));
        return NO_NODE;
    }
    if (b->progress == FRESH) {
        b->value = ARENA_ARRAY(lo->arena, int, b->eq->n_carry);
        b->progress = BUSY;
        if (!run_loop(lo, sc, b))
            for (size_t i = 0; i < b->eq->n_carry; i++)
                b->value[i] = NO_NODE;
        b->progress = DONE;
    }
    return b->value[k];
}

int control_value(lowering *lo, scope *sc, const symbol *sym, loc use)
{
    return sym->block->eq->form == SPEC_IF ? if_value(lo, sc, sym->block, sym)
                                           : loop_value(lo, sc, sym->block, sym, use);
}
