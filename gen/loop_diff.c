/* SPDX-License-Identifier: Apache-2.0 */
/* In: an OP_loop, and tangents of what goes in or adjoints of what comes out.  Out: another loop,
   and what that gives.

   With u(k + 1) = f(u(k), x), k = 0 .. n - 1, forwards
       du(k + 1) = f_u du(k) + f_x dx
   and backwards, ubar being the adjoint and y(k) a weight op of turn k,
       ubar(k) = f_u^T ubar(k + 1),   xbar = sum over k of f_x^T ubar(k + 1),
       ybar(k) = f_y^T ubar(k + 1)
   Which carries have a derivative at all is found by going on until no other one does.  */
#include "loop_diff.h"

#include "diff.h"

#include <string.h>

static ir_loop loop_of(const ir *g, int L)
{
    return g->loop[g->node[L].pattern];
}

/* The derived loop says what it is of.  */
static int closed(ir *g, int L, const loop_plan *p, int *stack, const char *what)
{
    int D = loop_close(g, p, stack);
    const char *note = g->node[L].note;
    if (note)
        ir_name(g, D, NULL, arena_printf(g->arena, "%s, %s", note, what));
    return D;
}

/* After bound N, or what it stands for.  */
static const char *prefixed(ir *g, const char *prefix, int n)
{
    const ir_node *v = &g->node[n];
    if (v->axis > 0)
        v = &g->node[v->axis - 1];
    const char *name = v->op == OP_var ? g->var[v->var].c_name : v->name;
    return name ? arena_printf(g->arena, "%s_%s", prefix, name) : prefix;
}

/* --- forwards ------------------------------------------------------------------------------- */

static int zero_of(ir *g, const loop_tangent *how, int n)
{
    return ir_const(g, 0, how->shape_of(how->of, n));
}

/* One turn.  */
static void push_tangents(const ir *g, int L, const loop_tangent *how, const bool *alive,
                          const int *bound)
{
    ir_loop r = loop_of(g, L);
    for (int k = 0; k < r.n_args; k++)
        how->t[r.bound[k]] = k >= r.n_carry ? how->t[g->node[L].arg[k]]
                             : alive[k]     ? bound[k]
                                            : NO_NODE;
    for (int k = 0; k < r.n_body; k++)
        how->at(how->of, r.body[k]);
}

static void close_tangents(ir *g, int L, const loop_tangent *how, const bool *alive,
                           const int *bound)
{
    ir_loop r = loop_of(g, L);
    int n = 0, *own = ARENA_ARRAY(g->arena, int, r.n_carry + 1),
        *next = ARENA_ARRAY(g->arena, int, r.n_carry + 1);
    int *init = ARENA_ARRAY(g->arena, int, r.n_carry + 1),
        *last = ARENA_ARRAY(g->arena, int, r.n_carry + 1);
    for (int k = 0; k < r.n_carry; k++) {
        if (!alive[k])
            continue;
        int t = how->t[r.next[k]], begin = how->t[g->node[L].arg[k]];
        own[n] = ir_name(g, bound[k], prefixed(g, "d", r.bound[k]), NULL);
        next[n] = t == NO_NODE ? zero_of(g, how, r.bound[k]) : t;
        init[n++] = begin == NO_NODE ? zero_of(g, how, r.bound[k]) : begin;
    }
    int D = closed(
        g, L,
        &(loop_plan){
            .count = r.count, .of = L, .n_carry = n, .bound = own, .next = next, .init = init},
        NULL, "its tangents");
    for (int k = 0, own_k = 0; k < r.n_carry; k++) {
        last[k] = alive[k] && how->t[r.next[k]] != NO_NODE ? loop_result(g, D, own_k) : NO_NODE;
        own_k += alive[k];
    }
    for (int k = 0; k < r.n_body; k++)
        how->t[r.body[k]] = NO_NODE;
    for (int k = 0; k < r.n_args; k++)
        how->t[r.bound[k]] = k < r.n_carry ? last[k] : NO_NODE;
}

void loop_tangents(ir *g, int L, const loop_tangent *how)
{
    ir_loop r = loop_of(g, L);
    bool *alive = ARENA_ARRAY(g->arena, bool, r.n_carry + 1), any = false;
    int *bound = ARENA_ARRAY(g->arena, int, r.n_carry + 1);
    for (int k = 0; k < r.n_args; k++)
        any = any || how->t[g->node[L].arg[k]] != NO_NODE;
    if (!any)
        return;
    for (int k = 0; k < r.n_carry; k++) {
        alive[k] = how->t[g->node[L].arg[k]] != NO_NODE;
        bound[k] = loop_bound(g, TYPE_REAL, how->shape_of(how->of, r.bound[k]));
    }
    for (bool more = true; more;) {
        more = false;
        push_tangents(g, L, how, alive, bound);
        for (int k = 0; k < r.n_carry; k++)
            if (!alive[k] && how->t[r.next[k]] != NO_NODE)
                alive[k] = more = true;
    }
    close_tangents(g, L, how, alive, bound);
}

/* --- backwards ------------------------------------------------------------------------------ */

/* What is carried backwards: a part of the adjoint of argument `arg`, which is zero in front of the
 * loop or not.  */
typedef struct {
    int arg, part;
    bool zero;
} adjoint_carry;

typedef struct {
    ir *g;
    int L;
    ir_loop r;
    const loop_adjoint *how;
    bool *alive;     /* of a carry and a part */
    int *own, *seed; /* the same: the bound; the adjoint behind the loop */
} backward;

