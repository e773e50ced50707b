m4_dnl SPDX-License-Identifier: MIT-0
m4_dnl
m4_dnl The tables of a model, the last part of its source.

m4_dnl et_info_row(PATH, KIND, ELEMENT, STORED, CONSTANT, GROUP, ROW, COL, RANK, SHAPE, OFFSET)
m4_dnl ---------------------------------------------------------------------------------------
m4_dnl One array of the tables.
m4_define(«et_info_row», «    {$1, $2, $3, $4, $5, $6, $7, $8, $9, {$10}, $11},
»)m4_dnl
et_file(1, «tables.c.m4»)

#ifndef et_value(NAME)_NO_INFO
static const etr_var vars[] = {
et_each_info(«et_info_row»)};

const etr_info et_value(name)_info = {
    .name = "et_value(name)",
    .hash = "et_value(hash)",
    .rule = "et_value(rule)",
    .abi = ETR_ABI,
    .real_bytes = (int)sizeof(et_value(real)),
    .batch = et_value(batch),
    .n_groups = et_value(n_groups),
    .params_bytes = sizeof(et_value(name)_params),
    .state_bytes = sizeof(et_value(name)_state),
    .trace_bytes = et_if(et_value(has_trace), «sizeof(et_value(name)_trace)», «0»),
    .input_bytes = sizeof(et_value(name)_input),
    .target_bytes = sizeof(et_value(name)_target),
    .output_bytes = sizeof(et_value(name)_output),
    .jacobian_bytes = sizeof(et_value(name)_jacobian),
    .signal_bytes = et_if(et_value(has_loss), «sizeof(et_value(name)_signal)», «0»),
    .n_vars = (int)(sizeof vars / sizeof vars[0]),
    .vars = vars,
};
#endif
