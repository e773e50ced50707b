/* SPDX-License-Identifier: Apache-2.0 */
/* Every rule against the reference.  In: the cases in tests/golden.  Out: a test for each rule and each case
   that the reference has it for: the gradients to 1e-10 in float64, with the settings that reproduce it.  And
   hybrid, which it has not, against the two rules that it is made of.  */
#define _POSIX_C_SOURCE 200809L

#include "etrace_npz.h"
#include "golden.h"
#include "golden_cases.h"
#include "pack.h"
#include "suites.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A gradient of the reference and the options that make ours the same.  */
static const struct {
    const char *grad, *options;
} rules[] = {
    {"d_rtrl_ms4", "--rule d_rtrl --window 4"},
    {"pp_prop", "--rule pp_prop --vjp-time t"},
    {"pp_prop_rank5", "--rule pp_prop --vjp-time t --set learning=rank=5"},
    {"pp_asym", "--rule pp_prop --vjp-time t --set learning=decay=[0.9,0.5]"},
    {"pp_prop_ms1", "--rule pp_prop --window 1 --set learning=bias_correction=call"},
    {"pp_prop_ms4", "--rule pp_prop --window 4 --set learning=bias_correction=call"},
    {"pp_coupled", "--rule pp_prop --vjp-time t --set learning=scope=coupled"},
    {"ostl_recurrent", "--rule ostl_recurrent --vjp-time t"},
    {"ostl_recurrent_ms4", "--rule ostl_recurrent --window 4"},
    {"ostl_feedforward", "--rule ostl_feedforward --vjp-time t"},
    {"eprop", "--rule eprop --vjp-time t"},
    {"eprop_random", "--rule eprop --vjp-time t --set learning=kappa=0 --set learning=feedback=random"},
    {"snap1", "--rule snap --vjp-time t"},
    {"snap1_ms4", "--rule snap --window 4"},
    {"snap2", "--rule snap --vjp-time t --set learning=order=2"},
    {"snap2_ms4", "--rule snap --window 4 --set learning=order=2"},
    {"snap3", "--rule snap --vjp-time t --set learning=order=3"},
    {"uoro", "--rule uoro --vjp-time t --set learning=noise=input --set learning=estimate=batch"},
    {"uoro_ms4", "--rule uoro --window 4 --set learning=noise=input --set learning=estimate=batch"},
    {"three_factor", "--rule three_factor --plain none --set learning=modulator=modulator"},
    {"dni_ms4", "--rule dni --window 4"},
    {"scalar_leak", "--rule scalar_leak --vjp-time t"},
    {"no_recursion", "--rule no_recursion --vjp-time t"},
    {"bptt", "--rule rtrl"},
};

enum { N_RULES = sizeof rules / sizeof rules[0] };

static int has_gradient(const char *npz, const char *grad)
{
    etr_npz *file = etr_npz_open(npz);
    char head[80];
    int found = 0;

    ck_assert_ptr_nonnull(file);
    snprintf(head, sizeof head, "grad/%s/", grad);
    for (int i = 0; i < etr_npz_count(file); i++)
        found = found || strncmp(etr_npz_name(file, i), head, strlen(head)) == 0;
    etr_npz_close(file);
    return found;
}

/* SPEC with one more input, the modulator, as the file PATH.  */
static void add_modulator(const char *spec, const char *path)
{
    char *text = file_text(spec), *at = text ? strstr(text, "inputs: {") : NULL;
    ck_assert_ptr_nonnull(at);
    const size_t head = (size_t)(at - text) + strlen("inputs: {");
    const size_t size = strlen(text) + 40;
    char *more = malloc(size);
    ck_assert_ptr_nonnull(more);
    snprintf(more, size, "%.*smodulator: [], %s", (int)head, text, text + head);
    ck_assert_int_eq(file_put(path, more), 0);
    free(more);
    free(text);
}

static void check_rule(const char *name, const char *grad, const char *options)
{
    char spec[COMMAND_PATH], npz[COMMAND_PATH], folder[COMMAND_PATH], *text = NULL;
    command words = {.n = 0};
    size_t size;

    golden_path(spec, name, "yaml");
    golden_path(npz, name, "npz");
    if (!has_gradient(npz, grad))
        return;
    ck_assert_int_eq(folder_make(folder), 0);
    if (strcmp(grad, "three_factor") == 0) {
        char own[COMMAND_PATH];
        folder_path(own, folder, "modulated.yaml");
        add_modulator(spec, own);
        strcpy(spec, own);
    }
    FILE *report = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(report);
    command_add(&words, "golden-check");
    command_add(&words, spec);
    command_add(&words, npz);
    command_add_words(&words, options);
    command_add_words(&words, "--dense drop --grad");
    command_add(&words, grad);
    if (strstr(options, "--vjp-time t"))
        command_add_words(&words, "--signal total --plain none");
    int status = golden_run(words.n, words.word, report);
    fclose(report);
    ck_assert_msg(status == GOLDEN_SAME, "%s, %s: exit %d\n%s", name, grad, status, text);
    free(text);
    folder_remove(folder);
}