static int place(int k, int p)
{
    return k * LOOP_PARTS + p;
}

static void clear(const backward *b)
{
    for (int p = 0; p < b->how->n_parts; p++) {
        for (int k = 0; k < b->r.n_args; k++)
            b->how->part[p][b->r.bound[k]] = NO_NODE;
        for (int k = 0; k < b->r.n_body; k++)
            b->how->part[p][b->r.body[k]] = NO_NODE;
    }
}

/* One turn back.  */
static void pull_adjoints(const backward *b)
{
    const ir_loop *r = &b->r;
    clear(b);
    for (int p = 0; p < b->how->n_parts; p++)
        for (int k = 0; k < r->n_carry; k++)
            if (b->alive[place(k, p)] && b->g->node[r->next[k]].op != OP_const) {
                int *to = &b->how->part[p][r->next[k]];
                *to = diff_plus(b->g, *to, b->own[place(k, p)]);
            }
    for (int k = r->n_body - 1; k >= 0; k--)
        b->how->at(b->how->of, r->body[k]);
}

/* The carries of the loop back, and what arrives at what stands still.  */
static int list_carries(const backward *b, loop_plan *plan, adjoint_carry *list)
{
    ir *g = b->g;
    const ir_loop *r = &b->r;
    int n = 0, most = r->n_args * b->how->n_parts + 1;
    int *bound = ARENA_ARRAY(g->arena, int, most), *next = ARENA_ARRAY(g->arena, int, most);
    int *init = ARENA_ARRAY(g->arena, int, most);
    for (int k = 0; k < r->n_args; k++)
        for (int p = 0; p < b->how->n_parts; p++) {
            int x = b->how->part[p][r->bound[k]];
            bool carried = k < r->n_carry;
            if (carried ? !b->alive[place(k, p)] : x == NO_NODE)
                continue;
            int zero = ir_const(g, 0, g->node[r->bound[k]].shape);
            int own = carried ? b->own[place(k, p)] : loop_bound(g, TYPE_REAL, g->node[zero].shape);
            int start = carried ? b->seed[place(k, p)] : NO_NODE;
            bound[n] = ir_name(g, own, prefixed(g, "adjoint", r->bound[k]), NULL);
            init[n] = start == NO_NODE ? zero : start;
            next[n] = !carried ? ir_ew2(g, OP_add, own, x) : x == NO_NODE ? zero : x;
            list[n++] =
                (adjoint_carry){.arg = g->node[b->L].arg[k], .part = p, .zero = x == NO_NODE};
        }
    plan->n_carry = n;
    plan->bound = bound;
    plan->next = next;
    plan->init = init;
    return n;
}

static void close_adjoints(const backward *b)
{
    ir *g = b->g;
    const ir_loop *r = &b->r;
    int most = r->n_uses * b->how->n_parts + 1, n_tapes = 0;
    int *tape = ARENA_ARRAY(g->arena, int, most), *stack = ARENA_ARRAY(g->arena, int, most);
    int **to = ARENA_ARRAY(g->arena, int *, most);
    adjoint_carry *list = ARENA_ARRAY(g->arena, adjoint_carry, r->n_args * b->how->n_parts + 1);
    loop_plan plan = {.count = r->count, .backward = true, .of = b->L};
    int n = list_carries(b, &plan, list);
    for (int u = 0; u < r->n_uses; u++)
        for (int p = 0; p < b->how->n_parts; p++)
            if (b->how->part[p][r->use[u].y] != NO_NODE) {
                to[n_tapes] = &b->how->part[p][r->use[u].whole];
                tape[n_tapes++] = b->how->part[p][r->use[u].y];
            }
    plan.n_tapes = n_tapes;
    plan.tape = tape;
    int D = closed(g, b->L, &plan, stack, "backwards");
    clear(b);
    for (int k = 0; k < n; k++) {
        int *x = &b->how->part[list[k].part][list[k].arg];
        if (!list[k].zero && g->node[list[k].arg].op != OP_const)
            *x = diff_plus(g, *x, loop_result(g, D, k));
    }
    for (int k = 0; k < n_tapes; k++)
        *to[k] = stack[k];
}

void loop_adjoints(ir *g, int L, const loop_adjoint *how)
{
    backward b = {.g = g, .L = L, .r = loop_of(g, L), .how = how};
    int n = b.r.n_carry * LOOP_PARTS + 1;
    bool any = false;
    b.alive = ARENA_ARRAY(g->arena, bool, n);
    b.own = ARENA_ARRAY(g->arena, int, n);
    b.seed = ARENA_ARRAY(g->arena, int, n);
    for (int k = 0; k < b.r.n_carry; k++)
        for (int p = 0; p < how->n_parts; p++) {
            int i = place(k, p), seed = how->part[p][b.r.bound[k]];
            b.seed[i] = seed;
            b.own[i] = loop_bound(g, TYPE_REAL, g->node[b.r.bound[k]].shape);
            b.alive[i] = seed != NO_NODE && !ir_is_zero(g, seed);
            any = any || b.alive[i];
        }
    for (bool more = any; more;) {
        more = false;
        pull_adjoints(&b);
        for (int k = 0; k < b.r.n_carry; k++)
            for (int p = 0; p < how->n_parts; p++)
                if (!b.alive[place(k, p)] && how->part[p][b.r.bound[k]] != NO_NODE)
                    b.alive[place(k, p)] = more = true;
    }
    if (any)
        close_adjoints(&b);
    else
        clear(&b);
}
