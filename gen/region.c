/* SPDX-License-Identifier: Apache-2.0 */
/* In: bodies of loops.  Out: OP_repeat nodes, and regions that hold the bodies.
   Afterwards a body reads its bounds and constants alone, and all of its nodes are element-wise.

   The derivative of u(K), u(k + 1) = f(u(k), x), goes the same way (forward mode):
       du(k + 1) = f_u du(k) + f_x dx,   du(0) = 1 for its own beginning, else 0
   so that it is a region with more carries.  Forward mode it is also where adjoints ask for it:
   position by position the Jacobian has as many columns as the body has arguments, and nothing of
   an iteration has to be kept for a way back.  */
#include "region.h"

#include "diff.h"
#include "loop.h"

static int add_region(ir *g, ir_region r)
{
    ARENA_PUSH(g->arena, g->region, g->n_regions, g->cap_regions, r);
    return g->n_regions - 1;
}

static int output_of(ir *g, int region, int k, const int *arg)
{
    return ir_intern(g, (ir_node){.op = OP_repeat,
                                  .type = TYPE_REAL,
                                  .shape = g->node[arg[0]].shape,
                                  .n_args = g->region[region].n_args,
                                  .arg = (int *)arg,
                                  .pattern = region,
                                  .start = k,
                                  .var = -1});
}

/* --- from a body as written to a region ------------------------------------------------------- */

/* The nodes that depend on BOUND.  */
static bool *find_inside(const ir *g, int n, const int *bound)
{
    bool *inside = ARENA_ARRAY(g->arena, bool, g->n_nodes);
    for (int k = 0; k < n; k++)
        inside[bound[k]] = true;
    for (int m = bound[0]; m < g->n_nodes; m++)
        for (int i = 0; i < g->node[m].n_args; i++)
            inside[m] = inside[m] || inside[g->node[m].arg[i]];
    return inside;
}

/* NEED[m]: the results NEXT are made of the inside node m.  */
static bool *find_needed(const ir *g, int n, const int *next, const bool *inside)
{
    bool *need = ARENA_ARRAY(g->arena, bool, g->n_nodes);
    for (int k = 0; k < n; k++)
        need[next[k]] = true;
    for (int m = g->n_nodes - 1; m >= 0; m--)
        for (int i = 0; need[m] && inside[m] && i < g->node[m].n_args; i++)
            need[g->node[m].arg[i]] = true;
    for (int m = 0; m < g->n_nodes; m++)
        need[m] = need[m] && inside[m];
    return need;
}

/* A region under way: its arguments so far.  */
typedef struct {
    int n;
    size_t cap_arg, cap_bound;
    int *arg, *bound;
} argument_list;

static void add_argument(ir *g, argument_list *list, int arg, int bound)
{
    int n = list->n;
    ARENA_PUSH(g->arena, list->arg, n, list->cap_arg, arg);
    ARENA_PUSH(g->arena, list->bound, list->n, list->cap_bound, bound);
}

/* What the body sees of X, which is outside of it.  */
static int bound_for(ir *g, argument_list *list, int x)
{
    if (g->node[x].op == OP_const)
        return x;
    for (int k = 0; k < list->n; k++)
        if (list->arg[k] == x)
            return list->bound[k];
    add_argument(g, list, x, loop_bound(g, g->node[x].type, g->node[x].shape));
    return list->bound[list->n - 1];
}

/* Behind the carries: first what the values of R are made of.  */
static void add_still(ir *g, ir_region *r, argument_list *list, const argument_list *still)
{
    bool *wanted = ARENA_ARRAY(g->arena, bool, r->n_carry);
    for (int k = 0; k < r->n_carry; k++)
        wanted[k] = true;
    r->bound = list->bound;
    const bool *read = region_body(g, r, wanted, false);
    for (int pass = 0; pass < 2; pass++) {
        for (int k = 0; k < still->n; k++)
            if (read[still->bound[k]] == (pass == 0))
                add_argument(g, list, still->arg[k], still->bound[k]);
        if (pass == 0)
            r->n_reads = list->n;
    }
    r->n_args = list->n;
    r->bound = list->bound;
}

