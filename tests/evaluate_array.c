/* SPDX-License-Identifier: Apache-2.0 */
/* In: arrays.  Out: an array.  Afterwards its tangents are those of its arguments, by the rules of
   the flow.  */
#include "evaluate_array.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- memory ----------------------------------------------------------------------------------- */

enum { MEMORY = 64 << 20 };

void *flow_take(flow *f, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (!f->memory) {
        f->size = MEMORY;
        f->memory = malloc(f->size);
    }
    if (!f->memory || f->used + size > f->size) {
        fprintf(stderr, "evaluate: a model is too large\n");
        abort();
    }
    void *res = f->memory + f->used;
    f->used += size;
    return memset(res, 0, size);
}

void flow_reset(flow *f)
{
    f->used = 0;
}

size_t array_numel(int rank, const int *dim)
{
    size_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= (size_t)dim[i];
    return n;
}

array *array_new(flow *f, int rank, const int *dim)
{
    array *a = flow_take(f, sizeof *a);
    a->rank = rank;
    for (int i = 0; i < rank; i++)
        a->dim[i] = dim[i];
    a->n = array_numel(rank, dim);
    a->pattern = -1;
    a->v = flow_take(f, a->n * sizeof *a->v);
    return a;
}

array *array_number(flow *f, double x)
{
    array *a = array_new(f, 0, NULL);
    a->v[0] = x;
    a->of_params = true;
    return a;
}

bool array_same_shape(const array *a, const array *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = a->dim[i] == b->dim[i];
    return same;
}

static void add(flow *f, double **part, size_t n, size_t i, double x)
{
    if (!*part)
        *part = flow_take(f, n * sizeof **part);
    (*part)[i] += x;
}

/* --- element-wise ----------------------------------------------------------------------------- */

#define FUNCTION(name, value, ...)                                                                 \
    static double f_##name(const double *x, double *d)                                             \
    {                                                                                              \
        const double r = value, p[3] = {__VA_ARGS__};                                              \
        memcpy(d, p, sizeof p);                                                                    \
        return r;                                                                                  \
    }

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

FUNCTION(add, x[0] + x[1], 1, 1)
FUNCTION(sub, x[0] - x[1], 1, -1)
FUNCTION(mul, x[0] * x[1], x[1], x[0])
FUNCTION(div, x[0] / x[1], 1 / x[1], -x[0] / (x[1] * x[1]))
FUNCTION(neg, -x[0], -1)
FUNCTION(pow, pow(x[0], x[1]), x[1] * pow(x[0], x[1] - 1), log(x[0]) * r)
FUNCTION(max, x[0] > x[1] ? x[0] : x[1], x[0] > x[1], !(x[0] > x[1]))
FUNCTION(min, x[0] < x[1] ? x[0] : x[1], x[0] < x[1], !(x[0] < x[1]))
FUNCTION(where, x[0] != 0 ? x[1] : x[2], 0, x[0] != 0, !(x[0] != 0))
FUNCTION(lt, x[0] < x[1], 0)
FUNCTION(le, x[0] <= x[1], 0)
FUNCTION(gt, x[0] > x[1], 0)
FUNCTION(ge, x[0] >= x[1], 0)
FUNCTION(eq, x[0] <= x[1] && x[0] >= x[1], 0)
FUNCTION(ne, x[0] < x[1] || x[0] > x[1], 0)
FUNCTION(and, x[0] != 0 && x[1] != 0, 0)
FUNCTION(or, x[0] != 0 || x[1] != 0, 0)
FUNCTION(not, !(x[0] != 0), 0)
FUNCTION(exp, exp(x[0]), r)
FUNCTION(log, log(x[0]), 1 / x[0])
FUNCTION(log1p, log1p(x[0]), 1 / (1 + x[0]))
FUNCTION(expm1, expm1(x[0]), exp(x[0]))
FUNCTION(sqrt, sqrt(x[0]), 0.5 / sqrt(x[0]))
FUNCTION(sin, sin(x[0]), cos(x[0]))
FUNCTION(cos, cos(x[0]), -sin(x[0]))
FUNCTION(tan, tan(x[0]), 1 / (cos(x[0]) * cos(x[0])))
FUNCTION(tanh, tanh(x[0]), 1 / (cosh(x[0]) * cosh(x[0])))
FUNCTION(sinh, sinh(x[0]), cosh(x[0]))
FUNCTION(cosh, cosh(x[0]), sinh(x[0]))
FUNCTION(atan, atan(x[0]), 1 / (1 + x[0] * x[0]))
FUNCTION(erf, erf(x[0]), 2 / sqrt(acos(-1.0)) * exp(-x[0] * x[0]))
FUNCTION(abs, fabs(x[0]), (x[0] > 0) - (x[0] < 0))
FUNCTION(sign, (x[0] > 0) - (x[0] < 0), 0)
FUNCTION(floor, floor(x[0]), 0)
FUNCTION(ceil, ceil(x[0]), 0)
FUNCTION(sigmoid, logistic(x[0]), logistic(x[0]) * logistic(-x[0]))
FUNCTION(relu, x[0] > 0 ? x[0] : 0, x[0] > 0)
FUNCTION(square, x[0] * x[0], 2 * x[0])
FUNCTION(softplus, fmax(x[0], 0) + log1p(exp(-fabs(x[0]))), logistic(x[0]))
FUNCTION(silu, x[0] * logistic(x[0]), logistic(x[0]) + x[0] * logistic(x[0]) * logistic(-x[0]))

