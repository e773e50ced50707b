/* SPDX-License-Identifier: MIT-0 */
/* What a snapshot says it is of, and how it is told from one of something else.  In: labels, blocks,
   and bytes that may be anything.  Out: bytes, or the blocks filled.  What holds afterwards: all
   blocks are filled or none is touched, and no byte beyond the size that was given was read.  The
   format is in etrace_snapshot.h; whole numbers have their lowest byte first on every machine.

   Generated models carry a copy of this text behind the same guard.  Nothing here allocates.  */
#include "etrace_info.h"

#ifndef ETRACE_LABEL_H
#define ETRACE_LABEL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A program uses a few of these functions; the others must not be warned about.  */
#ifndef ETR_INLINE
#if defined(__GNUC__)
#define ETR_INLINE static inline __attribute__((unused))
#else
#define ETR_INLINE static inline
#endif
#endif

typedef struct {
    const char *name, *hash; /* of the model and its spec; NULL: the hash is not known */
    int abi;                 /* ETR_ABI */
    int kind;                /* etr_block_kind */
    int real_bytes;
    uint32_t layout; /* CRC-32, as etrace_layout.h has it */
    size_t bytes;    /* of the block */
} etr_label;

enum {
    ETR_AT_VERSION = 8,
    ETR_AT_ABI = 12,
    ETR_AT_ORDER = 16,
    ETR_AT_KIND = 17,
    ETR_AT_REAL = 18,
    ETR_AT_LAYOUT = 20,
    ETR_AT_LENGTH = 24,
    ETR_AT_STEP = 32,
    ETR_AT_HASH = 40,
    ETR_AT_NAME = 104,
    ETR_HEAD = 168,
    ETR_TAIL = ETR_SNAPSHOT_MORE - ETR_HEAD,
    ETR_LABEL_TEXT = 64, /* of the hash, and of the name */
    ETR_FORMAT = 1
};

/* CRC-32 of zlib and PNG (ISO 3309).  Goes on from CRC, 0 at first.  */
ETR_INLINE uint32_t etr_crc32(uint32_t crc, const void *bytes, size_t n)
{
    /* Entry k: the polynomial 0xedb88320 over the four bits of k.  */
    static const uint32_t table[16] = {
        UINT32_C(0x00000000), UINT32_C(0x1db71064), UINT32_C(0x3b6e20c8), UINT32_C(0x26d930ac),
        UINT32_C(0x76dc4190), UINT32_C(0x6b6b51f4), UINT32_C(0x4db26158), UINT32_C(0x5005713c),
        UINT32_C(0xedb88320), UINT32_C(0xf00f9344), UINT32_C(0xd6d6a3e8), UINT32_C(0xcb61b38c),
        UINT32_C(0x9b64c2b0), UINT32_C(0x86d3d2d4), UINT32_C(0xa00ae278), UINT32_C(0xbdbdf21c)};
    const unsigned char *p = (const unsigned char *)bytes;

    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc = table[(crc ^ p[i]) & 15] ^ crc >> 4;
        crc = table[(crc ^ (unsigned)(p[i] >> 4)) & 15] ^ crc >> 4;
    }
    return ~crc;
}

/* N bytes of X at P, and back.  */
ETR_INLINE void etr_put_number(unsigned char *p, int n, uint64_t x)
{
    for (int k = 0; k < n; k++)
        p[k] = (unsigned char)(x >> 8 * k);
}

ETR_INLINE uint64_t etr_get_number(const unsigned char *p, int n)
{
    uint64_t x = 0;

    for (int k = n - 1; k >= 0; k--)
        x = x << 8 | p[k];
    return x;
}

/* Are N bytes the same?  */
ETR_INLINE int etr_same_bytes(const unsigned char *a, const unsigned char *b, size_t n)
{
    int same = 1;

    for (size_t i = 0; i < n; i++)
        same &= a[i] == b[i];
    return same;
}

/* The head of a snapshot, all of it but the step.  */
ETR_INLINE void etr_label_head(const etr_label *label, unsigned char head[ETR_HEAD])
{
    const char *hash = label->hash ? label->hash : "";
    const uint16_t one = 1;
    unsigned char first;

    memset(head, 0, ETR_HEAD);
    memcpy(head, "\x89" "ETRS\r\n\x1a", 8);
    etr_put_number(head + ETR_AT_VERSION, 4, ETR_FORMAT);
    etr_put_number(head + ETR_AT_ABI, 4, (uint64_t)label->abi);
    memcpy(&first, &one, 1);
    head[ETR_AT_ORDER] = first ? 1 : 2;
    head[ETR_AT_KIND] = (unsigned char)label->kind;
    head[ETR_AT_REAL] = (unsigned char)label->real_bytes;
    etr_put_number(head + ETR_AT_LAYOUT, 4, label->layout);
    etr_put_number(head + ETR_AT_LENGTH, 8, label->bytes);
    for (int k = 0; k < ETR_LABEL_TEXT && hash[k]; k++)
        head[ETR_AT_HASH + k] = (unsigned char)hash[k];
    for (int k = 0; k < ETR_LABEL_TEXT && label->name[k]; k++)
        head[ETR_AT_NAME + k] = (unsigned char)label->name[k];
}

