/* SPDX-License-Identifier: Apache-2.0 */
/* In: calls.  Out: arrays.  Everything that has a name in the language is here, by its definition;
   what spikes and the user's functions are is in evaluate_function.c.  */
#include "evaluate_call.h"

#include "etrace_random.h"

#include <stdio.h>
#include <string.h>

array *ev_map(ev_args *c, const char *name, array *a, array *b)
{
    int n;
    const array_function f = array_find_function(name, &n);
    return array_map(c->f, f, (array *[]){a, b}, n);
}

const expr *ev_keyword(const expr *e, const char *name)
{
    for (size_t i = 0; i < e->n_args; i++)
        if (e->keyword && e->keyword[i] && strcmp(e->keyword[i], name) == 0)
            return e->arg[i];
    return NULL;
}

static int keyword_dim(ev_args *c, const char *name, size_t axis, int otherwise)
{
    const expr *e = ev_keyword(c->e, name);
    if (e && e->kind == EXPR_LIST)
        e = e->arg[axis];
    return e ? ev_dim(c->ev, c->r, e) : otherwise;
}

static bool keyword_word(ev_args *c, const char *name, const char *word)
{
    const expr *e = ev_keyword(c->e, name);
    return e && e->kind == EXPR_NAME && strcmp(e->name, word) == 0;
}

/* --- weights ---------------------------------------------------------------------------------- */

static array *ones(ev_args *c, int rank, const int *dim)
{
    array *a = array_new(c->f, rank, dim);
    for (size_t i = 0; i < a->n; i++)
        a->v[i] = 1;
    return a;
}

static const array *seed_of(ev_args *c, int use, int rank, const int *dim)
{
    const bool here = c->ev->seed.kind == SEED_USE && c->ev->seed.var == use;
    return here ? ones(c, rank, dim) : NULL;
}

/* NOTED is X as the trace knows it.  */
static array *linear(ev_args *c, array *x, array *noted, array *w, int rank, const int *dim,
                     const array_terms *terms)
{
    const array *seed = NULL;
    if (array_is_weight_op(x, w))
        seed = seed_of(c, ev_note_use(c->ev, c->e->name, noted, w), rank, dim);
    return array_bilinear(c->f, x, w, rank, dim, terms, seed);
}

static array *contract(ev_args *c, const char *labels, array *x, array *w)
{
    int rank, dim[AXES_MAX];
    const array_terms terms = array_contraction(c->f, labels, x, w, &rank, dim);
    return linear(c, x, x, w, rank, dim, &terms);
}

/* LEAD letters and then X, W and Y: the labels of a contraction.  */
static array *contract_led(ev_args *c, int lead, const char *parts, array *x, array *w)
{
    char labels[64];
    const char *a = "abcdefgh", *comma = strchr(parts, ','), *arrow = strchr(parts, '>');
    snprintf(labels, sizeof labels, "%.*s%.*s,%.*s->%.*s%s", lead, a, (int)(comma - parts), parts,
             (int)(arrow - comma - 1), comma + 1, lead, a, arrow + 1);
    return contract(c, labels, x, w);
}

static array *call_matmul(ev_args *c)
{
    array *x = c->arg[0], *w = c->arg[1];
    if (x->rank == 1 && w->rank == 1)
        return array_reduce(c->f, ev_map(c, "mul", x, w), REDUCE_SUM, -1);
    if (x->rank == 2 && w->rank == 1)
        return contract(c, "k,mk->m", w, x);
    return contract_led(c, x->rank - 1, "y,yz>z", x, w);
}

static array *call_einsum(ev_args *c)
{
    char plain[64], turned[64];
    int n = 0;
    for (const char *text = c->e->arg[0]->name; *text; text++)
        if (*text != ' ')
            plain[n++] = *text;
    plain[n] = '\0';
    array *x = c->arg[1], *w = c->arg[2];
    if (!x->of_params || w->of_params)
        return contract(c, plain, x, w);
    const char *comma = strchr(plain, ','), *arrow = strstr(plain, "->");
    snprintf(turned, sizeof turned, "%.*s,%.*s%s", (int)(arrow - comma - 1), comma + 1,
             (int)(comma - plain), plain, arrow);
    return contract(c, turned, w, x);
}

