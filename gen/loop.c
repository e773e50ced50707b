/* SPDX-License-Identifier: Apache-2.0 */
/* In: open bodies of loops: nodes that depend on the bounds of their carries, and derivatives of
   such. Out: OP_loop nodes with closed bodies.  Afterwards a body reads its own bounds and
   constants alone.

   A derivative is written down with the nodes of the body that it is a derivative of, as if they
   were at hand.  Closing it brings them: what is dear comes from a stack that the first loop keeps
   (OP_tape), what is cheap is computed again from that.  */
#include "loop.h"

#include "canon.h"
#include "graph.h"

#include <string.h>

enum { CHEAP = 4 }; /* an operation of so much is not worth a stack */

int loop_bound(ir *g, value_type type, shape s)
{
    return ir_intern(
        g, (ir_node){.op = OP_bound, .type = type, .shape = s, .start = g->n_bounds++, .var = -1});
}

/* --- what comes out ------------------------------------------------------------------------- */

static int output_of(ir *g, op_code op, int L, int m, shape s)
{
    return ir_intern(g, (ir_node){.op = op,
                                  .type = g->node[m].type,
                                  .shape = s,
                                  .n_args = 1,
                                  .arg = &L,
                                  .start = m,
                                  .var = -1});
}

/* The number of the argument that bound M of the loop R stands for, or -1.  */
static int argument_of(const ir_loop *r, int m)
{
    for (int k = 0; k < r->n_args; k++)
        if (r->bound[k] == m)
            return k;
    return -1;
}

int loop_last(ir *g, int L, int m)
{
    const ir_loop *r = &g->loop[g->node[L].pattern];
    int k = argument_of(r, m);
    if (g->node[m].op == OP_const)
        return m;
    if (k >= r->n_carry + r->n_stack || (k >= 0 && k < r->n_carry && r->next[k] == m))
        return g->node[L].arg[k];
    return output_of(g, OP_last, L, m, g->node[m].shape);
}

int loop_result(ir *g, int L, int k)
{
    return loop_last(g, L, g->loop[g->node[L].pattern].bound[k]);
}

static shape stacked(shape s, int64_t count)
{
    memmove(s.dim + 1, s.dim, sizeof *s.dim * (size_t)s.rank);
    s.rank++;
    s.dim[0] = count;
    return s;
}

int loop_tape(ir *g, int L, int m)
{
    const ir_loop *r = &g->loop[g->node[L].pattern];
    int k = argument_of(r, m);
    shape s = stacked(g->node[m].shape, r->count);
    if (g->node[m].op == OP_const)
        return ir_const(g, g->node[m].number, s);
    if (k >= r->n_carry + r->n_stack)
        return ir_broadcast(g, g->node[L].arg[k], s);
    int stack = output_of(g, OP_tape, L, m, s);
    if (g->node[m].name)
        ir_name(g, stack, arena_printf(g->arena, "%s_each", g->node[m].name), NULL);
    return stack;
}

/* --- closing -------------------------------------------------------------------------------- */

/* What a node depends on.  */
typedef enum {
    OUTSIDE, /* nothing of a body */
    STILL,   /* what stands still in the open body */
    VARYING
} standing;

typedef struct {
    ir *g;
    int of;             /* the loop whose body is open, or NO_NODE */
    int n_open;         /* nodes when the closing began */
    standing *standing; /* of a node */
    bool *own;          /* a bound of the loop being closed */
    bool *need;
    int *copy;   /* of a node that is STILL or VARYING */
    bool at_end; /* no loop: values of the last turn */
    int n_stacks, n_still;
    size_t cap_stack_arg, cap_stack, cap_still_arg, cap_still;
    int *stack_arg, *stack, *still_arg, *still; /* arguments under way, and their bounds */
} closing;

static const ir_loop *open_loop(const closing *c)
{
    return c->of == NO_NODE ? NULL : &c->g->loop[c->g->node[c->of].pattern];
}

