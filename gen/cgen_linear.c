/* SPDX-License-Identifier: Apache-2.0 */
/* In: a node of an operator that is linear in its operands.  Out: the loops that compute it, the innermost
   one over neighbours in memory wherever the operator allows it.  (Products of matrices: cgen_product.c, of
   sparse ones: cgen_sparse.c)  */
#include "cgen_part.h"

#include "flops.h"

#include <ctype.h>
#include <string.h>

const char *cgen_zeros(arena *a, shape s)
{
    const char *text = "{0}";
    for (int d = 1; d < s.rank; d++)
        text = arena_printf(a, "{%s}", text);
    return arena_printf(a, " = %s", text);
}

const char *cgen_factor(cgen *c, int n, const subscript *at)
{
    int prec = 0;
    const char *text = cgen_value(c, n, at, &prec);
    return prec > 2 ? arena_printf(c->arena, "(%s)", text) : text;
}

const char *cgen_target(cgen *c, int n, const subscript *at)
{
    return cgen_held(c, n, at);
}

void cgen_declare_sums(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    if (c->sc->hold[n] == HOLD_PLACE)
        return;
    cgen_declare(c, n, v->shape.rank ? cgen_zeros(c->arena, v->shape)
                                     : arena_printf(c->arena, " = %s",
                                                    cgen_number(c->arena, 0, c->ir->real_bits)));
}

/* --- sums in lanes --------------------------------------------------------------------------------- */

/* Partial sums, twice as many from LONG on.  A loop of less than WRITTEN gcc writes out, and makes vectors of the loop
   around it, unless lanes are said to be independent.  */
enum { LANES = 8, LONG = 128, WRITTEN = 64 };

cgen_lanes cgen_lanes_begin(cgen *c, const char *variable, int64_t n)
{
    int64_t lanes = n >= LONG && n % (2 * LANES) == 0 ? 2 * LANES : LANES;
    cgen_lanes l = {.variable = variable, .n = n, .lanes = lanes, .done = n - n % lanes};
    if (l.done > 0)
        cgen_line(c, arena_printf(c->arena, "%s lane[%d] = {0};", cgen_real(c), (int)lanes));
    else
        cgen_line(c, arena_printf(c->arena, "%s total_q = 0;", cgen_real(c)));
    return l;
}

/* The lanes' sum, by halves.  */
static void add_lanes(cgen *c, const cgen_lanes *l)
{
    if (l->lanes > LANES) {
        cgen_for(c, "r", LANES);
        cgen_line(c, arena_printf(c->arena, "lane[r] += lane[r + %d];", (int)LANES));
        cgen_end(c);
    }
    const char *type = arena_printf(c->arena, "%s%s", l->done == l->n ? "const " : "", cgen_real(c));
    cgen_line(c, arena_printf(c->arena, "%s total_q = ((lane[0] + lane[4]) + (lane[2] + lane[6]))"
                                        " + ((lane[1] + lane[5]) + (lane[3] + lane[7]));", type));
}

bool cgen_lanes_more(cgen *c, cgen_lanes *l)
{
    if (l->phase == 1) {
        cgen_ends(c, 2);
        add_lanes(c, l);
    } else if (l->phase == 2) {
        cgen_end(c);
    }
    l->phase++;
    if (l->phase == 1 && l->done == 0)
        l->phase++;
    if (l->phase == 1) {
        cgen_for_from(c, l->variable, 0, l->done, l->lanes);
        (l->done < WRITTEN ? cgen_for_each : cgen_for)(c, "r", l->lanes);
        l->at = (subscript){arena_printf(c->arena, "%s + r", l->variable), 0};
        l->to = "lane[r]";
    } else if (l->phase == 2 && l->done < l->n) {
        cgen_for_from(c, l->variable, l->done, l->n, 1);
        l->at = (subscript){l->variable, 0};
        l->to = "total_q";
    } else {
        return false;
    }
    return true;
}

/* --- contractions by labels ------------------------------------------------------------------------ */

/* The subscripts of a part of labels: every letter has a loop of its own.  */
static void subscripts(const char *part, size_t n, const char *order, subscript *at)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (subscript){cgen_loop_var[strchr(order, part[i]) - order], 0};
}

static int64_t size_of(const cgen *c, const ir_node *v, char letter)
{
    const char *x = v->labels, *comma = strchr(x, ','), *at = strchr(x, letter);
    return at < comma ? c->ir->node[v->arg[0]].shape.dim[at - x]
                      : c->ir->node[v->arg[1]].shape.dim[at - comma - 1];
}

/* The loops' letters: those of y, then the contracted ones; but w's last axis, if it has one, is the innermost
   one.  */