static array *call_grouped(ev_args *c)
{
    return contract_led(c, c->arg[0]->rank - 2, "xy,xyz>xz", c->arg[0], c->arg[1]);
}

static array *call_sparse(ev_args *c)
{
    array *x = c->arg[0], *w = c->arg[1];
    const ev_pattern *p = &c->ev->pattern[w->pattern];
    int dim[AXES_MAX];
    memcpy(dim, x->dim, sizeof dim);
    dim[x->rank - 1] = p->n_cols;
    const size_t n = (size_t)p->n;
    array_terms terms = array_terms_new(c->f, x->n / (size_t)p->n_rows * n);
    for (size_t k = 0; k < terms.n; k++) {
        terms.to[k] = k / n * (size_t)p->n_cols + (size_t)p->col[k % n];
        terms.a[k] = k / n * (size_t)p->n_rows + (size_t)p->row[k % n];
        terms.b[k] = k % n;
    }
    return linear(c, x, x, w, x->rank, dim, &terms);
}

static array *call_embedding(ev_args *c)
{
    array *index = c->arg[0], *w = c->arg[1];
    int dim[AXES_MAX];
    const size_t m = (size_t)w->dim[1];
    memcpy(dim, index->dim, sizeof dim);
    dim[index->rank] = w->dim[1];
    array_terms terms = array_terms_new(c->f, index->n * m);
    for (size_t k = 0; k < terms.n; k++) {
        terms.to[k] = k;
        terms.a[k] = k / m;
        terms.b[k] = (size_t)index->v[k / m] * m + k % m;
    }
    return linear(c, ones(c, index->rank, index->dim), index, w, index->rank + 1, dim, &terms);
}

static array *call_lora(ev_args *c)
{
    const expr *alpha = ev_keyword(c->e, "alpha"), *base = ev_keyword(c->e, "base");
    int rank, dim[AXES_MAX];
    array *A = c->arg[1], *B = c->arg[2];
    const array_terms terms = array_contraction(c->f, "nr,rm->nm", A, B, &rank, dim);
    array *w = array_bilinear(c->f, A, B, rank, dim, &terms, NULL);
    w = ev_map(c, "div", w, array_number(c->f, A->dim[1]));
    if (alpha)
        w = ev_map(c, "mul", w, ev_expr(c->ev, c->r, alpha));
    if (base)
        w = ev_map(c, "add", w, ev_expr(c->ev, c->r, base));
    return contract_led(c, c->arg[0]->rank - 1, "y,yz>z", c->arg[0], w);
}

/* A value made of parameters alone, as a use of its own.  */
static array *own_use(ev_args *c, const char *op, array *x)
{
    array *r = array_stop(c->f, x);
    const array *seed = seed_of(c, ev_note_use(c->ev, op, NULL, x), x->rank, x->dim);
    r->of_params = false;
    if (c->f->mode == MODE_TOTAL || c->f->mode == MODE_ELEMENTS) {
        r->t = x->t;
        r->u = x->u;
    }
    if (seed)
        r->t = seed->v;
    return r;
}

static array *call_element_wise(ev_args *c)
{
    return own_use(c, "element_wise", c->arg[0]);
}

/* Where an element-wise function meets parameters that were moved about before, they are a use.  */
static void note_moved(ev_args *c)
{
    bool all = true;
    for (int i = 0; i < c->n; i++)
        all = all && c->arg[i]->of_params;
    for (int i = 0; !all && i < c->n; i++)
        if (c->arg[i]->of_params && c->arg[i]->traced && c->arg[i]->moved)
            c->arg[i] = own_use(c, "a value", c->arg[i]);
}

/* --- windows ---------------------------------------------------------------------------------- */

typedef struct {
    int n_axes, size[3], stride[3], dilation[3], pad[3], in[3], out[3];
} sliding;

