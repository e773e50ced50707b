/* SPDX-License-Identifier: Apache-2.0 */
/* In: calls of spikes and of the user's functions.  Out: arrays, with surrogates and stated
   derivatives grafted on.  */
#include "evaluate_call.h"

#include <math.h>
#include <string.h>

const expr *ev_function_named(room **r, const expr *name)
{
    for (;;) {
        room *home = *r;
        const name_entry *e = home ? ev_find(&home, name->name, false) : NULL;
        if (!e || e->kind != IS_FUNCTION)
            return name;
        const bool itself = e->from == home && strcmp(e->value->name, e->name) == 0;
        *r = itself ? NULL : e->from;
        name = e->value;
        if (itself)
            return name;
    }
}

const name_entry *ev_find_user(room **r, const char *name)
{
    for (room *q = *r; q; q = q->functions) {
        room *home = q;
        const name_entry *e = ev_find(&home, name, false);
        if (e && e->kind == IS_USER) {
            *r = home;
            return e;
        }
    }
    return NULL;
}

static array *function_value(ev_args *c, room *home, const spec_function *f, const expr *body,
                             array *const *arg)
{
    room *r = flow_take(c->f, sizeof *r);
    r->prefix = home->prefix;
    r->functions = home;
    for (size_t i = 0; i < f->n_args; i++)
        ev_add(c->ev, r, IS_VALUE, f->arg[i], false)->got = arg[i];
    return ev_expr(c->ev, r, body);
}

array *ev_call_user(ev_args *c, room *home, const spec_function *f, array *const *arg)
{
    array *d[EV_ARGS], *value = function_value(c, home, f, f->value, arg);
    if (!f->stated)
        return value;
    for (size_t i = 0; i < f->n_args; i++)
        d[i] = function_value(c, home, f, f->derivative[i], arg);
    return array_graft(c->f, value, d, arg, (int)f->n_args);
}

/* --- surrogates ------------------------------------------------------------------------------- */

static double bell(double x, double width)
{
    return exp(-x * x / (2 * width * width)) / (width * sqrt(2 * acos(-1.0)));
}

static double surrogate_relu(double v, const double *p)
{
    return fmax(0, p[0] * (p[1] - fabs(v)));
}

static double surrogate_sigmoid(double v, const double *p)
{
    return p[0] / ((1 + exp(-p[0] * v)) * (1 + exp(p[0] * v)));
}

static double surrogate_arctan(double v, const double *p)
{
    return p[0] / (2 * (1 + pow(acos(-1.0) / 2 * p[0] * v, 2)));
}

static double surrogate_erf(double v, const double *p)
{
    return p[0] / sqrt(acos(-1.0)) * exp(-p[0] * p[0] * v * v);
}

/* The side bells are s times as wide, and h times as high, as areas go.  */
static double surrogate_multi_gaussian(double v, const double *p)
{
    const double side = bell(v - p[2], p[1] * p[2]) + bell(v + p[2], p[1] * p[2]);
    return p[3] * ((1 + p[0]) * bell(v, p[2]) - p[0] * side);
}

static double surrogate_quadratic(double v, const double *p)
{
    return fmax(0, p[0] - p[0] * p[0] * fabs(v));
}

static double surrogate_slayer(double v, const double *p)
{
    return exp(-p[0] * fabs(v));
}

static const struct {
    const char *name, *parameter[4];
    double value[4];
    double (*at)(double v, const double *p);
} rows[] = {
    {"relu", {"alpha", "width"}, {0.3, 1}, surrogate_relu},
    {"sigmoid", {"alpha"}, {4}, surrogate_sigmoid},
    {"arctan", {"alpha"}, {1}, surrogate_arctan},
    {"atan", {"alpha"}, {1}, surrogate_arctan},
    {"erf", {"alpha"}, {1}, surrogate_erf},
    {"multi_gaussian", {"h", "s", "sigma", "scale"}, {0.15, 6, 0.5, 0.5}, surrogate_multi_gaussian},
    {"piecewise_quadratic", {"alpha"}, {1}, surrogate_quadratic},
    {"slayer", {"alpha"}, {1}, surrogate_slayer},
};

/* What E gives by name.  */
static void read_parameters(ev_args *c, room *r, const expr *e, size_t row, double *p)
{
    for (int k = 0; k < 4 && rows[row].parameter[k]; k++) {
        const expr *given = ev_keyword(e, rows[row].parameter[k]);
        if (given)
            p[k] = ev_expr(c->ev, r, given)->v[0];
    }
}

static array *surrogate_of_row(ev_args *c, room *home, const expr *named, const array *v)
{
    size_t row = 0;
    double p[4];
    while (row < sizeof rows / sizeof *rows && strcmp(rows[row].name, named->name) != 0)
        row++;
    if (row == sizeof rows / sizeof *rows)
        ev_fail(c->ev, "no surrogate", named->name);
    memcpy(p, rows[row].value, sizeof p);
    if (named->kind == EXPR_CALL)
        read_parameters(c, home ? home : c->r, named, row, p);
    read_parameters(c, c->r, c->e, row, p);
    array *d = array_new(c->f, v->rank, v->dim);
    for (size_t i = 0; i < d->n; i++)
        d->v[i] = rows[row].at(v->v[i], p);
    return d;
}

array *ev_call_spike(ev_args *c)
{
    static const expr relu = {.kind = EXPR_NAME, .name = "relu"};
    array *v = c->arg[0], *value = ev_map(c, "ge", v, array_number(c->f, 0));
    room *home = c->r;
    const expr *given = ev_keyword(c->e, "surrogate");
    const expr *named = given ? ev_function_named(&home, given) : &relu;
    room *where = home;
    const name_entry *user = where ? ev_find_user(&where, named->name) : NULL;
    array *d = user ? ev_call_user(c, where, user->function, &v)
                    : surrogate_of_row(c, home, named, v);
    return array_graft(c->f, value, &d, &v, 1);
}
