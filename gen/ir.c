/* SPDX-License-Identifier: Apache-2.0 */
/* In: makers' calls.  Out: the node array.  Holds: arguments before users, equal nodes once,
   element-wise arguments of one shape.  */
#include "ir.h"

#include "canon.h"
#include "origin.h"
#include "region.h"
#include "size.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const op_info op_table[OP_COUNT] = {
#define VIEW true
#define LOOPS(row) false
#define EW(op, n, type, text, binds, flops, partial, value) \
    [OP_##op] = {.name = #op, .elementwise = true, .arity = n, .result = TYPE_##type, .form = text, \
                 .prec = binds, .cost = flops},
#define WT(op, form, letters, shown, shape, adjoint, tangent, loops, flops) \
    [OP_##op] = {.name = #op, .linear = true, .view = loops, .cost = 1, .weight = WEIGHT_##form, \
                 .labels = letters, .listed = shown},
#define BI(op, loops, flops) [OP_##op] = {.name = #op, .linear = true, .cost = 1},
#define VW(op) [OP_##op] = {.name = #op, .view = true, .cost = 1},
#define ST(op) [OP_##op] = {.name = #op, .cost = 1},
#include "ops.def"
};

shape shape_scalar(void)
{
    return (shape){0, {0}};
}

shape shape_of1(int64_t n)
{
    return (shape){1, {n}};
}

shape shape_of2(int64_t n, int64_t m)
{
    return (shape){2, {n, m}};
}

bool shape_equal(shape a, shape b)
{
    if (a.rank != b.rank)
        return false;
    for (int i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i])
            return false;
    return true;
}

int64_t shape_numel(shape s)
{
    int64_t n = 1;
    for (int i = 0; i < s.rank; i++)
        n = size_times(n, s.dim[i]);
    return n;
}

bool shape_broadcast(shape a, shape b, shape *res)
{
    *res = a.rank < b.rank ? b : a;
    for (int i = 1; i <= a.rank && i <= b.rank; i++) {
        int64_t da = a.dim[a.rank - i], db = b.dim[b.rank - i];
        if (da != db && da != 1 && db != 1)
            return false;
        res->dim[res->rank - i] = da == 1 ? db : da;
    }
    return true;
}

bool shape_same_places(shape a, shape b)
{
    int i = 0, k = 0;
    while (i < a.rank || k < b.rank) {
        if (i < a.rank && a.dim[i] == 1)
            i++;
        else if (k < b.rank && b.dim[k] == 1)
            k++;
        else if (i < a.rank && k < b.rank && a.dim[i] == b.dim[k])
            i++, k++;
        else
            return false;
    }
    return true;
}

const char *shape_text(arena *a, shape s)
{
    const char *text = "[";
    for (int i = 0; i < s.rank; i++)
        text = arena_printf(a, "%s%s%lld", text, i ? ", " : "", (long long)s.dim[i]);
    return arena_printf(a, "%s]", text);
}

ir *ir_new(arena *a, diag *d, const char *name, int real_bits, int batch)
{
    ir *g = ARENA_NEW(a, ir);
    g->arena = a;
    g->diag = d;
    g->name = name;
    g->real_bits = real_bits;
    g->batch = batch;
    g->loss = NO_NODE;
    g->n_buckets = 1024;
    g->bucket = ARENA_ARRAY(a, int, g->n_buckets);
    return g;
}

/* FNV-1a over what makes a node what it is.  */
static uint64_t mix(uint64_t h, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 1099511628211u;
    return h;
}

static uint64_t node_hash(const ir_node *n)
{
    uint64_t h = 14695981039346656037u;
    int head[] = {(int)n->op, n->var, n->axis, (int)n->mask, n->shape.rank, n->pattern};
    double number = n->number + 0.0; /* -0 and 0 are one */
    h = mix(h, head, sizeof head);
    h = mix(h, n->shape.dim, sizeof n->shape.dim[0] * (size_t)n->shape.rank);
    h = mix(h, &number, sizeof number);
    h = mix(h, &n->start, sizeof n->start);
    if (n->labels)
        h = mix(h, n->labels, strlen(n->labels));
    return mix(h, n->arg, sizeof n->arg[0] * (size_t)n->n_args);
}

static bool same_number(double a, double b)
{
    return !(a < b) && !(a > b);
}

