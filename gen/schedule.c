/* SPDX-License-Identifier: Apache-2.0 */
/* In: the IR and what leaves the function.  Out: kernels in order.  Afterwards every value is computed once,
   before it is read; a carried variable is overwritten only when nothing reads its old value any more.

   A value's level is the number of loops that must have ended before it.  Element-wise values of one shape and
   level share a loop; one that is needed later only is moved there if that saves an array.  */
#include "schedule.h"

#include "canon.h"
#include "loop.h"
#include "size.h"

enum { CHEAP = 4, SHORT = 8, LARGE = 1 << 14 };

int schedule_source(const ir *g, int n)
{
    return g->node[n].arg[g->node[n].op == OP_embed];
}

int schedule_index(const ir *g, int n)
{
    op_code op = g->node[n].op;
    return op == OP_take ? g->node[n].arg[1] : op == OP_embed ? g->node[n].arg[0] : NO_NODE;
}

bool schedule_is_view(const schedule *sc, int n)
{
    return op_table[sc->ir->node[n].op].view && sc->hold[n] == HOLD_NONE;
}

static bool is_reduction(op_code op)
{
    return op == OP_sum || op == OP_reduce_max || op == OP_reduce_min;
}

static bool is_leaf(op_code op)
{
    return op == OP_var || op == OP_const || op == OP_iota || op == OP_bound;
}

/* The variable, or carry of the loop, that leaf N is the old value of; numbers as store.var; -1: of none.  */
static int old_value(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    return v->op == OP_var ? v->var : v->op == OP_bound ? g->n_vars + (int)v->start : -1;
}

/* A sum along neighbours in memory keeps a compiler from making vectors of the loop that it stands in: it has loops
   of its own, unless they would be short, or its argument too large for an array.  */
static bool reduces_in_loop(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    if (!is_reduction(v->op))
        return false;
    shape s = g->node[v->arg[0]].shape;
    int64_t size = shape_numel(s);
    return !(v->mask & 1u << (s.rank - 1)) || size <= SHORT || size > LARGE;
}

static bool in_loop(const schedule *sc, int n)
{
    op_code op = sc->ir->node[n].op;
    return op_table[op].elementwise || (op_table[op].view && sc->hold[n] == HOLD_ARRAY);
}

/* A stack of values, one a turn, is read where it stands.  */
static void force_stacks(schedule *sc, const ir_node *v)
{
    const ir_loop *r = &sc->ir->loop[v->pattern];
    for (int i = r->n_carry; i < r->n_carry + r->n_stack; i++)
        if (op_table[sc->ir->node[v->arg[i]].op].view)
            sc->hold[v->arg[i]] = HOLD_ARRAY;
}

/* A reshape that moves elements between axes wants an array below it.  */
static void force_arrays(schedule *sc)
{
    const ir *g = sc->ir;
    for (int n = 0; n < g->n_nodes; n++) {
        const ir_node *v = &g->node[n];
        if (sc->live[n] && v->op == OP_loop)
            force_stacks(sc, v);
        if (!sc->live[n] || v->op != OP_reshape)
            continue;
        op_code below = g->node[v->arg[0]].op;
        if (op_table[below].view && !shape_same_places(v->shape, g->node[v->arg[0]].shape))
            sc->hold[v->arg[0]] = HOLD_ARRAY;
    }
}

/* The nodes whose values node N reads through views: calls F on each with whether the way is direct.  */
static int below_views(const schedule *sc, int n, bool *direct)
{
    *direct = true;
    while (schedule_is_view(sc, n)) {
        *direct = false;
        n = schedule_source(sc->ir, n);
    }
    return n;
}

static int max(int a, int b)
{
    return a > b ? a : b;
}

