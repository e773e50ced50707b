/* SPDX-License-Identifier: Apache-2.0 */
/* In: a schedule.  Out: statements, one macro call each; the templates decide how they look.  */
#include "cgen_part.h"

#include "flops.h"
#include "quote.h"
#include "size.h"

#include <string.h>

/* Turns from which on the outermost axis is one to share.  */
enum { SHARED_TURNS = 8 };

/* --- statements ------------------------------------------------------------------------------------ */

/* The type of what holds node N.  */
static const char *held_type(const cgen *c, int n)
{
    value_type type = c->ir->node[n].type;
    return type == TYPE_BOOL ? "int" : type == TYPE_INDEX ? "int32_t" : cgen_real(c);
}

void cgen_declare(cgen *c, int n, const char *init)
{
    const ir_node *v = &c->ir->node[n];
    c->from = c->ir->node[n].from;
    cgen_line(c, arena_printf(c->arena, "%s %s%s%s;", held_type(c, n), cgen_name(c, n),
                         cgen_dims(c->arena, v->shape), init));
}

void cgen_comment(cgen *c, int n)
{
    const char *note = c->ir->node[n].note;
    c->from = c->ir->node[n].from;
    if (!note)
        return;
    buf text = {0};
    quote_comment(&text, note);
    const char *arg = buf_text(&text);
    cgen_statement(c, "et_comment", 1, &arg);
    buf_free(&text);
}

static void item_statement(cgen *c, int n, const subscript *at)
{
    const ir_node *v = &c->ir->node[n];
    holding hold = c->sc->hold[n];
    int prec;
    c->from = c->ir->node[n].from;
    if (!op_table[v->op].elementwise) {
        if (v->op == OP_sum || v->op == OP_reduce_max || v->op == OP_reduce_min)
            cgen_reduce_element(c, n, at);
        else
            cgen_line(c, arena_printf(c->arena, "%s = %s;", cgen_element(c, cgen_name(c, n), v->shape, at),
                                      cgen_view(c, n, at, &prec)));
        return;
    }
    if (hold == HOLD_INLINE)
        return;
    const kernel *k = &c->sc->kernel[c->kernel];
    if (v->op == OP_repeat && cgen_leads(c->ir, k->item, k->n_items, n))
        cgen_region(c, k->item, k->n_items, n, at);
    c->from = c->ir->node[n].from;
    const char *text = v->op == OP_repeat ? c->carried[n] : cgen_expression(c, n, at, &prec);
    if (cgen_is_local(c, n)) {
        cgen_line(c, arena_printf(c->arena, "const %s %s = %s;", held_type(c, n), cgen_name(c, n), text));
    } else if (hold == HOLD_ARRAY && v->shape.rank == 0) {
        cgen_line(c, arena_printf(c->arena, "const %s %s = %s;", held_type(c, n), cgen_name(c, n), text));
    } else {
        cgen_line(c, arena_printf(c->arena, "%s = %s;", cgen_held(c, n, at), text));
    }
}

static int from_store(const cgen *c, const store *st)
{
    return st->from ? st->from : c->ir->node[st->node].from;
}

static void store_statement(cgen *c, const store *st, int index, const subscript *at)
{
    int prec;
    bool done = c->sc->hold[st->node] == HOLD_PLACE && c->sc->place_of[st->node] == index
                && st->var < 0;
    if (done)
        return;
    c->from = from_store(c, st);
    const char *from;
    if (c->sc->hold[st->node] == HOLD_PLACE && c->sc->place_of[st->node] == index)
        from = cgen_name(c, st->node);
    else
        from = cgen_value(c, st->node, at, &prec);
    half_kind half = cgen_store_half(c, st);
    if (half != HALF_NONE)
        from = arena_printf(c->arena, "etr_%s_from_f32(%s)", half == HALF_BFLOAT16 ? "bf16" : "f16", from);
    cgen_line(c, arena_printf(c->arena, "%s %s %s;", cgen_place(c, st, at), st->add ? "+=" : "=",
                         from));
}

static void loop_body(cgen *c, const kernel *k, const subscript *at)
{
    for (int i = 0; i < k->n_items; i++)
        item_statement(c, k->item[i], at);
    for (int i = 0; i < k->n_stores; i++)
        store_statement(c, &c->sc->store[k->store[i]], k->store[i], at);
}

/* The array of the concatenation N, which its parts fill one after another.  */
static void declare_once(cgen *c, int n)
{
    if (!c->name[n])
        cgen_declare(c, n, "");
}

