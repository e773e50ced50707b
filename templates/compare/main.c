/* SPDX-License-Identifier: MIT-0 */
/* Random sequences through one model under several rules.  In: numbers of steps and sequences, a
   seed, the size of inputs.  Out: how near each rule's gradient, summed over all sequences, is to
   that of bptt, as a table and as a picture.

   Every model has parameters of its own, with the numbers of the first one's; what it has besides
   (a fixed feedback, say) it draws itself.  Every state, trace and tape begins anew with each
   sequence.  */
#include "compare.h"

#include "etrace_random.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t n_steps, n_sequences;
    uint64_t seed;
    double scale; /* inputs are uniform in -scale to scale */
} settings;

/* A rule at work.  Of inputs, targets, outputs and the tape of states there is one block a step. */
typedef struct {
    const compare_rule *rule;
    char *params, *grad, *state, *trace, *tape, *input, *target, *output;
} run;

/* --- blocks ---------------------------------------------------------------------------------- */

static char *new_block(size_t size, size_t n)
{
    char *block = calloc(n + 1, size + 1);
    if (!block) {
        fprintf(stderr, "compare: no memory for %zu blocks of %zu bytes\n", n, size);
        exit(EXIT_FAILURE);
    }
    return block;
}

static run open_run(const compare_rule *rule, const settings *set)
{
    const etr_info *info = rule->info;
    const size_t n = set->n_steps;
    const run r = {
        .rule = rule,
        .params = new_block(info->params_bytes, 1),
        .grad = new_block(info->params_bytes, 1),
        .state = new_block(info->state_bytes, 1),
        .trace = new_block(info->trace_bytes, 1),
        .tape = new_block(info->state_bytes, rule->whole ? n : rule->window),
        .input = new_block(info->input_bytes, n),
        .target = new_block(info->target_bytes, n),
        .output = new_block(info->output_bytes, n),
    };
    return r;
}

static void close_run(run *r)
{
    char *block[] = {r->params, r->grad,  r->state,  r->trace,
                     r->tape,   r->input, r->target, r->output};
    for (size_t i = 0; i < sizeof block / sizeof block[0]; i++)
        free(block[i]);
}

/* --- elements of blocks ---------------------------------------------------------------------- */

static size_t numel(const etr_var *v)
{
    size_t n = 1;
    for (int k = 0; k < v->rank; k++)
        n *= (size_t)v->shape[k];
    return n;
}

static double get(const run *r, const etr_var *v, const char *block, size_t i)
{
    double x;
    float f;
    if (r->rule->info->real_bytes == sizeof x) {
        memcpy(&x, block + v->offset + i * sizeof x, sizeof x);
        return x;
    }
    memcpy(&f, block + v->offset + i * sizeof f, sizeof f);
    return (double)f;
}

static void put(const run *r, const etr_var *v, char *block, size_t i, double x)
{
    const float f = (float)x;
    const int32_t k = v->element == ETR_INT32 ? (int32_t)x : 0;
    if (v->element == ETR_INT32)
        memcpy(block + v->offset + i * sizeof k, &k, sizeof k);
    else if (r->rule->info->real_bytes == sizeof x)
        memcpy(block + v->offset + i * sizeof x, &x, sizeof x);
    else
        memcpy(block + v->offset + i * sizeof f, &f, sizeof f);
}

/* The place of the variable in the table of INFO; -1: it has none of that path.  */
static int find(const etr_info *info, etr_kind kind, const char *path)
{
    for (int i = 0; i < info->n_vars; i++)
        if (info->vars[i].kind == kind && strcmp(info->vars[i].path, path) == 0)
            return i;
    return -1;
}

/* --- random data ----------------------------------------------------------------------------- */