static const struct {
    const char *name;
    int n;
    array_function function;
} functions[] = {
    {"add", 2, f_add},     {"sub", 2, f_sub},           {"mul", 2, f_mul},     {"div", 2, f_div},
    {"neg", 1, f_neg},     {"pow", 2, f_pow},           {"maximum", 2, f_max}, {"max", 2, f_max},
    {"min", 2, f_min},     {"minimum", 2, f_min},       {"where", 3, f_where}, {"lt", 2, f_lt},
    {"le", 2, f_le},       {"gt", 2, f_gt},             {"ge", 2, f_ge},       {"eq", 2, f_eq},
    {"ne", 2, f_ne},       {"and", 2, f_and},           {"or", 2, f_or},       {"not", 1, f_not},
    {"exp", 1, f_exp},     {"log", 1, f_log},           {"log1p", 1, f_log1p}, {"sqrt", 1, f_sqrt},
    {"sin", 1, f_sin},     {"cos", 1, f_cos},           {"tan", 1, f_tan},     {"tanh", 1, f_tanh},
    {"sinh", 1, f_sinh},   {"cosh", 1, f_cosh},         {"atan", 1, f_atan},   {"erf", 1, f_erf},
    {"abs", 1, f_abs},     {"sign", 1, f_sign},         {"ceil", 1, f_ceil},   {"relu", 1, f_relu},
    {"floor", 1, f_floor}, {"expm1", 1, f_expm1},       {"silu", 1, f_silu},
    {"sigmoid", 1, f_sigmoid}, {"square", 1, f_square}, {"softplus", 1, f_softplus},
};

array_function array_find_function(const char *name, int *n)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, name) == 0) {
            *n = functions[i].n;
            return functions[i].function;
        }
    return NULL;
}

static void common_shape(array *const *arg, int n, int *rank, int *dim)
{
    *rank = 0;
    for (int i = 0; i < n; i++)
        *rank = arg[i]->rank > *rank ? arg[i]->rank : *rank;
    for (int k = 0; k < *rank; k++) {
        dim[k] = 1;
        for (int i = 0; i < n; i++) {
            const int own = k - (*rank - arg[i]->rank);
            if (own >= 0 && arg[i]->dim[own] != 1)
                dim[k] = arg[i]->dim[own];
        }
    }
}

/* The element of A that stands at place K of a result like R.  */
static size_t element(const array *a, const array *r, size_t k)
{
    size_t at = 0, step = 1;
    for (int i = 0; i < r->rank; i++) {
        const int axis = r->rank - 1 - i, own = a->rank - 1 - i;
        const size_t here = k % (size_t)r->dim[axis];
        k /= (size_t)r->dim[axis];
        if (own < 0)
            continue;
        at += a->dim[own] == 1 ? 0 : here * step;
        step *= (size_t)a->dim[own];
    }
    return at;
}

