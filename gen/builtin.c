/* SPDX-License-Identifier: Apache-2.0 */
/* In: calls of functions that are no row of ops.def.  Out: nodes, made of rows of ops.def.  */
#include "builtin.h"

#include "low_rank.h"

#include <string.h>

shape builtin_shape(const call *c, int i)
{
    return c->lo->ir->node[c->arg[i]].shape;
}

int builtin_refuse(const call *c, const char *code, const char *what)
{
    diag_error(c->lo->diag, c->e->at, code, "'%s' %s", c->e->name, what);
    return NO_NODE;
}

int builtin_misfit(const call *c)
{
    arena *a = c->lo->arena;
    diag_error(c->lo->diag, c->e->at, "E0340", "%s and %s do not fit in '%s'",
               shape_text(a, builtin_shape(c, 0)), shape_text(a, builtin_shape(c, 1)), expr_sign(c->e->name));
    for (int i = 0; i < 2; i++)
        diag_note(c->lo->diag, c->e->arg[i]->at, "this is %s", shape_text(a, builtin_shape(c, i)));
    return NO_NODE;
}

const expr *builtin_keyword(const call *c, const char *name)
{
    for (size_t i = 0; i < c->e->n_args; i++)
        if (c->e->keyword && c->e->keyword[i] && strcmp(c->e->keyword[i], name) == 0)
            return c->e->arg[i];
    return NULL;
}

/* axis=K, negative from the end; FALLBACK when it is not given.  */
static bool read_axis(const call *c, int rank, int fallback, int *axis)
{
    const expr *e = builtin_keyword(c, "axis");
    *axis = fallback;
    if (!e)
        return true;
    bool minus = e->kind == EXPR_CALL && strcmp(e->name, "neg") == 0;
    if (minus)
        e = e->arg[0];
    if (e->kind == EXPR_NUMBER && e->integer) {
        *axis = minus ? rank - (int)e->number : (int)e->number;
        if (*axis >= 0 && *axis < rank)
            return true;
    }
    diag_error(c->lo->diag, e->at, "E0350", "axis is a whole number from %d to %d", -rank, rank - 1);
    return false;
}

static int reduce(const call *c, op_code op)
{
    int rank = builtin_shape(c, 0).rank, axis;
    if (!read_axis(c, rank, -1, &axis))
        return NO_NODE;
    return ir_reduce(c->lo->ir, op, c->arg[0], axis < 0 ? (1u << rank) - 1 : 1u << axis);
}

static int call_sum(const call *c)
{
    return reduce(c, OP_sum);
}

static int call_mean(const call *c)
{
    ir *g = c->lo->ir;
    int total = reduce(c, OP_sum);
    if (total == NO_NODE)
        return NO_NODE;
    double n = (double)shape_numel(builtin_shape(c, 0)) / (double)shape_numel(g->node[total].shape);
    return ir_ew2(g, OP_mul, total, ir_const(g, 1 / n, shape_scalar()));
}

static int extreme(const call *c, op_code elementwise, op_code reduction)
{
    if (c->n == 1)
        return reduce(c, reduction);
    shape s;
    if (!shape_broadcast(builtin_shape(c, 0), builtin_shape(c, 1), &s))
        return builtin_misfit(c);
    return ir_ew2(c->lo->ir, elementwise, c->arg[0], c->arg[1]);
}

static int call_max(const call *c)
{
    return extreme(c, OP_maximum, OP_reduce_max);
}

static int call_min(const call *c)
{
    return extreme(c, OP_minimum, OP_reduce_min);
}

/* x @ W for x[.., K], W[K, M]; W @ x for W[M, K], x[K]; x @ y for two vectors.  */
static int call_matmul(const call *c)
{
    ir *g = c->lo->ir;
    int a = c->arg[0], b = c->arg[1];
    shape sa = builtin_shape(c, 0), sb = builtin_shape(c, 1);
    if (sa.rank >= 1 && sb.rank == 2 && sa.dim[sa.rank - 1] == sb.dim[0])
        return low_rank_product(g, OP_matmul, a, b);
    if (sa.rank == 2 && sb.rank == 1 && sa.dim[1] == sb.dim[0])
        return low_rank_product(g, OP_matmul_t, b, a);
    if (sa.rank == 1 && sb.rank == 1 && sa.dim[0] == sb.dim[0])
        return ir_reduce(g, OP_sum, ir_ew2(g, OP_mul, a, b), 1);
    return builtin_misfit(c);
}

