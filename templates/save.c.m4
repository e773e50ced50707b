m4_dnl SPDX-License-Identifier: MIT-0
m4_dnl
m4_dnl What a model is at this moment, as bytes and back.

m4_dnl et_label_row(KIND, BLOCK, LAYOUT)
m4_dnl ---------------------------------
m4_dnl What a snapshot of BLOCK says it is of.
m4_define(«et_label_row», «    {"et_value(name)", "et_value(hash)", ETR_ABI,
     $1, (int)sizeof(et_value(real)), UINT32_C(0x$3), sizeof(et_value(name)_$2)},
»)m4_dnl

#ifndef et_value(NAME)_NO_SAVE
et_value(label_source)
static const etr_label labels[] = {
et_each_label(«et_label_row»)};

enum { N_LABELS = sizeof labels / sizeof labels[0] };

void et_value(name)_save(const et_value(name)_params *p, const et_value(name)_state *s,et_if(et_value(has_trace), « const et_value(name)_trace *e,»)
    uint64_t step, void *bytes)
{
    const void *const block[] = {p, s«»et_if(et_value(has_trace), «, e»)};
    etr_blocks_write(labels, block, N_LABELS, step, bytes);
}

etr_snapshot_status et_value(name)_load(et_value(name)_params *p, et_value(name)_state *s,et_if(et_value(has_trace), « et_value(name)_trace *e,»)
    uint64_t *step, const void *bytes, size_t size)
{
    void *const block[] = {p, s«»et_if(et_value(has_trace), «, e»)};
    return etr_blocks_read(labels, block, N_LABELS, step, bytes, size);
}
#endif