/* What the loop fills and what it says about it.  */
static void loop_head(cgen *c, const kernel *k)
{
    for (int i = 0; i < k->n_items; i++)
        cgen_comment(c, k->item[i]);
    for (int i = 0; i < k->n_items; i++) {
        int n = k->item[i];
        const ir_node *v = &c->ir->node[n];
        bool reduction = v->op == OP_sum || v->op == OP_reduce_max || v->op == OP_reduce_min;
        if (c->sc->hold[n] != HOLD_ARRAY)
            continue;
        if (reduction)
            cgen_reduce_begin(c, n);
        else if (c->sc->joined[n])
            declare_once(c, c->sc->joined[n] - 1);
        else if (v->shape.rank > 0)
            cgen_declare(c, n, "");
    }
}

static bool has_locals(const cgen *c, const kernel *k)
{
    for (int i = 0; i < k->n_items; i++)
        if (cgen_is_local(c, k->item[i]) || c->ir->node[k->item[i]].op == OP_repeat)
            return true;
    return false;
}

static void unrolled(cgen *c, const kernel *k)
{
    int64_t n = shape_numel(k->shape);
    bool block = n > 1 && has_locals(c, k);
    for (int64_t flat = 0; flat < n; flat++) {
        subscript at[RANK_MAX];
        int64_t rest = flat;
        for (int d = k->shape.rank - 1; d >= 0; d--) {
            at[d] = (subscript){NULL, rest % k->shape.dim[d]};
            rest /= k->shape.dim[d];
        }
        if (block)
            cgen_statement(c, "et_block", 0, NULL);
        loop_body(c, k, at);
        if (block)
            cgen_end(c);
    }
}

static bool is_empty(const cgen *c, const kernel *k)
{
    bool empty = k->n_stores == 0;
    for (int i = 0; i < k->n_items; i++)
        empty = empty && c->sc->hold[k->item[i]] == HOLD_INLINE;
    return empty;
}

/* What the head of the loop comes from: as the first value that it keeps.  */
static int from_first(const cgen *c, const kernel *k)
{
    for (int i = 0; i < k->n_items; i++)
        if (c->sc->hold[k->item[i]] != HOLD_INLINE)
            return c->ir->node[k->item[i]].from;
    return k->n_stores > 0 ? from_store(c, &c->sc->store[k->store[0]]) : 0;
}

/* Does a value of K sum over one of AXES, a bit each?  */
static bool sums_over(const cgen *c, const kernel *k, unsigned axes)
{
    for (int i = 0; i < k->n_items; i++) {
        const ir_node *v = &c->ir->node[k->item[i]];
        if (!op_table[v->op].elementwise && v->mask & axes)
            return true;
    }
    return false;
}

/* The axis of K whose turns threads share: the first with some turns that nothing is summed over, or the longest
   of those; -1: there is none.  */
static int shared_axis(const cgen *c, const kernel *k)
{
    int best = -1;
    for (int d = 0; d < k->shape.rank; d++) {
        if (sums_over(c, k, 1u << d))
            continue;
        if (k->shape.dim[d] >= SHARED_TURNS)
            return d;
        if (best < 0 || k->shape.dim[d] > k->shape.dim[best])
            best = d;
    }
    return best;
}

/* What comes before the loops of K, if threads share them.  */
static void share_loops(cgen *c, const kernel *k)
{
    int d = shared_axis(c, k), last = k->shape.rank - 1;
    if (sums_over(c, k, ~0u) && cgen_is_short(k->shape.dim[last]))
        return; /* threads reach a sum by a pointer: gcc makes no vectors of few turns then */
    int64_t flops = size_times(2 * k->n_stores, shape_numel(k->shape));
    for (int i = 0; i < k->n_items; i++)
        flops = size_plus(flops, flops_of_node(c->sc, k->item[i]));
    if (d == 0 && last > 0)
        cgen_share(c, k->shape.dim[0], flops);
    else if (d >= 0)
        cgen_share_parts(c, cgen_loop_var[d], k->shape.dim[d], d == last, flops);
}

/* The loops of K, at AT.  The innermost one is over its last axis, or, where that goes over the non-zeros of a matrix,
   there are two: over its rows, and over the non-zeros of each.  Returns how many loops it is.  */