static int call_concat(const call *c)
{
    ir *g = c->lo->ir;
    shape s = builtin_shape(c, 0);
    int axis;
    if (s.rank == 0)
        return builtin_refuse(c, "E0351", "needs arguments with at least one axis");
    if (!read_axis(c, s.rank, s.rank - 1, &axis))
        return NO_NODE;
    for (int i = 1; i < c->n; i++) {
        shape other = builtin_shape(c, i);
        bool fits = other.rank == s.rank;
        for (int k = 0; fits && k < s.rank; k++)
            fits = k == axis || other.dim[k] == s.dim[k];
        if (!fits)
            return builtin_misfit(c);
        if (g->node[c->arg[i]].type == TYPE_INDEX)
            return builtin_refuse(c, "E0352", "does not take an index");
    }
    return ir_concat(g, c->arg, c->n, axis);
}

static int call_transpose(const call *c)
{
    if (builtin_shape(c, 0).rank < 2)
        return builtin_refuse(c, "E0353", "needs an argument with two axes or more");
    return ir_transpose(c->lo->ir, c->arg[0]);
}

static int call_reshape(const call *c)
{
    shape s = shape_scalar();
    const expr *list = c->e->n_args == 2 ? c->e->arg[1] : NULL;
    if (!list || list->kind != EXPR_LIST || list->n_args > RANK_MAX)
        return builtin_refuse(c, "E0354", "takes a value and a list of sizes: reshape(x, [2, n])");
    for (size_t i = 0; i < list->n_args; i++)
        if (!eval_dim(c->lo, c->sc, list->arg[i], &s.dim[s.rank++]))
            return NO_NODE;
    if (!eval_fits(c->lo, c->e->at, s))
        return NO_NODE;
    if (shape_numel(s) != shape_numel(builtin_shape(c, 0))) {
        diag_error(c->lo->diag, c->e->at, "E0355", "%s cannot become %s: other numbers of elements",
                   shape_text(c->lo->arena, builtin_shape(c, 0)), shape_text(c->lo->arena, s));
        return NO_NODE;
    }
    return ir_reshape(c->lo->ir, c->arg[0], s);
}

static int call_square(const call *c)
{
    return ir_ew2(c->lo->ir, OP_mul, c->arg[0], c->arg[0]);
}

static int scalar(ir *g, double x)
{
    return ir_const(g, x, shape_scalar());
}

/* log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).  The parts have kinks at 0, the sum has none: its
   derivative is stated.  */
static int softplus(ir *g, int x)
{
    int tail = ir_ew1(g, OP_log1p, ir_ew1(g, OP_exp, ir_ew1(g, OP_neg, ir_ew1(g, OP_abs, x))));
    int value = ir_ew2(g, OP_add, ir_ew1(g, OP_relu, x), tail);
    int slope = ir_ew1(g, OP_sigmoid, x);
    return ir_ew3(g, OP_graft, ir_ew1(g, OP_stop_gradient, value), x, slope);
}

static int call_softplus(const call *c)
{
    return softplus(c->lo->ir, c->arg[0]);
}

/* The first half of the last axis, through the gate that the second half is.
   Dauphin et al., "Language modeling with gated convolutional networks", ICML 2017.  */
static int call_glu(const call *c)
{
    ir *g = c->lo->ir;
    shape s = builtin_shape(c, 0);
    int last = s.rank - 1;
    if (s.rank == 0 || s.dim[last] % 2 != 0)
        return builtin_refuse(c, "E0651", "halves its last axis, and needs one of even size");
    int64_t half = s.dim[last] / 2;
    int gate = ir_ew1(g, OP_sigmoid, ir_slice(g, c->arg[0], last, half, half));
    return ir_ew2(g, OP_mul, ir_slice(g, c->arg[0], last, 0, half), gate);
}

static int call_flatten(const call *c)
{
    return ir_reshape(c->lo->ir, c->arg[0], shape_of1(shape_numel(builtin_shape(c, 0))));
}

static int call_silu(const call *c)
{
    return ir_ew2(c->lo->ir, OP_mul, c->arg[0], ir_ew1(c->lo->ir, OP_sigmoid, c->arg[0]));
}

/* Along the last axis: x less its maximum (no gradient through it: it cancels), and the log of the sum of
   exponentials of that.  */
