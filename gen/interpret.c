/* SPDX-License-Identifier: Apache-2.0 */
/* In: the graph, and values of variables.  Out: values of nodes.
   Each operator is done here as its row in ops.def says it, element by element and in no clever order:
   what the emitted C is compared with should have nothing in common with how it was made.  */
#include "interpret.h"

#include "canon.h"
#include "etrace_random.h"
#include "loop.h"
#include "region.h"

#include <string.h>

static void run_node(interpreter *it, int n, const bool *live, int n_live);

static int64_t numel(const interpreter *it, int n)
{
    return shape_numel(it->ir->node[n].shape);
}

static double *place(interpreter *it, int n)
{
    if (!it->value[n])
        it->value[n] = ARENA_ARRAY(it->arena, double, numel(it, n) + 1);
    return it->value[n];
}

/* The elements before, along and behind AXIS.  */
static void split(shape s, int axis, int64_t *before, int64_t *along, int64_t *behind)
{
    *before = *behind = 1;
    *along = s.dim[axis];
    for (int d = 0; d < s.rank; d++)
        *(d < axis ? before : behind) *= d == axis ? 1 : s.dim[d];
}

/* The subscripts of element I of S.  */
static void unravel(shape s, int64_t i, int64_t *at)
{
    for (int d = s.rank - 1; d >= 0; d--) {
        at[d] = i % s.dim[d];
        i /= s.dim[d];
    }
}

/* --- element by element ---------------------------------------------------------------------------- */

static double random_number(const interpreter *it, const ir_node *v, double seed, int64_t i, int64_t n)
{
    uint64_t s = (uint32_t)(int32_t)seed, at = (uint64_t)(it->sample * n + i);
    uint32_t stream = (uint32_t)v->start;
    return it->ir->real_bits == 32 ? (double)etr_uniform_f32(s, stream, at) : etr_uniform_f64(s, stream, at);
}

static double element(const interpreter *it, const ir_node *v, const double *x, int64_t i, int64_t n)
{
    switch (v->op) {
    case OP_index: return (double)(int32_t)x[0];
    case OP_next_seed: return (double)(int32_t)((uint32_t)(int32_t)x[0] + 1u);
    case OP_random: return random_number(it, v, x[0], i, n);
    case OP_copy:
    case OP_stop_gradient:
    case OP_graft:
    case OP_weight: return x[0];
    default: return canon_fold(v->op, x);
    }
}

static void elementwise(interpreter *it, int n, double *to)
{
    const ir_node *v = &it->ir->node[n];
    int64_t size = numel(it, n);
    for (int64_t i = 0; i < size; i++) {
        double x[3] = {0, 0, 0};
        for (int k = 0; k < ir_n_reads(it->ir, n) && k < 3; k++)
            x[k] = it->value[v->arg[k]][i];
        to[i] = element(it, v, x, i, size);
    }
}

/* --- products -------------------------------------------------------------------------------------- */

/* By labels: a sum over all letters.  */
static void contract(interpreter *it, int n, const char *labels, double *to)
{
    const ir_node *v = &it->ir->node[n];
    const char *comma = strchr(labels, ','), *y = strstr(labels, "->") + 2;
    const shape xs = it->ir->node[v->arg[0]].shape, ws = it->ir->node[v->arg[1]].shape;
    int64_t size[128] = {0}, at[128] = {0};
    char letter[2 * RANK_MAX + 1] = "";
    for (const char *p = labels; p < y - 2; p++) {
        if (p == comma)
            continue;
        size[(int)*p] = p < comma ? xs.dim[p - labels] : ws.dim[p - comma - 1];
        if (!strchr(letter, *p))
            strncat(letter, p, 1);
    }
    for (bool more = true; more;) {
        int64_t i = 0, j = 0, k = 0;
        for (const char *p = labels; p < comma; p++)
            i = i * size[(int)*p] + at[(int)*p];
        for (const char *p = comma + 1; p < y - 2; p++)
            j = j * size[(int)*p] + at[(int)*p];
        for (const char *p = y; *p; p++)
            k = k * size[(int)*p] + at[(int)*p];
        to[k] += it->value[v->arg[0]][i] * it->value[v->arg[1]][j];
        more = false;
        for (const char *p = letter; *p && !more; p++) {
            more = ++at[(int)*p] < size[(int)*p];
            at[(int)*p] *= more;
        }
    }
}

