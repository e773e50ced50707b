/* SPDX-License-Identifier: MIT-0 */
/* The CRC-32 of what a block's layout follows from.  The generator makes it of its variables, the
   runtime of a model's table, and both get the same.  Sizes given on the command line, the rule, the
   order in which variables are laid out: what the hash of the spec leaves open.  Places are not in
   it; with the order, the types and the block's length they follow: a compiler that puts more bytes
   between members makes the block longer.  */
#ifndef ETRACE_LAYOUT_H
#define ETRACE_LAYOUT_H

#include "etrace_label.h"

ETR_INLINE uint32_t etr_layout_number(uint32_t crc, uint64_t x)
{
    unsigned char bytes[8];

    etr_put_number(bytes, 8, x);
    return etr_crc32(crc, bytes, 8);
}

/* RULE: what a trace means; "" for other blocks.  */
ETR_INLINE uint32_t etr_layout_begin(int batch, const char *rule)
{
    return etr_crc32(etr_layout_number(0, (uint64_t)batch), rule, strlen(rule));
}

/* The next variable of the block.  */
ETR_INLINE uint32_t etr_layout_var(uint32_t crc, const char *path, int element, int rank,
                                   const int *dim)
{
    crc = etr_crc32(crc, path, strlen(path) + 1);
    crc = etr_layout_number(crc, (uint64_t)element);
    crc = etr_layout_number(crc, (uint64_t)rank);
    for (int k = 0; k < rank; k++)
        crc = etr_layout_number(crc, (uint64_t)dim[k]);
    return crc;
}

#endif