static bool windows_equal(const ir_node *a, const ir_node *b)
{
    if (a->n_windows != b->n_windows)
        return false;
    for (int i = 0; i < a->n_windows; i++) {
        const ir_window *x = &a->window[i], *y = &b->window[i];
        if (x->size != y->size || x->stride != y->stride || x->dilation != y->dilation
            || x->pad != y->pad || x->count != y->count)
            return false;
    }
    return true;
}

static bool node_equal(const ir_node *a, const ir_node *b)
{
    return a->op == b->op && a->labels == b->labels && a->pattern == b->pattern
           && windows_equal(a, b) && a->type == b->type && a->var == b->var && a->axis == b->axis
           && a->start == b->start && a->mask == b->mask && same_number(a->number, b->number)
           && shape_equal(a->shape, b->shape) && a->n_args == b->n_args
           && (a->n_args == 0
               || memcmp(a->arg, b->arg, sizeof a->arg[0] * (size_t)a->n_args) == 0);
}

static size_t find_slot(const ir *g, const ir_node *n)
{
    size_t slot = (size_t)node_hash(n) & (g->n_buckets - 1);
    while (g->bucket[slot] && !node_equal(&g->node[g->bucket[slot] - 1], n))
        slot = (slot + 1) & (g->n_buckets - 1);
    return slot;
}

static void grow_table(ir *g)
{
    g->n_buckets *= 2;
    g->bucket = ARENA_ARRAY(g->arena, int, g->n_buckets);
    for (int i = 0; i < g->n_nodes; i++)
        g->bucket[find_slot(g, &g->node[i])] = i + 1;
}

static bool of_params(const ir *g, const ir_node *n)
{
    if (n->op == OP_var || n->op == OP_bound)
        return n->of_params;
    for (int i = 0; i < n->n_args; i++)
        if (!g->node[n->arg[i]].of_params)
            return false;
    return true;
}

int ir_intern(ir *g, ir_node n)
{
    size_t slot = find_slot(g, &n);
    if (g->bucket[slot])
        return g->bucket[slot] - 1;
    int *arg = ARENA_ARRAY(g->arena, int, n.n_args ? n.n_args : 1);
    for (int i = 0; i < n.n_args; i++)
        arg[i] = n.arg[i];
    n.arg = arg;
    n.of_params = of_params(g, &n);
    if (n.from == 0) /* else it is another node's copy */
        n.from = origin_of_node(g, &n);
    arena_grow(g->arena, &g->node, (size_t)g->n_nodes, &g->cap_nodes, sizeof *g->node);
    g->node[g->n_nodes++] = n;
    g->bucket[slot] = g->n_nodes;
    if ((size_t)g->n_nodes * 2 > g->n_buckets)
        grow_table(g);
    return g->n_nodes - 1;
}

const char *ir_label(ir *g, const char *text)
{
    for (int i = 0; i < g->n_labels; i++)
        if (strcmp(g->label[i], text) == 0)
            return g->label[i];
    arena_grow(g->arena, &g->label, (size_t)g->n_labels, &g->cap_labels, sizeof *g->label);
    return g->label[g->n_labels++] = arena_strdup(g->arena, text);
}

int ir_var(ir *g, var_kind kind, const char *path, shape s, value_type type, loc at)
{
    char *c_name = arena_strdup(g->arena, path);
    for (char *p = c_name; *p; p++)
        if (*p == '.' || *p == '#')
            *p = '_';
    var v = {.kind = kind, .path = path, .c_name = c_name, .shape = s, .type = type, .at = at,
             .next = NO_NODE, .owner = -1, .pattern = -1, .order = g->n_vars};
    int index = g->n_vars, before = origin_begin(g, v.at.src ? origin_of_var(g, &v, PASS_DECLARATION) : 0);
    v.now = ir_intern(g, (ir_node){.op = OP_var, .type = type, .shape = s, .var = index,
                                   .of_params = kind == VAR_PARAM});
    origin_begin(g, before);
    arena_grow(g->arena, &g->var, (size_t)g->n_vars, &g->cap_vars, sizeof *g->var);
    g->var[g->n_vars++] = v;
    return index;
}

bool ir_is_batched(const var *v)
{
    return v->kind != VAR_PARAM && v->kind != VAR_SUM && v->kind != VAR_TAPE && v->kind != VAR_STEP
           && !v->pooled;
}

int ir_vars_in_order(const ir *g, unsigned mask, int *res)
{
    int n = 0;
    for (int v = 0; v < g->n_vars; v++) {
        if (!(mask & 1u << g->var[v].kind))
            continue;
        int k = n++;
        for (; k > 0 && g->var[res[k - 1]].order > g->var[v].order; k--)
            res[k] = res[k - 1];
        res[k] = v;
    }
    return n;
}

