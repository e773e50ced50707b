/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's snapshots.  In: blocks of a small table, and bytes that are damaged, cut or of
   something else.  Out: test cases.  Going on from one is tested in check_online.c.  */
#define _GNU_SOURCE

#include "etrace_snapshot.h"
#include "scratch.h"
#include "suites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    float W[2][3], b[3];
} params;
typedef struct {
    float h[3];
    int32_t timer;
} state;
typedef struct {
    float e[6];
} trace;

static const etr_var vars[] = {
    {.path = "rnn.W", .kind = ETR_PARAM, .stored = 1, .rank = 2, .shape = {2, 3},
     .offset = offsetof(params, W)},
    {.path = "rnn.b", .kind = ETR_PARAM, .stored = 1, .rank = 1, .shape = {3},
     .offset = offsetof(params, b)},
    {.path = "rnn.h", .kind = ETR_HIDDEN, .stored = 1, .rank = 1, .shape = {3},
     .offset = offsetof(state, h)},
    {.path = "timer", .kind = ETR_STATE, .element = ETR_INT32, .stored = 1,
     .offset = offsetof(state, timer)},
    {.path = "e", .kind = ETR_TRACE, .stored = 1, .rank = 1, .shape = {6}},
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
    .trace_bytes = sizeof(trace),
    .n_vars = 5,
    .vars = vars,
};

static const params p0 = {{{1, 2, 3}, {4, 5, -0.1f}}, {7, 8, 9}};
static const state s0 = {{0.25f, -1, 3}, -7};
static const trace e0 = {{1, 2, 3, 4, 5, 6}};

enum { ROOM = 512, STEP = 77 };
static unsigned char good[ROOM], bad[ROOM];

/* The state's snapshot into `good`; its size.  */
static size_t write_state(void)
{
    etr_snapshot_write(&info, ETR_BLOCK_STATE, &s0, STEP, good);
    return etr_snapshot_size(&info, ETR_BLOCK_STATE);
}

/* Is it read as the state of the model WHO?  What was there stays when it is not.  */
static etr_snapshot_status read_state(const etr_info *who, const void *bytes, size_t size)
{
    const state before = {{9, 9, 9}, 9};
    state got = before;
    uint64_t step = 5;
    const etr_snapshot_status status =
        etr_snapshot_read(who, ETR_BLOCK_STATE, &got, &step, bytes, size);

    ck_assert_mem_eq(&got, status == ETR_SNAPSHOT_OK ? &s0 : &before, sizeof got);
    ck_assert_uint_eq(step, status == ETR_SNAPSHOT_OK ? STEP : 5);
    ck_assert_int_eq(etr_snapshot_check(who, ETR_BLOCK_STATE, bytes, size), status);
    return status;
}

