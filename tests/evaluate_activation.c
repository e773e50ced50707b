/* SPDX-License-Identifier: Apache-2.0 */
/* In: calls of activations, and of pools that know their number of places.  Out: arrays, by their
   definition.  */
#include "evaluate_call.h"

#include <math.h>
#include <string.h>

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

static double normal_density(double x)
{
    return exp(-x * x / 2) / sqrt(2 * acos(-1.0));
}

static double normal_below(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

/* X is x[0], the parameters are behind it; D gets the derivatives by all of them.  */
static double leaky(const double *x, double *d)
{
    d[0] = x[0] >= 0 ? 1 : x[1];
    d[1] = x[0] >= 0 ? 0 : x[0];
    return d[0] * x[0];
}

static double relu6(const double *x, double *d)
{
    d[0] = x[0] > 0 && x[0] < 6;
    return fmin(fmax(x[0], 0), 6);
}

static double elu(const double *x, double *d)
{
    d[0] = x[0] > 0 ? 1 : x[1] * exp(x[0]);
    d[1] = x[0] > 0 ? 0 : exp(x[0]) - 1;
    return x[0] > 0 ? x[0] : x[1] * d[1];
}

static double celu(const double *x, double *d)
{
    const double q = x[0] / x[1];
    d[0] = x[0] > 0 ? 1 : exp(q);
    d[1] = x[0] > 0 ? 0 : exp(q) - 1 - q * exp(q);
    return x[0] > 0 ? x[0] : x[1] * (exp(q) - 1);
}

static double selu(const double *x, double *d)
{
    const double scale = 1.0507009873554804934193349852946, alpha = 1.6732632423543772848170429916717;
    d[0] = scale * (x[0] > 0 ? 1 : alpha * exp(x[0]));
    return scale * (x[0] > 0 ? x[0] : alpha * (exp(x[0]) - 1));
}

static double gelu(const double *x, double *d)
{
    d[0] = normal_below(x[0]) + x[0] * normal_density(x[0]);
    return x[0] * normal_below(x[0]);
}

static double gelu_tanh(const double *x, double *d)
{
    const double k = sqrt(2 / acos(-1.0)), c = 0.044715, x2 = x[0] * x[0];
    const double t = tanh(k * x[0] * (1 + c * x2));
    d[0] = 0.5 * (1 + t) + 0.5 * x[0] * (1 - t * t) * k * (1 + 3 * c * x2);
    return 0.5 * x[0] * (1 + t);
}

static double hard_tanh(const double *x, double *d)
{
    d[0] = x[0] >= x[1] && x[0] <= x[2];
    d[1] = x[0] < x[1];
    d[2] = x[0] > x[2];
    return fmax(x[1], fmin(x[2], x[0]));
}

static double hard_sigmoid(const double *x, double *d)
{
    d[0] = fabs(x[0]) < 3 ? 1.0 / 6 : 0;
    return fmax(0, fmin(1, x[0] / 6 + 0.5));
}

static double hard_silu(const double *x, double *d)
{
    const double h = hard_sigmoid(x, d);
    d[0] = h + x[0] * d[0];
    return x[0] * h;
}

static double hard_shrink(const double *x, double *d)
{
    d[0] = fabs(x[0]) > x[1];
    d[1] = 0;
    return d[0] * x[0];
}

static double soft_shrink(const double *x, double *d)
{
    d[0] = fabs(x[0]) > x[1];
    d[1] = x[0] > 0 ? -d[0] : d[0];
    return d[0] * x[0] + d[1] * x[1];
}

static double tanh_shrink(const double *x, double *d)
{
    d[0] = tanh(x[0]) * tanh(x[0]);
    return x[0] - tanh(x[0]);
}

static double soft_sign(const double *x, double *d)
{
    d[0] = 1 / ((1 + fabs(x[0])) * (1 + fabs(x[0])));
    return x[0] / (1 + fabs(x[0]));
}

static double log_sigmoid(const double *x, double *d)
{
    d[0] = logistic(-x[0]);
    return log(logistic(x[0]));
}

static double mish(const double *x, double *d)
{
    const double t = tanh(log(1 + exp(x[0])));
    d[0] = t + x[0] * (1 - t * t) * logistic(x[0]);
    return x[0] * t;
}

static double squareplus(const double *x, double *d)
{
    const double root = sqrt(x[0] * x[0] + x[1]);
    d[0] = 0.5 + 0.5 * x[0] / root;
    d[1] = 0.25 / root;
    return 0.5 * (x[0] + root);
}

static const struct {
    const char *name;
    array_function function;
    int n;
    const char *parameter[2];
    double otherwise[2];
} activations[] = {
    {"leaky_relu", leaky, 1, {"alpha"}, {0.01}},
    {"prelu", leaky, 1, {"alpha"}, {0.25}},
    {"relu6", relu6, 0, {NULL}, {0}},
    {"elu", elu, 1, {"alpha"}, {1}},
    {"celu", celu, 1, {"alpha"}, {1}},
    {"selu", selu, 0, {NULL}, {0}},
    {"gelu", gelu, 0, {NULL}, {0}},
    {"gelu_tanh", gelu_tanh, 0, {NULL}, {0}},
    {"hard_tanh", hard_tanh, 2, {"low", "high"}, {-1, 1}},
    {"hard_sigmoid", hard_sigmoid, 0, {NULL}, {0}},
    {"hard_silu", hard_silu, 0, {NULL}, {0}},
    {"hard_shrink", hard_shrink, 1, {"lambda"}, {0.5}},
    {"soft_shrink", soft_shrink, 1, {"lambda"}, {0.5}},
    {"tanh_shrink", tanh_shrink, 0, {NULL}, {0}},
    {"soft_sign", soft_sign, 0, {NULL}, {0}},
    {"log_sigmoid", log_sigmoid, 0, {NULL}, {0}},
    {"mish", mish, 0, {NULL}, {0}},
    {"squareplus", squareplus, 1, {"b"}, {4}},
};

array *ev_call_activation(ev_args *c, const char *name)
{
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        if (strcmp(activations[i].name, name) != 0)
            continue;
        array *arg[3] = {c->arg[0]};
        for (int k = 0; k < activations[i].n; k++) {
            const expr *given = ev_keyword(c->e, activations[i].parameter[k]);
            arg[k + 1] = given      ? ev_expr(c->ev, c->r, given)
                         : k + 1 < c->n ? c->arg[k + 1]
                                        : array_number(c->f, activations[i].otherwise[k]);
        }
        return array_map(c->f, activations[i].function, arg, activations[i].n + 1);
    }
    return NULL;
}

