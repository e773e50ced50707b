/* SPDX-License-Identifier: Apache-2.0 */
/* In: the name of a file.  Out: the file in a folder of its own, which is empty afterwards.  */
#define _POSIX_C_SOURCE 200809L
#include "scratch.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char scratch_folder[32], scratch_path[64];

static const etr_var vars[SCRATCH_VARS] = {
    {.path = "rnn.W", .kind = ETR_PARAM, .stored = 1, .rank = 2, .shape = {2, 3},
     .offset = offsetof(scratch_block, W)},
    {.path = "h", .kind = ETR_HIDDEN, .stored = 1, .rank = 1, .shape = {3}},
    {.path = "rnn.b", .kind = ETR_PARAM, .stored = 1, .rank = 1, .shape = {3},
     .offset = offsetof(scratch_block, b)},
    {.path = "count", .kind = ETR_PARAM, .element = ETR_INT32, .stored = 1,
     .offset = offsetof(scratch_block, count)},
    {.path = "one", .kind = ETR_PARAM, .stored = 0, .constant = 0.5, .rank = 1, .shape = {2}},
    {.path = "", .kind = ETR_H2H, .stored = 1},
    {.path = "a\"b", .kind = ETR_STATE, .stored = 1},
};
const etr_info scratch_info = {.name = "test", .abi = ETR_ABI, .real_bytes = 4, .batch = 1,
                               .params_bytes = sizeof(scratch_block), .n_vars = SCRATCH_VARS, .vars = vars};
const scratch_block scratch_sample = {{{1, 2, 3}, {4, 5, -0.1f}}, {7, 8, 9}, -12};

void scratch_begin(const char *name)
{
    strcpy(scratch_folder, "/tmp/etrace-file-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch_folder));
    snprintf(scratch_path, sizeof scratch_path, "%s/%s", scratch_folder, name);
}

void scratch_end(void)
{
    unlink(scratch_path);
    ck_assert_int_eq(rmdir(scratch_folder), 0);
}

size_t scratch_read(char *bytes, size_t size)
{
    FILE *f = fopen(scratch_path, "rb");
    size_t n;

    ck_assert_ptr_nonnull(f);
    n = fread(bytes, 1, size, f);
    fclose(f);
    return n;
}

void scratch_write(const char *bytes, size_t n)
{
    FILE *f = fopen(scratch_path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}
