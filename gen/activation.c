/* SPDX-License-Identifier: Apache-2.0 */
/* In: calls of activations.  Out: nodes.

   One row an activation: its name, its parameters with their defaults, its value in the language itself, and
   where it is from.  Where a derivative jumps it is that of the branch that is written: at 0 leaky_relu has 1.
   No branch overflows where it is not taken, so that its derivative times 0 is 0.  */
#include "scope.h"

static const formula activations[] = {
    {"leaky_relu", {{"alpha", 0.01}}, "where(x >= 0, x, alpha * x)", "Maas, Hannun and Ng, ICML workshop 2013"},
    {"prelu", {{"alpha", 0.25}}, "where(x >= 0, x, alpha * x)", "He et al., ICCV 2015"},
    {"relu6", {{0}}, "min(relu(x), 6)", "Krizhevsky, CIFAR-10 technical report, 2010"},
    {"elu", {{"alpha", 1}}, "where(x > 0, x, alpha * expm1(min(0, x)))",
     "Clevert, Unterthiner and Hochreiter, ICLR 2016"},
    {"celu", {{"alpha", 1}}, "where(x > 0, x, alpha * expm1(min(0, x) / alpha))", "Barron, arXiv 1704.07483, 2017"},
    {"selu", {{0}}, "1.0507009873554805 * where(x > 0, x, 1.6732632423543772 * expm1(min(0, x)))",
     "Klambauer et al., NIPS 2017"},
    {"gelu", {{0}}, "0.5 * x * (1 + erf(0.7071067811865476 * x))", "Hendrycks and Gimpel, arXiv 1606.08415, 2016"},
    {"gelu_tanh", {{0}}, "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x ** 3)))",
     "the same, its approximation"},
    {"hard_tanh", {{"low", -1}, {"high", 1}}, "where(x > high, high, where(x < low, low, x))",
     "Collobert, PhD thesis, 2004"},
    {"hard_sigmoid", {{0}}, "min(relu(x + 3), 6) / 6", "Howard et al., ICCV 2019"},
    {"hard_silu", {{0}}, "x * min(relu(x + 3), 6) / 6", "Howard et al., ICCV 2019"},
    {"hard_shrink", {{"lambda", 0.5}}, "where(x > lambda or x < -lambda, x, 0)",
     "Donoho and Johnstone, Biometrika 81(3), 1994"},
    {"soft_shrink", {{"lambda", 0.5}}, "where(x > lambda, x - lambda, where(x < -lambda, x + lambda, 0))",
     "Donoho and Johnstone, Biometrika 81(3), 1994"},
    {"tanh_shrink", {{0}}, "x - tanh(x)", ""},
    {"soft_sign", {{0}}, "x / (1 + abs(x))", "Turian, Bergstra and Bengio, NAACL 2009"},
    {"log_sigmoid", {{0}}, "-softplus(-x)", ""},
    {"mish", {{0}}, "x * tanh(softplus(x))", "Misra, BMVC 2020"},
    {"squareplus", {{"b", 4}}, "0.5 * (x + sqrt(x * x + b))", "Barron, arXiv 2112.11687, 2021"},
};

enum { N_ACTIVATIONS = sizeof activations / sizeof activations[0] };

bool activation_known(const char *name)
{
    return formula_find(activations, N_ACTIVATIONS, name) != NULL;
}

size_t activation_names(const char **name, size_t max)
{
    size_t n = 0;
    for (int i = 0; i < N_ACTIVATIONS && n < max; i++)
        name[n++] = activations[i].name;
    return n;
}

int activation_call(lowering *lo, scope *sc, const expr *e, const int *arg)
{
    formula_call c = {.row = formula_find(activations, N_ACTIVATIONS, e->name), .by_place = true,
                      .what = "it is"};
    int value[FORMULA_PARAMETERS];
    if (e->n_args == 0 || arg[0] == NO_NODE) {
        diag_error(lo->diag, e->at, "E0650", "'%s' takes one value, and its parameters behind it", e->name);
        diag_note(lo->diag, e->at, "%s %s", c.what, c.row->text);
        return NO_NODE;
    }
    c.x = arg[0];
    formula_defaults(value);
    return formula_read(lo, sc, &c, e, 1, value) ? formula_value(lo, &c, "x", value) : NO_NODE;
}
