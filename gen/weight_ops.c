/* SPDX-License-Identifier: Apache-2.0 */
/* In: calls of the operators that take a weight: contractions, convolutions, sparse products, tables.
   Out: nodes.  Afterwards the weight is the second operand, and its axes fit.  */
#include "builtin.h"

#include "low_rank.h"

#include <ctype.h>
#include <string.h>

/* --- einsum -------------------------------------------------------------------------------------- */

static int bad_labels(const call *c, const char *why)
{
    diag_error(c->lo->diag, c->e->arg[0]->at, "E0600", "%s", why);
    diag_note(c->lo->diag, c->e->arg[0]->at,
              "einsum takes a text like \"xk,ko->xo\": a letter for each axis of the two operands and "
              "of the result");
    return NO_NODE;
}

/* Part [FROM, TO) of the labels names each axis of S by a letter of its own; SIZE keeps each letter's size.  */
static bool read_part(const call *c, const char *from, const char *to, int operand, int64_t *size)
{
    const shape *s = operand ? &c->lo->ir->node[c->arg[operand]].shape : NULL;
    for (const char *p = from; p < to; p++) {
        if (!isalpha((unsigned char)*p) || memchr(from, *p, (size_t)(p - from)))
            return bad_labels(c, *p && isalpha((unsigned char)*p)
                                     ? "a letter stands twice in one operand or in the result; the "
                                       "diagonal of an operand is not supported"
                                     : "labels are letters") != NO_NODE;
        int64_t *known = &size[(unsigned char)*p];
        if (!s && *known == 0)
            return bad_labels(c, "the result has a letter that no operand has") != NO_NODE;
        if (!s)
            continue;
        int64_t n = p - from < s->rank ? s->dim[p - from] : 0;
        if (*known != 0 && n != 0 && *known != n) {
            diag_error(c->lo->diag, c->e->arg[operand]->at, "E0614",
                       "axis '%c' has %lld elements here and %lld before", *p, (long long)n,
                       (long long)*known);
            return false;
        }
        *known = n;
    }
    if (!s || to - from == s->rank)
        return true;
    diag_error(c->lo->diag, c->e->arg[operand]->at, "E0601", "%d letters for %s", (int)(to - from),
               shape_text(c->lo->arena, *s));
    return false;
}

int weight_einsum(const call *c)
{
    ir *g = c->lo->ir;
    const expr *text = c->e->arg[0];
    int64_t size[256] = {0};
    if (text->kind != EXPR_STRING || c->arg[1] == NO_NODE || c->arg[2] == NO_NODE)
        return bad_labels(c, "the first argument of 'einsum' is a text, the others are values");
    buf plain = {0};
    for (const char *p = text->name; *p; p++)
        if (*p != ' ')
            buf_bytes(&plain, p, 1);
    const char *labels = arena_strdup(c->lo->arena, buf_text(&plain));
    buf_free(&plain);
    const char *comma = strchr(labels, ','), *arrow = strstr(labels, "->");
    if (!comma || !arrow || arrow < comma || strlen(arrow + 2) > RANK_MAX)
        return bad_labels(c, "the labels are not of the form \"..,..->..\"");
    if (!read_part(c, labels, comma, 1, size) || !read_part(c, comma + 1, arrow, 2, size)
        || !read_part(c, arrow + 2, arrow + strlen(arrow), 0, size))
        return NO_NODE;
    if (!g->node[c->arg[1]].of_params || g->node[c->arg[2]].of_params)
        return ir_einsum(g, labels, c->arg[1], c->arg[2]);
    const char *turned = arena_printf(c->lo->arena, "%.*s,%.*s%s", (int)(arrow - comma - 1), comma + 1,
                                      (int)(comma - labels), labels, arrow);
    return ir_einsum(g, turned, c->arg[2], c->arg[1]);
}

/* x[.., G, K] W[G, K, M] -> [.., G, M] */
int weight_grouped_matmul(const call *c)
{
    shape x = builtin_shape(c, 0), w = builtin_shape(c, 1);
    if (x.rank < 2 || w.rank != 3 || x.dim[x.rank - 2] != w.dim[0] || x.dim[x.rank - 1] != w.dim[1])
        return builtin_misfit(c);
    char lead[RANK_MAX + 1];
    ir_letters(lead, 'a', x.rank - 2);
    return ir_einsum(c->lo->ir,
                     arena_printf(c->lo->arena, "%sxy,xyz->%sxz", lead, lead), c->arg[0], c->arg[1]);
}

/* --- convolutions and pooling -------------------------------------------------------------------- */

