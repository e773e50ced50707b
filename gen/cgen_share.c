/* SPDX-License-Identifier: Apache-2.0 */
/* In: loops that are about to be written.  Out: with --openmp, the line by which a compiler has threads share the turns
   of a loop; where the outermost loop is none to be shared, one around it over parts of an axis, which is.
   Afterwards no two turns of a shared loop write the same memory, and no sum is parted among them; parts have literal
   sizes: results do not depend on the number of threads.  */
#include "cgen_part.h"

/* A loop of more operations is worth it that threads meet behind it; elements of a part along neighbours in
   memory, and turns of one along another axis.  */
enum { SHARED_FLOPS = 1 << 18, NEIGHBOURS = 64, TURNS = 16 };

static bool is_shared(const cgen *c, int64_t turns, int64_t flops)
{
    return c->style->openmp && turns > 1 && flops > SHARED_FLOPS;
}

void cgen_share(cgen *c, int64_t turns, int64_t flops)
{
    if (is_shared(c, turns, flops))
        cgen_statement(c, "et_parallel", 0, NULL);
}

/* Turns of a part: a divisor of N, if there is one of that magnitude; four parts at least.  */
static int64_t part_size(int64_t n, int64_t most)
{
    if (most > (n + 3) / 4)
        most = (n + 3) / 4;
    for (int64_t size = most; 2 * size > most; size--)
        if (n % size == 0)
            return size;
    return most;
}

void cgen_share_parts(cgen *c, const char *variable, int64_t n, bool neighbours, int64_t flops)
{
    if (!is_shared(c, n, flops))
        return;
    int64_t size = part_size(n, neighbours ? NEIGHBOURS : TURNS);
    cgen_statement(c, "et_parallel", 0, NULL);
    cgen_for_from(c, "part", 0, n, size);
    c->parted = variable;
    c->part_end = n % size == 0 ? arena_printf(c->arena, "part + %lld", (long long)size)
                                : arena_printf(c->arena, "(part + %lld < %lld ? part + %lld : %lld)", (long long)size,
                                               (long long)n, (long long)size, (long long)n);
}

void cgen_end_parts(cgen *c)
{
    if (!c->parted)
        return;
    c->parted = NULL;
    cgen_end(c);
}