static void matmul_t(interpreter *it, int n, double *to)
{
    const ir_node *v = &it->ir->node[n];
    const double *y = it->value[v->arg[0]], *w = it->value[v->arg[1]];
    int64_t cols = it->ir->node[v->arg[1]].shape.dim[1], rows = v->shape.dim[v->shape.rank - 1];
    for (int64_t i = 0; i < numel(it, n); i++)
        for (int64_t m = 0; m < cols; m++)
            to[i] += y[i / rows * cols + m] * w[(v->start + i % rows) * cols + m];
}

static void matmul(interpreter *it, int n, double *to)
{
    const ir_node *v = &it->ir->node[n];
    const double *x = it->value[v->arg[0]], *w = it->value[v->arg[1]];
    int64_t rows = it->ir->node[v->arg[1]].shape.dim[0], cols = it->ir->node[v->arg[1]].shape.dim[1];
    for (int64_t i = 0; i < numel(it, n); i++)
        for (int64_t k = 0; k < rows; k++)
            to[i] += x[i / cols * rows + k] * w[k * cols + i % cols];
}

static void outer(interpreter *it, int n, double *to)
{
    const ir_node *v = &it->ir->node[n];
    const double *x = it->value[v->arg[0]], *y = it->value[v->arg[1]];
    int64_t k = v->shape.dim[0], m = v->shape.dim[1];
    for (int64_t p = 0; p < numel(it, v->arg[0]) / k; p++)
        for (int64_t i = 0; i < k * m; i++)
            to[i] += x[p * k + i / m] * y[p * m + i % m];
}

/* Rows of a table, and back.  */
static void embed(interpreter *it, int n, double *to)
{
    const ir_node *v = &it->ir->node[n];
    const double *at = it->value[v->arg[0]], *x = it->value[v->arg[1]];
    bool back = v->op == OP_embed_t;
    int64_t m = it->ir->node[v->arg[1]].shape.dim[it->ir->node[v->arg[1]].shape.rank - 1];
    for (int64_t i = 0; i < numel(it, v->arg[0]); i++)
        for (int64_t k = 0; k < m; k++)
            if (back)
                to[(int64_t)at[i] * m + k] += x[i * m + k];
            else
                to[i * m + k] = x[(int64_t)at[i] * m + k];
}

static void sparse(interpreter *it, int n, double *to)
{
    const ir_node *v = &it->ir->node[n];
    const pattern *p = &it->ir->pattern[v->pattern];
    const double *x = it->value[v->arg[0]];
    bool back = v->op == OP_sparse_t, gather = v->op == OP_gather;
    int64_t from = it->ir->node[v->arg[0]].shape.dim[it->ir->node[v->arg[0]].shape.rank - 1];
    int64_t size = v->shape.dim[v->shape.rank - 1];
    for (int64_t b = 0; b < numel(it, n) / size; b++)
        for (int64_t i = 0; i < p->n; i++)
            if (gather)
                to[b * size + i] = x[b * from + (v->axis ? p->col[i] : p->row[i])];
            else
                to[b * size + (back ? p->row[i] : p->col[i])] +=
                    x[b * from + (back ? p->col[i] : p->row[i])] * it->value[v->arg[1]][i];
}

/* --- what moves or reduces --------------------------------------------------------------------------- */

/* Element I of the windows is which of the image, of shape S; -1: none, it is outside.  */
static int64_t in_image(const ir_node *v, shape windows, shape s, int64_t i)
{
    int64_t at[RANK_MAX], res = 0;
    int lead = s.rank - 1 - v->n_windows;
    unravel(windows, i, at);
    for (int d = 0; d < s.rank; d++) {
        int k = d - lead;
        int64_t x = at[d < lead ? d : windows.rank - 1];
        if (k >= 0 && k < v->n_windows)
            x = at[d] * v->window[k].stride + at[d + v->n_windows] * v->window[k].dilation - v->window[k].pad;
        if (x < 0 || x >= s.dim[d])
            return -1;
        res = res * s.dim[d] + x;
    }
    return res;
}

static void windows(interpreter *it, int n, double *to)
{
    const ir_node *v = &it->ir->node[n];
    const double *x = it->value[v->arg[0]];
    bool back = v->op == OP_unwindows;
    shape image = back ? v->shape : it->ir->node[v->arg[0]].shape;
    shape all = back ? it->ir->node[v->arg[0]].shape : v->shape;
    for (int64_t i = 0; i < shape_numel(all); i++) {
        int64_t k = in_image(v, all, image, i);
        if (back && k >= 0)
            to[k] += x[i];
        else if (!back)
            to[i] = k < 0 ? 0 : x[k];
    }
}

