/* SPDX-License-Identifier: Apache-2.0 */
/* In: arrays with their paths.  Out: a .npz in memory, which the outputs of a run then are written
   from, all at once.  */
#define _POSIX_C_SOURCE 200809L
#include "convert.h"

#include "etrace_npz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void weights_add(weights *w, const char *path, const net_shape *shape, const double *value)
{
    ARENA_PUSH(w->arena, w->item, w->n, w->cap, ((weight){path, *shape, value}));
}

/* The block of a model that had exactly these parameters.  */
static void *make_block(const weights *w, int bits, etr_info *info)
{
    const size_t size = (size_t)bits / 8;
    etr_var *var = ARENA_ARRAY(w->arena, etr_var, w->n + 1);
    size_t offset = 0, total = 0;
    for (size_t i = 0; i < w->n; i++)
        total += (size_t)net_count(&w->item[i].shape) * size;
    char *block = arena_alloc(w->arena, total + 1);
    for (size_t i = 0; i < w->n; i++) {
        const weight *p = &w->item[i];
        var[i] = (etr_var){.path = p->path, .kind = ETR_PARAM, .stored = 1, .rank = p->shape.rank,
                           .offset = offset};
        for (int k = 0; k < p->shape.rank; k++)
            var[i].shape[k] = (int)p->shape.dim[k];
        for (int64_t k = 0; k < net_count(&p->shape); k++, offset += size) {
            const float single = (float)p->value[k];
            memcpy(block + offset, bits == 32 ? (const void *)&single : &p->value[k], size);
        }
    }
    *info = (etr_info){.name = "the model", .abi = ETR_ABI, .real_bytes = (int)size, .batch = 1,
                       .params_bytes = total, .n_vars = (int)w->n, .vars = var};
    return block;
}

/* libzip writes to a path; this one goes again.  */
bool weights_write(const weights *w, int bits, buf *file, diag *d)
{
    const char *base = getenv("TMPDIR");
    char *folder = arena_printf(w->arena, "%s/etrace-convert-XXXXXX", base && *base ? base : "/tmp");
    etr_info info;
    const void *block = make_block(w, bits, &info);
    if (!mkdtemp(folder)) {
        diag_error(d, (loc){0}, "E0701", "cannot make a folder in %s: %s", base ? base : "/tmp",
                   strerror(errno));
        return false;
    }
    const char *path = arena_printf(w->arena, "%s/weights.npz", folder);
    bool good = etr_npz_save(path, block, &info, ETR_PARAM) == ETR_NPZ_OK;
    if (!good)
        diag_error(d, (loc){0}, "E0702", "cannot write weights: %s", etr_npz_error());
    else if (!(good = buf_read_file(file, path)))
        diag_error(d, (loc){0}, "E0702", "cannot write weights: %s", strerror(errno));
    unlink(path);
    rmdir(folder);
    return good;
}

const char *number_text(arena *a, double x)
{
    const char *text = "";
    for (int digits = 6; digits <= 17; digits++) {
        text = arena_printf(a, "%.*g", digits, x);
        if (memcmp(&(double){strtod(text, NULL)}, &x, sizeof x) == 0)
            break;
    }
    return text;
}