static void set_window(ev_args *c, sliding *w, const array *x, const int *size, bool pool)
{
    const bool same = keyword_word(c, "padding", "same");
    const bool word = same || keyword_word(c, "padding", "valid");
    for (int k = 0; k < w->n_axes; k++) {
        w->size[k] = size[k];
        w->in[k] = x->dim[x->rank - 1 - w->n_axes + k];
        w->stride[k] = keyword_dim(c, "stride", (size_t)k, pool ? size[k] : 1);
        w->dilation[k] = keyword_dim(c, "dilation", (size_t)k, 1);
        w->pad[k] = word ? 0 : keyword_dim(c, "padding", (size_t)k, 0);
        const int reach = (size[k] - 1) * w->dilation[k] + 1;
        w->out[k] = (w->in[k] + 2 * w->pad[k] - reach) / w->stride[k] + 1;
        if (same) {
            w->out[k] = (w->in[k] + w->stride[k] - 1) / w->stride[k];
            const int missing = (w->out[k] - 1) * w->stride[k] + reach - w->in[k];
            w->pad[k] = missing > 0 ? missing / 2 : 0;
        }
    }
}

/* The element of the spatial axes that window element K of place O lies on, or -1: outside.  */
static int window_element(const sliding *w, int o, int k)
{
    int at = 0, step = 1;
    for (int i = w->n_axes - 1; i >= 0; i--) {
        const int here = o % w->out[i] * w->stride[i] + k % w->size[i] * w->dilation[i] - w->pad[i];
        o /= w->out[i];
        k /= w->size[i];
        if (here < 0 || here >= w->in[i])
            return -1;
        at += here * step;
        step *= w->in[i];
    }
    return at;
}

static int product(int n, const int *size)
{
    return (int)array_numel(n, size);
}

static array *call_conv(ev_args *c)
{
    array *x = c->arg[0], *w = c->arg[1];
    sliding s = {.n_axes = w->rank - 2};
    set_window(c, &s, x, w->dim, false);
    const int groups = keyword_dim(c, "groups", 0, 1), channels = x->dim[x->rank - 1];
    const int out = w->dim[w->rank - 1], in = w->dim[w->rank - 2];
    const int places = product(s.n_axes, s.out), window = product(s.n_axes, s.size);
    const int first = x->rank - 1 - s.n_axes, area = product(s.n_axes, s.in);
    int dim[AXES_MAX];
    memcpy(dim, x->dim, sizeof dim);
    memcpy(dim + first, s.out, sizeof *dim * (size_t)s.n_axes);
    dim[x->rank - 1] = out;
    const int lead = product(first, x->dim);
    array_terms t = array_terms_new(c->f, (size_t)(lead * places * window * out * in));
    t.n = 0;
    for (int lo = 0; lo < lead * places; lo++)
        for (int k = 0; k < window; k++) {
            const int at = window_element(&s, lo % places, k), pixel = lo / places * area + at;
            for (int m = 0; at >= 0 && m < out * in; m++) {
                const int to = m / in, from = m % in, group = to / (out / groups);
                t.to[t.n] = (size_t)(lo * out + to);
                t.a[t.n] = (size_t)(pixel * channels + group * in + from);
                t.b[t.n++] = (size_t)((k * in + from) * out + to);
            }
        }
    return linear(c, x, x, w, x->rank, dim, &t);
}

static array *pool(ev_args *c, array_reduction how)
{
    array *x = c->arg[0];
    const expr *list = c->e->arg[1];
    sliding s = {.n_axes = (int)list->n_args};
    int size[3], dim[AXES_MAX], rank = x->rank - 1 - s.n_axes;
    for (int k = 0; k < s.n_axes; k++)
        size[k] = ev_dim(c->ev, c->r, list->arg[k]);
    set_window(c, &s, x, size, true);
    const int places = product(s.n_axes, s.out), window = product(s.n_axes, s.size);
    const int channels = x->dim[x->rank - 1], area = product(s.n_axes, s.in);
    const int lead = product(rank, x->dim);
    memcpy(dim, x->dim, sizeof dim);
    for (int k = 0; k < s.n_axes; k++)
        dim[rank++] = s.out[k];
    const int axis = rank;
    dim[rank++] = window;
    dim[rank++] = channels;
    size_t *from = flow_take(c->f, array_numel(rank, dim) * sizeof *from);
    for (int k = 0; k < lead * places * window * channels; k++) {
        const int lo = k / channels / window;
        const int at = window_element(&s, lo % places, k / channels % window);
        from[k] = (size_t)((lo / places * area + at) * channels + k % channels);
    }
    x = array_reduce(c->f, array_move(c->f, x, rank, dim, from, false), how, axis);
    return how == REDUCE_SUM ? ev_map(c, "div", x, array_number(c->f, window)) : x;
}