static void loop_order(const char *labels, char *order)
{
    const char *arrow = strstr(labels, "->"), *y = arrow + 2;
    char last = arrow[-1] == ',' ? '\0' : arrow[-1];
    int n = 0;
    for (const char *p = y; *p; p++)
        if (*p != last)
            order[n++] = *p;
    for (const char *p = labels; p < arrow; p++)
        if (*p != ',' && *p != last && !strchr(y, *p) && !memchr(order, *p, (size_t)n))
            order[n++] = *p;
    order[n] = last;
    order[n + 1] = '\0';
}

/* Threads share the turns of the longest letter of y.  */
static void share_letter(cgen *c, int n, const char *order)
{
    const ir_node *v = &c->ir->node[n];
    int best = -1;
    for (int d = 0; order[d]; d++)
        if (strchr(strstr(v->labels, "->"), order[d])
            && (best < 0 || size_of(c, v, order[d]) > size_of(c, v, order[best])))
            best = d;
    if (best >= 0)
        cgen_share_parts(c, cgen_loop_var[best], size_of(c, v, order[best]), !order[best + 1], flops_of_node(c->sc, n));
}

static void loops_einsum(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    const char *comma = strchr(v->labels, ','), *arrow = strstr(v->labels, "->"), *y = arrow + 2;
    char order[2 * RANK_MAX + 1];
    subscript x[RANK_MAX], w[RANK_MAX], to[RANK_MAX];
    loop_order(v->labels, order);
    subscripts(v->labels, (size_t)(comma - v->labels), order, x);
    subscripts(comma + 1, (size_t)(arrow - comma - 1), order, w);
    subscripts(y, strlen(y), order, to);
    cgen_declare_sums(c, n);
    int n_loops = (int)strlen(order);
    bool sums = n_loops > 0 && !strchr(y, order[n_loops - 1]);
    share_letter(c, n, order);
    for (int d = 0; d < n_loops; d++)
        (d + 1 < n_loops || sums ? cgen_for : cgen_for_each)(c, cgen_loop_var[d], size_of(c, v, order[d]));
    const char *b = cgen_factor(c, v->arg[1], w), *a = cgen_factor(c, v->arg[0], x);
    cgen_line(c, arena_printf(c->arena, "%s += %s * %s;", cgen_target(c, n, to), a, b));
    cgen_ends(c, n_loops);
    cgen_end_parts(c);
}

/* --- rows of a table -------------------------------------------------------------------------------- */

/* w[index[..]][o] += y[..][o] */
static void loops_embed_t(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    shape lead = c->ir->node[v->arg[1]].shape;
    int last = --lead.rank, prec = 0;
    subscript y[RANK_MAX];
    cgen_declare_sums(c, n);
    cgen_share_parts(c, cgen_loop_var[last], v->shape.dim[1], true, flops_of_node(c->sc, n));
    cgen_loops(c, lead, y);
    y[last] = (subscript){cgen_loop_var[last], 0};
    subscript w[2] = {{cgen_value(c, v->arg[0], y, &prec), 0}, y[last]};
    cgen_for_each(c, cgen_loop_var[last], v->shape.dim[1]);
    const char *value = cgen_value(c, v->arg[1], y, &prec);
    cgen_line(c, arena_printf(c->arena, "%s += %s;", cgen_target(c, n, w), value));
    cgen_ends(c, last + 1);
    cgen_end_parts(c);
}

/* --- windows --------------------------------------------------------------------------------------- */

/* May a window stand over the edge of an axis of N elements, below or above?  */
static bool passes_edge(const ir_window *w, int64_t n)
{
    return w->pad > 0 || (w->count - 1) * w->stride + (w->size - 1) * w->dilation - w->pad >= n;
}

static const char *times(cgen *c, int64_t factor, const char *text)
{
    return factor == 1 ? text : arena_printf(c->arena, "%s * %lld", text, (long long)factor);
}

/* Loops over places, windows and channels.  X gets the subscripts of the image, Y those of the windows;
   returns the condition for being inside of the image, or NULL: always.  */
static const char *window_loops(cgen *c, const ir_node *v, shape image, subscript *x, subscript *y)
{
    int lead = image.rank - 1 - v->n_windows;
    const char *inside = NULL;
    shape all = image;
    all.rank = image.rank + v->n_windows;
    for (int k = 0; k < v->n_windows; k++) {
        all.dim[lead + k] = v->window[k].count;
        all.dim[lead + v->n_windows + k] = v->window[k].size;
    }
    all.dim[all.rank - 1] = image.dim[image.rank - 1];
    cgen_loops(c, all, y);
    for (int d = 0; d < lead; d++)
        x[d] = y[d];
    x[image.rank - 1] = y[all.rank - 1];
    for (int k = 0; k < v->n_windows; k++) {
        const ir_window *w = &v->window[k];
        const char *r = arena_printf(c->arena, "r%d", k);
        x[lead + k] = (subscript){r, 0};
        if (passes_edge(w, image.dim[lead + k]))
            inside = arena_printf(c->arena, "%s%s%s >= 0 && %s < %lld", inside ? inside : "",
                                  inside ? " && " : "", r, r, (long long)image.dim[lead + k]);
    }
    return inside;
}