static void set_origin(array *r, array *const *arg, int n)
{
    r->of_params = true;
    for (int i = 0; i < n; i++) {
        r->of_params = r->of_params && arg[i]->of_params;
        r->traced |= arg[i]->traced;
        r->moved = r->moved || arg[i]->moved;
        r->pattern = arg[i]->pattern >= 0 ? arg[i]->pattern : r->pattern;
    }
}

/* R's place K gets D times the tangent of X's place E.  Among parameters everything is by position:
   it is their last value that the trace is about.  */
static void flow_on(flow *f, array *r, size_t k, const array *x, size_t e, double d, bool keeps)
{
    const bool dropped = f->mode == MODE_WEIGHTS && x->of_params && !r->of_params;
    if (dropped || (d <= 0 && d >= 0))
        return;
    if (x->t)
        add(f, keeps || r->of_params ? &r->t : &r->u, r->n, k, d * x->t[e]);
    if (x->u)
        add(f, &r->u, r->n, k, d * x->u[e]);
}

static bool keeps_positions(const flow *f, const array *x, const array *r)
{
    return f->params_seed || array_same_shape(x, r);
}

array *array_map(flow *f, array_function function, array *const *arg, int n)
{
    int rank, dim[AXES_MAX];
    common_shape(arg, n, &rank, dim);
    array *r = array_new(f, rank, dim);
    set_origin(r, arg, n);
    for (size_t k = 0; k < r->n; k++) {
        double x[3], d[3];
        size_t e[3];
        for (int i = 0; i < n; i++) {
            e[i] = element(arg[i], r, k);
            x[i] = arg[i]->v[e[i]];
        }
        r->v[k] = function(x, d);
        for (int i = 0; i < n; i++)
            if (arg[i]->t || arg[i]->u)
                flow_on(f, r, k, arg[i], e[i], d[i], keeps_positions(f, arg[i], r));
    }
    return r;
}

array *array_graft(flow *f, const array *value, array *const *d, array *const *arg, int n)
{
    array *all[8];
    int rank, dim[AXES_MAX];
    all[0] = array_stop(f, value);
    for (int i = 0; i < n; i++)
        all[i + 1] = arg[i];
    common_shape(all, n + 1, &rank, dim);
    array *r = array_new(f, rank, dim);
    set_origin(r, all, n + 1);
    for (size_t k = 0; k < r->n; k++) {
        r->v[k] = value->v[element(value, r, k)];
        for (int i = 0; i < n; i++)
            flow_on(f, r, k, arg[i], element(arg[i], r, k), d[i]->v[element(d[i], r, k)],
                    keeps_positions(f, arg[i], r));
    }
    return r;
}

array *array_broadcast(flow *f, array *x, int rank, const int *dim)
{
    array *r = array_new(f, rank, dim);
    set_origin(r, &x, 1);
    for (size_t k = 0; k < r->n; k++) {
        const size_t e = element(x, r, k);
        r->v[k] = x->v[e];
        flow_on(f, r, k, x, e, 1, keeps_positions(f, x, r));
    }
    return r;
}

array *array_stop(flow *f, const array *x)
{
    array *r = flow_take(f, sizeof *r);
    *r = *x;
    r->t = r->u = NULL;
    return r;
}

/* --- moves ------------------------------------------------------------------------------------ */

array *array_move(flow *f, const array *x, int rank, const int *dim, const size_t *from,
                  bool keeps)
{
    array *r = array_new(f, rank, dim);
    r->of_params = x->of_params;
    r->traced = x->traced;
    r->moved = true;
    r->is_index = x->is_index;
    for (size_t k = 0; k < r->n; k++) {
        if (from[k] == (size_t)-1)
            continue;
        r->v[k] = x->v[from[k]];
        flow_on(f, r, k, x, from[k], 1, keeps);
    }
    return r;
}