static int take_index_level(const schedule *sc, int n)
{
    const ir *g = sc->ir;
    int level = 0;
    bool direct;
    for (; schedule_is_view(sc, n); n = schedule_source(g, n)) {
        int index = schedule_index(g, n);
        if (index == NO_NODE)
            continue;
        index = below_views(sc, index, &direct);
        if (!is_leaf(g->node[index].op))
            level = max(level, sc->level[index] + 1);
    }
    return level;
}

static void first_levels(schedule *sc)
{
    const ir *g = sc->ir;
    for (int n = 0; n < g->n_nodes; n++) {
        const ir_node *v = &g->node[n];
        sc->level[n] = 0;
        if (!sc->live[n] || is_leaf(v->op) || schedule_is_view(sc, n))
            continue;
        bool reads_here = in_loop(sc, n) || reduces_in_loop(g, n);
        for (int i = 0; i < ir_n_reads(g, n); i++) {
            bool direct;
            int x = below_views(sc, v->arg[i], &direct);
            int level = take_index_level(sc, v->arg[i]);
            if (!is_leaf(g->node[x].op)) {
                bool same = reads_here && direct && in_loop(sc, x) && !op_table[v->op].view;
                level = max(level, sc->level[x] + !same);
            }
            sc->level[n] = max(sc->level[n], level);
        }
    }
}

typedef struct {
    int first, count; /* into users */
} user_range;

typedef struct {
    user_range *range;
    int *user;
    bool *through_view; /* of a user: the value is read through a view, or by a kernel */
} users;

/* Who reads N's value: views are followed to their readers.  */
static users find_users(const schedule *sc)
{
    const ir *g = sc->ir;
    users u = {ARENA_ARRAY(g->arena, user_range, g->n_nodes), NULL, NULL};
    int total = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int n = 0; n < g->n_nodes; n++) {
            if (!sc->live[n] || is_leaf(g->node[n].op) || schedule_is_view(sc, n))
                continue;
            for (int i = 0; i < ir_n_reads(g, n); i++) {
                bool direct;
                int x = below_views(sc, g->node[n].arg[i], &direct);
                user_range *r = &u.range[x];
                if (pass == 1) {
                    bool loop = in_loop(sc, n) || reduces_in_loop(g, n);
                    u.user[r->first + r->count] = n;
                    u.through_view[r->first + r->count] =
                        !direct || !loop || op_table[g->node[n].op].view;
                }
                r->count++;
            }
        }
        if (pass == 1)
            break;
        for (int n = 0; n < g->n_nodes; n++) {
            u.range[n].first = total;
            total += u.range[n].count;
            u.range[n].count = 0;
        }
        u.user = ARENA_ARRAY(g->arena, int, total + 1);
        u.through_view = ARENA_ARRAY(g->arena, bool, total + 1);
    }
    return u;
}

/* Is X in an array whatever becomes of its user N?  */
static bool array_anyway(const schedule *sc, const users *u, int x, int n)
{
    if (!in_loop(sc, x) || sc->hold[x] == HOLD_ARRAY || sc->hold[x] == HOLD_PLACE)
        return true;
    const user_range *r = &u->range[x];
    for (int k = r->first; k < r->first + r->count; k++)
        if (u->user[k] != n && (u->through_view[k] || sc->level[u->user[k]] != sc->level[x]))
            return true;
    return false;
}

static bool only_user(const users *u, int x, int n)
{
    const user_range *r = &u->range[x];
    for (int k = r->first; k < r->first + r->count; k++)
        if (u->user[k] != n)
            return false;
    return true;
}

/* Move N down to its first reader's level, if all readers are in loops of its shape and no argument
   has to be kept in an array for it.  */
static void sink(schedule *sc, const users *u, int n)
{
    const ir *g = sc->ir;
    const user_range *r = &u->range[n];
    int target = -1;
    for (int k = r->first; k < r->first + r->count; k++) {
        int level = sc->level[u->user[k]] - u->through_view[k];
        if (target < 0 || level < target)
            target = level;
    }
    if (target <= sc->level[n])
        return;
    for (int i = 0; i < ir_n_reads(g, n); i++) {
        bool direct;
        int x = below_views(sc, g->node[n].arg[i], &direct);
        if (direct && !is_leaf(g->node[x].op) && !array_anyway(sc, u, x, n) && !only_user(u, x, n))
            return;
    }
    sc->level[n] = target;
}

