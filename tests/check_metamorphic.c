/* SPDX-License-Identifier: Apache-2.0 */
/* Specs that say the same in other words give the same numbers.  In: random models, and pairs of
   specs.  Out: bits equal where the arithmetic is the same.  */
#define _POSIX_C_SOURCE 200809L
#include "suites.h"

#include "etrace_random.h"
#include "grammar.h"
#include "pack.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 300, N_MODELS = 14, SEED = 52000, N_STEPS = 2 };

/* --- texts ------------------------------------------------------------------------------------ */

static char *model_text(int i, int batch)
{
    char *text = grammar_text((uint64_t)(SEED + i), batch);
    ck_assert_ptr_nonnull(text);
    return text;
}

/* The blocks of TEXT, each from a line with INDENT spaces to the next one, last one first.  */
static char *reversed(const char *text, size_t indent)
{
    const size_t len = strlen(text);
    char *res = malloc(len + 1), *to = res;
    const char *end = text + len;
    ck_assert_ptr_nonnull(res);
    for (const char *p = end; p > text;) {
        p--;
        while (p > text && p[-1] != '\n')
            p--;
        if (strspn(p, " ") != indent)
            continue;
        memcpy(to, p, (size_t)(end - p));
        to += end - p;
        end = p;
    }
    *to = '\0';
    return res;
}

/* All keys of the spec, and all its parameters, in the other order.  */
static char *permuted(const char *text)
{
    char *res = reversed(text, 0), *start = strstr(res, "\nparams:\n");
    ck_assert_ptr_nonnull(start);
    start += strlen("\nparams:\n");
    char *end = start;
    while (*end == ' ')
        end = strchr(end, '\n') + 1;
    const char kept = *end;
    *end = '\0';
    char *params = reversed(start, 2);
    memcpy(start, params, (size_t)(end - start));
    *end = kept;
    free(params);
    return res;
}

/* Each word FROM that stands alone becomes TO, which is as long.  */
static void rename_word(char *text, const char *from, const char *to)
{
    const size_t n = strlen(from);
    for (char *p = text; (p = strstr(p, from)) != NULL; p += n) {
        const bool before = p > text && (isalnum((unsigned char)p[-1]) || p[-1] == '_');
        if (!before && !isalnum((unsigned char)p[n]) && p[n] != '_')
            memcpy(p, to, n);
    }
}

static const char *const names[][2] = {{"h0", "q7"}, {"h1", "a9"}, {"h2", "z3"}, {"k", "v"}};

enum { N_NAMES = sizeof names / sizeof *names };