static int shifted(ir *g, int x, int *logsum)
{
    shape s = g->node[x].shape, kept = s;
    unsigned last = 1u << (s.rank - 1);
    kept.dim[s.rank - 1] = 1;
    int top = ir_ew1(g, OP_stop_gradient, ir_reduce(g, OP_reduce_max, x, last));
    int less = ir_ew2(g, OP_sub, x, ir_reshape(g, top, kept));
    int sum = ir_reduce(g, OP_sum, ir_ew1(g, OP_exp, less), last);
    *logsum = ir_ew1(g, OP_log, sum);
    return less;
}

static int log_softmax(const call *c)
{
    ir *g = c->lo->ir;
    shape kept = builtin_shape(c, 0);
    int logsum;
    if (kept.rank == 0)
        return builtin_refuse(c, "E0351", "needs arguments with at least one axis");
    int less = shifted(g, c->arg[0], &logsum);
    kept.dim[kept.rank - 1] = 1;
    return ir_ew2(g, OP_sub, less, ir_reshape(g, logsum, kept));
}

static int call_softmax(const call *c)
{
    int x = log_softmax(c);
    return x == NO_NODE ? x : ir_ew1(c->lo->ir, OP_exp, x);
}

static int call_softmin(const call *c)
{
    int minus = ir_ew1(c->lo->ir, OP_neg, c->arg[0]);
    call of_minus = *c;
    of_minus.arg = &minus;
    return call_softmax(&of_minus);
}

/* logsumexp(x) - x[label], or with probabilities p as the target  -sum(p * log_softmax(x)).
   Summed over what axes there are.  */
static int call_softmax_cross_entropy(const call *c)
{
    ir *g = c->lo->ir;
    shape s = builtin_shape(c, 0), t = builtin_shape(c, 1);
    int logsum;
    if (s.rank == 0)
        return builtin_refuse(c, "E0351", "needs arguments with at least one axis");
    if (g->node[c->arg[1]].type == TYPE_INDEX) {
        if (s.rank != 1 || t.rank != 0)
            return builtin_misfit(c);
        int64_t size = ir_index_size(g, c->arg[1]);
        if (size != s.dim[0]) {
            diag_error(c->lo->diag, c->e->at, "E0356", "%lld logits for a label of %lld classes",
                       (long long)s.dim[0], (long long)size);
            if (g->node[c->arg[1]].op == OP_var)
                diag_note(c->lo->diag, g->var[g->node[c->arg[1]].var].at, "the label is declared here");
            return NO_NODE;
        }
        int less = shifted(g, c->arg[0], &logsum);
        return ir_ew2(g, OP_sub, logsum, ir_take(g, less, c->arg[1]));
    }
    if (!shape_equal(s, t))
        return builtin_misfit(c);
    int logp = log_softmax(c);
    int all = ir_reduce(g, OP_sum, ir_ew2(g, OP_mul, c->arg[1], logp), (1u << s.rank) - 1);
    return ir_ew1(g, OP_neg, all);
}

/* sum of softplus(x) - t x */
static int call_sigmoid_cross_entropy(const call *c)
{
    ir *g = c->lo->ir;
    if (!shape_equal(builtin_shape(c, 0), builtin_shape(c, 1)))
        return builtin_misfit(c);
    int product = ir_ew2(g, OP_mul, c->arg[1], c->arg[0]);
    int each = ir_ew2(g, OP_sub, softplus(g, c->arg[0]), product);
    return ir_reduce(g, OP_sum, each, (1u << builtin_shape(c, 0).rank) - 1);
}

/* The mean of (a - b)^2 over its elements.  */
static int call_mse(const call *c)
{
    ir *g = c->lo->ir;
    if (!shape_equal(builtin_shape(c, 0), builtin_shape(c, 1)))
        return builtin_misfit(c);
    int less = ir_ew2(g, OP_sub, c->arg[0], c->arg[1]);
    int total = ir_reduce(g, OP_sum, ir_ew2(g, OP_mul, less, less),
                          (1u << builtin_shape(c, 0).rank) - 1);
    return ir_ew2(g, OP_mul, total, scalar(g, 1 / (double)shape_numel(builtin_shape(c, 0))));
}