/* Nodes by the variable whose old value they read at once, as loops do.  */
typedef struct {
    int *first; /* of variable v: node[first[v]] up to node[first[v + 1] - 1] */
    int *node;
} loop_readers;

static loop_readers find_loop_readers(const schedule *sc)
{
    const ir *g = sc->ir;
    loop_readers r = {ARENA_ARRAY(g->arena, int, g->n_vars + 2), NULL};
    for (int pass = 0; pass < 2; pass++) {
        int *n_readers = ARENA_ARRAY(g->arena, int, g->n_vars + 1);
        for (int k = 0; k < g->n_nodes; k++)
            for (int a = 0; sc->live[k] && in_loop(sc, k) && a < g->node[k].n_args; a++) {
                const ir_node *x = &g->node[g->node[k].arg[a]];
                if (x->op == OP_var && pass == 1)
                    r.node[r.first[x->var] + n_readers[x->var]] = k;
                if (x->op == OP_var)
                    n_readers[x->var]++;
            }
        for (int v = 0; v < g->n_vars && pass == 0; v++)
            r.first[v + 1] = r.first[v] + n_readers[v];
        if (pass == 0)
            r.node = ARENA_ARRAY(g->arena, int, r.first[g->n_vars] + 1);
    }
    return r;
}

/* What is only stored is computed where the old value of its variable is last read, so that both are met in one
   loop.  */
static void sink_stored(schedule *sc, const users *u)
{
    const ir *g = sc->ir;
    const loop_readers r = find_loop_readers(sc);
    for (int i = 0; i < sc->n_stores; i++) {
        const store *st = &sc->store[i];
        int n = st->node;
        if (st->var < 0 || st->var >= g->n_vars || !op_table[g->node[n].op].elementwise || u->range[n].count > 0)
            continue;
        for (int k = r.first[st->var]; k < r.first[st->var + 1]; k++)
            if (shape_equal(g->node[r.node[k]].shape, g->node[n].shape))
                sc->level[n] = max(sc->level[n], sc->level[r.node[k]]);
    }
}

static void sink_all(schedule *sc)
{
    const ir *g = sc->ir;
    users u = find_users(sc);
    for (int pass = 0; pass < 2; pass++) {
        for (int n = g->n_nodes - 1; n >= 0; n--)
            if (sc->live[n] && op_table[g->node[n].op].elementwise)
                sink(sc, &u, n);
        if (pass == 0)
            sink_stored(sc, &u);
    }
}

/* --- kernels --------------------------------------------------------------------------------------- */

static kernel *add_kernel(schedule *sc, kernel_kind kind, int level, shape s, int n)
{
    arena_grow(sc->ir->arena, &sc->kernel, (size_t)sc->n_kernels, &sc->cap_kernels,
               sizeof *sc->kernel);
    kernel *k = &sc->kernel[sc->n_kernels++];
    *k = (kernel){.kind = kind, .level = level, .shape = s, .node = n};
    return k;
}

static void chain_kernel(schedule *sc, int i)
{
    kernel *k = &sc->kernel[i];
    k->next_of_level = sc->first_of_level[k->level] - 1;
    sc->first_of_level[k->level] = i + 1;
}

/* The loop over S at LEVEL, made if there is none.  */
static kernel *loop_at(schedule *sc, int level, shape s)
{
    for (int i = sc->first_of_level[level] - 1; i >= 0; i = sc->kernel[i].next_of_level) {
        kernel *k = &sc->kernel[i];
        if (k->kind == KERNEL_LOOP && shape_equal(k->shape, s))
            return k;
    }
    kernel *k = add_kernel(sc, KERNEL_LOOP, level, s, NO_NODE);
    chain_kernel(sc, sc->n_kernels - 1);
    return k;
}