static void find_standings(closing *c, int n_carry, const int *bound)
{
    const ir *g = c->g;
    const ir_loop *r = open_loop(c);
    for (int k = 0; k < n_carry; k++) {
        c->own[bound[k]] = true;
        c->standing[bound[k]] = VARYING;
    }
    for (int k = 0; r && k < r->n_args; k++)
        c->standing[r->bound[k]] = k < r->n_carry + r->n_stack ? VARYING : STILL;
    for (int m = 0; m < c->n_open; m++)
        for (int i = 0; i < g->node[m].n_args; i++)
            if (c->standing[g->node[m].arg[i]] > c->standing[m])
                c->standing[m] = c->standing[g->node[m].arg[i]];
}

/* Is the node M of the open body brought by a stack?  */
static bool is_taped(const closing *c, int m)
{
    const ir_node *v = &c->g->node[m];
    bool given = m < c->of || ((v->op == OP_last || v->op == OP_tape) && v->arg[0] < c->of);
    if (c->standing[m] != VARYING || !given || c->own[m])
        return false;
    return !op_table[v->op].view && (!op_table[v->op].elementwise || op_table[v->op].cost > CHEAP);
}

static void mark_below(closing *c)
{
    for (int m = c->n_open - 1; m >= 0; m--)
        for (int i = 0; c->need[m] && !is_taped(c, m) && i < c->g->node[m].n_args; i++)
            if (c->standing[c->g->node[m].arg[i]] != OUTSIDE)
                c->need[c->g->node[m].arg[i]] = true;
}

/* Weight ops of loops within are needed as their loops are, although nothing reads them.  */
static void mark_uses(closing *c)
{
    const ir *g = c->g;
    for (int m = 0; m < c->n_open; m++) {
        if (!c->need[m] || g->node[m].op != OP_loop || is_taped(c, m))
            continue;
        const ir_loop *r = &g->loop[g->node[m].pattern];
        for (int k = 0; k < r->n_uses; k++)
            c->need[r->use[k].whole] = true;
    }
    mark_below(c);
}

/* What the body sees of X, which is outside of it: an element of a stack, or the value itself.  */
static int bound_for(closing *c, int x, bool stack)
{
    ir *g = c->g;
    if (g->node[x].op == OP_const)
        return x;
    int n = stack ? c->n_stacks : c->n_still;
    for (int k = 0; k < n; k++)
        if ((stack ? c->stack_arg : c->still_arg)[k] == x)
            return (stack ? c->stack : c->still)[k];
    const ir_node v = g->node[x];
    shape s = v.shape;
    if (stack) {
        s.rank--;
        memmove(s.dim, s.dim + 1, sizeof *s.dim * (size_t)s.rank);
    }
    int bound = ir_intern(g, (ir_node){.op = OP_bound,
                                       .type = v.type,
                                       .shape = s,
                                       .start = g->n_bounds++,
                                       .axis = stack ? 0 : x + 1,
                                       .of_params = !stack && v.of_params,
                                       .var = -1});
    if (stack) {
        ARENA_PUSH(g->arena, c->stack_arg, n, c->cap_stack_arg, x);
        ARENA_PUSH(g->arena, c->stack, c->n_stacks, c->cap_stack, bound);
    } else {
        ARENA_PUSH(g->arena, c->still_arg, n, c->cap_still_arg, x);
        ARENA_PUSH(g->arena, c->still, c->n_still, c->cap_still, bound);
    }
    return bound;
}

/* The value of node M outside of all turns.  */
static int outside(const closing *c, int m)
{
    return c->standing[m] == OUTSIDE ? m : c->copy[m];
}

/* The value of node M in the body; at the end there is none, and all values are outside.  */
static int inside(closing *c, int m)
{
    if (m < c->n_open && c->standing[m] == VARYING)
        return c->copy[m];
    m = outside(c, m);
    return c->at_end ? m : bound_for(c, m, false);
}

/* Before the last turn; OP_last of a carry is what it is behind that.  */
static int at_end(closing *c, int m)
{
    ir *g = c->g;
    return loop_last(g, c->of, g->node[m].op == OP_bound ? ir_ew1(g, OP_copy, m) : m);
}

/* Loops within of a spec's loop get uses of their own.  */
static int renewed_loop(closing *c, int m)
{
    ir *g = c->g;
    ir_loop r = g->loop[g->node[m].pattern];
    if (r.n_uses == 0)
        return g->node[m].pattern;
    const loop_use *old = r.use;
    r.use = ARENA_ARRAY(g->arena, loop_use, r.n_uses);
    memcpy(r.use, old, sizeof *old * (size_t)r.n_uses); /* `whole` follows when it is copied */
    ARENA_PUSH(g->arena, g->loop, g->n_loops, g->cap_loops, r);
    return g->n_loops - 1;
}