bool ir_has_number(const ir *g, double x)
{
    /* From half a unit behind the largest float on, rounding makes it infinite.  */
    return isfinite(x) && (g->real_bits == 64 || fabs(x) < 0x1.ffffffp127);
}

int ir_const(ir *g, double number, shape s)
{
    return ir_intern(g, (ir_node){.op = OP_const, .type = TYPE_REAL, .shape = s, .number = number,
                            .var = -1});
}

int ir_ew(ir *g, op_code op, const int *arg)
{
    const op_info *info = &op_table[op];
    int a[3];
    shape s = g->node[arg[0]].shape;
    for (int i = 1; i < info->arity; i++)
        shape_broadcast(s, g->node[arg[i]].shape, &s);
    for (int i = 0; i < info->arity; i++) {
        a[i] = ir_broadcast(g, arg[i], s);
        bool logic = op == OP_and || op == OP_or || op == OP_not || (op == OP_where && i == 0);
        if (!logic && op != OP_real && g->node[a[i]].type == TYPE_BOOL)
            a[i] = ir_ew1(g, OP_real, a[i]);
        if (logic && g->node[a[i]].type != TYPE_BOOL)
            a[i] = ir_ew2(g, OP_ne, a[i], ir_const(g, 0, s));
    }
    int simple = canon_elementwise(g, op, a, s);
    if (simple != NO_NODE)
        return simple;
    ir_node n = {.op = op, .type = info->result, .shape = s, .n_args = info->arity, .arg = a,
              .var = -1};
    if ((op == OP_add || op == OP_mul) && !g->bucket[find_slot(g, &n)]) {
        int swapped[2] = {a[1], a[0]};
        ir_node twin = n;
        twin.arg = swapped;
        if (g->bucket[find_slot(g, &twin)])
            return g->bucket[find_slot(g, &twin)] - 1;
    }
    return ir_intern(g, n);
}

int ir_ew1(ir *g, op_code op, int a)
{
    return ir_ew(g, op, &a);
}

int ir_ew2(ir *g, op_code op, int a, int b)
{
    return ir_ew(g, op, (int[]){a, b});
}

int ir_ew3(ir *g, op_code op, int a, int b, int c)
{
    return ir_ew(g, op, (int[]){a, b, c});
}

int ir_remake(ir *g, int n, const int *arg)
{
    ir_node v = g->node[n];
    bool same = true;
    for (int i = 0; i < v.n_args; i++)
        same = same && arg[i] == v.arg[i];
    if (same)
        return n;
    if (op_table[v.op].elementwise && op_table[v.op].arity > 0 && v.op != OP_random && v.op != OP_copy
        && v.op != OP_weight && v.op != OP_graft)
        return ir_ew(g, v.op, arg);
    v.arg = ARENA_ARRAY(g->arena, int, v.n_args + 1);
    memcpy(v.arg, arg, sizeof *arg * (size_t)v.n_args);
    return ir_intern(g, v);
}

int ir_own_copy(ir *g, int x, int owner)
{
    return ir_intern(g, (ir_node){.op = OP_copy, .type = g->node[x].type, .shape = g->node[x].shape,
                                  .n_args = 1, .arg = &x, .start = owner, .var = -1});
}

int ir_random(ir *g, int seed, int64_t stream, shape s)
{
    int arg = ir_broadcast(g, seed, s);
    return ir_intern(g, (ir_node){.op = OP_random, .type = TYPE_REAL, .shape = s, .n_args = 1,
                                  .arg = &arg, .start = stream, .var = -1});
}

int ir_iota(ir *g, int64_t n)
{
    return ir_intern(g, (ir_node){.op = OP_iota, .type = TYPE_INDEX, .shape = shape_of1(n), .var = -1});
}

int ir_concat(ir *g, const int *arg, int n, int axis)
{
    if (n == 1)
        return arg[0];
    shape s = g->node[arg[0]].shape;
    for (int i = 1; i < n; i++)
        s.dim[axis] += g->node[arg[i]].shape.dim[axis];
    int *copy = ARENA_ARRAY(g->arena, int, n);
    for (int i = 0; i < n; i++)
        copy[i] = g->node[arg[i]].type == TYPE_BOOL ? ir_ew1(g, OP_real, arg[i]) : arg[i];
    return ir_intern(g, (ir_node){.op = OP_concat, .shape = s, .n_args = n, .arg = copy, .axis = axis,
                            .var = -1});
}