START_TEST(crc_known_answer)
{
    ck_assert_uint_eq(etr_crc32(0, "123456789", 9), 0xcbf43926);
    ck_assert_uint_eq(etr_crc32(etr_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
    ck_assert_uint_eq(etr_crc32(0, "", 0), 0);
}
END_TEST

/* The places that the header promises: a file of today is read for ever.  */
START_TEST(format_is_as_written_down)
{
    static const unsigned char head[20] = {0x89, 'E', 'T', 'R', 'S', '\r', '\n', 0x1a, 1, 0,
                                           0,    0,   ETR_ABI, 0,   0,   0,    0,    2,    4, 0};
    const size_t n = write_state();
    const uint16_t one = 1;

    ck_assert_uint_eq(n, 168 + sizeof(state) + 4);
    ck_assert_mem_eq(good, head, 16);
    ck_assert_uint_eq(good[16], memcmp(&one, "\1", 1) == 0 ? 1 : 2);
    ck_assert_mem_eq(good + 17, head + 17, 3);
    ck_assert_mem_eq(good + 24, "\x10\0\0\0\0\0\0\0\x4d\0\0\0\0\0\0\0", 16);
    ck_assert_mem_eq(good + 40, info.hash, 64);
    ck_assert_str_eq((const char *)good + 104, "test");
    ck_assert_mem_eq(good + 168, &s0, sizeof s0);
    ck_assert_uint_eq(good[n - 4] | (unsigned)good[n - 3] << 8 | (unsigned)good[n - 2] << 16 |
                          (unsigned)good[n - 1] << 24,
                      etr_crc32(0, good, n - 4));
}
END_TEST

START_TEST(every_kind_round_trips)
{
    const struct {
        etr_block_kind kind;
        const void *block;
        size_t n;
    } all[] = {
        {ETR_BLOCK_PARAMS, &p0, sizeof p0},   {ETR_BLOCK_STATE, &s0, sizeof s0},
        {ETR_BLOCK_TRACE, &e0, sizeof e0},    {ETR_BLOCK_MOMENT_1, &p0, sizeof p0},
        {ETR_BLOCK_MOMENT_2, &p0, sizeof p0},
    };
    char got[64] = {0};
    const size_t size = etr_snapshot_size(&info, all[_i].kind);
    uint64_t step = 0;

    etr_snapshot_write(&info, all[_i].kind, all[_i].block, UINT64_C(1) << 40, good);
    for (int k = 0; k < 5; k++)
        ck_assert_int_eq(etr_snapshot_check(&info, all[k].kind, good, size),
                         k == _i ? ETR_SNAPSHOT_OK : ETR_SNAPSHOT_KIND);
    ck_assert_int_eq(etr_snapshot_read(&info, all[_i].kind, got, &step, good, size),
                     ETR_SNAPSHOT_OK);
    ck_assert_mem_eq(got, all[_i].block, all[_i].n);
    ck_assert_int_eq(got[all[_i].n], 0);
    ck_assert_uint_eq(step, UINT64_C(1) << 40);
    ck_assert_int_eq(etr_snapshot_read(&info, all[_i].kind, got, NULL, good, size),
                     ETR_SNAPSHOT_OK);
}
END_TEST

START_TEST(blocks_that_are_not_there)
{
    etr_info none = info;

    none.trace_bytes = 0;
    ck_assert_uint_eq(etr_snapshot_size(&none, ETR_BLOCK_TRACE), 0);
    ck_assert_uint_eq(etr_snapshot_size(&info, (etr_block_kind)9), 0);
    memset(good, 1, sizeof good);
    etr_snapshot_write(&none, ETR_BLOCK_TRACE, &e0, 0, good);
    ck_assert_uint_eq(good[0], 1);
    write_state();
    ck_assert_int_ne(etr_snapshot_check(&none, ETR_BLOCK_TRACE, good, 188), ETR_SNAPSHOT_OK);
}
END_TEST

/* Every byte, every other value that it can have.  */
START_TEST(every_changed_byte_is_refused)
{
    const size_t n = write_state();

    ck_assert_int_eq(read_state(&info, good, n), ETR_SNAPSHOT_OK);
    memcpy(bad, good, n);
    for (size_t at = 0; at < n; at++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            bad[at] = (unsigned char)(good[at] ^ flip);
            ck_assert_int_eq(read_state(&info, bad, n),
                             at < 8 ? ETR_SNAPSHOT_MAGIC : ETR_SNAPSHOT_CRC);
        }
        bad[at] = good[at];
    }
}
END_TEST

/* In memory of exactly that many bytes, so that a byte too many would be seen.  */
START_TEST(every_other_length_is_refused)
{
    const size_t n = write_state();

    for (size_t cut = 0; cut < n + 20; cut++) {
        unsigned char *bytes = malloc(cut ? cut : 1);
        ck_assert_ptr_nonnull(bytes);
        memcpy(bytes, good, cut);
        ck_assert_int_eq(read_state(&info, bytes, cut),
                         cut == n ? ETR_SNAPSHOT_OK : ETR_SNAPSHOT_LENGTH);
        free(bytes);
    }
}
END_TEST

/* The snapshot with byte AT set to VALUE, and a checksum that is right again.  */
static etr_snapshot_status with_byte(size_t at, unsigned char value)
{
    const size_t n = write_state();
    uint32_t crc;

    good[at] = value;
    crc = etr_crc32(0, good, n - 4);
    for (int k = 0; k < 4; k++)
        good[n - 4 + (size_t)k] = (unsigned char)(crc >> 8 * k);
    return read_state(&info, good, n);
}

START_TEST(of_another_time_or_machine)
{
    ck_assert_int_eq(with_byte(8, 2), ETR_SNAPSHOT_VERSION);
    ck_assert_int_eq(with_byte(12, ETR_ABI + 1), ETR_SNAPSHOT_ABI);
    ck_assert_int_eq(with_byte(16, 3), ETR_SNAPSHOT_BYTE_ORDER);
    ck_assert_int_eq(with_byte(19, 1), ETR_SNAPSHOT_LAYOUT);
    ck_assert_int_eq(with_byte(24, 17), ETR_SNAPSHOT_LAYOUT);
    ck_assert_int_eq(with_byte(39, 0), ETR_SNAPSHOT_OK); /* the step's highest byte */
}
END_TEST

/* The bytes of a state of 16 bytes are of the right length for all of these.  */
START_TEST(of_another_model)
{
    const size_t n = write_state();
    etr_var other[5];
    etr_info who = info;

    who.name = "tesu";
    ck_assert_int_eq(read_state(&who, good, n), ETR_SNAPSHOT_MODEL);
    who = info;
    who.hash = "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    ck_assert_int_eq(read_state(&who, good, n), ETR_SNAPSHOT_SPEC);
    who.hash = NULL;
    ck_assert_int_eq(read_state(&who, good, n), ETR_SNAPSHOT_SPEC);
    who = info;
    who.real_bytes = 8;
    ck_assert_int_eq(read_state(&who, good, n), ETR_SNAPSHOT_LAYOUT);
    who = info;
    who.batch = 2;
    ck_assert_int_eq(read_state(&who, good, n), ETR_SNAPSHOT_LAYOUT);
    who = info;
    who.vars = other;
    for (int k = 0; k < 4; k++) {
        memcpy(other, vars, sizeof vars);
        if (k == 0)
            other[2].path = "rnn.c";
        else if (k == 1)
            other[2].shape[0] = 4;
        else if (k == 2)
            other[3].element = ETR_REAL;
        else
            other[3].rank = 1;
        ck_assert_int_eq(read_state(&who, good, n), ETR_SNAPSHOT_LAYOUT);
    }
    who = info;
    who.state_bytes = 20;
    ck_assert_int_eq(read_state(&who, good, n), ETR_SNAPSHOT_LAYOUT);
    who = info;
    who.rule = "pp_prop"; /* a state means the same under every rule */
    ck_assert_int_eq(read_state(&who, good, n), ETR_SNAPSHOT_OK);
}
END_TEST

START_TEST(of_another_rule)
{
    etr_info who = info;
    trace got = {{0}};
    const size_t n = etr_snapshot_size(&info, ETR_BLOCK_TRACE);

    etr_snapshot_write(&info, ETR_BLOCK_TRACE, &e0, 0, good);
    who.rule = "pp_prop";
    ck_assert_int_eq(etr_snapshot_read(&who, ETR_BLOCK_TRACE, &got, NULL, good, n),
                     ETR_SNAPSHOT_LAYOUT);
    ck_assert(got.e[0] == 0);
    ck_assert_int_eq(etr_snapshot_read(&info, ETR_BLOCK_TRACE, &got, NULL, good, n),
                     ETR_SNAPSHOT_OK);
}
END_TEST

START_TEST(statuses_have_texts)
{
    for (int a = ETR_SNAPSHOT_MEMORY; a <= ETR_SNAPSHOT_OK + 1; a++) {
        for (int b = ETR_SNAPSHOT_MEMORY; b < a; b++)
            ck_assert_str_ne(etr_snapshot_text((etr_snapshot_status)a),
                             etr_snapshot_text((etr_snapshot_status)b));
    }
}
END_TEST

/* --- files --------------------------------------------------------------------------------- */

static void set_up(void)
{
    scratch_begin("a.etr");
}

/* Save all three blocks.  */
static etr_snapshot_status save(const char *where)
{
    params p = p0;
    state s = s0;
    trace e = e0;
    const etr_block blocks[] = {
        {ETR_BLOCK_PARAMS, &p}, {ETR_BLOCK_STATE, &s}, {ETR_BLOCK_TRACE, &e}};

    return etr_snapshot_save(where, &info, blocks, 3, STEP);
}

/* Load the first N of the three blocks: all of them are filled, or none is touched.  */
static etr_snapshot_status load(int n)
{
    params p = {.b = {1}}, p1 = p;
    state s = {.timer = 1}, s1 = s;
    trace e = {{1}}, e1 = e;
    uint64_t step = 1;
    const etr_block blocks[] = {
        {ETR_BLOCK_PARAMS, &p}, {ETR_BLOCK_STATE, &s}, {ETR_BLOCK_TRACE, &e}};
    const etr_snapshot_status status = etr_snapshot_load(scratch_path, &info, blocks, n, &step);
    const int filled = status == ETR_SNAPSHOT_OK;

    ck_assert_mem_eq(&p, filled ? &p0 : &p1, sizeof p);
    ck_assert_mem_eq(&s, filled ? &s0 : &s1, sizeof s);
    ck_assert_mem_eq(&e, filled ? &e0 : &e1, sizeof e);
    ck_assert_uint_eq(step, filled ? STEP : 1);
    return status;
}

START_TEST(file_round_trip)
{
    struct stat file;

    ck_assert_int_eq(save(scratch_path), ETR_SNAPSHOT_OK);
    ck_assert_int_eq(load(3), ETR_SNAPSHOT_OK);
    ck_assert_int_eq(chmod(scratch_path, 0640), 0);
    ck_assert_int_eq(save(scratch_path), ETR_SNAPSHOT_OK);
    ck_assert_int_eq(stat(scratch_path, &file), 0);
    ck_assert_uint_eq(file.st_mode & 0777, 0640);
    ck_assert_int_eq(load(2), ETR_SNAPSHOT_LENGTH);
}
END_TEST

START_TEST(damaged_files_fill_nothing)
{
    static char whole[1024], other[1024];
    size_t n;

    ck_assert_int_eq(save(scratch_path), ETR_SNAPSHOT_OK);
    n = scratch_read(whole, sizeof whole);
    for (size_t at = 0; at < n; at++) {
        memcpy(other, whole, n);
        other[at] = (char)(other[at] ^ (1 << at % 8));
        scratch_write(other, n);
        ck_assert_int_lt(load(3), 0);
        scratch_write(whole, at);
        ck_assert_int_lt(load(3), 0);
    }
    scratch_write(whole, n);
    ck_assert_int_eq(load(3), ETR_SNAPSHOT_OK);
    memcpy(whole + n, whole, 1);
    scratch_write(whole, n + 1);
    ck_assert_int_lt(load(3), 0);
    ck_assert_int_eq(truncate(scratch_path, (off_t)1 << 33), 0);
    ck_assert_int_eq(load(3), ETR_SNAPSHOT_LENGTH);
}
END_TEST

/* Of a spec with larger blocks: named, not taken for damage.  */
START_TEST(files_of_another_spec)
{
    params p[2] = {p0, p0};
    const etr_block block = {ETR_BLOCK_PARAMS, p};
    etr_info larger = info;

    larger.hash = "ff";
    larger.params_bytes = sizeof p;
    ck_assert_int_eq(etr_snapshot_save(scratch_path, &larger, &block, 1, 0), ETR_SNAPSHOT_OK);
    ck_assert_int_eq(load(1), ETR_SNAPSHOT_SPEC);
}
END_TEST

START_TEST(files_that_cannot_be)
{
    etr_block none = {ETR_BLOCK_TRACE, NULL};
    etr_info without = info;

    ck_assert_int_eq(save("/nonexistent/a.etr"), ETR_SNAPSHOT_IO);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(load(3), ETR_SNAPSHOT_IO);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(mkdir(scratch_path, 0700), 0);
    ck_assert_int_eq(save(scratch_path), ETR_SNAPSHOT_IO);
    ck_assert_int_eq(load(3), ETR_SNAPSHOT_IO);
    ck_assert_int_eq(rmdir(scratch_path), 0);
    ck_assert_int_eq(mkfifo(scratch_path, 0600), 0);
    ck_assert_int_eq(load(3), ETR_SNAPSHOT_IO);
    without.trace_bytes = 0;
    ck_assert_int_eq(etr_snapshot_save(scratch_path, &without, &none, 1, 0), ETR_SNAPSHOT_KIND);
}
END_TEST

Suite *snapshot_suite(void)
{
    Suite *s = suite_create("snapshot");
    TCase *memory = tcase_create("memory"), *files = tcase_create("files");

    tcase_add_test(memory, crc_known_answer);
    tcase_add_test(memory, format_is_as_written_down);
    tcase_add_loop_test(memory, every_kind_round_trips, 0, 5);
    tcase_add_test(memory, blocks_that_are_not_there);
    tcase_add_test(memory, every_changed_byte_is_refused);
    tcase_add_test(memory, every_other_length_is_refused);
    tcase_add_test(memory, of_another_time_or_machine);
    tcase_add_test(memory, of_another_model);
    tcase_add_test(memory, of_another_rule);
    tcase_add_test(memory, statuses_have_texts);
    suite_add_tcase(s, memory);
    tcase_set_timeout(files, 60); /* some disks take their time to flush */
    tcase_add_checked_fixture(files, set_up, scratch_end);
    tcase_add_test(files, file_round_trip);
    tcase_add_test(files, damaged_files_fill_nothing);
    tcase_add_test(files, files_of_another_spec);
    tcase_add_test(files, files_that_cannot_be);
    suite_add_tcase(s, files);
    return s;
}