static const struct {
    const char *name;
    int min, max; /* positional arguments */
    bool texts;   /* some of which are lists or texts */
    const char *keywords; /* the arguments with names that it takes: "axis " */
    int (*make)(const call *);
} table[] = {
    {"matmul", 2, 2, false, "", call_matmul},
    {"dot", 2, 2, false, "", call_matmul},
    {"concat", 1, 1000, false, "axis ", call_concat},
    {"sum", 1, 1, false, "axis ", call_sum},
    {"mean", 1, 1, false, "axis ", call_mean},
    {"max", 1, 2, false, "axis ", call_max},
    {"min", 1, 2, false, "axis ", call_min},
    {"transpose", 1, 1, false, "", call_transpose},
    {"reshape", 2, 2, true, "", call_reshape},
    {"flatten", 1, 1, false, "", call_flatten},
    {"square", 1, 1, false, "", call_square},
    {"softplus", 1, 1, false, "", call_softplus},
    {"silu", 1, 1, false, "", call_silu},
    {"glu", 1, 1, false, "", call_glu},
    {"softmax", 1, 1, false, "", call_softmax},
    {"softmin", 1, 1, false, "", call_softmin},
    {"log_softmax", 1, 1, false, "", log_softmax},
    {"mse", 2, 2, false, "", call_mse},
    {"softmax_cross_entropy", 2, 2, false, "", call_softmax_cross_entropy},
    {"sigmoid_cross_entropy", 2, 2, false, "", call_sigmoid_cross_entropy},
    {"einsum", 3, 3, true, "", weight_einsum},
    {"grouped_matmul", 2, 2, false, "", weight_grouped_matmul},
    {"conv", 2, 2, false, "stride padding dilation groups ", weight_conv},
    {"sparse_matmul", 2, 2, false, "", weight_sparse_matmul},
    {"events", 1, 1, false, "", weight_events},
    {"embedding", 2, 2, false, "", weight_embedding},
    {"lora", 3, 3, false, "alpha base ", weight_lora},
    {"element_wise", 1, 1, false, "", weight_element_wise},
    {"max_pool", 2, 2, true, "stride ", weight_max_pool},
    {"avg_pool", 2, 2, true, "stride ", weight_avg_pool},
    {"adaptive_max_pool", 2, 2, true, "", adaptive_max_pool},
    {"adaptive_avg_pool", 2, 2, true, "", adaptive_avg_pool},
    {"dropout", 3, 3, false, "", random_dropout},
    {"random_uniform", 2, 2, true, "", random_uniform},
};

enum { N_BUILTINS = sizeof table / sizeof table[0] };

bool builtin_known(const char *name)
{
    for (int i = 0; i < N_BUILTINS; i++)
        if (strcmp(table[i].name, name) == 0)
            return true;
    return false;
}

size_t builtin_names(const char **name, size_t max)
{
    size_t n = 0;
    for (int i = 0; i < N_BUILTINS && n < max; i++)
        name[n++] = table[i].name;
    return n;
}

static bool is_text(const expr *e)
{
    return e->kind == EXPR_LIST || e->kind == EXPR_STRING;
}

/* Is NAME among the words of LIST, each followed by a space?  */
static bool takes(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = list; *p; p = strchr(p, ' ') + 1)
        if (strncmp(p, name, n) == 0 && p[n] == ' ')
            return true;
    return false;
}

int builtin_call(lowering *lo, scope *sc, const expr *e, const int *arg)
{
    call c = {.lo = lo, .sc = sc, .e = e, .arg = arg};
    int i = 0;
    while (strcmp(table[i].name, e->name) != 0)
        i++;
    for (size_t k = 0; k < e->n_args; k++) {
        if (!e->keyword || !e->keyword[k]) {
            c.n++;
        } else if (!takes(table[i].keywords, e->keyword[k])) {
            diag_error(lo->diag, e->arg[k]->at, "E0357", "'%s' has no argument '%s='", e->name,
                       e->keyword[k]);
            return NO_NODE;
        }
    }
    if (c.n < table[i].min || c.n > table[i].max) {
        int min = table[i].min, max = table[i].max;
        const char *least = max > 2 && max > min ? "at least " : "", *two = max == 2 && min == 1 ? " or 2" : "";
        diag_error(lo->diag, e->at, "E0341", "'%s' takes %s%d%s argument%s, not %d", e->name, least, min,
                   two, max == 1 || (min == 1 && *least) ? "" : "s", c.n);
        return NO_NODE;
    }
    for (int k = 0; k < c.n; k++)
        if (is_text(e->arg[k]) && !table[i].texts)
            return builtin_refuse(&c, "E0358", "does not take a list or a text");
    int x = table[i].make(&c);
    return x == NO_NODE || eval_fits(lo, e->at, lo->ir->node[x].shape) ? x : NO_NODE;
}
