/* SPDX-License-Identifier: MIT-0 */
/* Snapshots in memory.  In: a block and its model's table, or bytes that may be anything.  Out:
   bytes, or the block filled.  What holds afterwards: a block is filled wholly or not touched, and
   no byte beyond the size that the table gives was read.  For microcontrollers too: no allocation,
   no files, 64 bytes of constant tables.  */
#include "etrace_snapshot.h"

#include <string.h>

enum {
    FORMAT = 1,
    AT_VERSION = 8,
    AT_ABI = 12,
    AT_ORDER = 16,
    AT_KIND = 17,
    AT_REAL = 18,
    AT_LAYOUT = 20,
    AT_LENGTH = 24,
    AT_STEP = 32,
    AT_HASH = 40,
    AT_NAME = 104,
    HEAD = 168,
    TAIL = 4,
    TEXT = 64 /* of the hash, and of the name */
};

static const unsigned char magic[8] = {0x89, 'E', 'T', 'R', 'S', '\r', '\n', 0x1a};

uint32_t etr_crc32(uint32_t crc, const void *bytes, size_t n)
{
    /* Entry k: the polynomial 0xedb88320 over the four bits of k.  */
    static const uint32_t table[16] = {
        UINT32_C(0x00000000), UINT32_C(0x1db71064), UINT32_C(0x3b6e20c8), UINT32_C(0x26d930ac),
        UINT32_C(0x76dc4190), UINT32_C(0x6b6b51f4), UINT32_C(0x4db26158), UINT32_C(0x5005713c),
        UINT32_C(0xedb88320), UINT32_C(0xf00f9344), UINT32_C(0xd6d6a3e8), UINT32_C(0xcb61b38c),
        UINT32_C(0x9b64c2b0), UINT32_C(0x86d3d2d4), UINT32_C(0xa00ae278), UINT32_C(0xbdbdf21c)};
    const unsigned char *p = bytes;

    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc = table[(crc ^ p[i]) & 15] ^ crc >> 4;
        crc = table[(crc ^ (unsigned)(p[i] >> 4)) & 15] ^ crc >> 4;
    }
    return ~crc;
}

static void put(unsigned char *p, int n, uint64_t x)
{
    for (int k = 0; k < n; k++)
        p[k] = (unsigned char)(x >> 8 * k);
}

static uint64_t get(const unsigned char *p, int n)
{
    uint64_t x = 0;

    for (int k = n - 1; k >= 0; k--)
        x = x << 8 | p[k];
    return x;
}

static unsigned char byte_order(void)
{
    const uint16_t one = 1;
    unsigned char first;

    memcpy(&first, &one, 1);
    return first ? 1 : 2;
}

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

static uint32_t crc_number(uint32_t crc, uint64_t x)
{
    unsigned char bytes[8];

    put(bytes, 8, x);
    return etr_crc32(crc, bytes, 8);
}

/* What the hash of the spec leaves open: sizes given on the command line, the rule, the order in
   which this version of the generator lays variables out.  The rule says what a trace means.  */
static uint32_t layout_crc(const etr_info *info, etr_block_kind kind)
{
    uint32_t crc = crc_number(0, (uint64_t)info->batch);

    if (kind == ETR_BLOCK_TRACE)
        crc = etr_crc32(crc, info->rule, strlen(info->rule));
    for (int i = 0; i < info->n_vars; i++) {
        const etr_var *var = &info->vars[i];
        if (!in_block(var->kind, kind))
            continue;
        crc = etr_crc32(crc, var->path, strlen(var->path) + 1);
        crc = crc_number(crc, (uint64_t)var->is_index);
        crc = crc_number(crc, var->offset);
        for (int k = 0; k < var->rank; k++)
            crc = crc_number(crc, (uint64_t)var->shape[k]);
    }
    return crc;
}