static void place_node(schedule *sc, int n)
{
    const ir *g = sc->ir;
    const ir_node *v = &g->node[n];
    if (in_loop(sc, n) || reduces_in_loop(g, n)) {
        shape s = is_reduction(v->op) ? g->node[v->arg[0]].shape : v->shape;
        kernel *k = loop_at(sc, sc->level[n], s);
        ARENA_PUSH(g->arena, k->item, k->n_items, k->cap_items, n);
        return;
    }
    add_kernel(sc, KERNEL_NODE, sc->level[n], v->shape, n);
}

/* Stable: kernels of one level stay in the order of their first node.  LAST is the highest level.  */
static void sort_kernels(schedule *sc, int last)
{
    int *place = ARENA_ARRAY(sc->ir->arena, int, last + 2);
    kernel *sorted = ARENA_ARRAY(sc->ir->arena, kernel, sc->n_kernels + 1);
    for (int i = 0; i < sc->n_kernels; i++)
        place[sc->kernel[i].level + 1]++;
    for (int k = 0; k < last; k++)
        place[k + 1] += place[k];
    for (int i = 0; i < sc->n_kernels; i++)
        sorted[place[sc->kernel[i].level]++] = sc->kernel[i];
    for (int k = 0; k <= last; k++)
        sc->first_of_level[k] = 0;
    sc->kernel = sorted;
    sc->cap_kernels = (size_t)sc->n_kernels + 1;
    for (int i = 0; i < sc->n_kernels; i++)
        chain_kernel(sc, i);
}

static void number_kernels(schedule *sc)
{
    for (int i = 0; i < sc->n_kernels; i++) {
        kernel *k = &sc->kernel[i];
        if (k->kind != KERNEL_LOOP)
            sc->kernel_of[k->node] = i;
        for (int m = 0; m < k->n_items; m++)
            sc->kernel_of[k->item[m]] = i;
    }
}

/* --- where values are held ------------------------------------------------------------------------- */

/* A weight made of parameters by a few cheap operations, MOST of them, is written into the product that reads
   it: as an array it would be as large as the parameter.  A marker costs nothing.  */
static bool is_cheap(const schedule *sc, int n, int most)
{
    const ir_node *v = &sc->ir->node[n];
    if (is_leaf(v->op))
        return true;
    if (!v->of_params || !op_table[v->op].elementwise || v->type != TYPE_REAL)
        return false;
    most -= op_table[v->op].cost;
    for (int i = 0; i < v->n_args && most >= 0; i++) {
        bool direct;
        if (!is_cheap(sc, below_views(sc, v->arg[i], &direct), most))
            return false;
    }
    return most >= 0;
}

static void inline_weight(schedule *sc, int n)
{
    const ir_node *v = &sc->ir->node[n];
    bool direct;
    if (is_leaf(v->op))
        return;
    sc->hold[n] = HOLD_INLINE;
    for (int i = 0; i < v->n_args; i++)
        inline_weight(sc, below_views(sc, v->arg[i], &direct));
}

static void mark_read(schedule *sc, int reader_kernel, int arg)
{
    bool direct;
    int x = below_views(sc, arg, &direct);
    op_code op = sc->ir->node[x].op;
    if (is_leaf(op) || sc->hold[x] == HOLD_PLACE || sc->hold[x] == HOLD_INLINE)
        return;
    bool loop = sc->kernel[reader_kernel].kind == KERNEL_LOOP;
    if (!op_table[op].elementwise || !direct || !loop || sc->kernel_of[x] != reader_kernel)
        sc->hold[x] = HOLD_ARRAY;
}

static void mark_take_indices(schedule *sc, int reader_kernel, int n)
{
    for (; schedule_is_view(sc, n); n = schedule_source(sc->ir, n))
        if (schedule_index(sc->ir, n) != NO_NODE)
            mark_read(sc, reader_kernel, schedule_index(sc->ir, n));
}