/* The first difference between the heads that matters.  The order is that of what a person would
   want to hear first.  */
ETR_INLINE etr_snapshot_status etr_compare_heads(const unsigned char *p, const unsigned char *want)
{
    static const struct {
        int at, n;
        etr_snapshot_status status;
    } fields[] = {
        {ETR_AT_VERSION, 4, ETR_SNAPSHOT_VERSION},
        {ETR_AT_ABI, 4, ETR_SNAPSHOT_ABI},
        {ETR_AT_ORDER, 1, ETR_SNAPSHOT_BYTE_ORDER},
        {ETR_AT_NAME, ETR_LABEL_TEXT, ETR_SNAPSHOT_MODEL},
        {ETR_AT_HASH, ETR_LABEL_TEXT, ETR_SNAPSHOT_SPEC},
        {ETR_AT_KIND, 1, ETR_SNAPSHOT_KIND},
        {ETR_AT_REAL, 6, ETR_SNAPSHOT_LAYOUT},
        {ETR_AT_LENGTH, 8, ETR_SNAPSHOT_LAYOUT},
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!etr_same_bytes(p + fields[i].at, want + fields[i].at, (size_t)fields[i].n))
            return fields[i].status;
    }
    return ETR_SNAPSHOT_OK;
}

/* A head is believed when the checksum over the bytes that are there is right: then a snapshot of
   something else, and longer or shorter for it, is called what it is.  */
ETR_INLINE etr_snapshot_status etr_label_check(const etr_label *label, const void *bytes,
                                               size_t size)
{
    const unsigned char *p = (const unsigned char *)bytes;
    unsigned char want[ETR_HEAD];
    etr_snapshot_status status;

    if (size < ETR_SNAPSHOT_MORE)
        return ETR_SNAPSHOT_LENGTH;
    etr_label_head(label, want);
    if (!etr_same_bytes(p, want, 8))
        return ETR_SNAPSHOT_MAGIC;
    status = etr_compare_heads(p, want);
    if (status == ETR_SNAPSHOT_OK && size - ETR_SNAPSHOT_MORE != label->bytes)
        return ETR_SNAPSHOT_LENGTH;
    if (etr_get_number(p + size - ETR_TAIL, ETR_TAIL) != etr_crc32(0, p, size - ETR_TAIL))
        return ETR_SNAPSHOT_CRC;
    return status;
}

/* How many of SIZE bytes at P the snapshot at their beginning says that it has; SIZE when it says
   nothing sensible.  */
ETR_INLINE size_t etr_label_extent(const unsigned char *p, size_t size)
{
    const uint64_t n = size < ETR_SNAPSHOT_MORE ? 0 : etr_get_number(p + ETR_AT_LENGTH, 8);

    return size < ETR_SNAPSHOT_MORE || n > size - ETR_SNAPSHOT_MORE
               ? size
               : (size_t)n + ETR_SNAPSHOT_MORE;
}

/* Snapshots of N blocks, one after another.  */
ETR_INLINE void etr_blocks_write(const etr_label *labels, const void *const *block, int n,
                                 uint64_t step, unsigned char *p)
{
    for (int i = 0; i < n; i++) {
        const size_t size = ETR_HEAD + labels[i].bytes;

        etr_label_head(&labels[i], p);
        etr_put_number(p + ETR_AT_STEP, 8, step);
        memcpy(p + ETR_HEAD, block[i], labels[i].bytes);
        etr_put_number(p + size, ETR_TAIL, etr_crc32(0, p, size));
        p += size + ETR_TAIL;
    }
}

/* Are SIZE bytes at P snapshots of these N blocks, of one step, and nothing else?  */
ETR_INLINE etr_snapshot_status etr_blocks_check(const etr_label *labels, int n,
                                                const unsigned char *p, size_t size)
{
    const unsigned char *first = p;

    for (int i = 0; i < n; i++) {
        const size_t part = etr_label_extent(p, size);
        const etr_snapshot_status status = etr_label_check(&labels[i], p, part);

        if (status != ETR_SNAPSHOT_OK)
            return status;
        if (!etr_same_bytes(p + ETR_AT_STEP, first + ETR_AT_STEP, 8))
            return ETR_SNAPSHOT_STEP;
        p += part;
        size -= part;
    }
    return size == 0 ? ETR_SNAPSHOT_OK : ETR_SNAPSHOT_LENGTH;
}

/* If they are, fill the blocks, and *STEP unless it is NULL.  */
ETR_INLINE etr_snapshot_status etr_blocks_read(const etr_label *labels, void *const *block, int n,
                                               uint64_t *step, const unsigned char *p, size_t size)
{
    const etr_snapshot_status status = etr_blocks_check(labels, n, p, size);

    if (status != ETR_SNAPSHOT_OK)
        return status;
    if (step)
        *step = etr_get_number(p + ETR_AT_STEP, 8);
    for (int i = 0; i < n; i++) {
        memcpy(block[i], p + ETR_HEAD, labels[i].bytes);
        p += labels[i].bytes + ETR_SNAPSHOT_MORE;
    }
    return status;
}

#endif