/* All of the head but the step.  */
static void make_head(const etr_info *info, etr_block_kind kind, unsigned char head[HEAD])
{
    const char *hash = info->hash ? info->hash : "";

    memset(head, 0, HEAD);
    memcpy(head, magic, sizeof magic);
    put(head + AT_VERSION, 4, FORMAT);
    put(head + AT_ABI, 4, (uint64_t)info->abi);
    head[AT_ORDER] = byte_order();
    head[AT_KIND] = (unsigned char)kind;
    head[AT_REAL] = (unsigned char)info->real_bytes;
    put(head + AT_LAYOUT, 4, layout_crc(info, kind));
    put(head + AT_LENGTH, 8, block_bytes(info, kind));
    for (int k = 0; k < TEXT && hash[k]; k++)
        head[AT_HASH + k] = (unsigned char)hash[k];
    for (int k = 0; k < TEXT && info->name[k]; k++)
        head[AT_NAME + k] = (unsigned char)info->name[k];
}

size_t etr_snapshot_size(const etr_info *info, etr_block_kind kind)
{
    const size_t n = block_bytes(info, kind);

    return n > 0 ? HEAD + n + TAIL : 0;
}

void etr_snapshot_write(const etr_info *info, etr_block_kind kind, const void *block,
                        uint64_t step, void *bytes)
{
    unsigned char *p = bytes;
    const size_t n = block_bytes(info, kind);

    if (n == 0)
        return;
    make_head(info, kind, p);
    put(p + AT_STEP, 8, step);
    memcpy(p + HEAD, block, n);
    put(p + HEAD + n, 4, etr_crc32(0, p, HEAD + n));
}

/* The first difference between the heads that matters.  The order is that of what a person would
   want to hear first.  */
static etr_snapshot_status compare_heads(const unsigned char *p, const unsigned char *want)
{
    static const struct {
        int at, n;
        etr_snapshot_status status;
    } fields[] = {
        {AT_VERSION, 4, ETR_SNAPSHOT_VERSION}, {AT_ABI, 4, ETR_SNAPSHOT_ABI},
        {AT_ORDER, 1, ETR_SNAPSHOT_BYTE_ORDER}, {AT_NAME, TEXT, ETR_SNAPSHOT_MODEL},
        {AT_HASH, TEXT, ETR_SNAPSHOT_SPEC}, {AT_KIND, 1, ETR_SNAPSHOT_KIND},
        {AT_REAL, 6, ETR_SNAPSHOT_LAYOUT}, {AT_LENGTH, 8, ETR_SNAPSHOT_LAYOUT},
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (memcmp(p + fields[i].at, want + fields[i].at, (size_t)fields[i].n) != 0)
            return fields[i].status;
    }
    return ETR_SNAPSHOT_OK;
}

/* A head is believed when the checksum over the bytes that are there is right: then a snapshot of
   something else, and longer or shorter for it, is called what it is.  */
etr_snapshot_status etr_snapshot_check(const etr_info *info, etr_block_kind kind,
                                       const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    unsigned char want[HEAD];
    etr_snapshot_status status;

    if (size < HEAD + TAIL)
        return ETR_SNAPSHOT_LENGTH;
    if (memcmp(p, magic, sizeof magic) != 0)
        return ETR_SNAPSHOT_MAGIC;
    make_head(info, kind, want);
    status = compare_heads(p, want);
    if (status == ETR_SNAPSHOT_OK && size != etr_snapshot_size(info, kind))
        return ETR_SNAPSHOT_LENGTH;
    if (get(p + size - TAIL, TAIL) != etr_crc32(0, p, size - TAIL))
        return ETR_SNAPSHOT_CRC;
    return status;
}

size_t etr_snapshot_extent(const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    const uint64_t n = size < HEAD + TAIL ? 0 : get(p + AT_LENGTH, 8);

    return size < HEAD + TAIL || n > size - HEAD - TAIL ? size : HEAD + (size_t)n + TAIL;
}

etr_snapshot_status etr_snapshot_read(const etr_info *info, etr_block_kind kind, void *block,
                                      uint64_t *step, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    const etr_snapshot_status status = etr_snapshot_check(info, kind, bytes, size);

    if (status != ETR_SNAPSHOT_OK)
        return status;
    memcpy(block, p + HEAD, block_bytes(info, kind));
    if (step)
        *step = get(p + AT_STEP, 8);
    return ETR_SNAPSHOT_OK;
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
    }
    return "no status of a snapshot";
}
