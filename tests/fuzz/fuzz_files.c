/* SPDX-License-Identifier: Apache-2.0 */
/* In: bytes that may be weights or snapshots.  Every array that a file has is read to its end, and a block
   is filled wholly or not touched.  */
#include "fuzz.h"

#include "etrace_npz.h"
#include "etrace_safetensors.h"
#include "etrace_snapshot.h"

#ifdef FUZZ_NIR
#include "convert.h"
#endif

#include <stdlib.h>
#include <string.h>

#include <zip.h>

/* A small model.  */
typedef struct {
    float W[2][3], b[3];
} params;
typedef struct {
    float h[3];
    int32_t timer;
} state;

enum { N_BLOCKS = 2, HASH = 64 };

static const etr_var vars[] = {
    {.path = "W", .kind = ETR_PARAM, .stored = 1, .rank = 2, .shape = {2, 3},
     .offset = offsetof(params, W)},
    {.path = "b", .kind = ETR_PARAM, .stored = 1, .rank = 1, .shape = {3},
     .offset = offsetof(params, b)},
    {.path = "h", .kind = ETR_HIDDEN, .stored = 1, .rank = 1, .shape = {3},
     .offset = offsetof(state, h)},
    {.path = "timer", .kind = ETR_STATE, .element = ETR_INT32, .stored = 1,
     .offset = offsetof(state, timer)},
};
static const etr_info info = {
    .name = "test",
    .hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    .rule = "d_rtrl",
    .abi = ETR_ABI,
    .real_bytes = 4,
    .batch = 1,
    .params_bytes = sizeof(params),
    .state_bytes = sizeof(state),
    .n_vars = 4,
    .vars = vars,
};

/* What stands in a block that nothing was loaded into.  */
static const params untouched = {{{1, 2, 3}, {4, 5, 6}}, {7, 8, 9}};

/* Reads all of an array of SHAPE, so that one that is too short is seen.  */
static void touch(const double *value, int rank, const int *shape)
{
    size_t n = 1;
    volatile double sum = 0;
    FUZZ_CHECK(rank >= 0 && rank <= ETR_RANK_MAX);
    for (int k = 0; k < rank; k++) {
        FUZZ_CHECK(shape[k] >= 0);
        n *= (size_t)shape[k];
    }
    if (n > 0)
        sum = sum + value[0] + value[n - 1];
}

/* --- .npz -------------------------------------------------------------------------------------- */

/* The bytes as the one array of an archive, whose checksum and sizes are right.  */
static void write_archive(const char *name, const uint8_t *data, size_t size)
{
    int code;
    zip_t *zip = zip_open(name, ZIP_CREATE | ZIP_TRUNCATE, &code);
    zip_source_t *content = zip ? zip_source_buffer(zip, data, size, 0) : NULL;
    zip_int64_t i = content ? zip_file_add(zip, "W.npy", content, ZIP_FL_ENC_UTF_8) : -1;
    FUZZ_CHECK(i >= 0 && zip_set_file_compression(zip, (zip_uint64_t)i, ZIP_CM_STORE, 0) == 0);
    FUZZ_CHECK(zip_close(zip) == 0);
}

void fuzz_npz(const uint8_t *data, size_t size)
{
    static const char name[] = "fuzz.npz";
    if (size >= 2 && memcmp(data, "PK", 2) == 0)
        fuzz_write(name, data, size);
    else
        write_archive(name, data, size);
    etr_npz *file = etr_npz_open(name);
    for (int i = 0; file && i < etr_npz_count(file); i++) {
        int rank, shape[ETR_RANK_MAX];
        const double *value = etr_npz_get(file, etr_npz_name(file, i), &rank, shape);
        if (value)
            touch(value, rank, shape);
    }
    etr_npz_close(file);
    params p = untouched;
    FUZZ_CHECK(etr_npz_load(name, &p, &info, ETR_PARAM) == ETR_NPZ_OK
               || memcmp(&p, &untouched, sizeof p) == 0);
}

/* --- .safetensors ------------------------------------------------------------------------------ */