static void hold_arrays(schedule *sc)
{
    const ir *g = sc->ir;
    for (int n = 0; n < g->n_nodes; n++) {
        if (!sc->live[n] || is_leaf(g->node[n].op) || schedule_is_view(sc, n))
            continue;
        for (int i = 0; i < ir_n_reads(g, n); i++) {
            bool direct;
            int x = below_views(sc, g->node[n].arg[i], &direct);
            if (i == 1 && op_table[g->node[n].op].linear && is_cheap(sc, x, CHEAP))
                inline_weight(sc, x);
            mark_read(sc, sc->kernel_of[n], g->node[n].arg[i]);
            mark_take_indices(sc, sc->kernel_of[n], g->node[n].arg[i]);
        }
        if (!op_table[g->node[n].op].elementwise && sc->hold[n] == HOLD_NONE)
            sc->hold[n] = HOLD_ARRAY;
    }
}

/* Of a variable: the last kernels that read its old value as it stands, and through a view; -1: none does.  */
typedef struct {
    int direct, view;
} last_reader;

static last_reader *find_readers(const schedule *sc)
{
    const ir *g = sc->ir;
    int n_values = g->n_vars + g->n_bounds;
    last_reader *of = ARENA_ARRAY(g->arena, last_reader, n_values + 1);
    for (int v = 0; v < n_values; v++)
        of[v] = (last_reader){-1, -1};
    for (int n = 0; n < g->n_nodes; n++) {
        if (!sc->live[n] || is_leaf(g->node[n].op) || schedule_is_view(sc, n))
            continue;
        for (int i = 0; i < ir_n_reads(g, n); i++) {
            bool direct;
            int x = below_views(sc, g->node[n].arg[i], &direct);
            if (old_value(g, x) < 0)
                continue;
            last_reader *r = &of[old_value(g, x)];
            int *last = direct ? &r->direct : &r->view;
            *last = max(*last, sc->kernel_of[n]);
        }
    }
    return of;
}

/* Does anything in a kernel after AT, or in AT through a view, read the old value?  */
static bool read_later(const last_reader *r, int at)
{
    return r->direct > at || r->view >= at;
}

/* Does what computes its value add it to the place of store I?  */
static bool added_in_place(const schedule *sc, int i)
{
    int n = sc->store[i].node;
    return sc->store[i].add && sc->hold[n] == HOLD_PLACE && sc->place_of[n] == i;
}

/* Sums that nothing but one store reads need no array: they are added to where the store would add them.  */
static void add_in_place(schedule *sc)
{
    const ir *g = sc->ir;
    users u = find_users(sc);
    int *stores = ARENA_ARRAY(g->arena, int, g->n_nodes);
    for (int i = 0; i < sc->n_stores; i++)
        stores[sc->store[i].node]++;
    for (int i = 0; i < sc->n_stores; i++) {
        int n = sc->store[i].node;
        op_code op = g->node[n].op;
        bool sums = op == OP_sum || op == OP_outer || op == OP_einsum || op == OP_embed_t;
        if (!sums || !sc->store[i].add || stores[n] > 1 || u.range[n].count > 0)
            continue;
        sc->hold[n] = HOLD_PLACE;
        sc->place_of[n] = i;
        sc->store[i].level = sc->level[n];
    }
}

/* Into the loops of their levels, those that overwrite behind the others: these may still read what is
   overwritten.  */
static void push_stores(schedule *sc, bool overwriting)
{
    const ir *g = sc->ir;
    for (int i = 0; i < sc->n_stores; i++) {
        if ((sc->store[i].var >= 0) != overwriting || added_in_place(sc, i))
            continue;
        kernel *k = loop_at(sc, sc->store[i].level, g->node[sc->store[i].node].shape);
        ARENA_PUSH(g->arena, k->store, k->n_stores, k->cap_stores, i);
    }
}