bool cgen_stands_in(const char *text, const char *name)
{
    for (const char *p = strstr(text, name); p; p = strstr(p + 1, name)) {
        char before = p > text ? p[-1] : ' ', behind = p[strlen(name)];
        bool whole = !isalnum((unsigned char)before) && !strchr("_>.", before);
        if (whole && !isalnum((unsigned char)behind) && behind != '_')
            return true;
    }
    return false;
}

/* Subscripts r0, r1, r2 of the image, as far as TEXT or INSIDE has them: an axis of one element needs
   none.  */
static void window_places(cgen *c, const ir_node *v, const subscript *y, int lead, const char *text,
                          const char *inside)
{
    for (int k = 0; k < v->n_windows; k++) {
        const ir_window *w = &v->window[k];
        const char *r = arena_printf(c->arena, "r%d", k);
        if (!cgen_stands_in(text, r) && !(inside && cgen_stands_in(inside, r)))
            continue;
        cgen_line(c, arena_printf(c->arena, w->pad ? "const int %s = %s + %s - %lld;"
                                                   : "const int %s = %s + %s;",
                                  r, times(c, w->stride, y[lead + k].text),
                                  times(c, w->dilation, y[lead + v->n_windows + k].text),
                                  (long long)w->pad));
    }
}

static void windows(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    subscript x[RANK_MAX], y[RANK_MAX];
    int prec = 0;
    cgen_declare(c, n, "");
    cgen_share(c, v->shape.dim[0], 2 * shape_numel(v->shape));
    const char *inside = window_loops(c, v, c->ir->node[v->arg[0]].shape, x, y);
    const char *to = cgen_element(c, cgen_name(c, n), v->shape, y);
    const char *from = cgen_value(c, v->arg[0], x, &prec);
    window_places(c, v, y, c->ir->node[v->arg[0]].shape.rank - 1 - v->n_windows, from, inside);
    cgen_line(c, inside ? arena_printf(c->arena, "%s = %s ? %s : %s;", to, inside, from,
                                       cgen_number(c->arena, 0, c->ir->real_bits))
                        : arena_printf(c->arena, "%s = %s;", to, from));
    cgen_ends(c, v->shape.rank);
}

static void unwindows(cgen *c, int n)
{
    const ir_node *v = &c->ir->node[n];
    subscript x[RANK_MAX], y[RANK_MAX];
    int prec = 0;
    cgen_declare(c, n, cgen_zeros(c->arena, v->shape));
    if (v->shape.rank > 1 + v->n_windows) /* images */
        cgen_share(c, v->shape.dim[0], flops_of_node(c->sc, n));
    const char *inside = window_loops(c, v, v->shape, x, y);
    const char *to = cgen_element(c, cgen_name(c, n), v->shape, x);
    const char *from = cgen_value(c, v->arg[0], y, &prec);
    window_places(c, v, y, v->shape.rank - 1 - v->n_windows, to, inside);
    if (inside)
        cgen_line(c, arena_printf(c->arena, "if (%s)", inside));
    cgen_line(c, arena_printf(c->arena, inside ? "    %s += %s;" : "%s += %s;", to, from));
    cgen_ends(c, v->shape.rank + v->n_windows);
}

static void loops_sparse(cgen *c, int n)
{
    cgen_sparse(c, n);
}

static void loops_product(cgen *c, int n)
{
    cgen_product(c, n);
}

/* --- all of them ----------------------------------------------------------------------------------- */

static void (*const loops_of[OP_COUNT])(cgen *, int) = {
#define VIEW NULL
#define LOOPS(row) loops_##row
#define WT(name, weight, labels, listed, shape, adjoint, tangent, loops, flops) [OP_##name] = loops,
#define BI(name, loops, flops) [OP_##name] = loops,
#include "ops.def"
    [OP_sum] = cgen_reduce,
    [OP_reduce_max] = cgen_reduce,
    [OP_reduce_min] = cgen_reduce,
    [OP_windows] = windows,
    [OP_unwindows] = unwindows,
};

void cgen_linear(cgen *c, int n)
{
    cgen_comment(c, n);
    loops_of[c->ir->node[n].op](c, n);
}