/* Concat, slice and pad: blocks along an axis of the part X, at place START of the whole.  */
static void part(interpreter *it, int n, double *to)
{
    const ir_node *v = &it->ir->node[n];
    int64_t before, along, behind, start = v->op == OP_concat ? 0 : v->start;
    split(v->shape, v->axis, &before, &along, &behind);
    for (int k = 0; k < v->n_args; k++) {
        int64_t own = it->ir->node[v->arg[k]].shape.dim[v->axis];
        int64_t n_moved = own < along ? own : along;
        for (int64_t b = 0; b < before; b++)
            for (int64_t i = 0; i < n_moved * behind; i++)
                if (v->op == OP_slice)
                    to[b * along * behind + i] = it->value[v->arg[0]][(b * own + start) * behind + i];
                else
                    to[(b * along + start) * behind + i] = it->value[v->arg[k]][b * own * behind + i];
        start += own;
    }
}

/* Permute and broadcast: which element of the argument each one is.  */
static void moved(interpreter *it, int n, double *to)
{
    const ir_node *v = &it->ir->node[n];
    shape s = it->ir->node[v->arg[0]].shape;
    int64_t at[RANK_MAX];
    for (int64_t i = 0; i < numel(it, n); i++) {
        int64_t from[RANK_MAX] = {0}, k = 0;
        unravel(v->shape, i, at);
        for (int d = 0; d < s.rank; d++)
            if (v->op == OP_permute)
                from[v->labels[d] - 'a'] = at[d];
            else
                from[d] = s.dim[d] == 1 ? 0 : at[d + v->shape.rank - s.rank];
        for (int d = 0; d < s.rank; d++)
            k = k * s.dim[d] + from[d];
        to[i] = it->value[v->arg[0]][k];
    }
}

static void reduce(interpreter *it, int n, double *to)
{
    const ir_node *v = &it->ir->node[n];
    shape s = it->ir->node[v->arg[0]].shape;
    const double *x = it->value[v->arg[0]];
    bool *seen = ARENA_ARRAY(it->arena, bool, numel(it, n) + 1);
    int64_t at[RANK_MAX];
    for (int64_t i = 0; i < shape_numel(s); i++) {
        int64_t k = 0;
        unravel(s, i, at);
        for (int d = 0; d < s.rank; d++)
            if (!(v->mask & 1u << d))
                k = k * s.dim[d] + at[d];
        if (v->op == OP_sum)
            to[k] += x[i];
        else if (!seen[k] || (v->op == OP_reduce_max ? x[i] > to[k] : x[i] < to[k]))
            to[k] = x[i];
        seen[k] = true;
    }
}

static void take(interpreter *it, int n, double *to)
{
    const ir_node *v = &it->ir->node[n];
    int64_t last = it->ir->node[v->arg[0]].shape.dim[it->ir->node[v->arg[0]].shape.rank - 1];
    for (int64_t i = 0; i < numel(it, n); i++)
        to[i] = it->value[v->arg[0]][i * last + (int64_t)it->value[v->arg[1]][0]];
}

/* --- loops ------------------------------------------------------------------------------------------- */

static void set(interpreter *it, int n, const double *x)
{
    memcpy(place(it, n), x, (size_t)numel(it, n) * sizeof *x);
}

/* The N carries BOUND become what NEXT are, all at once.  */
static void carry(interpreter *it, const int *bound, const int *next, int n, const bool *need)
{
    double **x = ARENA_ARRAY(it->arena, double *, n + 1);
    for (int k = 0; k < n; k++)
        if (!need || need[bound[k]]) {
            x[k] = ARENA_ARRAY(it->arena, double, numel(it, bound[k]) + 1);
            memcpy(x[k], it->value[next[k]], (size_t)numel(it, bound[k]) * sizeof **x);
        }
    for (int k = 0; k < n; k++)
        if (x[k])
            set(it, bound[k], x[k]);
}

/* The nodes that are needed, but for what bounds stand for.  */
static void run_needed(interpreter *it, const bool *need)
{
    for (int m = 0; m < it->ir->n_nodes; m++)
        if (need[m] && it->ir->node[m].op != OP_bound)
            run_node(it, m, need, it->ir->n_nodes);
}