START_TEST(rule_agrees_with_the_reference)
{
    for (int c = 0; c < n_golden_cases; c++)
        check_rule(golden_cases[c], rules[_i].grad, rules[_i].options);
}
END_TEST

static int has_row(const char *grad)
{
    /* The first two are compared by the suite golden.  */
    int found = strcmp(grad, "d_rtrl") == 0 || strcmp(grad, "d_rtrl_ms1") == 0;

    for (int r = 0; r < N_RULES; r++)
        found = found || strcmp(rules[r].grad, grad) == 0;
    return found;
}

/* No gradient of the reference is left out.  */
START_TEST(every_gradient_has_a_row)
{
    int n = 0;

    for (int c = 0; c < n_golden_cases; c++) {
        char npz[COMMAND_PATH], grad[80];
        golden_path(npz, golden_cases[c], "npz");
        etr_npz *file = etr_npz_open(npz);
        ck_assert_ptr_nonnull(file);
        for (int i = 0; i < etr_npz_count(file); i++)
            if (sscanf(etr_npz_name(file, i), "grad/%79[^/]", grad) == 1) {
                ck_assert_msg(has_row(grad), "%s: %s", golden_cases[c], grad);
                n++;
            }
        etr_npz_close(file);
    }
    ck_assert_int_gt(n, 10 * n_golden_cases);
}
END_TEST

/* --- hybrid, which the reference's data do not have ------------------------------------------------ */

enum { N_STEPS = 9 };

static const char gru[] = "etrace: 1\nmodel: m\ndtype: float64\ninputs: {x: [3]}\ntargets: {y: [2]}\nmodules:\n"
                          "  rnn: {cell: gru, in: x, size: 4}\n  out: {cell: linear, in: rnn, size: 2}\n"
                          "outputs: [out]\nloss: mse(out, y)\n";

/* Which of the GRU's parameters have factors.  */
static const struct {
    const char *option[5];
    const char *factored[4];
} hybrids[] = {
    {{"--rule=hybrid", "-Lfactored=[rnn.Wz]", NULL}, {"rnn.Wz", NULL}},
    {{"--rule=hybrid", "-Lbelow=10", NULL}, {"rnn.Wz", "rnn.Wh", NULL}}, /* weights have 28 elements, biases 4 */
    {{"--rule=hybrid", "-Lfactored=[rnn.bz, rnn.Wh]", "--vjp-time=t", NULL}, {"rnn.bz", "rnn.Wh", NULL}},
    {{"--rule=hybrid", "-Lfactored=[rnn.Wh]", "--window=3", NULL}, {"rnn.Wh", NULL}},
};

static int is_named(const char *const *name, const char *path)
{
    while (*name && strcmp(*name, path) != 0)
        name++;
    return *name != NULL;
}

/* How far the gradients of W in A and B are apart, by the largest element.  */
static double apart(const model *a, const model *b, const etr_var *w)
{
    double worst = 0;

    for (size_t k = 0; k < model_numel(w); k++)
        worst = fmax(worst, fabs(model_get(a, w, a->grad, k) - model_get(b, w, b->grad, k)));
    return worst;
}

START_TEST(hybrid_is_the_one_or_the_other)
{
    static pack p;
    const char *weight[5] = {"--rule=d_rtrl"}, *factors[5] = {"--rule=pp_prop"};
    const char *time = hybrids[_i].option[2];

    weight[1] = factors[1] = time;
    pack_begin(&p);
    model *mixed = pack_add(&p, gru, hybrids[_i].option), *whole = pack_add(&p, gru, weight);
    model *split = pack_add(&p, gru, factors);
    ck_assert(mixed && whole && split);
    ck_assert_int_eq(pack_load(&p, NULL, N_STEPS), 0);
    model_randomise(mixed, 3);
    model_copy(whole, mixed);
    model_copy(split, mixed);
    model_learn_all(mixed);
    model_learn_all(whole);
    model_learn_all(split);
    for (int i = 0; i < mixed->info->n_vars; i++) {
        const etr_var *w = &mixed->info->vars[i];
        if (w->kind != ETR_PARAM)
            continue;
        const int as_split = is_named(hybrids[_i].factored, w->path);
        ck_assert_msg(apart(mixed, as_split ? split : whole, w) < 1e-14, "%s", w->path);
        ck_assert_msg(!as_split || apart(mixed, whole, w) > 1e-6, "%s: the rules agree", w->path);
    }
    pack_end(&p);
}
END_TEST

Suite *rules_suite(void)
{
    Suite *suite = suite_create("rules");
    TCase *reference = tcase_create("reference"), *mixed = tcase_create("hybrid");
    tcase_set_timeout(reference, 240);
    tcase_add_test(reference, every_gradient_has_a_row);
    tcase_add_loop_test(reference, rule_agrees_with_the_reference, 0, N_RULES);
    suite_add_tcase(suite, reference);
    tcase_set_timeout(mixed, 60);
    tcase_add_loop_test(mixed, hybrid_is_the_one_or_the_other, 0, (int)(sizeof hybrids / sizeof hybrids[0]));
    suite_add_tcase(suite, mixed);
    return suite;
}