/* NAME= as one number, or one for each of N axes.  */
static bool read_sizes(const call *c, const char *name, int n, int64_t fallback, bool zero,
                       int64_t *res)
{
    const expr *e = builtin_keyword(c, name);
    bool list = e && e->kind == EXPR_LIST;
    for (int k = 0; k < n; k++)
        res[k] = fallback;
    if (!e)
        return true;
    if (list && (int)e->n_args != n) {
        diag_error(c->lo->diag, e->at, "E0602", "%zu sizes for %d axes", e->n_args, n);
        return false;
    }
    for (int k = 0; k < n; k++) {
        const expr *part = list ? e->arg[k] : e;
        if (!(zero ? eval_count : eval_dim)(c->lo, c->sc, part, &res[k]))
            return false;
    }
    return true;
}

/* The places of a window on an axis of N elements; false after an error.  */
static bool set_places(const call *c, ir_window *w, int64_t n, bool same)
{
    int64_t reach = (w->size - 1) * w->dilation + 1, above = w->pad;
    if (same) { /* as many places as steps of the stride, the odd element behind */
        w->count = (n + w->stride - 1) / w->stride;
        int64_t all = (w->count - 1) * w->stride + reach - n;
        w->pad = all > 0 ? all / 2 : 0;
        return true;
    }
    if (n + w->pad + above < reach) {
        diag_error(c->lo->diag, c->e->at, "E0603",
                   "a window that reaches over %lld elements does not fit an axis of %lld",
                   (long long)reach, (long long)(n + w->pad + above));
        diag_note(c->lo->diag, c->e->at, "padding=same, or a smaller kernel or dilation, would fit");
        return false;
    }
    w->count = (n + w->pad + above - reach) / w->stride + 1;
    return true;
}

/* Windows of SIZE over the N_AXES axes before the last one of x.  They stand side by side (APART) unless a
   stride is given, or else at every element.  */
static bool read_windows(const call *c, shape x, int n_axes, const int64_t *size, bool apart,
                         ir_window *w)
{
    int64_t stride[SPATIAL_MAX], dilation[SPATIAL_MAX], pad[SPATIAL_MAX] = {0};
    const expr *padding = builtin_keyword(c, "padding");
    bool word = padding && padding->kind == EXPR_NAME;
    bool same = word && strcmp(padding->name, "same") == 0;
    if (word && !same && strcmp(padding->name, "valid") != 0) {
        diag_error(c->lo->diag, padding->at, "E0604", "padding is same, valid, or a number for each axis");
        return false;
    }
    if (!read_sizes(c, "stride", n_axes, 1, false, stride)
        || !read_sizes(c, "dilation", n_axes, 1, false, dilation)
        || (!word && !read_sizes(c, "padding", n_axes, 0, true, pad)))
        return false;
    for (int k = 0; k < n_axes; k++) {
        if (apart && !builtin_keyword(c, "stride"))
            stride[k] = size[k];
        w[k] = (ir_window){size[k], stride[k], dilation[k], pad[k], 0};
        if (!set_places(c, &w[k], x.dim[x.rank - 1 - n_axes + k], same))
            return false;
    }
    return true;
}

static shape flattened(shape s, int from, int to)
{
    shape res = s;
    res.rank = from;
    res.dim[res.rank++] = 1;
    for (int k = from; k < to; k++)
        res.dim[from] *= s.dim[k];
    for (int k = to; k < s.rank; k++)
        res.dim[res.rank++] = s.dim[k];
    return res;
}

/* The windows of x, all axes before the window one and those of the window one; times the kernel with the
   same, [P, K C] [K C, O]; or with the channels in groups, [P, K, G, C] [K, C, G, O] -> [P, G, O].  */
static int convolve(const call *c, const ir_window *w, int n_axes, int64_t groups)
{
    ir *g = c->lo->ir;
    shape kernel = builtin_shape(c, 1), out;
    int64_t in = kernel.dim[kernel.rank - 2], last = kernel.dim[kernel.rank - 1];
    int patches = ir_windows(g, c->arg[0], w, n_axes);
    shape s = g->node[patches].shape;
    int spatial = s.rank - 1 - n_axes;
    out = s;
    out.rank = spatial;
    out.dim[out.rank++] = last;
    shape flat_w = flattened(kernel, 0, n_axes);
    if (groups == 1) {
        int x = ir_reshape(g, patches, flattened(flattened(s, spatial, s.rank), 0, spatial));
        int y = ir_matmul(g, x, ir_reshape(g, c->arg[1], flattened(kernel, 0, kernel.rank - 1)));
        return ir_reshape(g, y, out);
    }
    shape flat_x = flattened(flattened(s, spatial, s.rank - 1), 0, spatial);
    flat_x.dim[2] = groups;
    flat_x.dim[3] = in;
    flat_x.rank = 4;
    flat_w.dim[2] = groups;
    flat_w.dim[3] = last / groups;
    flat_w.rank = 4;
    int weight = ir_reshape(g, c->arg[1], flat_w);
    int y = ir_einsum(g, "pkgc,kcgo->pgo", ir_reshape(g, patches, flat_x), weight);
    return ir_reshape(g, y, out);
}