/* Output START of a region.  */
static void repeat(interpreter *it, int n, double *to)
{
    const ir_node *v = &it->ir->node[n];
    const ir_region *r = &it->ir->region[v->pattern];
    bool *wanted = ARENA_ARRAY(it->arena, bool, r->n_carry + 1);
    wanted[v->start] = true;
    const bool *body = region_body(it->ir, r, wanted, false);
    bool *need = ARENA_ARRAY(it->arena, bool, it->ir->n_nodes + 1);
    for (int k = 0; k < r->n_args; k++)
        if (body[r->bound[k]])
            set(it, r->bound[k], it->value[v->arg[k]]);
    for (int k = 0; k < r->n_carry; k++)
        need[r->bound[k]] = wanted[k];
    for (int64_t turn = 0; turn < r->count; turn++) {
        run_needed(it, body);
        carry(it, r->bound, r->next, r->n_carry, need);
    }
    memcpy(to, it->value[r->bound[v->start]], (size_t)numel(it, n) * sizeof *to);
}

/* The loop's turns.  Its OP_tape nodes are filled on the way; OP_last reads what is left in the body.  */
static void loop(interpreter *it, int n, const bool *live, int n_live)
{
    const ir_node *v = &it->ir->node[n];
    const ir_loop *r = &it->ir->loop[v->pattern];
    const bool *need = loop_needs(it->ir, n, live, n_live);
    for (int k = 0; k < r->n_args; k++)
        if (need[r->bound[k]] && (k < r->n_carry || k >= r->n_carry + r->n_stack))
            set(it, r->bound[k], it->value[v->arg[k]]);
    for (int64_t i = 0; i < r->count; i++) {
        int64_t turn = r->backward ? r->count - 1 - i : i;
        for (int k = r->n_carry; k < r->n_carry + r->n_stack; k++)
            if (need[r->bound[k]])
                set(it, r->bound[k], it->value[v->arg[k]] + turn * numel(it, r->bound[k]));
        run_needed(it, need); /* constants, too, and what an OP_last made of the body later */
        for (int m = n; m < n_live; m++) {
            const ir_node *t = &it->ir->node[m];
            if (live[m] && t->op == OP_tape && t->arg[0] == n)
                memcpy(place(it, m) + turn * numel(it, (int)t->start), it->value[t->start],
                       (size_t)numel(it, (int)t->start) * sizeof(double));
        }
        carry(it, r->bound, r->next, r->n_carry, need);
    }
}

/* --- all of them --------------------------------------------------------------------------------------- */

static void variable(interpreter *it, int n, double *to)
{
    const double *x = it->bind[it->ir->node[n].var];
    if (x)
        memcpy(to, x, (size_t)numel(it, n) * sizeof *to);
}

static void run_node(interpreter *it, int n, const bool *live, int n_live)
{
    const ir_node *v = &it->ir->node[n];
    double *to = place(it, n);
    if (v->op != OP_tape && v->op != OP_bound)
        memset(to, 0, (size_t)numel(it, n) * sizeof *to);
    switch (v->op) {
    case OP_const:
    case OP_iota:
        for (int64_t i = 0; i < numel(it, n); i++)
            to[i] = v->op == OP_const ? v->number : (double)i;
        break;
    case OP_var: variable(it, n, to); break;
    case OP_bound:
    case OP_tape: break;
    case OP_loop: loop(it, n, live, n_live); break;
    case OP_last: memcpy(to, it->value[v->start], (size_t)numel(it, n) * sizeof *to); break;
    case OP_repeat: repeat(it, n, to); break;
    case OP_matmul: matmul(it, n, to); break;
    case OP_matmul_t: matmul_t(it, n, to); break;
    case OP_outer: outer(it, n, to); break;
    case OP_einsum: contract(it, n, v->labels, to); break;
    case OP_windows:
    case OP_unwindows: windows(it, n, to); break;
    case OP_embed:
    case OP_embed_t: embed(it, n, to); break;
    case OP_sparse:
    case OP_sparse_t:
    case OP_gather: sparse(it, n, to); break;
    case OP_concat:
    case OP_slice:
    case OP_pad: part(it, n, to); break;
    case OP_reshape: memcpy(to, it->value[v->arg[0]], (size_t)numel(it, n) * sizeof *to); break;
    case OP_permute:
    case OP_broadcast: moved(it, n, to); break;
    case OP_sum:
    case OP_reduce_max:
    case OP_reduce_min: reduce(it, n, to); break;
    case OP_take: take(it, n, to); break;
    default: elementwise(it, n, to);
    }
}

interpreter interpret_new(ir *g, arena *a)
{
    return (interpreter){.ir = g, .arena = a, .bind = ARENA_ARRAY(a, const double *, g->n_vars + 1)};
}

void interpret_run(interpreter *it, const int *root, int n)
{
    it->value = ARENA_ARRAY(it->arena, double *, it->ir->n_nodes + 1);
    run_needed(it, canon_live(it->ir, root, (size_t)n));
}
