m4_dnl SPDX-License-Identifier: MIT-0
m4_dnl
m4_dnl The rules of a check program.  The values are listed in templates/README.md.

m4_dnl et_rule_include(NAME, LABEL, HAS_LEARN, HAS_WINDOW, WINDOW, STATE, TRACE, GRADIENT, SCRATCH, FLOPS)
m4_dnl ----------------------------------------------------------------------------------------------------
m4_dnl What a rule needs at the top of the file.
m4_define(«et_rule_include», «#include "$1.h"
»)m4_dnl

m4_dnl et_rule_functions(the same)
m4_dnl ---------------------------
m4_dnl Its functions with arguments that do not depend on the model.
m4_define(«et_rule_functions», «
/* $2 */
static void $1_begin(void *p, uint64_t seed)
{
    $1_init_params(p, seed);
}

static void $1_begin_state(void *s)
{
    $1_init_state(s);
}
et_if(«$3», «et_rule_trace(«$1»)», «et_if(«$4», «et_rule_trace(«$1»)»)»)
static double $1_run(const void *p, void *s, void *e, void *tape, size_t n, const void *in,
    const void *target, void *out, void *grad)
{
    $1_real loss = 0;
    const $1_sequence q = {.n_steps = n, .in = in, .target = target, .out = out, .tape = tape};
et_if(«$3», «    $1_learn_sequence(p, s, e, &q, grad, &loss);», «et_if(«$4», «    $1_learn_sequence(p, s, e, &q, grad, &loss);», «    (void)e;
    $1_learn_sequence(p, s, &q, grad, &loss);»)»)
    return (double)loss;
}
»)m4_dnl

m4_dnl et_rule_trace(NAME)
m4_dnl -------------------
m4_dnl The same for the trace block.
m4_define(«et_rule_trace», «
static void $1_begin_trace(void *e)
{
    $1_reset_trace(e);
}
»)m4_dnl

m4_dnl et_rule_row(the same)
m4_dnl ---------------------
m4_dnl Its row.
m4_define(«et_rule_row», «    {
        .label = $2,
        .info = &$1_info,
        .init_params = $1_begin,
        .init_state = $1_begin_state,
        .reset_trace = et_if(«$3», «$1_begin_trace», «et_if(«$4», «$1_begin_trace», «NULL»)»),
        .learn = $1_run,
        .window = $5,
        .whole = et_if(«$3», «0», «et_if(«$4», «0», «1»)»),
        .state = $6,
        .trace = $7,
        .gradient = $8,
        .scratch = $9,
        .flops = $10,
    },
»)m4_dnl

m4_dnl et_pair(A, B)
m4_dnl -------------
m4_dnl A row of two.
m4_define(«et_pair», «    {$1, $2},
»)m4_dnl
et_file(0)
/* rules.c: the rules of this check program, written by etrace-gen et_value(version) from et_value(file).
 * SPDX-License-Identifier: MIT-0
 */
#include "compare.h"

et_each_rule(«et_rule_include»)m4_dnl
et_each_rule(«et_rule_functions»)m4_dnl

const compare_rule compare_rules[] = {
et_each_rule(«et_rule_row»)};

const int compare_n_rules = (int)(sizeof compare_rules / sizeof compare_rules[0]);

const compare_refusal compare_refusals[] = {
et_each_refusal(«et_pair»)};

const compare_index compare_indices[] = {
et_each_index(«et_pair»)};

const char compare_model[] = et_value(model), compare_real[] = et_value(figures);