/* x[.., spatial.., C] and a kernel [window.., C / groups, O]: cross-correlation, channels last.  */
int weight_conv(const call *c)
{
    shape x = builtin_shape(c, 0), kernel = builtin_shape(c, 1);
    int n_axes = kernel.rank - 2;
    ir_window w[SPATIAL_MAX];
    int64_t groups;
    if (n_axes < 1 || n_axes > SPATIAL_MAX || x.rank < n_axes + 1)
        return builtin_misfit(c);
    if (x.rank + n_axes > RANK_MAX)
        return builtin_refuse(c, "E0605", "cannot keep the windows of so many axes");
    if (!read_sizes(c, "groups", 1, 1, false, &groups) || !read_windows(c, x, n_axes, kernel.dim, false, w))
        return NO_NODE;
    int64_t channels = x.dim[x.rank - 1], in = kernel.dim[kernel.rank - 2];
    if (channels == in * groups && kernel.dim[kernel.rank - 1] % groups == 0)
        return convolve(c, w, n_axes, groups);
    diag_error(c->lo->diag, c->e->at, "E0606",
               "%s has %lld channels; the kernel %s takes %lld in %lld group%s",
               shape_text(c->lo->arena, x), (long long)channels, shape_text(c->lo->arena, kernel),
               (long long)(in * groups), (long long)groups, groups == 1 ? "" : "s");
    diag_note(c->lo->diag, c->e->arg[1]->at,
              "a kernel is [window.., channels / groups, outputs], with outputs a multiple of groups");
    return NO_NODE;
}

/* max_pool(x, [2, 2], stride=2), and the same for the mean; the stride is the window's size unless given.  */
static int pool(const call *c, op_code op)
{
    ir *g = c->lo->ir;
    shape x = builtin_shape(c, 0);
    const expr *e = c->e->n_args > 1 ? c->e->arg[1] : NULL;
    int n_axes = e && e->kind == EXPR_LIST ? (int)e->n_args : 0;
    int64_t size[SPATIAL_MAX], total = 1;
    ir_window w[SPATIAL_MAX];
    if (n_axes < 1 || n_axes > SPATIAL_MAX || x.rank < n_axes + 1 || x.rank + n_axes > RANK_MAX)
        return builtin_refuse(c, "E0607", "takes a value [.., spatial.., channels] and a list with the "
                                          "window's size on each spatial axis");
    for (int k = 0; k < n_axes; k++) {
        if (!eval_dim(c->lo, c->sc, e->arg[k], &size[k]))
            return NO_NODE;
        total *= size[k];
    }
    if (!read_windows(c, x, n_axes, size, true, w))
        return NO_NODE;
    int y = ir_windows(g, c->arg[0], w, n_axes);
    unsigned mask = ((1u << n_axes) - 1) << (g->node[y].shape.rank - 1 - n_axes);
    y = ir_reduce(g, op, y, mask);
    return op == OP_sum ? ir_ew2(g, OP_mul, y, ir_const(g, 1 / (double)total, shape_scalar())) : y;
}

int weight_max_pool(const call *c)
{
    return pool(c, OP_reduce_max);
}

int weight_avg_pool(const call *c)
{
    return pool(c, OP_sum);
}

/* --- tables, sparse and low-rank weights --------------------------------------------------------- */

/* The sparse parameter that W is made of, element by element; -1 if there is none.  */
static int pattern_below(const ir *g, int w)
{
    const ir_node *v = &g->node[w];
    if (v->op == OP_var)
        return g->var[v->var].pattern;
    int found = -1;
    for (int i = 0; ir_elementwise(g, w) && i < v->n_args; i++) {
        int p = pattern_below(g, v->arg[i]);
        found = p >= 0 ? p : found;
    }
    return found;
}