static void draw_params(run *r, const run *first, const settings *set)
{
    const etr_info *info = r->rule->info, *other = first->rule->info;
    r->rule->init_params(r->params, set->seed);
    for (int i = 0; i < info->n_vars; i++) {
        const etr_var *v = &info->vars[i];
        const int k = v->kind == ETR_PARAM ? find(other, ETR_PARAM, v->path) : -1;
        for (size_t e = 0; k >= 0 && e < numel(v); e++)
            put(r, v, r->params, e, get(first, &other->vars[k], first->params, e));
    }
}

static long index_size(const char *path)
{
    for (const compare_index *i = compare_indices; i->path; i++)
        if (strcmp(i->path, path) == 0)
            return i->size;
    return 1;
}

/* Element E of V in all steps of all sequences: the same for all rules.  What the first rule has no
   place for are the signs that a rule takes as an input.  */
static double draw(const etr_var *v, int place, uint64_t e, const settings *set)
{
    const double u = etr_uniform_f64(set->seed, 1000u + (uint32_t)(place + 1), e);
    if (v->element == ETR_INT32)
        return floor(u * (double)index_size(v->path));
    if (place < 0)
        return u < 0.5 ? -1 : 1;
    return (v->kind == ETR_INPUT ? set->scale : 1) * (2 * u - 1);
}

static void draw_sequence(run *r, const etr_info *first, size_t sequence, const settings *set)
{
    const etr_info *info = r->rule->info;
    for (int i = 0; i < info->n_vars; i++) {
        const etr_var *v = &info->vars[i];
        const size_t n = numel(v);
        const int place = find(first, v->kind, v->path);
        char *block = v->kind == ETR_INPUT ? r->input : v->kind == ETR_TARGET ? r->target : NULL;
        const size_t size = v->kind == ETR_INPUT ? info->input_bytes : info->target_bytes;
        for (size_t t = 0; block && t < set->n_steps; t++)
            for (size_t e = 0; e < n; e++)
                put(r, v, block + t * size, e,
                    draw(v, place, (sequence * set->n_steps + t) * n + e, set));
    }
}

static double learn(run *r, const settings *set)
{
    double loss = 0;
    for (size_t k = 0; k < set->n_sequences; k++) {
        draw_sequence(r, compare_rules[0].info, k, set);
        r->rule->init_state(r->state);
        if (r->rule->reset_trace)
            r->rule->reset_trace(r->trace);
        loss += r->rule->learn(r->params, r->state, r->trace, r->tape, set->n_steps, r->input,
                               r->target, r->output, r->grad);
    }
    return loss;
}

/* --- what is found --------------------------------------------------------------------------- */

typedef struct {
    double xy, xx, yy; /* sums of products of both gradients */
} products;

static double cosine(products p)
{
    return p.xy / sqrt(p.xx * p.yy);
}

static double ratio(products p)
{
    return sqrt(p.xx / p.yy);
}

static products multiply(const run *r, const etr_var *v, const run *first, const etr_var *w)
{
    products p = {0, 0, 0};
    for (size_t i = 0; i < numel(v); i++) {
        const double x = get(r, v, r->grad, i), y = get(first, w, first->grad, i);
        p.xy += x * y;
        p.xx += x * x;
        p.yy += y * y;
    }
    return p;
}

/* A number, or what stands for 0 / 0: neither has a gradient, or this rule alone has none.  */
static void print_products(products p)
{
    if (p.yy > 0 && p.xx > 0)
        printf(" %10.6f %10.4f", cosine(p), ratio(p));
    else
        printf(" %10s %10s", p.xx > 0 || p.yy > 0 ? p.xx > 0 ? "-" : "none" : "both zero", "-");
}

/* A line a parameter; their sums.  */
static products compare_params(const run *r, const run *first)
{
    const etr_info *info = r->rule->info, *other = first->rule->info;
    products all = {0, 0, 0};
    printf("\n%s\n", r->rule->label);
    for (int i = 0; i < other->n_vars; i++) {
        const etr_var *w = &other->vars[i];
        const int k = w->kind == ETR_PARAM ? find(info, ETR_PARAM, w->path) : -1;
        if (k < 0)
            continue;
        const products p = multiply(r, &info->vars[k], first, w);
        printf("  %-34s", w->path);
        print_products(p);
        putchar('\n');
        all.xy += p.xy;
        all.xx += p.xx;
        all.yy += p.yy;
    }
    return all;
}