int ir_slice(ir *g, int x, int axis, int64_t start, int64_t count)
{
    const ir_node *v = &g->node[x];
    shape s = v->shape;
    if (s.dim[axis] == count)
        return x;
    s.dim[axis] = count;
    if (v->op == OP_const)
        return ir_const(g, v->number, s);
    if (v->op == OP_concat && v->axis == axis) { /* a slice inside of one part is that part's */
        int64_t at = 0;
        for (int i = 0; i < v->n_args; i++) {
            int64_t n = g->node[v->arg[i]].shape.dim[axis];
            if (start >= at && start + count <= at + n)
                return ir_slice(g, v->arg[i], axis, start - at, count);
            at += n;
        }
    }
    if (g->deriving && (v->op == OP_add || v->op == OP_sub)) { /* what is not wanted need not be added */
        int arg[] = {v->arg[0], v->arg[1]};
        op_code op = v->op;
        for (int i = 0; i < 2; i++)
            arg[i] = ir_slice(g, arg[i], axis, start, count);
        return ir_ew(g, op, arg);
    }
    if (g->deriving && v->op == OP_matmul_t && axis == s.rank - 1) /* these rows of W alone */
        return ir_intern(g, (ir_node){.op = OP_matmul_t, .shape = s, .n_args = 2, .arg = v->arg,
                                .start = v->start + start, .var = -1});
    return ir_intern(g, (ir_node){.op = OP_slice, .type = v->type, .shape = s, .n_args = 1, .arg = &x,
                            .axis = axis, .start = start, .var = -1});
}

int ir_pad(ir *g, int x, int axis, int64_t start, int64_t count)
{
    shape s = g->node[x].shape;
    if (s.dim[axis] == count)
        return x;
    s.dim[axis] = count;
    if (ir_is_zero(g, x))
        return ir_const(g, 0, s);
    return ir_intern(g, (ir_node){.op = OP_pad, .shape = s, .n_args = 1, .arg = &x, .axis = axis,
                            .start = start, .var = -1});
}

int ir_reshape(ir *g, int x, shape s)
{
    const ir_node *v = &g->node[x];
    if (shape_equal(v->shape, s))
        return x;
    if (v->op == OP_const)
        return ir_const(g, v->number, s);
    if (v->op == OP_reshape)
        return ir_reshape(g, v->arg[0], s);
    return ir_intern(g, (ir_node){.op = OP_reshape, .type = v->type, .shape = s, .n_args = 1, .arg = &x,
                            .var = -1});
}

int ir_permute(ir *g, int x, const int *axis)
{
    const ir_node *v = &g->node[x];
    shape s = v->shape;
    char text[RANK_MAX + 1] = "";
    bool moved = false;
    for (int k = 0; k < s.rank; k++) {
        s.dim[k] = v->shape.dim[axis[k]];
        text[k] = (char)('a' + axis[k]);
        moved = moved || axis[k] != k;
    }
    if (!moved)
        return x;
    if (v->op == OP_const)
        return ir_const(g, v->number, s);
    if (v->op == OP_permute) {
        int both[RANK_MAX];
        for (int k = 0; k < s.rank; k++)
            both[k] = v->labels[axis[k]] - 'a';
        return ir_permute(g, v->arg[0], both);
    }
    return ir_intern(g, (ir_node){.op = OP_permute, .type = v->type, .shape = s, .n_args = 1,
                                  .arg = &x, .labels = ir_label(g, text), .var = -1});
}

int ir_transpose(ir *g, int x)
{
    int axis[RANK_MAX], rank = g->node[x].shape.rank;
    for (int k = 0; k < rank; k++)
        axis[k] = k;
    axis[rank - 1] = rank - 2;
    axis[rank - 2] = rank - 1;
    return ir_permute(g, x, axis);
}

int ir_broadcast(ir *g, int x, shape s)
{
    const ir_node *v = &g->node[x];
    if (shape_equal(v->shape, s))
        return x;
    if (v->op == OP_const)
        return ir_const(g, v->number, s);
    if (v->op == OP_broadcast)
        return ir_broadcast(g, v->arg[0], s);
    return ir_intern(g, (ir_node){.op = OP_broadcast, .type = v->type, .shape = s, .n_args = 1,
                            .arg = &x, .var = -1});
}