static char *renamed(const char *text)
{
    char *res = malloc(strlen(text) + 1);
    ck_assert_ptr_nonnull(res);
    strcpy(res, text);
    for (int i = 0; i < N_NAMES; i++)
        rename_word(res, names[i][0], names[i][1]);
    return res;
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* Number K of all that go with PATH.  */
static double number_of(const char *path, size_t k)
{
    uint32_t stream = 0;
    for (; *path; path++)
        stream = stream * 31 + (unsigned char)*path;
    return 2 * etr_uniform_f64(9, stream & 0xffff, k) - 1;
}

/* What a state was called before it was renamed.  */
static const char *old_name(const char *path)
{
    for (int i = 0; i < N_NAMES; i++)
        if (strcmp(path, names[i][1]) == 0)
            return names[i][0];
    return path;
}

/* Every variable gets numbers that its name alone decides; sample S of a batch those of sample
   FIRST + S.  */
static void fill(model *m, int first)
{
    for (int i = 0; i < m->info->n_vars; i++) {
        const etr_var *v = &m->info->vars[i];
        const bool shared = v->kind == ETR_PARAM;
        const bool per_step = v->kind == ETR_INPUT || v->kind == ETR_TARGET;
        const size_t n = model_numel(v) / (size_t)(shared ? 1 : m->info->batch);
        if (v->kind > ETR_TARGET)
            continue;
        for (int t = 0; t < (per_step ? m->n_steps : 1); t++)
            for (size_t k = 0; k < model_numel(v); k++) {
                const size_t sample = shared ? 0 : (size_t)first + k / n;
                const size_t at = (sample * 100 + (size_t)t) * 1000 + k % n;
                const double x = number_of(old_name(v->path), at);
                model_put(m, v, model_block(m, v->kind, t), k,
                          v->element == ETR_INT32 ? floor(1.5 * (x + 1)) : x);
            }
    }
}

static const etr_var *other_of(const model *m, const etr_var *v)
{
    for (int i = 0; i < m->info->n_vars; i++) {
        const etr_var *w = &m->info->vars[i];
        if (w->kind == v->kind && strcmp(old_name(w->path), v->path) == 0)
            return w;
    }
    ck_abort_msg("no %s", v->path);
    return NULL;
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* What V's block has after learning: gradients of parameters, new states, outputs of step 0.  */
static const char *learned(const model *m, const etr_var *v)
{
    return v->kind == ETR_PARAM ? m->grad : model_block(m, v->kind, 0);
}

/* What A and B have learned and become is equal, bit by bit.  */
static void equal(model *a, model *b, const char *what, const char *text)
{
    fill(a, 0);
    fill(b, 0);
    const double loss = model_learn_all(a);
    ck_assert_msg(same_bits(loss, model_learn_all(b)), "%s: another loss\n%s", what, text);
    for (int i = 0; i < a->info->n_vars; i++) {
        const etr_var *v = &a->info->vars[i];
        const bool state = v->kind == ETR_HIDDEN || v->kind == ETR_STATE;
        if (!state && v->kind != ETR_PARAM && v->kind != ETR_OUTPUT)
            continue;
        const etr_var *w = other_of(b, v);
        for (size_t k = 0; k < model_numel(v); k++) {
            const double x = model_get(a, v, learned(a, v), k);
            const double y = model_get(b, w, learned(b, w), k);
            ck_assert_msg(same_bits(x, y), "%s: %s [%zu]: %.17g and %.17g\n%s", what, v->path, k,
                          x, y, text);
        }
    }
}

/* The states of ONE are those of sample S of MANY.  */
static void same_sample(const model *one, const model *many, int s, const char *text)
{
    for (int i = 0; i < one->info->n_vars; i++) {
        const etr_var *v = &one->info->vars[i];
        const size_t n = model_numel(v);
        for (size_t k = 0; (v->kind == ETR_HIDDEN || v->kind == ETR_STATE) && k < n; k++)
            ck_assert_msg(same_bits(model_get(one, v, one->state, k),
                                    model_get(many, other_of(many, v), many->state,
                                              (size_t)s * n + k)),
                          "sample %d: %s [%zu]\n%s", s, v->path, k, text);
    }
}

static bool close_to(double a, double b)
{
    return fabs(a - b) <= 1e-12 * fmax(1, fabs(b));
}

/* A batch is its samples one by one: the states bit by bit, the gradient their sum.  */
static void batch_is_its_samples(model *one, model *many, const char *text)
{
    const size_t n = one->info->params_bytes / sizeof(double);
    double *sum = calloc(n + 1, sizeof *sum), loss = 0, x;
    ck_assert_ptr_nonnull(sum);
    fill(many, 0);
    const double total = model_learn_all(many);
    for (int s = 0; s < many->info->batch; s++) {
        fill(one, s);
        loss += model_learn_all(one);
        for (size_t k = 0; k < n; k++) {
            memcpy(&x, one->grad + k * sizeof x, sizeof x);
            sum[k] += x;
        }
        same_sample(one, many, s, text);
    }
    ck_assert_msg(close_to(total, loss), "another loss\n%s", text);
    for (size_t k = 0; k < n; k++) {
        memcpy(&x, many->grad + k * sizeof x, sizeof x);
        ck_assert_msg(close_to(x, sum[k]), "gradient %zu: %.17g, not %.17g\n%s", k, x, sum[k],
                      text);
    }
    free(sum);
}

/* --- other words ------------------------------------------------------------------------------ */

static model *must_add(pack *p, const char *text)
{
    model *m = pack_add(p, text, NULL);
    ck_assert_msg(m != NULL, "%s", text);
    return m;
}

START_TEST(other_words)
{
    static pack p;
    char *text[N_MODELS];
    model *m[N_MODELS][4];
    pack_begin(&p);
    for (int i = 0; i < N_MODELS; i++) {
        text[i] = model_text(i, 1);
        char *other[] = {permuted(text[i]), renamed(text[i]), model_text(i, 3)};
        m[i][0] = must_add(&p, text[i]);
        for (int k = 0; k < 3; k++) {
            ck_assert_str_ne(text[i], other[k]);
            m[i][k + 1] = must_add(&p, other[k]);
            free(other[k]);
        }
    }
    ck_assert_int_eq(pack_load(&p, NULL, N_STEPS), 0);
    for (int i = 0; i < N_MODELS; i++) {
        equal(m[i][0], m[i][1], "keys in another order", text[i]);
        equal(m[i][0], m[i][2], "states renamed", text[i]);
        batch_is_its_samples(m[i][0], m[i][3], text[i]);
        free(text[i]);
    }
    pack_end(&p);
}
END_TEST

/* --- a product in two parts ------------------------------------------------------------------- */

static const char split_head[] =
    "etrace: 1\nmodel: split\ndtype: float64\nbatch: %d\ninputs: {x: [3]}\ntargets: {y: [4]}\n"
    "params: {%s, b: [4]}\nhidden: {h: [4], g: [4]}\n"
    "step:\n  - a = %s\n  - %s\n  - g' = 0.5 * g + h'\n"
    "outputs: {y: h'}\nloss: sum(square(g' - y))\n";

static const char *const products[][2] = {
    {"concat(x, h) @ W", "x @ Wa + h @ Wb"},
    {"einsum(\"k,ko->o\", concat(x, h), W)",
     "einsum(\"k,ko->o\", x, Wa) + einsum(\"k,ko->o\", h, Wb)"},
    {"concat(x, tanh(h)) @ sin(W)", "x @ sin(Wa) + tanh(h) @ sin(Wb)"},
};

static const char *const around[] = {"h' = tanh(a + b)", "h' = h * sigmoid(a) + b"};

enum { N_SPLITS = 12, SPLIT_TEXT = 2000, ROWS_A = 3, ROWS_B = 4, COLUMNS = 4 };

static char *split_text(int i, int parts)
{
    char *text = malloc(SPLIT_TEXT);
    ck_assert_ptr_nonnull(text);
    snprintf(text, SPLIT_TEXT, split_head, i % 2 ? 3 : 1,
             parts ? "Wa: [3, 4], Wb: [4, 4]" : "W: [7, 4]", products[i / 2 % 3][parts],
             around[i / 6]);
    return text;
}

/* Element K of W as the parts have it.  */
static double part_get(const model *m, const char *block, size_t k)
{
    const size_t n = ROWS_A * COLUMNS;
    return k < n ? model_get(m, model_find(m, ETR_PARAM, "Wa"), block, k)
                 : model_get(m, model_find(m, ETR_PARAM, "Wb"), block, k - n);
}

static void split_is_equal(model *whole, model *parts, const char *text)
{
    const size_t n = (ROWS_A + ROWS_B) * COLUMNS;
    const etr_var *W = model_find(whole, ETR_PARAM, "W");
    fill(whole, 0);
    fill(parts, 0);
    for (size_t k = 0; k < n; k++)
        model_put(whole, W, whole->params, k, part_get(parts, parts->params, k));
    const double loss = model_learn_all(whole);
    ck_assert_msg(close_to(model_learn_all(parts), loss), "another loss\n%s", text);
    for (size_t k = 0; k < n; k++) {
        const double x = model_get(whole, W, whole->grad, k), y = part_get(parts, parts->grad, k);
        ck_assert_msg(close_to(x, y), "gradient %zu: %.17g and %.17g\n%s", k, x, y, text);
    }
}

START_TEST(product_in_two_parts)
{
    static pack p;
    char *text[N_SPLITS];
    model *m[N_SPLITS][2];
    pack_begin(&p);
    for (int i = 0; i < N_SPLITS; i++) {
        char *parts = split_text(i, 1);
        text[i] = split_text(i, 0);
        m[i][0] = must_add(&p, text[i]);
        m[i][1] = must_add(&p, parts);
        free(parts);
    }
    ck_assert_int_eq(pack_load(&p, NULL, N_STEPS), 0);
    for (int i = 0; i < N_SPLITS; i++) {
        split_is_equal(m[i][0], m[i][1], text[i]);
        free(text[i]);
    }
    pack_end(&p);
}
END_TEST

Suite *metamorphic_suite(void)
{
    Suite *suite = suite_create("metamorphic");
    TCase *cases = tcase_create("metamorphic");
    tcase_set_timeout(cases, TIMEOUT);
    tcase_add_test(cases, other_words);
    tcase_add_test(cases, product_in_two_parts);
    suite_add_tcase(suite, cases);
    return suite;
}