static void print_summary(const compare_result *result)
{
    printf("\n%-36s %10s %10s %12s %12s %12s %12s %12s %14s\n", "all parameters", "cosine", "norm",
           "state", "trace", "kept states", "gradient", "scratch", "FLOPs a step");
    for (int i = 0; i < compare_n_rules; i++) {
        const compare_rule *rule = &compare_rules[i];
        printf("  %-34s %10.6f %10.4f %12.0f %12.0f %12.0f %12.0f %12.0f %14.0f\n", rule->label,
               result[i].cosine, result[i].ratio, rule->state, rule->trace, result[i].tape,
               rule->gradient, rule->scratch, rule->flops);
    }
    for (const compare_refusal *no = compare_refusals; no->label; no++)
        printf("  %-34s does not apply: %s\n", no->label, no->why);
}

static void compare_all(compare_result *result, const settings *set)
{
    run first = open_run(&compare_rules[0], set);
    first.rule->init_params(first.params, set->seed);
    printf("%-36s %10s %10s\n", "gradients against those of bptt", "cosine", "norm");
    for (int i = 0; i < compare_n_rules; i++) {
        run own = i ? open_run(&compare_rules[i], set) : first, *r = i ? &own : &first;
        if (i)
            draw_params(r, &first, set);
        learn(r, set);
        const products all = compare_params(r, &first);
        result[i].cosine = cosine(all);
        result[i].ratio = ratio(all);
        result[i].tape = r->rule->state
                         * (double)(r->rule->whole ? set->n_steps : r->rule->window);
        if (i)
            close_run(r);
    }
    close_run(&first);
}

/* --- the command line ------------------------------------------------------------------------ */

static int read_count(const char *text, size_t *res)
{
    char *end;
    errno = 0;
    const unsigned long n = strtoul(text, &end, 10);
    *res = (size_t)n;
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && n > 0 && n <= INT_MAX;
}

static int read_settings(int argc, char **argv, settings *set)
{
    size_t seed = 1;
    char *end = NULL;
    *set = (settings){.n_steps = 50, .n_sequences = 20, .scale = 1};
    int ok = argc <= 5 && (argc < 2 || read_count(argv[1], &set->n_steps))
             && (argc < 3 || read_count(argv[2], &set->n_sequences))
             && (argc < 4 || read_count(argv[3], &seed));
    if (ok && argc > 4) {
        set->scale = strtod(argv[4], &end);
        ok = *argv[4] && *end == '\0' && set->scale > 0 && set->scale < 1e30;
    }
    set->seed = seed;
    return ok;
}

int main(int argc, char **argv)
{
    settings set;
    char title[200];
    if (!read_settings(argc, argv, &set)) {
        fputs("Usage: compare [STEPS [SEQUENCES [SEED [SCALE]]]]\n"
              "Inputs are uniform in -SCALE to SCALE.  Defaults: 50 20 1 1.\n", stderr);
        return 2;
    }
    compare_result *result = calloc((size_t)compare_n_rules, sizeof *result);
    if (!result)
        return EXIT_FAILURE;
    snprintf(title, sizeof title, "%s: %zu sequences of %zu steps, seed %lu, inputs of size %g",
             compare_model, set.n_sequences, set.n_steps, (unsigned long)set.seed, set.scale);
    printf("%s; bytes are those of %s\n\n", title, compare_real);
    compare_all(result, &set);
    print_summary(result);
    const int status = picture_write("compare.svg", title, result);
    free(result);
    if (status != 0)
        perror("compare.svg");
    return status == 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
