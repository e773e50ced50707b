/* SPDX-License-Identifier: Apache-2.0 */
/* Runs every suite.  In: the environment that Makefile.am sets (ETRACE_GEN, ETRACE_DATADIR, srcdir,
   CC).  Out: Check's report, its summary first; the exit status is 1 when a test failed.  */
#include "suites.h"

#include <stdlib.h>

static Suite *(*const all_suites[])(void) = {
    beyond_suite,
    block_suite,
    cli_suite,
    compare_suite,
    diag_suite,
    digits_suite,
    docs_suite,
    edits_suite,
    emitted_suite,
    exact_suite,
    example_models_suite,
    examples_suite,
    expr_suite,
    foreign_suite,
    feedback_suite,
    failures_suite,
    golden_suite,
    gradient_suite,
    half_suite,
    lang_suite,
    lists_suite,
    math_suite,
    memory_suite,
    messages_suite,
    metamorphic_suite,
    npz_suite,
    online_suite,
    optim_suite,
    options_suite,
    outputs_suite,
    passes_suite,
    quote_suite,
    repeat_suite,
    report_suite,
    rules_suite,
    synthesiser_suite,
    differences_suite,
    settings_suite,
    influence_suite,
    windows_suite,
    runtime_suite,
    safetensors_suite,
    same_suite,
    schema_suite,
    sequence_suite,
    skel_suite,
    snapshot_suite,
    stack_suite,
    unbiased_suite,
    warnings_suite,
    targets_suite,
    yaml_suite,
};

int main(void)
{
    SRunner *runner = srunner_create(NULL);
    int failed;

    for (size_t i = 0; i < sizeof all_suites / sizeof *all_suites; i++)
        srunner_add_suite(runner, all_suites[i]());
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