static int open_loops(cgen *c, const kernel *k, subscript *at)
{
    int last = k->shape.rank - 1, rows = last >= 0 ? cgen_rows_of(c, k) : -1, n_loops = 1;
    bool by_rows = rows >= 0;
    if (last < 0)
        return 0;
    c->rows = rows + 1;
    for (int d = 0; d <= last; d++)
        at[d] = (subscript){by_rows && d == last ? "q" : cgen_loop_var[d], 0};
    const char *around = by_rows ? "row" : last > 0 ? cgen_loop_var[last - 1] : NULL;
    int64_t size = by_rows ? c->ir->pattern[rows].n_rows : last > 0 ? k->shape.dim[last - 1] : 0;
    const char *silent = around ? cgen_silent(c, k, at, by_rows ? EVENTS_SPIKES : EVENTS_SAID) : NULL;
    if (!by_rows && !silent)
        share_loops(c, k);
    for (int d = 0; d + !by_rows < last; d++, n_loops++)
        cgen_for(c, cgen_loop_var[d], k->shape.dim[d]);
    if (silent) {
        n_loops += cgen_for_events(c, around, 0, size, silent);
    } else if (around) {
        cgen_for(c, around, size);
        n_loops++;
    }
    bool each = !sums_over(c, k, 1u << (k->shape.rank - 1));
    if (by_rows && each)
        cgen_statement(c, "et_independent", 0, NULL);
    if (by_rows)
        cgen_for_row(c, &c->ir->pattern[rows]);
    else
        (each ? cgen_for_each : cgen_for)(c, cgen_loop_var[last], k->shape.dim[last]);
    return n_loops;
}

static void loop_kernel(cgen *c, const kernel *k)
{
    if (is_empty(c, k))
        return;
    loop_head(c, k);
    c->from = from_first(c, k);
    if (shape_numel(k->shape) <= c->style->unroll) {
        unrolled(c, k);
        return;
    }
    subscript at[RANK_MAX];
    int n = open_loops(c, k, at);
    loop_body(c, k, at);
    cgen_ends(c, n);
    cgen_end_parts(c);
    c->rows = 0;
}

/* The argument copied into its place along the axis.  */
static void copy_part(cgen *c, int n, int x, int axis, int64_t start)
{
    shape s = c->ir->node[x].shape, to = c->ir->node[n].shape;
    subscript from[RANK_MAX], at[RANK_MAX];
    bool written_out = shape_numel(s) <= c->style->unroll;
    int prec;
    for (int64_t flat = 0; flat < (written_out ? shape_numel(s) : 1); flat++) {
        int64_t rest = flat;
        for (int d = s.rank - 1; d >= 0; d--) {
            from[d] = written_out ? (subscript){NULL, rest % s.dim[d]} : (subscript){cgen_loop_var[d], 0};
            rest /= s.dim[d];
            at[d] = from[d];
        }
        at[axis].add += start;
        if (s.rank > 1)
            cgen_share(c, s.dim[0], shape_numel(s));
        for (int d = 0; d < s.rank && !written_out; d++)
            (d + 1 < s.rank ? cgen_for : cgen_for_each)(c, cgen_loop_var[d], s.dim[d]);
        const char *value = cgen_value(c, x, from, &prec);
        cgen_line(c, arena_printf(c->arena, "%s = %s;", cgen_element(c, cgen_name(c, n), to, at), value));
        for (int d = 0; d < s.rank && !written_out; d++)
            cgen_end(c);
    }
}

/* Is argument I of the concatenation N computed where it belongs?  */
static bool is_joined(const cgen *c, int n, int i)
{
    int x = c->ir->node[n].arg[i];
    if (c->ir->node[x].op == OP_reshape && schedule_is_view(c->sc, x))
        x = c->ir->node[x].arg[0];
    return c->sc->joined[x] == n + 1 && c->sc->part[x] == i;
}

static void copy_kernel(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    cgen_comment(c, n);
    bool pad = v->op == OP_pad;
    if (pad)
        cgen_declare(c, n, cgen_zeros(c->arena, v->shape));
    else
        declare_once(c, n);
    int64_t start = pad ? v->start : 0;
    for (int i = 0; i < v->n_args; i++) {
        if (!is_joined(c, n, i))
            copy_part(c, n, v->arg[i], v->axis, start);
        start += c->ir->node[v->arg[i]].shape.dim[v->axis];
    }
}

void cgen_kernels(cgen *c)
{
    for (c->kernel = 0; c->kernel < c->sc->n_kernels; c->kernel++) {
        const kernel *k = &c->sc->kernel[c->kernel];
        op_code op = k->kind == KERNEL_LOOP ? OP_COUNT : c->ir->node[k->node].op;
        if (k->kind == KERNEL_LOOP)
            loop_kernel(c, k);
        else if (op == OP_concat || op == OP_pad)
            copy_kernel(c, k->node);
        else if (op == OP_loop)
            cgen_loop(c, k->node);
        else if (op != OP_last && op != OP_tape) /* the loop has brought them */
            cgen_linear(c, k->node);
    }
}

void cgen_body(const schedule *sc, const cgen_style *style, buf *out)
{
    const ir *g = sc->ir;
    cgen c = {.sc = sc, .ir = g, .style = style, .arena = g->arena, .out = out,
              .name = ARENA_ARRAY(g->arena, const char *, g->n_nodes),
              .scalar = ARENA_ARRAY(g->arena, const char *, g->n_nodes),
              .carried = ARENA_ARRAY(g->arena, const char *, g->n_nodes)};
    cgen_kernels(&c);
}
