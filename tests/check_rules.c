/* SPDX-License-Identifier: Apache-2.0 */
/* Every rule against the reference.  In: the cases in tests/golden.  Out: a test for each rule and each case
   that the reference has it for: the gradients to 1e-10 in float64, with the settings that reproduce it.  */
#define _POSIX_C_SOURCE 200809L

#include "etrace_npz.h"
#include "golden.h"
#include "golden_cases.h"
#include "suites.h"

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

Suite *rules_suite(void)
{
    Suite *suite = suite_create("rules");
    TCase *reference = tcase_create("reference");
    tcase_set_timeout(reference, 240);
    tcase_add_loop_test(reference, rule_agrees_with_the_reference, 0, N_RULES);
    suite_add_tcase(suite, reference);
    return suite;
}