static int copied(closing *c, int m)
{
    ir *g = c->g;
    ir_node v = g->node[m];
    bool varying = c->standing[m] == VARYING;
    int *arg = ARENA_ARRAY(g->arena, int, v.n_args + 1);
    if (v.op == OP_bound) { /* of what stands still in the open body */
        const ir_loop *r = open_loop(c);
        return c->own[m] ? m : g->node[c->of].arg[argument_of(r, m)];
    }
    for (int i = 0; i < v.n_args; i++)
        arg[i] = varying ? inside(c, v.arg[i]) : outside(c, v.arg[i]);
    v.arg = arg;
    if (v.op == OP_loop && c->of == NO_NODE)
        v.pattern = renewed_loop(c, m);
    int copy = ir_intern(g, v);
    if (v.op == OP_loop && c->of == NO_NODE)
        g->loop[v.pattern].node = copy;
    return copy;
}

static void copy_all(closing *c)
{
    ir *g = c->g;
    for (int m = 0; m < c->n_open; m++) {
        if (!c->need[m] || c->standing[m] == OUTSIDE)
            continue;
        if (!is_taped(c, m))
            c->copy[m] = copied(c, m);
        else if (c->at_end)
            c->copy[m] = at_end(c, m);
        else
            c->copy[m] = bound_for(c, loop_tape(g, c->of, m), true);
    }
    for (int m = 0; m < c->n_open; m++) { /* of loops within */
        if (!c->need[m] || c->standing[m] != VARYING || g->node[m].op != OP_loop ||
            c->of != NO_NODE)
            continue;
        const ir_loop *old = &g->loop[g->node[m].pattern];
        ir_loop *r = &g->loop[g->node[c->copy[m]].pattern];
        for (int k = 0; k < r->n_uses; k++)
            r->use[k].whole = c->copy[old->use[k].whole];
    }
}

/* A loop that reads parameters and constants alone makes values of these, in its body, too.  */
static void mark_of_params(closing *c, const loop_plan *p)
{
    ir *g = c->g;
    bool all = true;
    for (int k = 0; k < p->n_carry; k++)
        all = all && g->node[p->init[k]].of_params;
    for (int m = 0; m < c->n_open; m++)
        for (int i = 0; c->need[m] && c->standing[m] == VARYING && i < g->node[m].n_args; i++)
            if (c->standing[g->node[m].arg[i]] == OUTSIDE)
                all = all && g->node[g->node[m].arg[i]].of_params;
    for (int k = 0; k < p->n_carry; k++)
        g->node[p->bound[k]].of_params = all;
}

static void begin(closing *c, ir *g, int of)
{
    int n = g->n_nodes;
    *c = (closing){.g = g, .of = of, .n_open = n};
    c->standing = ARENA_ARRAY(g->arena, standing, n);
    c->own = ARENA_ARRAY(g->arena, bool, n);
    c->need = ARENA_ARRAY(g->arena, bool, n);
    c->copy = ARENA_ARRAY(g->arena, int, n);
}

int loop_at_end(ir *g, int L, int node)
{
    closing c;
    begin(&c, g, L);
    c.at_end = true;
    find_standings(&c, 0, NULL);
    if (c.standing[node] == OUTSIDE)
        return node;
    c.need[node] = true;
    mark_below(&c);
    copy_all(&c);
    return c.copy[node];
}

static void list_body(const closing *c, ir_loop *r)
{
    const ir *g = c->g;
    bool *listed = ARENA_ARRAY(g->arena, bool, g->n_nodes);
    r->body = ARENA_ARRAY(g->arena, int, c->n_open);
    for (int m = 0; m < c->n_open; m++) {
        int copy = c->copy[m];
        if (!c->need[m] || c->standing[m] != VARYING || g->node[copy].op == OP_bound ||
            g->node[copy].op == OP_const || listed[copy])
            continue;
        listed[copy] = true;
        r->body[r->n_body++] = copy;
    }
}

