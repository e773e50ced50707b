/* SPDX-License-Identifier: Apache-2.0 */
/* In: operands that fit.  Out: nodes of the operators that are linear in each operand: products,
   contractions by labels, sliding windows, rows of a table, sparse products.
   Afterwards a contraction that is a product of matrices is one.  */
#include "ir.h"

#include <string.h>

static shape with_last(shape s, int64_t last)
{
    s.dim[s.rank - 1] = last;
    return s;
}

static shape shape_matmul(const ir *g, const ir_node *v)
{
    return with_last(g->node[v->arg[0]].shape, g->node[v->arg[1]].shape.dim[1]);
}

static shape shape_matmul_t(const ir *g, const ir_node *v)
{
    return with_last(g->node[v->arg[0]].shape, g->node[v->arg[1]].shape.dim[0]);
}

static shape shape_einsum(const ir *g, const ir_node *v)
{
    const char *comma = strchr(v->labels, ','), *y = strstr(v->labels, "->") + 2;
    shape s = {.rank = (int)strlen(y)};
    for (int k = 0; k < s.rank; k++) {
        const char *at = strchr(v->labels, y[k]);
        s.dim[k] = at < comma ? g->node[v->arg[0]].shape.dim[at - v->labels]
                              : g->node[v->arg[1]].shape.dim[at - comma - 1];
    }
    return s;
}

static shape shape_embed(const ir *g, const ir_node *v)
{
    shape s = g->node[v->arg[0]].shape;
    s.dim[s.rank++] = g->node[v->arg[1]].shape.dim[1];
    return s;
}

static shape shape_sparse(const ir *g, const ir_node *v)
{
    return with_last(g->node[v->arg[0]].shape, g->pattern[v->pattern].n_cols);
}

static shape (*const shape_rule[OP_COUNT])(const ir *, const ir_node *) = {
#define WT(name, weight, labels, listed, shape, adjoint, tangent, loops, flops) [OP_##name] = shape_##shape,
#include "ops.def"
};

/* The linear op V of X and W: of V's shape, unless the op has a rule for it; a zero where one of them is.  */
static int linear(ir *g, ir_node v, int x, int w)
{
    int arg[] = {x, w};
    v.arg = arg;
    v.n_args = 2;
    v.var = -1;
    if (shape_rule[v.op])
        v.shape = shape_rule[v.op](g, &v);
    for (int i = 0; i < 2; i++)
        if (g->node[arg[i]].type == TYPE_REAL && ir_is_zero(g, arg[i]))
            return ir_const(g, 0, v.shape);
    return ir_intern(g, v);
}

/* With an operand whose elements all are C a product of S is C times the sums of the other, X over MASK.  */
static int constant_product(ir *g, double c, int x, unsigned mask, shape kept, shape s)
{
    int sums = ir_reshape(g, ir_reduce(g, OP_sum, x, mask), kept);
    return ir_broadcast(g, ir_ew2(g, OP_mul, ir_const(g, c, kept), sums), s);
}

static int matrix_product(ir *g, op_code op, int x, int w)
{
    shape sx = g->node[x].shape, sw = g->node[w].shape;
    int axis = op == OP_matmul_t; /* of w: contracted with the last one of x */
    shape s = with_last(sx, sw.dim[!axis]);
    if (ir_is_zero(g, x) || ir_is_zero(g, w))
        return ir_const(g, 0, s);
    if (g->node[w].op == OP_const)
        return constant_product(g, g->node[w].number, x, 1u << (sx.rank - 1), with_last(sx, 1), s);
    if (g->node[x].op == OP_const)
        return constant_product(g, g->node[x].number, w, 1u << axis, shape_of1(sw.dim[!axis]), s);
    return linear(g, (ir_node){.op = op}, x, w);
}

/* A matrix that is another one transposed.  */
static bool is_transposed(const ir *g, int w)
{
    return g->node[w].op == OP_permute && g->node[w].shape.rank == 2;
}

int ir_matmul(ir *g, int x, int w)
{
    return is_transposed(g, w) ? matrix_product(g, OP_matmul_t, x, g->node[w].arg[0])
                               : matrix_product(g, OP_matmul, x, w);
}

int ir_matmul_t(ir *g, int y, int w)
{
    return is_transposed(g, w) ? matrix_product(g, OP_matmul, y, g->node[w].arg[0])
                               : matrix_product(g, OP_matmul_t, y, w);
}

int ir_outer(ir *g, int x, int y)
{
    shape sx = g->node[x].shape, sy = g->node[y].shape;
    int64_t K = sx.dim[sx.rank - 1], M = sy.dim[sy.rank - 1];
    shape s = shape_of2(K, M);
    unsigned lead = (1u << (sx.rank - 1)) - 1;
    if (ir_is_zero(g, x) || ir_is_zero(g, y))
        return ir_const(g, 0, s);
    if (g->node[x].op == OP_const)
        return constant_product(g, g->node[x].number, y, lead, shape_of1(M), s);
    if (g->node[y].op == OP_const)
        return constant_product(g, g->node[y].number, x, lead, shape_of2(K, 1), s);
    return linear(g, (ir_node){.op = OP_outer, .shape = s}, x, y);
}

