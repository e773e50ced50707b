/* SPDX-License-Identifier: Apache-2.0 */
/* In: functions with a stated derivative.  Out: a warning for each that central differences contradict.
   It looks at twenty points between -2 and 2, fixed ones, and passes over those where the function jumps or
   has a kink nearby, or is not finite.  A function that is constant piece by piece (a spike, a rounding) has
   zero as its derivative everywhere; what is stated for it is a choice, and not compared.  */
#include "scope.h"

#include <math.h>
#include <string.h>

enum { POINTS = 20, ARGUMENTS = 8 };

static const double half_width = 2, step = 1e-5, jump = 1e-2, tolerance = 1e-5;

/* Point K of the sequence: the fractions of multiples of irrational numbers fill every box evenly.  */
static double coordinate(int k, size_t argument)
{
    static const double root[ARGUMENTS] = {1.4142135623730951, 1.7320508075688772, 2.23606797749979,
                                           2.6457513110645907, 3.3166247903554,    3.605551275463989,
                                           4.123105625617661,  4.358898943540674};
    double x = (k + 1) * root[argument];
    return half_width * (2 * (x - floor(x)) - 1);
}

/* BODY at X; false where it is not finite.  */
static bool number_at(lowering *lo, scope *home, const spec_function *f, const expr *body,
                      const double *x, double *res)
{
    int arg[ARGUMENTS];
    for (size_t i = 0; i < f->n_args; i++)
        arg[i] = ir_const(lo->ir, x[i], shape_scalar());
    int n = function_eval(lo, home, f, body, arg);
    while (n != NO_NODE && lo->ir->node[n].op == OP_graft)
        n = lo->ir->node[n].arg[0];
    if (n == NO_NODE || lo->ir->node[n].op != OP_const)
        return false;
    *res = lo->ir->node[n].number;
    return true;
}

typedef struct {
    bool smooth;
    double value, slope;
} difference;

static difference difference_at(lowering *lo, scope *home, const spec_function *f, const double *at,
                                size_t i)
{
    double x[ARGUMENTS], y[3];
    bool finite = true;
    memcpy(x, at, sizeof x);
    for (int k = 0; k < 3 && finite; k++) {
        x[i] = at[i] + (k - 1) * step;
        finite = number_at(lo, home, f, f->value, x, &y[k]);
    }
    if (!finite)
        return (difference){false, 0, 0};
    double slope = (y[2] - y[0]) / (2 * step), bend = (y[2] - 2 * y[1] + y[0]) / step;
    return (difference){fabs(bend) < jump * (1 + fabs(slope)), y[1], slope};
}

static const char *place_text(arena *a, const spec_function *f, const double *x)
{
    const char *text = "";
    for (size_t i = 0; i < f->n_args; i++)
        text = arena_printf(a, "%s%s%s = %.4g", text, i ? ", " : "", f->arg[i], x[i]);
    return text;
}

/* Does argument I change the value anywhere, all others held?  */
static bool depends_on(lowering *lo, scope *home, const spec_function *f, size_t i)
{
    double x[ARGUMENTS] = {0}, y, least = HUGE_VAL, most = -HUGE_VAL;
    for (size_t j = 0; j < f->n_args; j++)
        x[j] = coordinate(0, j);
    for (int k = 0; k < POINTS; k++) {
        x[i] = coordinate(k, i);
        if (number_at(lo, home, f, f->value, x, &y)) {
            least = fmin(least, y);
            most = fmax(most, y);
        }
    }
    return least < most;
}

/* Compare at all points; the first that contradicts is reported.  */
static void check_argument(lowering *lo, scope *home, const spec_function *f, size_t i)
{
    double worst[ARGUMENTS] = {0}, stated = 0, slope = 0;
    bool contradicted = false, flat = true;
    for (int k = 0; k < POINTS; k++) {
        double x[ARGUMENTS] = {0}, d;
        for (size_t j = 0; j < f->n_args; j++)
            x[j] = coordinate(k, j);
        difference y = difference_at(lo, home, f, x, i);
        if (!y.smooth || !number_at(lo, home, f, f->derivative[i], x, &d))
            continue;
        flat = flat && !(y.slope < 0) && !(y.slope > 0);
        if (contradicted || fabs(y.slope - d) <= tolerance * (1 + fabs(d)))
            continue;
        contradicted = true;
        memcpy(worst, x, sizeof worst);
        stated = d;
        slope = y.slope;
    }
    if (!contradicted || (flat && depends_on(lo, home, f, i)))
        return;
    diag_warning(lo->diag, f->derivative[i]->at, "derivative",
                 "the derivative of '%s' with respect to '%s' is stated as %.6g at %s; differences "
                 "give %.6g", f->name, f->arg[i], stated, place_text(lo->arena, f, worst), slope);
}

void derivative_check(lowering *lo, scope *sc)
{
    ir *model = lo->ir;
    lo->ir = ir_new(lo->arena, lo->diag, model->name, 64, 1);
    for (size_t s = 0; s < sc->n; s++) {
        const spec_function *f = sc->symbol[s].kind == SYM_USER ? sc->symbol[s].function : NULL;
        for (size_t i = 0; f && f->derivative && f->n_args <= ARGUMENTS && i < f->n_args; i++)
            check_argument(lo, sc, f, i);
    }
    lo->ir = model;
    for (size_t s = 0; s < sc->n; s++)
        if (sc->symbol[s].kind == SYM_MODULE && sc->symbol[s].module)
            derivative_check(lo, sc->symbol[s].module);
}
