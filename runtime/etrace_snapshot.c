/* SPDX-License-Identifier: MIT-0 */
/* Snapshots in memory.  In: a block and its model's table, or bytes that may be anything.  Out:
   bytes, or the block filled.  What holds afterwards: a block is filled wholly or not touched, and
   no byte beyond the size that the table gives was read.  For microcontrollers too: no allocation,
   no files, 64 bytes of constant tables.  */
#include "etrace_snapshot.h"
#include "etrace_layout.h"

static size_t block_bytes(const etr_info *info, etr_block_kind kind)
{
    switch (kind) {
    case ETR_BLOCK_PARAMS:
    case ETR_BLOCK_MOMENT_1:
    case ETR_BLOCK_MOMENT_2: return info->params_bytes;
    case ETR_BLOCK_STATE: return info->state_bytes;
    case ETR_BLOCK_TRACE: return info->trace_bytes;
    }
    return 0;
}

/* Is a variable of kind VAR in a block of KIND?  */
static int in_block(etr_kind var, etr_block_kind kind)
{
    if (kind == ETR_BLOCK_STATE)
        return var == ETR_HIDDEN || var == ETR_STATE;
    return var == (kind == ETR_BLOCK_TRACE ? ETR_TRACE : ETR_PARAM);
}

static uint32_t layout_crc(const etr_info *info, etr_block_kind kind)
{
    uint32_t crc = etr_layout_begin(info->batch, kind == ETR_BLOCK_TRACE ? info->rule : "");

    for (int i = 0; i < info->n_vars; i++) {
        const etr_var *var = &info->vars[i];
        if (in_block(var->kind, kind))
            crc = etr_layout_var(crc, var->path, (int)var->element, var->rank, var->shape);
    }
    return crc;
}

etr_label etr_snapshot_label(const etr_info *info, etr_block_kind kind)
{
    return (etr_label){.name = info->name,
                       .hash = info->hash,
                       .abi = info->abi,
                       .kind = (int)kind,
                       .real_bytes = info->real_bytes,
                       .layout = layout_crc(info, kind),
                       .bytes = block_bytes(info, kind)};
}

size_t etr_snapshot_size(const etr_info *info, etr_block_kind kind)
{
    const size_t n = block_bytes(info, kind);

    return n > 0 ? n + ETR_SNAPSHOT_MORE : 0;
}

void etr_snapshot_write(const etr_info *info, etr_block_kind kind, const void *block,
                        uint64_t step, void *bytes)
{
    const etr_label label = etr_snapshot_label(info, kind);

    if (label.bytes > 0)
        etr_blocks_write(&label, &block, 1, step, bytes);
}

etr_snapshot_status etr_snapshot_check(const etr_info *info, etr_block_kind kind,
                                       const void *bytes, size_t size)
{
    const etr_label label = etr_snapshot_label(info, kind);

    return etr_blocks_check(&label, 1, bytes, size);
}

etr_snapshot_status etr_snapshot_read(const etr_info *info, etr_block_kind kind, void *block,
                                      uint64_t *step, const void *bytes, size_t size)
{
    const etr_label label = etr_snapshot_label(info, kind);

    return etr_blocks_read(&label, &block, 1, step, bytes, size);
}

const char *etr_snapshot_text(etr_snapshot_status status)
{
    switch (status) {
    case ETR_SNAPSHOT_OK: return "a snapshot of this block";
    case ETR_SNAPSHOT_LENGTH: return "not the length of a snapshot of this block";
    case ETR_SNAPSHOT_MAGIC: return "not a snapshot";
    case ETR_SNAPSHOT_CRC: return "damaged: the checksum is wrong";
    case ETR_SNAPSHOT_VERSION: return "of another version of the format";
    case ETR_SNAPSHOT_ABI: return "of another version of the runtime";
    case ETR_SNAPSHOT_BYTE_ORDER: return "of a machine with the other byte order";
    case ETR_SNAPSHOT_MODEL: return "of another model";
    case ETR_SNAPSHOT_SPEC: return "of another spec of this model";
    case ETR_SNAPSHOT_KIND: return "of another kind of block";
    case ETR_SNAPSHOT_LAYOUT: return "of this spec with other sizes, type or rule";
    case ETR_SNAPSHOT_IO: return "the file cannot be read or written";
    case ETR_SNAPSHOT_MEMORY: return "out of memory";
    case ETR_SNAPSHOT_STEP: return "blocks that were not saved together";
    }
    return "no status of a snapshot";
}
