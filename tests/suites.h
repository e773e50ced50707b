/* SPDX-License-Identifier: Apache-2.0 */
/* Every suite of the test program: add a declaration here, and the name to all_suites in
   check_main.c.  */
#ifndef SUITES_H
#define SUITES_H

#include <check.h>

Suite *bench_suite(void);
Suite *beyond_suite(void);
Suite *block_suite(void);
Suite *cli_suite(void);
Suite *compare_suite(void);
Suite *diag_suite(void);
Suite *digits_suite(void);
Suite *docs_suite(void);
Suite *edits_suite(void);
Suite *emitted_suite(void);
Suite *exact_suite(void);
Suite *example_models_suite(void);
Suite *examples_suite(void);
Suite *explain_suite(void);
Suite *expr_suite(void);
Suite *foreign_suite(void);
Suite *failures_suite(void);
Suite *golden_suite(void);
Suite *gradient_suite(void);
Suite *half_suite(void);
Suite *lang_suite(void);
Suite *lists_suite(void);
Suite *math_suite(void);
Suite *memory_suite(void);
Suite *messages_suite(void);
Suite *metamorphic_suite(void);
Suite *mpi_suite(void);
Suite *npz_suite(void);
Suite *online_suite(void);
Suite *optim_suite(void);
Suite *options_suite(void);
Suite *outputs_suite(void);
Suite *passes_suite(void);
Suite *python_suite(void);
Suite *page_suite(void);
Suite *quote_suite(void);
Suite *repeat_suite(void);
Suite *report_suite(void);
Suite *rules_suite(void);
Suite *feedback_suite(void);
Suite *synthesiser_suite(void);
Suite *differences_suite(void);
Suite *settings_suite(void);
Suite *influence_suite(void);
Suite *windows_suite(void);
Suite *runtime_suite(void);
Suite *safetensors_suite(void);
Suite *same_suite(void);
Suite *schema_suite(void);
Suite *convert_suite(void);
Suite *sequence_suite(void);
Suite *skel_suite(void);
Suite *snapshot_suite(void);
Suite *stack_suite(void);
Suite *unbiased_suite(void);
Suite *warnings_suite(void);
Suite *targets_suite(void);
Suite *yaml_suite(void);

#endif