/* --- shapes ----------------------------------------------------------------------------------- */

array *ev_call_glu(ev_args *c)
{
    array *x = c->arg[0];
    const int last = x->rank - 1, half = x->dim[last] / 2;
    array *gate = ev_map(c, "sigmoid", array_slice(c->f, x, last, half, half, false), NULL);
    return ev_map(c, "mul", array_slice(c->f, x, last, 0, half, false), gate);
}

array *ev_call_flatten(ev_args *c)
{
    const int n = (int)c->arg[0]->n;
    return array_reshape(c->f, c->arg[0], 1, &n);
}

/* Place K of M along AXIS: the first n mod M have one element more.  */
static array *place(ev_args *c, array *x, array_reduction how, int axis, int k, int m)
{
    const int n = x->dim[axis], size = n / m + (k < n % m);
    const int start = k * (n / m) + (k < n % m ? k : n % m);
    array *y = array_reduce(c->f, array_slice(c->f, x, axis, start, size, false), how, axis);
    int dim[AXES_MAX];
    memcpy(dim, x->dim, sizeof dim);
    dim[axis] = 1;
    y = array_reshape(c->f, y, x->rank, dim);
    return how == REDUCE_SUM ? ev_map(c, "div", y, array_number(c->f, size)) : y;
}

static array *adaptive(ev_args *c, array_reduction how)
{
    array *x = c->arg[0], *part[16];
    const expr *list = c->e->arg[1];
    for (size_t i = 0; i < list->n_args; i++) {
        const int axis = x->rank - 1 - (int)list->n_args + (int)i, m = ev_dim(c->ev, c->r, list->arg[i]);
        for (int k = 0; k < m; k++)
            part[k] = place(c, x, how, axis, k, m);
        x = array_concat(c->f, part, m, axis);
    }
    return x;
}

array *ev_call_adaptive_max(ev_args *c)
{
    return adaptive(c, REDUCE_MAX);
}

array *ev_call_adaptive_avg(ev_args *c)
{
    return adaptive(c, REDUCE_SUM);
}