/* --- contractions by labels ---------------------------------------------------------------------- */

/* Where the parts of "x,w->y" begin, and how long they are.  */
typedef struct {
    const char *x, *w, *y;
    int n_x, n_w, n_y;
} label_parts;

static label_parts parts_of(const char *labels)
{
    const char *comma = strchr(labels, ','), *arrow = strstr(labels, "->");
    label_parts p = {.x = labels, .w = comma + 1, .y = arrow + 2};
    p.n_x = (int)(comma - labels);
    p.n_w = (int)(arrow - comma) - 1;
    p.n_y = (int)strlen(p.y);
    return p;
}

static int place_of(const char *part, int n, char letter)
{
    for (int i = 0; i < n; i++)
        if (part[i] == letter)
            return i;
    return -1;
}

/* Sum over the axes of X that stand in no other part; TEXT gets the labels that remain.  */
static int drop_lone(ir *g, int x, const char *part, int n, const label_parts *p, char *text)
{
    unsigned mask = 0;
    for (int i = 0; i < n; i++) {
        bool elsewhere = place_of(p->y, p->n_y, part[i]) >= 0
                         || (part == p->x ? place_of(p->w, p->n_w, part[i]) >= 0
                                          : place_of(p->x, p->n_x, part[i]) >= 0);
        if (elsewhere)
            *text++ = part[i];
        else
            mask |= 1u << i;
    }
    *text = '\0';
    return ir_reduce(g, OP_sum, x, mask);
}

/* Letters in the order of their first appearance, so that equal contractions have equal labels.  */
static const char *canonical(ir *g, const char *labels)
{
    char text[3 * RANK_MAX + 4], name[256] = {0}, next = 'a';
    int n = 0;
    for (const char *c = labels; *c; c++) {
        if (strchr(",->", *c) == NULL && !name[(unsigned char)*c])
            name[(unsigned char)*c] = next++;
        text[n++] = strchr(",->", *c) ? *c : name[(unsigned char)*c];
    }
    text[n] = '\0';
    return ir_label(g, text);
}

/* Is it y[L.., o] = x[L.., k] w[k, o], or (TRANSPOSED) w[o, k]?  */
static bool is_product(const label_parts *p, bool transposed)
{
    if (p->n_w != 2 || p->n_x != p->n_y || p->n_x < 1)
        return false;
    for (int i = 0; i + 1 < p->n_x; i++)
        if (p->x[i] != p->y[i] || place_of(p->w, 2, p->x[i]) >= 0)
            return false;
    return p->x[p->n_x - 1] == p->w[transposed] && p->y[p->n_y - 1] == p->w[!transposed];
}

int ir_einsum(ir *g, const char *labels, int x, int w)
{
    label_parts p = parts_of(labels);
    char lx[RANK_MAX + 1], lw[RANK_MAX + 1];
    x = drop_lone(g, x, p.x, p.n_x, &p, lx);
    w = drop_lone(g, w, p.w, p.n_w, &p, lw);
    const char *text = canonical(g, arena_printf(g->arena, "%s,%s->%s", lx, lw, p.y));
    p = parts_of(text);
    if (is_product(&p, false))
        return ir_matmul(g, x, w);
    if (is_product(&p, true))
        return ir_matmul_t(g, x, w);
    return linear(g, (ir_node){.op = OP_einsum, .labels = text}, x, w);
}

void ir_letters(char to[RANK_MAX + 1], char first, int n)
{
    for (int k = 0; k < n; k++)
        to[k] = (char)(first + k);
    to[n] = '\0';
}

const char *ir_labels(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    const char *form = op_table[v->op].labels, *text = "";
    char lead[RANK_MAX + 1];
    if (!form)
        return v->labels;
    ir_letters(lead, 'a', v->shape.rank - 1);
    for (; *form; form++)
        text = *form == 'L' ? arena_printf(g->arena, "%s%s", text, lead)
                            : arena_printf(g->arena, "%s%c", text, *form);
    return text;
}

/* --- sliding windows ----------------------------------------------------------------------------- */

static const ir_window *copy_windows(ir *g, const ir_window *w, int n)
{
    ir_window *copy = ARENA_ARRAY(g->arena, ir_window, n);
    memcpy(copy, w, sizeof *w * (size_t)n);
    return copy;
}

int ir_windows(ir *g, int x, const ir_window *w, int n_windows)
{
    shape from = g->node[x].shape, s = from;
    int lead = from.rank - 1 - n_windows;
    s.rank = from.rank + n_windows;
    for (int k = 0; k < n_windows; k++) {
        s.dim[lead + k] = w[k].count;
        s.dim[lead + n_windows + k] = w[k].size;
    }
    s.dim[s.rank - 1] = from.dim[from.rank - 1];
    if (ir_is_zero(g, x))
        return ir_const(g, 0, s);
    return ir_intern(g, (ir_node){.op = OP_windows, .shape = s, .n_args = 1, .arg = &x,
                                  .window = copy_windows(g, w, n_windows), .n_windows = n_windows,
                                  .var = -1});
}