int ir_reduce(ir *g, op_code op, int x, unsigned mask)
{
    if (!mask)
        return x;
    if (g->node[x].type == TYPE_BOOL)
        x = ir_ew1(g, OP_real, x);
    const ir_node *v = &g->node[x];
    shape s = {0, {0}};
    int64_t count = 1;
    for (int i = 0; i < v->shape.rank; i++) {
        if (mask & 1u << i)
            count *= v->shape.dim[i];
        else
            s.dim[s.rank++] = v->shape.dim[i];
    }
    if (v->op == OP_const)
        return ir_const(g, op == OP_sum ? v->number * (double)count : v->number, s);
    return ir_intern(g, (ir_node){.op = op, .shape = s, .n_args = 1, .arg = &x, .mask = mask,
                            .var = -1});
}

int ir_sum_to(ir *g, int x, shape s)
{
    shape from = g->node[x].shape;
    unsigned mask = 0;
    for (int i = 0; i < from.rank; i++) {
        int j = i - (from.rank - s.rank);
        if (j < 0 || (s.dim[j] == 1 && from.dim[i] != 1))
            mask |= 1u << i;
    }
    return ir_reshape(g, ir_reduce(g, OP_sum, x, mask), s);
}

int ir_take(ir *g, int x, int index)
{
    int arg[] = {x, index};
    shape s = g->node[x].shape;
    s.rank--;
    if (g->node[x].op == OP_const)
        return ir_const(g, g->node[x].number, s);
    return ir_intern(g, (ir_node){.op = OP_take, .shape = s, .n_args = 2, .arg = arg, .var = -1});
}

int ir_name(ir *g, int x, const char *name, const char *note)
{
    ir_node *n = &g->node[x];
    if (n->op == OP_var || n->op == OP_const)
        return x;
    if (!n->name)
        n->name = name;
    if (!n->note)
        n->note = note;
    return x;
}

bool ir_is_const(const ir *g, int x, double value)
{
    return g->node[x].op == OP_const && same_number(g->node[x].number, value);
}

bool ir_is_zero(const ir *g, int x)
{
    return ir_is_const(g, x, 0);
}

bool ir_elementwise(const ir *g, int x)
{
    return op_table[g->node[x].op].elementwise;
}

int64_t ir_index_size(const ir *g, int x)
{
    const ir_node *v = &g->node[x];
    while (v->op == OP_slice || v->op == OP_reshape || v->op == OP_broadcast || v->op == OP_take)
        v = &g->node[v->arg[0]];
    return v->op == OP_var ? g->var[v->var].index_size : 0;
}

int ir_n_reads(const ir *g, int x)
{
    const ir_node *v = &g->node[x];
    return v->op == OP_graft    ? 1
           : v->op == OP_repeat ? g->region[v->pattern].n_reads
                                : v->n_args;
}

int ir_n_ways(const ir *g, int x)
{
    return g->node[x].op == OP_graft ? 2 : g->node[x].n_args;
}

static void broken(const ir *g, int n, const char *what)
{
    fprintf(stderr, "etrace-gen: internal error: node %d (%s) of %s: %s\n", n,
            op_table[g->node[n].op].name, g->name, what);
    abort();
}

void ir_check(const ir *g)
{
    for (int n = 0; n < g->n_nodes; n++) {
        const ir_node *v = &g->node[n];
        for (int i = 0; i < v->n_args; i++) {
            if (v->arg[i] < 0 || v->arg[i] >= n)
                broken(g, n, "an argument does not come before it");
            if (op_table[v->op].elementwise && !shape_equal(g->node[v->arg[i]].shape, v->shape))
                broken(g, n, "an argument of another shape");
        }
        for (int i = 0; i < v->shape.rank; i++)
            if (v->shape.dim[i] <= 0)
                broken(g, n, "an empty axis");
    }
}

void ir_dump(const ir *g, buf *out)
{
    for (int n = 0; n < g->n_nodes; n++) {
        const ir_node *v = &g->node[n];
        buf_printf(out, "%%%d = %s", n, op_table[v->op].name);
        if (v->op == OP_var)
            buf_printf(out, " %s", g->var[v->var].path);
        if (v->op == OP_const)
            buf_printf(out, " %.17g", v->number);
        for (int i = 0; i < v->n_args; i++)
            buf_printf(out, "%s%%%d", i ? ", " : " ", v->arg[i]);
        buf_printf(out, " : %s", shape_text(g->arena, v->shape));
        if (v->name)
            buf_printf(out, "  # %s", v->name);
        buf_puts(out, "\n");
    }
}