int weight_sparse_matmul(const call *c)
{
    ir *g = c->lo->ir;
    shape x = builtin_shape(c, 0);
    int p = g->node[c->arg[1]].of_params ? pattern_below(g, c->arg[1]) : -1;
    if (p < 0)
        return builtin_refuse(c, "E0608", "takes a parameter declared with 'sparse:' as its weight");
    if (x.rank >= 1 && x.dim[x.rank - 1] == g->pattern[p].n_rows)
        return ir_sparse(g, c->arg[0], c->arg[1], p);
    diag_error(c->lo->diag, c->e->at, "E0340", "%s and %s do not fit in '%s'",
               shape_text(c->lo->arena, x),
               shape_text(c->lo->arena, shape_of2(g->pattern[p].n_rows, g->pattern[p].n_cols)),
               c->e->name);
    diag_note(c->lo->diag, c->e->arg[0]->at, "this is %s", shape_text(c->lo->arena, x));
    diag_note(c->lo->diag, c->e->arg[1]->at, "this is %s",
              shape_text(c->lo->arena, shape_of2(g->pattern[p].n_rows, g->pattern[p].n_cols)));
    return NO_NODE;
}

/* events(x): x, of which the spec says that most is zero.  */
int weight_events(const call *c)
{
    ir *g = c->lo->ir;
    ir_node *x = &g->node[c->arg[0]];
    if (x->type == TYPE_INDEX || x->of_params)
        return builtin_refuse(c, "E0615", "takes a value of the step, as spikes are: no index, and nothing of parameters alone");
    int real = x->type == TYPE_BOOL ? ir_ew1(g, OP_real, c->arg[0]) : c->arg[0];
    g->node[real].events = EVENTS_SAID;
    return real;
}

/* embedding(i, E): rows i of a table E[V, M].  */
int weight_embedding(const call *c)
{
    ir *g = c->lo->ir;
    const ir_node *i = &g->node[c->arg[0]], *w = &g->node[c->arg[1]];
    if (i->type != TYPE_INDEX || i->op != OP_var || w->shape.rank != 2 || !w->of_params
        || i->shape.rank >= RANK_MAX)
        return builtin_refuse(c, "E0609", "takes an input of type index and a parameter [size, width]");
    int64_t size = g->var[i->var].index_size;
    if (size == w->shape.dim[0])
        return ir_embed(g, c->arg[0], c->arg[1]);
    diag_error(c->lo->diag, c->e->at, "E0610", "an index of %lld values for a table of %lld rows",
               (long long)size, (long long)w->shape.dim[0]);
    diag_note(c->lo->diag, g->var[i->var].at, "the index is declared here");
    diag_note(c->lo->diag, c->e->arg[1]->at, "this is %s", shape_text(c->lo->arena, w->shape));
    return NO_NODE;
}

/* lora(x, A, B, alpha=1, base=W): x @ (W + alpha / rank A @ B).
   Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022, section 4.1.  */
int weight_lora(const call *c)
{
    ir *g = c->lo->ir;
    shape x = builtin_shape(c, 0), A = builtin_shape(c, 1), B = builtin_shape(c, 2);
    const expr *alpha = builtin_keyword(c, "alpha"), *base = builtin_keyword(c, "base");
    if (x.rank < 1 || A.rank != 2 || B.rank != 2 || A.dim[1] != B.dim[0]
        || x.dim[x.rank - 1] != A.dim[0]) {
        diag_error(c->lo->diag, c->e->at, "E0611", "%s, %s and %s do not fit in 'lora'",
                   shape_text(c->lo->arena, x), shape_text(c->lo->arena, A),
                   shape_text(c->lo->arena, B));
        diag_note(c->lo->diag, c->e->at, "lora(x[n], A[n, rank], B[rank, m]) gives [m]");
        return NO_NODE;
    }
    int scale = alpha ? eval(c->lo, c->sc, alpha) : ir_const(g, 1, shape_scalar());
    int w0 = base ? eval(c->lo, c->sc, base) : ir_const(g, 0, shape_of2(A.dim[0], B.dim[1]));
    if (scale == NO_NODE || w0 == NO_NODE)
        return NO_NODE;
    if (!shape_equal(g->node[w0].shape, shape_of2(A.dim[0], B.dim[1])) || !g->node[w0].of_params
        || !g->node[c->arg[1]].of_params || !g->node[c->arg[2]].of_params)
        return builtin_refuse(c, "E0612", "takes parameters, and a base of the product's shape");
    scale = ir_ew2(g, OP_mul, scale, ir_const(g, 1 / (double)A.dim[1], shape_scalar()));
    int w = ir_ew2(g, OP_mul, scale, ir_matmul(g, c->arg[1], c->arg[2]));
    return low_rank_product(g, OP_matmul, c->arg[0], ir_ew2(g, OP_add, w0, w));
}

int weight_element_wise(const call *c)
{
    ir *g = c->lo->ir;
    if (!g->node[c->arg[0]].of_params)
        return builtin_refuse(c, "E0613", "takes a value made of parameters alone");
    return ir_weight(g, c->arg[0]);
}