int region_make(ir *g, int64_t count, int n, const int *bound, const int *next, int *init)
{
    const bool *inside = find_inside(g, n, bound), *need = find_needed(g, n, next, inside);
    int n_old = g->n_nodes, *copy = ARENA_ARRAY(g->arena, int, n_old);
    argument_list list = {0}, still = {0};
    for (int m = 0; m < n_old; m++)
        if (need[m] && g->node[m].op != OP_bound
            && (!op_table[g->node[m].op].elementwise || g->node[m].op == OP_weight))
            return m;
    for (int k = 0; k < n; k++)
        add_argument(g, &list, init[k], bound[k]);
    for (int m = 0; m < n_old; m++) {
        copy[m] = m;
        if (!need[m] || g->node[m].op == OP_bound)
            continue;
        ir_node v = g->node[m];
        int *arg = ARENA_ARRAY(g->arena, int, v.n_args + 1);
        for (int i = 0; i < v.n_args; i++)
            arg[i] = inside[v.arg[i]] ? copy[v.arg[i]] : bound_for(g, &still, v.arg[i]);
        v.arg = arg;
        copy[m] = ir_intern(g, v);
    }
    ir_region r = {
        .count = count, .n_carry = n, .derivative = -1, .next = ARENA_ARRAY(g->arena, int, n)};
    for (int k = 0; k < n; k++)
        r.next[k] = inside[next[k]] ? copy[next[k]] : bound_for(g, &still, next[k]);
    add_still(g, &r, &list, &still);
    int region = add_region(g, r);
    for (int k = 0; k < n; k++)
        init[k] = output_of(g, region, k, list.arg);
    return NO_NODE;
}

/* --- tangents --------------------------------------------------------------------------------- */

/* The nodes that N is made of by ways that have a derivative.  */
static bool *find_ways(const ir *g, int n)
{
    bool *seen = ARENA_ARRAY(g->arena, bool, n + 1);
    seen[n] = true;
    for (int m = n; m >= 0; m--) {
        seen[m] = seen[m] && g->node[m].type == TYPE_REAL && g->node[m].op != OP_stop_gradient;
        for (int i = 0; seen[m] && i < ir_n_ways(g, m); i++)
            seen[g->node[m].arg[i]] = true;
    }
    return seen;
}

/* EVER[k][j]: carry k depends on argument j before some iteration; BEHIND[k][j]: behind one.  */
static void find_dependences(const ir *g, const ir_region *r, bool *ever, bool *behind)
{
    int n = r->n_args, n_carry = r->n_carry;
    bool *way = ARENA_ARRAY(g->arena, bool, n_carry * n);
    for (int k = 0; k < n_carry; k++) {
        const bool *seen = find_ways(g, r->next[k]);
        for (int b = 0; b < n; b++)
            way[k * n + b] = r->bound[b] <= r->next[k] && seen[r->bound[b]];
        ever[k * n + k] = true;
    }
    for (int round = 0; round <= n_carry; round++)
        for (int k = 0; k < n_carry; k++)
            for (int b = 0; b < n; b++)
                for (int j = 0; way[k * n + b] && j < n; j++)
                    if (b < n_carry ? ever[b * n + j] : b == j)
                        ever[k * n + j] = behind[k * n + j] = true;
}

/* The tangent of every node of the body with respect to argument J: into T, known for the
   bounds.  */
static void body_tangents(ir *g, const bool *body, int n_nodes, int *t)
{
    for (int m = 0; m < n_nodes; m++) {
        if (!body[m] || g->node[m].op == OP_bound)
            continue;
        t[m] = NO_NODE;
        for (int i = 0; i < ir_n_ways(g, m); i++) {
            int x = g->node[m].arg[i];
            if (t[x] != NO_NODE)
                t[m] = diff_plus(g, t[m], diff_times(g, diff_partial(g, m, i), t[x]));
        }
    }
}