static void list_arguments(const closing *c, const loop_plan *p, ir_loop *r, int *arg)
{
    ir *g = c->g;
    int n = 0;
    r->n_carry = p->n_carry;
    r->n_stack = c->n_stacks;
    r->n_args = p->n_carry + c->n_stacks + c->n_still;
    r->bound = ARENA_ARRAY(g->arena, int, r->n_args + 1);
    for (int k = 0; k < p->n_carry; k++, n++) {
        arg[n] = p->init[k];
        r->bound[n] = p->bound[k];
    }
    for (int k = 0; k < c->n_stacks; k++, n++) {
        arg[n] = c->stack_arg[k];
        r->bound[n] = c->stack[k];
    }
    for (int k = 0; k < c->n_still; k++, n++) {
        arg[n] = c->still_arg[k];
        r->bound[n] = c->still[k];
    }
}

/* "xk,ko->xo" with one letter more in front of x and y.  */
static const char *stacked_labels(ir *g, const char *labels)
{
    const char *arrow = strstr(labels, "->");
    char letter = 'A';
    while (strchr(labels, letter))
        letter++;
    return ir_label(g, arena_printf(g->arena, "%c%.*s->%c%s", letter, (int)(arrow - labels), labels,
                                    letter, arrow + 2));
}

/* The op of node Y of the body, on the stack X.  */
static int whole_of(ir *g, int y, int x, int w, int64_t count)
{
    ir_node v = g->node[y];
    int arg[] = {x, w};
    v.arg = arg;
    v.shape = stacked(v.shape, count);
    v.name = v.note = NULL;
    if (v.labels)
        v.labels = stacked_labels(g, v.labels);
    return ir_intern(g, v);
}

static void list_uses(const closing *c, int L)
{
    ir *g = c->g;
    int n = 0, index = g->node[L].pattern;
    loop_use *use = ARENA_ARRAY(g->arena, loop_use, c->n_open);
    for (int m = 0; m < c->n_open; m++) {
        int y = c->copy[m];
        if (!c->need[m] || c->standing[m] != VARYING || g->node[y].op == OP_weight ||
            graph_weight(g, y) == NO_NODE)
            continue;
        int x = loop_tape(g, L, g->node[y].arg[0]);
        use[n++] = (loop_use){y, whole_of(g, y, x, g->node[m].arg[1], g->loop[index].count)};
    }
    g->loop[index].use = use;
    g->loop[index].n_uses = n;
}

/* Do the turns of A do what those of B do?  MAP then leads from nodes of A to those of B.  */
static bool same_turns(ir *g, const ir_loop *a, const ir_loop *b, int *map)
{
    for (int k = 0; k < a->n_args; k++)
        map[a->bound[k]] = b->bound[k];
    for (int k = 0; k < a->n_body; k++) {
        ir_node v = g->node[a->body[k]];
        int *arg = ARENA_ARRAY(g->arena, int, v.n_args + 1);
        for (int i = 0; i < v.n_args; i++)
            arg[i] = g->node[v.arg[i]].op == OP_const ? v.arg[i] : map[v.arg[i]];
        v.arg = arg;
        if (ir_intern(g, v) != b->body[k])
            return false;
        map[a->body[k]] = b->body[k];
    }
    for (int k = 0; k < a->n_carry; k++)
        if (b->next[k] != (g->node[a->next[k]].op == OP_const ? a->next[k] : map[a->next[k]]))
            return false;
    return true;
}

/* An old loop that does what R does with the arguments ARG; NO_NODE: there is none.  TAPE then
 * becomes its nodes.  */
static int find_equal(ir *g, const ir_loop *r, const int *arg, int *tape, int n_tapes)
{
    int *map = ARENA_ARRAY(g->arena, int, g->n_nodes);
    for (int i = 0; i < g->n_loops; i++) {
        const ir_loop old = g->loop[i];
        if (old.count != r->count || old.backward != r->backward || old.n_carry != r->n_carry ||
            old.n_stack != r->n_stack || old.n_args != r->n_args || old.n_body != r->n_body ||
            memcmp(g->node[old.node].arg, arg, sizeof *arg * (size_t)r->n_args) != 0 ||
            !same_turns(g, r, &old, map))
            continue;
        for (int k = 0; k < n_tapes; k++)
            if (g->node[tape[k]].op != OP_const)
                tape[k] = map[tape[k]];
        return old.node;
    }
    return NO_NODE;
}