static array *call_max_pool(ev_args *c)
{
    return pool(c, REDUCE_MAX);
}

static array *call_avg_pool(ev_args *c)
{
    return pool(c, REDUCE_SUM);
}

/* --- moves and reductions --------------------------------------------------------------------- */

static int axis_of(ev_args *c, int otherwise)
{
    const int axis = keyword_dim(c, "axis", 0, otherwise);
    return ev_keyword(c->e, "axis") && axis < 0 ? axis + c->arg[0]->rank : axis;
}

static array *call_sum(ev_args *c)
{
    return array_reduce(c->f, c->arg[0], REDUCE_SUM, axis_of(c, -1));
}

static array *call_mean(ev_args *c)
{
    array *sum = call_sum(c);
    return ev_map(c, "div", sum, array_number(c->f, (double)(c->arg[0]->n / sum->n)));
}

static array *call_max(ev_args *c)
{
    return c->n == 2 ? ev_map(c, "max", c->arg[0], c->arg[1])
                     : array_reduce(c->f, c->arg[0], REDUCE_MAX, axis_of(c, -1));
}

static array *call_min(ev_args *c)
{
    return c->n == 2 ? ev_map(c, "min", c->arg[0], c->arg[1])
                     : array_reduce(c->f, c->arg[0], REDUCE_MIN, axis_of(c, -1));
}

static array *call_concat(ev_args *c)
{
    return array_concat(c->f, c->arg, c->n, axis_of(c, c->arg[0]->rank - 1));
}

static array *call_transpose(ev_args *c)
{
    return array_transpose(c->f, c->arg[0]);
}

static int read_shape(ev_args *c, const expr *list, int *dim)
{
    for (size_t i = 0; i < list->n_args; i++)
        dim[i] = ev_dim(c->ev, c->r, list->arg[i]);
    return (int)list->n_args;
}

static array *call_reshape(ev_args *c)
{
    int dim[AXES_MAX];
    const int rank = read_shape(c, c->e->arg[1], dim);
    return array_reshape(c->f, c->arg[0], rank, dim);
}

static array *call_stop(ev_args *c)
{
    return array_stop(c->f, c->arg[0]);
}

/* A word about x, which is as it is.  */
static array *call_events(ev_args *c)
{
    return c->arg[0];
}

/* --- random numbers --------------------------------------------------------------------------- */

/* Calls are numbered in the order in which they are met, elements with those of samples before.  */
static array *draw(ev_args *c, const array *seed, int rank, const int *dim)
{
    array *x = array_new(c->f, rank, dim);
    const uint32_t stream = (uint32_t)c->ev->n_streams++;
    const uint64_t first = (uint64_t)c->ev->sample * x->n;
    for (size_t k = 0; k < x->n; k++)
        x->v[k] = etr_uniform_f64((uint64_t)seed->v[0], stream, first + k);
    return x;
}

static array *call_uniform(ev_args *c)
{
    int dim[AXES_MAX];
    const int rank = read_shape(c, c->e->arg[1], dim);
    return draw(c, c->arg[0], rank, dim);
}

static array *call_dropout(ev_args *c)
{
    array *x = c->arg[0], *rate = c->arg[1], *zero = array_number(c->f, 0);
    array *stays = ev_map(c, "ge", draw(c, c->arg[2], x->rank, x->dim), rate);
    array *rest = ev_map(c, "sub", array_number(c->f, 1), rate);
    return array_map(c->f, c->where, (array *[]){stays, ev_map(c, "div", x, rest), zero}, 3);
}

/* --- losses ----------------------------------------------------------------------------------- */

/* Y [..] with a last axis of one element.  */
static array *column(ev_args *c, array *y)
{
    int dim[AXES_MAX];
    memcpy(dim, y->dim, sizeof dim);
    dim[y->rank] = 1;
    return array_reshape(c->f, y, y->rank + 1, dim);
}