/* Carries of the derivative behind those of its own: tangents, in the order of TANGENT.  */
static int make_derivative(ir *g, int region)
{
    ir_region r = g->region[region];
    int n = r.n_args, n_all = r.n_carry * n, n_nodes = g->n_nodes, n_carry = r.n_carry;
    bool *ever = ARENA_ARRAY(g->arena, bool, n_all), *behind = ARENA_ARRAY(g->arena, bool, n_all);
    bool *wanted = ARENA_ARRAY(g->arena, bool, r.n_carry);
    int *t = ARENA_ARRAY(g->arena, int, n_nodes), *dbound = ARENA_ARRAY(g->arena, int, n_all);
    ir_region d = {.count = r.count, .derivative = -1};
    find_dependences(g, &r, ever, behind);
    r.tangent = ARENA_ARRAY(g->arena, int, n_all);
    for (int k = 0; k < r.n_carry; k++)
        wanted[k] = true;
    const bool *body = region_body(g, &r, wanted, true);
    for (int k = 0; k < n_all; k++) {
        r.tangent[k] = ever[k] ? n_carry++ : -1;
        dbound[k] = ever[k] ? loop_bound(g, TYPE_REAL, g->node[r.bound[0]].shape) : NO_NODE;
    }
    d.n_carry = n_carry;
    d.n_args = d.n_reads = n_carry + n - r.n_carry;
    d.bound = ARENA_ARRAY(g->arena, int, d.n_args);
    d.next = ARENA_ARRAY(g->arena, int, n_carry);
    for (int k = 0; k < n; k++)
        d.bound[k < r.n_carry ? k : n_carry + k - r.n_carry] = r.bound[k];
    for (int k = 0; k < r.n_carry; k++)
        d.next[k] = r.next[k];
    for (int j = 0; j < n; j++) {
        shape s = g->node[r.bound[0]].shape;
        for (int m = 0; m < n_nodes; m++)
            t[m] = NO_NODE;
        for (int b = 0; b < n; b++)
            t[r.bound[b]] = b < r.n_carry ? dbound[b * n + j]
                            : b == j      ? ir_const(g, 1, s)
                                          : NO_NODE;
        body_tangents(g, body, n_nodes, t);
        for (int k = 0; k < r.n_carry; k++)
            if (ever[k * n + j]) {
                d.bound[r.tangent[k * n + j]] = dbound[k * n + j];
                d.next[r.tangent[k * n + j]] =
                    t[r.next[k]] == NO_NODE ? ir_const(g, 0, s) : t[r.next[k]];
            }
    }
    r.derivative = add_region(g, d);
    r.own = ARENA_ARRAY(g->arena, int, r.n_carry);
    for (int k = 0; k < r.n_carry; k++)
        r.own[k] = r.tangent[k * n + k];
    for (int k = 0; k < n_all; k++)
        r.tangent[k] = behind[k] ? r.tangent[k] : -1;
    g->region[region] = r;
    return r.derivative;
}

int region_partial(ir *g, int n, int i)
{
    const ir_node v = g->node[n];
    int region = v.pattern, derivative = g->region[region].derivative;
    if (derivative < 0)
        derivative = make_derivative(g, region);
    ir_region r = g->region[region], d = g->region[derivative];
    int place = r.tangent[v.start * r.n_args + i];
    if (place < 0)
        return NO_NODE;
    int *arg = ARENA_ARRAY(g->arena, int, d.n_args);
    for (int k = 0; k < d.n_args; k++)
        arg[k] = ir_const(g, 0, v.shape);
    for (int k = 0; k < r.n_carry; k++)
        arg[k] = v.arg[k];
    for (int k = r.n_carry; k < r.n_args; k++)
        arg[d.n_carry + k - r.n_carry] = v.arg[k];
    for (int k = 0; k < r.n_carry; k++)
        arg[r.own[k]] = ir_const(g, 1, v.shape);
    return output_of(g, derivative, place, arg);
}

/* --- for those who print or count a body ------------------------------------------------------ */

bool *region_body(const ir *g, const ir_region *r, bool *wanted, bool derivatives)
{
    bool *need = ARENA_ARRAY(g->arena, bool, g->n_nodes);
    for (bool more = true; more;) {
        more = false;
        for (int k = 0; k < r->n_carry; k++)
            if (wanted[k])
                need[r->next[k]] = true;
        for (int m = g->n_nodes - 1; m >= 0; m--)
            for (int i = 0; need[m] && i < (derivatives ? g->node[m].n_args : ir_n_reads(g, m));
                 i++)
                need[g->node[m].arg[i]] = true;
        for (int k = 0; k < r->n_carry; k++) {
            more = more || (need[r->bound[k]] && !wanted[k]);
            wanted[k] = wanted[k] || need[r->bound[k]];
        }
    }
    return need;
}