int loop_close(ir *g, const loop_plan *p, int *stack)
{
    closing c;
    ir_loop r = {.count = p->count, .backward = p->backward};
    begin(&c, g, p->of);
    find_standings(&c, p->n_carry, p->bound);
    for (int k = 0; k < p->n_carry; k++)
        c.need[p->next[k]] = c.standing[p->next[k]] != OUTSIDE;
    for (int k = 0; k < p->n_tapes; k++)
        c.need[p->tape[k]] = c.standing[p->tape[k]] != OUTSIDE;
    mark_below(&c);
    if (p->of == NO_NODE) {
        mark_uses(&c);
        mark_of_params(&c, p);
    }
    copy_all(&c);
    r.next = ARENA_ARRAY(g->arena, int, p->n_carry + 1);
    for (int k = 0; k < p->n_carry; k++)
        r.next[k] = inside(&c, p->next[k]);
    int *tape = ARENA_ARRAY(g->arena, int, p->n_tapes + 1);
    for (int k = 0; k < p->n_tapes; k++)
        tape[k] = inside(&c, p->tape[k]);
    list_body(&c, &r);
    int *arg = ARENA_ARRAY(g->arena, int, p->n_carry + c.n_stacks + c.n_still + 1);
    list_arguments(&c, p, &r, arg);
    int L = p->of == NO_NODE ? NO_NODE : find_equal(g, &r, arg, tape, p->n_tapes);
    if (L == NO_NODE) {
        r.node = g->n_nodes;
        ARENA_PUSH(g->arena, g->loop, g->n_loops, g->cap_loops, r);
        L = ir_intern(g, (ir_node){.op = OP_loop,
                                   .n_args = r.n_args,
                                   .arg = arg,
                                   .pattern = g->n_loops - 1,
                                   .var = -1});
    }
    for (int k = 0; k < p->n_tapes; k++)
        stack[k] = loop_tape(g, L, tape[k]);
    if (p->of == NO_NODE)
        list_uses(&c, L);
    return L;
}

int loop_within(const ir *g, int n)
{
    while (g->node[n].op == OP_last) {
        const ir_loop *r = &g->loop[g->node[g->node[n].arg[0]].pattern];
        n = r->next[argument_of(r, (int)g->node[n].start)];
    }
    return n;
}

/* --- questions ------------------------------------------------------------------------------ */

int loop_too_deep(const ir *g, int L)
{
    const ir_loop *r = &g->loop[g->node[L].pattern];
    for (int k = 0; k < r->n_body; k++)
        if (g->node[r->body[k]].shape.rank >= RANK_MAX)
            return r->body[k];
    return NO_NODE;
}

int loop_of_use(const ir *g, int n, int *y)
{
    const ir_node *v = &g->node[n];
    if (v->n_args != 2 || g->node[v->arg[0]].op != OP_tape)
        return NO_NODE;
    int L = g->node[v->arg[0]].arg[0];
    const ir_loop *r = &g->loop[g->node[L].pattern];
    for (int k = 0; k < r->n_uses; k++)
        if (r->use[k].whole == n) {
            *y = r->use[k].y;
            return L;
        }
    return NO_NODE;
}

bool *loop_needs(const ir *g, int L, const bool *live, int n_live)
{
    const ir_loop *r = &g->loop[g->node[L].pattern];
    bool *need = ARENA_ARRAY(g->arena, bool, g->n_nodes);
    for (int n = L + 1; n < n_live; n++) {
        const ir_node *v = &g->node[n];
        if (live[n] && (v->op == OP_last || v->op == OP_tape) && v->arg[0] == L)
            need[v->start] = true;
    }
    for (bool more = true; more;) {
        more = false;
        for (int k = 0; k < r->n_carry; k++)
            if (need[r->bound[k]] && !need[r->next[k]])
                need[r->next[k]] = true;
        for (int m = n_live - 1; m > 0; m--)
            if (need[m])
                canon_mark(g, m, need, n_live);
        for (int k = 0; k < r->n_carry; k++)
            more = more || (need[r->bound[k]] && !need[r->next[k]]);
    }
    return need;
}