array *array_concat(flow *f, array *const *arg, int n, int axis)
{
    int dim[AXES_MAX];
    memcpy(dim, arg[0]->dim, sizeof dim);
    for (int i = 1; i < n; i++)
        dim[axis] += arg[i]->dim[axis];
    array *r = array_new(f, arg[0]->rank, dim);
    const size_t after = array_numel(r->rank - axis - 1, dim + axis + 1);
    const size_t before = array_numel(axis, dim), whole = (size_t)dim[axis] * after;
    size_t start = 0;
    set_origin(r, arg, n);
    for (int i = 0; i < n; i++) {
        const size_t width = (size_t)arg[i]->dim[axis] * after;
        for (size_t k = 0; k < before * width; k++) {
            const size_t to = k / width * whole + start + k % width;
            r->v[to] = arg[i]->v[k];
            flow_on(f, r, to, arg[i], k, 1, n == 1);
        }
        start += width;
    }
    r->pattern = -1;
    r->moved = n > 1;
    return r;
}

array *array_slice(flow *f, const array *x, int axis, int start, int count, bool drop)
{
    int dim[AXES_MAX], rank = 0;
    const size_t after = array_numel(x->rank - axis - 1, x->dim + axis + 1);
    for (int i = 0; i < x->rank; i++)
        if (i != axis || !drop)
            dim[rank++] = i == axis ? count : x->dim[i];
    const size_t n = x->n / (size_t)x->dim[axis] * (size_t)count, width = (size_t)count * after;
    size_t *from = flow_take(f, n * sizeof *from);
    for (size_t k = 0; k < n; k++)
        from[k] = k / width * ((size_t)x->dim[axis] * after) + (size_t)start * after + k % width;
    return array_move(f, x, rank, dim, from, count == x->dim[axis]);
}

array *array_transpose(flow *f, const array *x)
{
    int dim[AXES_MAX];
    const size_t n = (size_t)x->dim[x->rank - 2], m = (size_t)x->dim[x->rank - 1];
    size_t *from = flow_take(f, x->n * sizeof *from);
    memcpy(dim, x->dim, sizeof dim);
    dim[x->rank - 2] = (int)m;
    dim[x->rank - 1] = (int)n;
    for (size_t k = 0; k < x->n; k++)
        from[k] = k / (n * m) * (n * m) + k % n * m + k % (n * m) / n;
    return array_move(f, x, x->rank, dim, from, false);
}

array *array_reshape(flow *f, const array *x, int rank, const int *dim)
{
    size_t *from = flow_take(f, x->n * sizeof *from);
    for (size_t k = 0; k < x->n; k++)
        from[k] = k;
    return array_move(f, x, rank, dim, from, true);
}

/* --- reductions ------------------------------------------------------------------------------- */

static double join(array_reduction how, double a, double b)
{
    return how == REDUCE_SUM ? a + b : how == REDUCE_MAX ? fmax(a, b) : fmin(a, b);
}

/* In a tie all that are largest pass their tangents on.  */
array *array_reduce(flow *f, const array *x, array_reduction how, int axis)
{
    static const double start[] = {0, -HUGE_VAL, HUGE_VAL};
    int dim[AXES_MAX], rank = 0;
    for (int i = 0; axis >= 0 && i < x->rank; i++)
        if (i != axis)
            dim[rank++] = x->dim[i];
    const size_t after = axis < 0 ? 1 : array_numel(x->rank - axis - 1, x->dim + axis + 1);
    size_t *into = flow_take(f, x->n * sizeof *into);
    for (size_t k = 0; axis >= 0 && k < x->n; k++)
        into[k] = k / (after * (size_t)x->dim[axis]) * after + k % after;
    array *r = array_new(f, rank, dim);
    r->of_params = x->of_params;
    r->traced = x->traced;
    r->moved = true;
    for (size_t k = 0; k < r->n; k++)
        r->v[k] = start[how];
    for (size_t k = 0; k < x->n; k++)
        r->v[into[k]] = join(how, r->v[into[k]], x->v[k]);
    for (size_t k = 0; k < x->n; k++)
        if (how == REDUCE_SUM || (x->v[k] >= r->v[into[k]] && x->v[k] <= r->v[into[k]]))
            flow_on(f, r, into[k], x, k, 1, false);
    return r;
}

/* --- what is linear in two -------------------------------------------------------------------- */

