/* SPDX-License-Identifier: Apache-2.0 */
/* In: spike(v, surrogate=NAME, ...).  Out: 1 where v >= 0, else 0, with the surrogate as its derivative.

   One row a surrogate: its name, its parameters with their defaults, d spike / d v in the language itself,
   and where it is from.  doc/surrogates.md says the same to the user; a test holds the two together.  */
#include "surrogate.h"

#include "scope.h"

#include <string.h>

const formula surrogates[] = {
    {"relu", {{"alpha", 0.3}, {"width", 1}}, "relu(alpha * width - alpha * abs(v))",
     "Neftci, Mostafa and Zenke, IEEE Signal Processing Magazine 36(6), 2019"},
    {"sigmoid", {{"alpha", 4}}, "alpha * sigmoid(alpha * v) * (1 - sigmoid(alpha * v))",
     "Zenke and Ganguli, Neural Computation 30(6), 2018"},
    {"arctan", {{"alpha", 1}}, "alpha / 2 / (1 + (1.5707963267948966 * alpha * v) ** 2)",
     "Fang et al., ICCV 2021"},
    {"erf", {{"alpha", 1}}, "0.5641895835477563 * alpha * exp(-(alpha * v) ** 2)",
     "Esser et al., NIPS 2015; Yin, Corradi and Bohte, ICONS 2020"},
    {"multi_gaussian", {{"h", 0.15}, {"s", 6}, {"sigma", 0.5}, {"scale", 0.5}},
     "scale * 0.3989422804014327 / sigma * ((1 + h) * exp(-v ** 2 / (2 * sigma ** 2))"
     " - h / s * exp(-(v - sigma) ** 2 / (2 * (s * sigma) ** 2))"
     " - h / s * exp(-(v + sigma) ** 2 / (2 * (s * sigma) ** 2)))",
     "Yin, Corradi and Bohte, Nature Machine Intelligence 3, 2021"},
    {"piecewise_quadratic", {{"alpha", 1}}, "relu(alpha - alpha ** 2 * abs(v))",
     "Esser et al., PNAS 113(41), 2016; Bellec et al., NeurIPS 2018"},
    {"slayer", {{"alpha", 1}}, "exp(-alpha * abs(v))",
     "Shrestha and Orchard, NeurIPS 2018"},
};

const int n_surrogates = sizeof surrogates / sizeof surrogates[0];

/* In braintools, PyTorch and elsewhere the same function goes by the shorter name.  */
static const char *full_name(const char *name)
{
    return strcmp(name, "atan") == 0 ? "arctan" : name;
}

/* --- spike ------------------------------------------------------------------------------------------------ */

static void unknown_surrogate(lowering *lo, const expr *e)
{
    const char *names[16], *all = "";
    for (int i = 0; i < n_surrogates; i++) {
        names[i] = surrogates[i].name;
        all = arena_printf(lo->arena, "%s%s%s", all, i ? ", " : "", names[i]);
    }
    const char *near = diag_nearest(e->name, names, (size_t)n_surrogates);
    diag_error(lo->diag, e->at, "E0382", "there is no surrogate '%s'%s%s%s", e->name,
               near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    diag_note(lo->diag, e->at, "there are %s, and functions of one argument", all);
}

/* d spike / d v: NAME is a row of the table or a function of one argument, NAME(key=value, ...) a row with
   parameters; more of them may stand in the call of spike itself.  */
static int derivative_of(lowering *lo, scope *sc, const expr *spike, const expr *name, int v)
{
    static const expr relu = {.kind = EXPR_NAME, .name = "relu"};
    scope *home = sc;
    const expr *named = name ? function_named(lo, &home, name) : &relu;
    if (!named)
        return NO_NODE;
    if (named->kind != EXPR_NAME && named->kind != EXPR_CALL) {
        diag_error(lo->diag, named->at, "E0383", "a surrogate is a name, or name(parameter=value)");
        return NO_NODE;
    }
    scope *where = home;
    symbol *user = where ? scope_lookup(&where, named->name, false) : NULL;
    if (user && user->kind == SYM_USER) {
        expr call = {.kind = EXPR_CALL, .at = named->at, .name = named->name, .n_args = 1,
                     .arg = spike->arg};
        return function_call_user(lo, where, &call, user->function, &v);
    }
    formula_call c = {.row = formula_find(surrogates, n_surrogates, full_name(named->name)), .x = v,
                      .but = "surrogate", .what = "its derivative is"};
    int value[FORMULA_PARAMETERS];
    formula_defaults(value);
    if (!c.row) {
        unknown_surrogate(lo, named);
        return NO_NODE;
    }
    if ((named->kind == EXPR_CALL && !formula_read(lo, home ? home : sc, &c, named, 0, value))
        || !formula_read(lo, sc, &c, spike, 1, value))
        return NO_NODE;
    return formula_value(lo, &c, "v", value);
}

int surrogate_spike(lowering *lo, scope *sc, const expr *e, const int *arg)
{
    ir *g = lo->ir;
    const expr *name = NULL;
    size_t n = 0;
    for (size_t i = 0; i < e->n_args; i++) {
        n += !(e->keyword && e->keyword[i]);
        if (e->keyword && e->keyword[i] && strcmp(e->keyword[i], "surrogate") == 0)
            name = e->arg[i];
    }
    if (n != 1 || arg[0] == NO_NODE) {
        diag_error(lo->diag, e->at, "E0380", "spike takes one value, and the surrogate by name: "
                                             "spike(v, surrogate=relu)");
        return NO_NODE;
    }
    int v = arg[0];
    int d = derivative_of(lo, sc, e, name, v);
    if (d == NO_NODE)
        return NO_NODE;
    int value = ir_ew1(g, OP_real, ir_ew2(g, OP_ge, v, ir_const(g, 0, shape_scalar())));
    return ir_ew3(g, OP_graft, value, v, d);
}