/* Stores of values that no loop computes, or that must wait, stand in loops behind all others.  */
static void place_stores(schedule *sc, int last)
{
    const ir *g = sc->ir;
    const last_reader *readers = find_readers(sc);
    add_in_place(sc);
    for (int i = 0; i < sc->n_stores; i++) {
        store *st = &sc->store[i];
        if (added_in_place(sc, i))
            continue;
        bool computed = op_table[g->node[st->node].op].elementwise;
        int home = computed ? sc->kernel_of[st->node] : -1;
        bool wait = !computed || (st->var >= 0 && read_later(&readers[st->var], home));
        if (wait) {
            bool direct;
            int x = below_views(sc, st->node, &direct);
            if (!is_leaf(g->node[x].op) && sc->hold[x] != HOLD_PLACE)
                sc->hold[x] = HOLD_ARRAY;
            st->level = last + 1;
            continue;
        }
        st->level = sc->kernel[home].level;
        if (!st->add && sc->hold[st->node] != HOLD_PLACE) {
            sc->hold[st->node] = HOLD_PLACE;
            sc->place_of[st->node] = i;
        }
    }
    push_stores(sc, false);
    push_stores(sc, true);
}

/* What leaves the function as the old value of a variable that the function overwrites (or a view of
   it) becomes a value of its own, which like any reader comes before the overwriting.  */
static void copy_overwritten(ir *g, store *stores, int n)
{
    bool *overwritten = ARENA_ARRAY(g->arena, bool, g->n_vars + g->n_bounds + 1);
    for (int i = 0; i < n; i++)
        if (stores[i].var >= 0)
            overwritten[stores[i].var] = true;
    for (int i = 0; i < n; i++) {
        int x = stores[i].node;
        while (op_table[g->node[x].op].view)
            x = schedule_source(g, x);
        if (old_value(g, x) >= 0 && overwritten[old_value(g, x)])
            stores[i].node = ir_ew1(g, OP_copy, stores[i].node);
    }
}

schedule *schedule_run(ir *g, store *stores, int n)
{
    copy_overwritten(g, stores, n);
    schedule *sc = ARENA_NEW(g->arena, schedule);
    int *root = ARENA_ARRAY(g->arena, int, n + 1);
    for (int i = 0; i < n; i++)
        root[i] = stores[i].node;
    sc->ir = g;
    sc->n_nodes = g->n_nodes;
    sc->store = stores;
    sc->n_stores = n;
    sc->live = canon_live(g, root, (size_t)n);
    sc->hold = ARENA_ARRAY(g->arena, holding, g->n_nodes);
    sc->place_of = ARENA_ARRAY(g->arena, int, g->n_nodes);
    sc->level = ARENA_ARRAY(g->arena, int, g->n_nodes);
    sc->kernel_of = ARENA_ARRAY(g->arena, int, g->n_nodes);
    force_arrays(sc);
    first_levels(sc);
    sink_all(sc);
    sc->first_of_level = ARENA_ARRAY(g->arena, int, g->n_nodes + 2);
    int last = 0;
    for (int k = 0; k < g->n_nodes; k++) {
        if (!sc->live[k] || is_leaf(g->node[k].op) || schedule_is_view(sc, k))
            continue;
        last = max(last, sc->level[k]);
        place_node(sc, k);
    }
    sort_kernels(sc, last);
    number_kernels(sc);
    hold_arrays(sc);
    place_stores(sc, last);
    schedule_split(sc);
    sort_kernels(sc, last + 1);
    number_kernels(sc);
    schedule_hold_locals(sc);
    schedule_join(sc);
    sc->inner = ARENA_ARRAY(g->arena, schedule *, sc->n_nodes);
    for (int k = 0; k < sc->n_nodes; k++)
        if (sc->live[k] && g->node[k].op == OP_loop)
            sc->inner[k] = schedule_loop(sc, k);
    schedule_count_arrays(sc);
    return sc;
}