#ifdef FUZZ_NIR
static void convert_dict(const char *name)
{
    arena *a = arena_new();
    diag *d = diag_new(a, 20);
    outputs out = {.arena = a};
    const convert_options o = {.from = FORMAT_TORCH, .to = FORMAT_SPEC, .in = name, .out = "fuzz.yaml",
                               .weights = "fuzz-weights.npz", .model = "m", .activation = "tanh", .dt = 0.0001};
    FUZZ_CHECK((torch_convert(&o, a, d, &out) == 0) == (diag_errors(d) == 0));
    outputs_free(&out);
    arena_free(a);
}
#else
static void convert_dict(const char *name)
{
    (void)name;
}
#endif

/* A file that begins with a brace is a head, up to the first NUL, and the arrays' bytes; its length is put
   before it.  */
static void write_tensors(const char *name, const uint8_t *data, size_t size)
{
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    const size_t head = nul ? (size_t)(nul - data) : size, skip = nul != NULL;
    unsigned char *file = malloc(8 + size);
    FUZZ_CHECK(file);
    etr_put_number(file, 8, head);
    memcpy(file + 8, data, head);
    memcpy(file + 8 + head, data + head + skip, size - head - skip);
    fuzz_write(name, file, 8 + size - skip);
    free(file);
}

void fuzz_safetensors(const uint8_t *data, size_t size)
{
    static const char name[] = "fuzz.safetensors";
    if (size > 0 && data[0] == '{')
        write_tensors(name, data, size);
    else
        fuzz_write(name, data, size);
    etr_safetensors *file = etr_safetensors_open(name);
    for (int i = 0; file && i < etr_safetensors_count(file); i++) {
        int rank, shape[ETR_RANK_MAX];
        const double *value = etr_safetensors_get(file, etr_safetensors_name(file, i), &rank, shape);
        if (value)
            touch(value, rank, shape);
    }
    etr_safetensors_close(file);
    params p = untouched;
    FUZZ_CHECK(etr_safetensors_load(name, &p, &info, ETR_PARAM) == ETR_SAFETENSORS_OK
               || memcmp(&p, &untouched, sizeof p) == 0);
    convert_dict(name);
}

/* --- snapshots --------------------------------------------------------------------------------- */

/* Put the right checksum behind every part of FILE, as its heads say where that is.  */
static void right_sums(unsigned char *file, size_t size)
{
    while (size >= ETR_SNAPSHOT_MORE) {
        const size_t part = etr_label_extent(file, size);
        etr_put_number(file + part - ETR_TAIL, ETR_TAIL, etr_crc32(0, file, part - ETR_TAIL));
        file += part;
        size -= part;
    }
}

/* As one block in memory, and as a file of two.  */
static void load(const unsigned char *file, size_t size)
{
    static const char name[] = "fuzz.snapshot";
    const state old = {{9, 9, 9}, 9};
    params p = untouched;
    state s = old;
    uint64_t step = 5;
    const etr_block blocks[N_BLOCKS] = {{ETR_BLOCK_PARAMS, &p}, {ETR_BLOCK_STATE, &s}};
    etr_snapshot_status status = etr_snapshot_read(&info, ETR_BLOCK_STATE, &s, &step, file, size);
    FUZZ_CHECK(status == etr_snapshot_check(&info, ETR_BLOCK_STATE, file, size));
    FUZZ_CHECK(status == ETR_SNAPSHOT_OK || (memcmp(&s, &old, sizeof s) == 0 && step == 5));
    FUZZ_CHECK(strlen(etr_snapshot_text(status)) > 0);
    s = old;
    step = 5;
    fuzz_write(name, file, size);
    status = etr_snapshot_load(name, &info, blocks, N_BLOCKS, &step);
    FUZZ_CHECK(status == ETR_SNAPSHOT_OK
               || (memcmp(&s, &old, sizeof s) == 0 && memcmp(&p, &untouched, sizeof p) == 0 && step == 5));
}

void fuzz_snapshot(const uint8_t *data, size_t size)
{
    unsigned char *file = malloc(size + 1);
    FUZZ_CHECK(file);
    memcpy(file, data, size);
    load(file, size);
    right_sums(file, size);
    load(file, size);
    free(file);
}