int ir_unwindows(ir *g, int y, const ir_window *w, int n_windows, shape to)
{
    if (ir_is_zero(g, y))
        return ir_const(g, 0, to);
    return ir_intern(g, (ir_node){.op = OP_unwindows, .shape = to, .n_args = 1, .arg = &y,
                                  .window = copy_windows(g, w, n_windows), .n_windows = n_windows,
                                  .var = -1});
}

/* --- tables and sparse matrices ------------------------------------------------------------------ */

int ir_embed(ir *g, int index, int w)
{
    return linear(g, (ir_node){.op = OP_embed}, index, w);
}

int ir_embed_t(ir *g, int index, int y, int64_t n)
{
    shape s = g->node[y].shape;
    return linear(g, (ir_node){.op = OP_embed_t, .shape = shape_of2(n, s.dim[s.rank - 1])}, index, y);
}

int ir_one_hot(ir *g, int index, int64_t n)
{
    shape s = g->node[index].shape, column = s;
    s.dim[s.rank++] = n;
    column.dim[column.rank++] = 1;
    int places = ir_broadcast(g, ir_reshape(g, index, column), s);
    return ir_ew1(g, OP_real, ir_ew2(g, OP_eq, ir_broadcast(g, ir_iota(g, n), s), places));
}

/* Non-zeros of a row, in the mean, from which on it is worth loops of its own.  */
enum { ROW_MIN = 4 };

static bool is_by_rows(const pattern *p)
{
    for (int64_t i = 1; i < p->n; i++)
        if (p->row[i - 1] > p->row[i])
            return false;
    return p->n / ROW_MIN >= p->n_rows;
}

int ir_pattern(ir *g, pattern p)
{
    arena_grow(g->arena, &g->pattern, (size_t)g->n_patterns, &g->cap_patterns, sizeof *g->pattern);
    p.by_rows = is_by_rows(&p);
    p.name = arena_printf(g->arena, "%s%d", p.name ? p.name : "pattern", g->n_patterns);
    g->pattern[g->n_patterns] = p;
    return g->n_patterns++;
}

int pattern_index_bytes(int64_t n)
{
    return n <= 65536 ? 2 : 4;
}

int64_t pattern_bytes(const pattern *p)
{
    int64_t rows = p->by_rows ? (p->n_rows + 1) * 4 : p->n * pattern_index_bytes(p->n_rows);
    return rows + p->n * pattern_index_bytes(p->n_cols);
}

const pattern *ir_non_zeros(const ir *g, int n)
{
    const ir_node *v = &g->node[n];
    return op_table[v->op].weight == WEIGHT_NON_ZEROS ? &g->pattern[v->pattern] : NULL;
}

int ir_sparse(ir *g, int x, int w, int p)
{
    return linear(g, (ir_node){.op = OP_sparse, .pattern = p}, x, w);
}

int ir_sparse_t(ir *g, int y, int w, int p)
{
    shape s = with_last(g->node[y].shape, g->pattern[p].n_rows);
    return linear(g, (ir_node){.op = OP_sparse_t, .shape = s, .pattern = p}, y, w);
}

int ir_gather(ir *g, int x, int p, int axis)
{
    const ir_node *v = &g->node[x];
    shape s = with_last(v->shape, g->pattern[p].n);
    if (v->op == OP_const)
        return ir_const(g, v->number, s);
    return ir_intern(g, (ir_node){.op = OP_gather, .type = v->type, .shape = s, .n_args = 1,
                                  .arg = &x, .pattern = p, .axis = axis, .var = -1});
}

int ir_weight(ir *g, int x)
{
    return ir_intern(g, (ir_node){.op = OP_weight, .shape = g->node[x].shape, .n_args = 1, .arg = &x,
                                  .var = g->n_weights++});
}

/* --- events ------------------------------------------------------------------------------------------ */

static event_kind least_of_parts(const ir *g, const ir_node *v)
{
    event_kind least = EVENTS_SAID;
    for (int i = 0; i < v->n_args; i++) {
        event_kind part = ir_events(g, v->arg[i]);
        least = part < least ? part : least;
    }
    return least;
}

event_kind ir_events(const ir *g, int x)
{
    const ir_node *v = &g->node[x];
    if (v->events != EVENTS_NONE)
        return v->events;
    switch (v->op) {
    case OP_real: return g->node[v->arg[0]].type == TYPE_BOOL ? EVENTS_SPIKES : EVENTS_NONE;
    case OP_concat: return least_of_parts(g, v);
    case OP_graft:
    case OP_copy:
    case OP_stop_gradient:
    case OP_reshape:
    case OP_permute:
    case OP_broadcast:
    case OP_slice:
    case OP_gather:
    case OP_windows: return ir_events(g, v->arg[0]);
    default: return EVENTS_NONE;
    }
}