static array *log_softmax(ev_args *c)
{
    array *x = c->arg[0], *top = array_reduce(c->f, x, REDUCE_MAX, x->rank - 1);
    array *less = ev_map(c, "sub", x, column(c, array_stop(c->f, top)));
    array *sum = array_reduce(c->f, ev_map(c, "exp", less, NULL), REDUCE_SUM, x->rank - 1);
    return ev_map(c, "sub", less, column(c, ev_map(c, "log", sum, NULL)));
}

static array *call_softmax(ev_args *c)
{
    return ev_map(c, "exp", log_softmax(c), NULL);
}

static array *call_softmin(ev_args *c)
{
    c->arg[0] = ev_map(c, "neg", c->arg[0], NULL);
    return call_softmax(c);
}

static array *sum_all(ev_args *c, array *x)
{
    return array_reduce(c->f, x, REDUCE_SUM, -1);
}

static array *call_softmax_cross_entropy(ev_args *c)
{
    array *logp = log_softmax(c), *target = c->arg[1];
    array *sum = target->is_index ? array_slice(c->f, logp, 0, (int)target->v[0], 1, true)
                                  : sum_all(c, ev_map(c, "mul", target, logp));
    return ev_map(c, "neg", sum, NULL);
}

static array *call_sigmoid_cross_entropy(ev_args *c)
{
    array *x = c->arg[0], *tx = ev_map(c, "mul", c->arg[1], x);
    return sum_all(c, ev_map(c, "sub", ev_map(c, "softplus", x, NULL), tx));
}

static array *call_mse(ev_args *c)
{
    array *less = ev_map(c, "sub", c->arg[0], c->arg[1]);
    array *sum = sum_all(c, ev_map(c, "square", less, NULL));
    return ev_map(c, "div", sum, array_number(c->f, (double)less->n));
}

/* --- by name ---------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    array *(*value)(ev_args *);
} calls[] = {
    {"matmul", call_matmul}, {"dot", call_matmul}, {"einsum", call_einsum},
    {"grouped_matmul", call_grouped}, {"conv", call_conv}, {"sparse_matmul", call_sparse}, {"events", call_events},
    {"embedding", call_embedding}, {"lora", call_lora}, {"element_wise", call_element_wise},
    {"max_pool", call_max_pool}, {"avg_pool", call_avg_pool}, {"sum", call_sum},
    {"mean", call_mean}, {"max", call_max}, {"min", call_min}, {"concat", call_concat},
    {"transpose", call_transpose}, {"reshape", call_reshape}, {"stop_gradient", call_stop},
    {"softmax", call_softmax}, {"log_softmax", log_softmax}, {"dropout", call_dropout},
    {"random_uniform", call_uniform}, {"softmax_cross_entropy", call_softmax_cross_entropy},
    {"sigmoid_cross_entropy", call_sigmoid_cross_entropy}, {"mse", call_mse},
    {"spike", ev_call_spike}, {"softmin", call_softmin}, {"glu", ev_call_glu},
    {"flatten", ev_call_flatten}, {"adaptive_max_pool", ev_call_adaptive_max},
    {"adaptive_avg_pool", ev_call_adaptive_avg},
};

array *ev_call(evaluator *ev, room *r, const expr *e)
{
    int n;
    const array_function where = array_find_function("where", &n);
    ev_args c = {.ev = ev, .f = &ev->flow, .r = r, .e = e, .where = where};
    room *home = r;
    const char *name = ev_function_named(&home, e)->name;
    for (size_t i = 0; i < e->n_args; i++) {
        const bool named = e->keyword && e->keyword[i];
        c.n += !named;
        if (!named && e->arg[i]->kind != EXPR_LIST && e->arg[i]->kind != EXPR_STRING)
            c.arg[i] = ev_expr(ev, r, e->arg[i]);
    }
    const name_entry *user = home ? ev_find_user(&home, name) : NULL;
    if (user)
        return ev_call_user(&c, home, user->function, c.arg);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(calls[i].name, name) == 0)
            return calls[i].value(&c);
    array *activation = ev_call_activation(&c, name);
    if (activation)
        return activation;
    const array_function f = array_find_function(name, &n);
    if (!f || n != c.n)
        ev_fail(ev, "no function", name);
    note_moved(&c);
    return array_map(&ev->flow, f, c.arg, n);
}