bool array_is_weight_op(const array *x, const array *w)
{
    return w->of_params && w->traced && !x->of_params;
}

static double total(const array *a, size_t k)
{
    return (a->t ? a->t[k] : 0) + (a->u ? a->u[k] : 0);
}

array_terms array_terms_new(flow *f, size_t n)
{
    array_terms t = {.n = n};
    t.to = flow_take(f, n * sizeof *t.to);
    t.a = flow_take(f, n * sizeof *t.a);
    t.b = flow_take(f, n * sizeof *t.b);
    return t;
}

/* The tangents of the terms, into R.  */
static void flow_terms(flow *f, array *r, const array *x, const array *w, const array_terms *terms)
{
    const bool op = array_is_weight_op(x, w), weights = f->mode == MODE_WEIGHTS;
    double **to = r->of_params || (op && weights) ? &r->t : &r->u;
    const bool by_x = (x->t || x->u) && !(op && weights);
    const bool by_w = (w->t || w->u) && (op || !weights || r->of_params || !w->of_params);
    const bool diagonal = f->diagonal && f->mode == MODE_HOLD && x->n == r->n && !op;
    for (size_t k = 0; k < terms->n; k++) {
        const size_t a = terms->a[k], b = terms->b[k], c = terms->to[k];
        if (by_x && diagonal && x->t && a == c)
            add(f, &r->t, r->n, c, x->t[a] * w->v[b]);
        else if (by_x)
            add(f, to, r->n, c, total(x, a) * w->v[b]);
        if (by_w)
            add(f, to, r->n, c, x->v[a] * total(w, b));
    }
}

array *array_bilinear(flow *f, const array *x, const array *w, int rank, const int *dim,
                      const array_terms *terms, const array *seed_at)
{
    array *r = array_new(f, rank, dim);
    const bool held = f->mode == MODE_HOLD || f->mode == MODE_ELEMENTS;
    r->of_params = x->of_params && w->of_params;
    r->traced = x->traced | w->traced;
    r->moved = true;
    for (size_t k = 0; k < terms->n; k++)
        r->v[terms->to[k]] += x->v[terms->a[k]] * w->v[terms->b[k]];
    if (!held || !array_is_weight_op(x, w))
        flow_terms(f, r, x, w, terms);
    if (seed_at)
        r->t = seed_at->v;
    return r;
}

/* Where the axes of LABELS stand at PLACE, in an array of the sizes SIZE.  */
static size_t offset_of(const char *labels, int rank, const int *place, const int *size)
{
    size_t at = 0;
    for (int i = 0; i < rank; i++)
        at = at * (size_t)size[(unsigned char)labels[i]] + (size_t)place[(unsigned char)labels[i]];
    return at;
}

array_terms array_contraction(flow *f, const char *labels, const array *x, const array *w,
                              int *rank, int *dim)
{
    int size[256] = {0}, place[256] = {0}, letter[2 * AXES_MAX], n_letters = 0;
    const char *comma = strchr(labels, ','), *arrow = strstr(labels, "->");
    size_t n = 1;
    for (int i = 0; i < x->rank; i++)
        size[(unsigned char)labels[i]] = x->dim[i];
    for (int i = 0; i < w->rank; i++)
        size[(unsigned char)comma[1 + i]] = w->dim[i];
    *rank = 0;
    for (const char *p = arrow + 2; *p; p++)
        dim[(*rank)++] = size[(unsigned char)*p];
    for (int c = 0; c < 256; c++)
        if (size[c]) {
            letter[n_letters++] = c;
            n *= (size_t)size[c];
        }
    array_terms terms = array_terms_new(f, n);
    for (size_t k = 0; k < n; k++) {
        size_t rest = k;
        for (int i = 0; i < n_letters; i++) {
            place[letter[i]] = (int)(rest % (size_t)size[letter[i]]);
            rest /= (size_t)size[letter[i]];
        }
        terms.a[k] = offset_of(labels, x->rank, place, size);
        terms.b[k] = offset_of(comma + 1, w->rank, place, size);
        terms.to[k] = offset_of(arrow + 2, *rank, place, size);
    }
    return terms;
}
