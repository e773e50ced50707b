/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's files.  In: tests/data (made by numpy), blocks and hostile archives made here.
   Out: test cases of .npz reading and writing, and of plots.  */
#define _GNU_SOURCE

#include "etrace_npz.h"
#include "etrace_plot.h"
#include "scratch.h"
#include "suites.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zip.h>

static void set_up(void)
{
    scratch_begin("a.npz");
}

START_TEST(round_trip)
{
    scratch_block got = {0};

    ck_assert_int_eq(etr_npz_save(scratch_path, &scratch_sample, &scratch_info, ETR_PARAM),
                     ETR_NPZ_OK);
    ck_assert_int_eq(etr_npz_load(scratch_path, &got, &scratch_info, ETR_PARAM), ETR_NPZ_OK);
    ck_assert_mem_eq(&got, &scratch_sample, sizeof got);
}
END_TEST

typedef struct {
    uint16_t brain[3], half[3];
} halves;

static const etr_var half_vars[] = {
    {.path = "brain", .kind = ETR_TRACE, .element = ETR_BFLOAT16, .stored = 1, .rank = 1, .shape = {3},
     .offset = offsetof(halves, brain)},
    {.path = "half", .kind = ETR_TRACE, .element = ETR_FLOAT16, .stored = 1, .rank = 1, .shape = {3},
     .offset = offsetof(halves, half)},
};
static const etr_info half_info = {.name = "test", .abi = ETR_ABI, .real_bytes = 4, .batch = 1,
                                   .trace_bytes = sizeof(halves), .n_vars = 2, .vars = half_vars};

/* numpy has float16; bfloat16 is its bits.  */
START_TEST(halves_round_trip)
{
    const halves from = {{0x3f80, 0xffff, 1}, {0x3c00, 0xfbff, 1}};
    halves to = {{0}, {0}};
    int rank, shape[ETR_RANK_MAX];
    etr_npz *npz;

    ck_assert_int_eq(etr_npz_save(scratch_path, &from, &half_info, ETR_TRACE), ETR_NPZ_OK);
    ck_assert_int_eq(etr_npz_load(scratch_path, &to, &half_info, ETR_TRACE), ETR_NPZ_OK);
    ck_assert_mem_eq(&from, &to, sizeof to);
    npz = etr_npz_open(scratch_path);
    ck_assert_ptr_nonnull(npz);
    ck_assert_double_eq(etr_npz_get(npz, "half", &rank, shape)[1], -65504);
    ck_assert_double_eq(etr_npz_get(npz, "brain", &rank, shape)[0], 0x3f80);
    etr_npz_close(npz);
}
END_TEST

START_TEST(saved_names_and_shapes)
{
    int rank, shape[ETR_RANK_MAX];
    const double *x;
    etr_npz *npz;

    ck_assert_int_eq(etr_npz_save(scratch_path, &scratch_sample, &scratch_info, ETR_PARAM),
                     ETR_NPZ_OK);
    npz = etr_npz_open(scratch_path);
    ck_assert_ptr_nonnull(npz);
    ck_assert_int_eq(etr_npz_count(npz), 4);
    ck_assert_str_eq(etr_npz_name(npz, 0), "rnn.W");
    ck_assert_str_eq(etr_npz_name(npz, 3), "one");
    ck_assert_ptr_null(etr_npz_name(npz, 4));
    x = etr_npz_get(npz, "rnn.W", &rank, shape);
    ck_assert_int_eq(rank, 2);
    ck_assert(shape[0] == 2 && shape[1] == 3);
    ck_assert_double_eq(x[5], (double)-0.1f);
    ck_assert_double_eq(etr_npz_get(npz, "count", &rank, shape)[0], -12);
    ck_assert_int_eq(rank, 0);
    ck_assert_double_eq(etr_npz_get(npz, "one", &rank, shape)[1], 0.5);
    ck_assert_ptr_null(etr_npz_get(npz, "two", &rank, shape));
    ck_assert_str_eq(etr_npz_error(), "no array is named two");
    etr_npz_close(npz);
}
END_TEST

START_TEST(same_values_same_bytes)
{
    static char first[8192], second[8192];
    size_t n;

    ck_assert_int_eq(etr_npz_save(scratch_path, &scratch_sample, &scratch_info, ETR_PARAM),
                     ETR_NPZ_OK);
    n = scratch_read(first, sizeof first);
    ck_assert_int_eq(setenv("TZ", "Asia/Tokyo", 1), 0);
    ck_assert_int_eq(etr_npz_save(scratch_path, &scratch_sample, &scratch_info, ETR_PARAM),
                     ETR_NPZ_OK);
    ck_assert_int_eq(unsetenv("TZ"), 0);
    ck_assert_uint_eq(scratch_read(second, sizeof second), n);
    ck_assert_mem_eq(first, second, n);
}
END_TEST

START_TEST(kinds_without_names_are_refused)
{
    scratch_write("old", 3);
    ck_assert_int_eq(etr_npz_save(scratch_path, &scratch_sample, &scratch_info, ETR_H2H),
                     ETR_NPZ_MISMATCH);
    ck_assert_int_eq(etr_npz_save(scratch_path, &scratch_sample, &scratch_info, ETR_TRACE),
                     ETR_NPZ_MISMATCH);
    ck_assert_int_eq(access(scratch_path, F_OK), 0);
}
END_TEST

START_TEST(unwritable_and_missing_files)
{
    scratch_block got = scratch_sample;

    ck_assert_int_eq(etr_npz_save("/nonexistent/a.npz", &scratch_sample, &scratch_info, ETR_PARAM),
                     ETR_NPZ_IO);
    ck_assert_int_eq(etr_npz_load(scratch_path, &got, &scratch_info, ETR_PARAM), ETR_NPZ_IO);
    ck_assert_ptr_nonnull(strstr(etr_npz_error(), scratch_path));
    ck_assert_ptr_null(etr_npz_open(scratch_path));
}
END_TEST

/* Load with one thing changed; the block must stay as it was.  */
static void mismatch(int var, etr_var changed, const char *message)
{
    etr_var other[SCRATCH_VARS];
    etr_info expects = scratch_info;
    scratch_block got = {.count = 99}, before = got;

    memcpy(other, scratch_info.vars, sizeof other);
    other[var] = changed;
    expects.vars = other;
    ck_assert_int_eq(etr_npz_load(scratch_path, &got, &expects, ETR_PARAM), ETR_NPZ_MISMATCH);
    ck_assert_ptr_nonnull(strstr(etr_npz_error(), message));
    ck_assert_mem_eq(&got, &before, sizeof got);
}

START_TEST(names_shapes_and_types_are_checked)
{
    etr_var v = scratch_info.vars[2];

    ck_assert_int_eq(etr_npz_save(scratch_path, &scratch_sample, &scratch_info, ETR_PARAM),
                     ETR_NPZ_OK);
    v.path = "rnn.c";
    mismatch(2, v, "no array is named rnn.c");
    v = scratch_info.vars[2];
    v.shape[0] = 4;
    mismatch(2, v, "axis 0 is 3 long in the file, 4");
    v.rank = 2;
    mismatch(2, v, "1 axes in the file, 2");
    v = scratch_info.vars[3];
    v.element = ETR_REAL;
    mismatch(3, v, "elements are i4 in the file, f4");
    v.kind = ETR_STATE;
    mismatch(3, v, "has 4 arrays, test has 3");
}
END_TEST

static etr_npz *open_data(const char *name)
{
    const char *srcdir = getenv("srcdir");
    char file[4096];
    etr_npz *npz;

    snprintf(file, sizeof file, "%s/tests/data/%s", srcdir ? srcdir : ".", name);
    npz = etr_npz_open(file);
    ck_assert_msg(npz != NULL, "%s", etr_npz_error());
    return npz;
}

START_TEST(numpy_files_are_read)
{
    static const char *const counted[] = {"f8", "big", "fortran"};
    etr_npz *npz = open_data("numpy.npz");
    int rank, shape[ETR_RANK_MAX];
    const double *x;

    ck_assert_int_eq(etr_npz_count(npz), 8);
    for (int k = 0; k < 3; k++) {
        x = etr_npz_get(npz, counted[k], &rank, shape);
        ck_assert_msg(x != NULL, "%s", etr_npz_error());
        ck_assert(rank == 2 && shape[0] == 2 && shape[1] == 3);
        for (int i = 0; i < 6; i++)
            ck_assert_double_eq(x[i], i);
        ck_assert_ptr_eq(etr_npz_get(npz, counted[k], &rank, shape), x);
    }
    ck_assert_double_eq(etr_npz_get(npz, "f4", &rank, shape)[5], (double)(5.0f / 3.0f));
    ck_assert_double_eq(etr_npz_get(npz, "i4", &rank, shape)[1], -2);
    ck_assert_double_eq(etr_npz_get(npz, "i8", &rank, shape)[0], 7);
    ck_assert_int_eq(rank, 0);
    x = etr_npz_get(npz, "b1", &rank, shape);
    ck_assert(x[0] == 1 && x[1] == 0);
    ck_assert_ptr_nonnull(etr_npz_get(npz, "empty", &rank, shape));
    ck_assert(shape[0] == 0 && shape[1] == 4);
    etr_npz_close(npz);
}
END_TEST

START_TEST(small_types_are_read)
{
    static const struct {
        const char *name;
        double x[3];
    } want[] = {
        {"f2", {1.5, -65504, 5.9604644775390625e-08}}, {"i2", {-32768, 32767, -1}},
        {"i2big", {-32768, 32767, -1}}, {"i1", {-128, 127, -1}}, {"u1", {0, 128, 255}},
    };
    etr_npz *npz = open_data("small.npz");
    int rank, shape[ETR_RANK_MAX];

    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        const double *x = etr_npz_get(npz, want[k].name, &rank, shape);
        ck_assert_msg(x != NULL, "%s", etr_npz_error());
        ck_assert(rank == 1 && shape[0] == 3);
        for (int i = 0; i < 3; i++)
            ck_assert_double_eq(x[i], want[k].x[i]);
    }
    etr_npz_close(npz);
}
END_TEST

START_TEST(pickles_and_other_types_are_refused)
{
    etr_npz *npz = open_data("objects.npz");
    int rank, shape[ETR_RANK_MAX];

    ck_assert_ptr_null(etr_npz_get(npz, "o", &rank, shape));
    ck_assert_ptr_nonnull(strstr(etr_npz_error(), "not an array of f2"));
    ck_assert_ptr_null(etr_npz_get(npz, "c", &rank, shape));
    etr_npz_close(npz);
}
END_TEST

/* Every prefix of a good file is refused, and so is every byte flipped in the arrays or their
   heads (the checksum) or answered without a crash (in the directory).  */
START_TEST(cut_and_flipped_files)
{
    static char good[8192], bad[8192];
    scratch_block got = {.count = 99}, before = got;
    size_t n;

    ck_assert_int_eq(etr_npz_save(scratch_path, &scratch_sample, &scratch_info, ETR_PARAM),
                     ETR_NPZ_OK);
    n = scratch_read(good, sizeof good);
    for (size_t cut = 0; cut < n; cut += 7) {
        scratch_write(good, cut);
        ck_assert_int_lt(etr_npz_load(scratch_path, &got, &scratch_info, ETR_PARAM), 0);
        ck_assert_mem_eq(&got, &before, sizeof got);
    }
    for (size_t at = 0; at < n; at += 3) {
        memcpy(bad, good, n);
        bad[at] = (char)(bad[at] ^ 0x11);
        scratch_write(bad, n);
        if (etr_npz_load(scratch_path, &got, &scratch_info, ETR_PARAM) == ETR_NPZ_OK)
            ck_assert_mem_eq(&got, &scratch_sample, sizeof got);
        else
            ck_assert_mem_eq(&got, &before, sizeof got);
        got = before;
    }
}
END_TEST

/* An archive with the one entry a.npy of LEN bytes.  */
static void write_entry(const char *bytes, size_t len)
{
    zip_t *zip = zip_open(scratch_path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    zip_source_t *source;

    ck_assert_ptr_nonnull(zip);
    source = zip_source_buffer(zip, bytes, len, 0);
    ck_assert_int_ge(zip_file_add(zip, "a.npy", source, 0), 0);
    ck_assert_int_eq(zip_close(zip), 0);
}

/* An entry whose head is DICT, with N_DATA bytes behind it.  Is it read?  */
static int entry_is_read(const char *dict, size_t n_data)
{
    char bytes[1024] = "\x93NUMPY\1\0";
    const size_t len = strlen(dict);
    int rank, shape[ETR_RANK_MAX], found;
    etr_npz *npz;

    ck_assert_uint_lt(len, 128);
    bytes[8] = (char)len;
    memcpy(bytes + 10, dict, len);
    write_entry(bytes, 10 + len + n_data);
    npz = etr_npz_open(scratch_path);
    ck_assert_ptr_nonnull(npz);
    found = etr_npz_get(npz, "a", &rank, shape) != NULL;
    ck_assert(found || etr_npz_error()[0]);
    etr_npz_close(npz);
    return found;
}

#define HEAD(type, shape) "{'descr': '" type "', 'fortran_order': False, 'shape': " shape ", }"

START_TEST(lying_heads)
{
    static const char *const wrong[] = {
        HEAD("<f4", "(3,)"), HEAD("<f4", "(5,)"), HEAD("<f8", "(4,)"), HEAD("<f4", "(-4,)"),
        HEAD("<f4", "(1000000000,)"), HEAD("<f4", "(99999999999999999999,)"),
        HEAD("<f4", "(65536, 65536, 65536, 65536)"), HEAD("<f4", "(0, 4)"),
        HEAD("<f4", "(4, 1, 1, 1, 1, 1, 1, 1, 1, 1)"), HEAD("|O", "(4,)"), HEAD("<c8", "(2,)"),
        HEAD("<f4", "(4"), HEAD("<f4", "4"), HEAD("<f4", "(4,,)"), HEAD("", "(4,)"), "", "{", "{}",
        "{'descr': '<f4', 'shape': (4,)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,)}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4,)}",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (4,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4,)} + x",
    };

    ck_assert(entry_is_read(HEAD("<f4", "(4,)"), 16));
    ck_assert(entry_is_read("{'shape':(2,2),'descr':'<f4','fortran_order':True}\n", 16));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(!entry_is_read(wrong[i], 16), "%s", wrong[i]);
}
END_TEST

START_TEST(other_entries)
{
    int rank, shape[ETR_RANK_MAX];
    etr_npz *npz;

    write_entry("\x93NUMPY\2\0\xff\xff\xff\xff{", 13);
    npz = etr_npz_open(scratch_path);
    ck_assert_ptr_null(etr_npz_get(npz, "a", &rank, shape));
    etr_npz_close(npz);
    write_entry("PICKLE", 6);
    npz = etr_npz_open(scratch_path);
    ck_assert_ptr_null(etr_npz_get(npz, "a", &rank, shape));
    etr_npz_close(npz);
    scratch_write("no zip at all", 13);
    ck_assert_ptr_null(etr_npz_open(scratch_path));
}
END_TEST

/* 64 MiB of zeros are 64 KiB in the file: refused before anything is allocated for them.  */
START_TEST(bombs)
{
    const size_t n = (size_t)64 << 20;
    const char head[] = "\x93NUMPY\1\0\x40\0" HEAD("|b1", "(67108864,)");
    char *bytes = calloc(1, n + 74);
    int rank, shape[ETR_RANK_MAX];
    etr_npz *npz;

    ck_assert_ptr_nonnull(bytes);
    memset(bytes + 10, ' ', 64);
    memcpy(bytes, head, sizeof head - 1);
    write_entry(bytes, n + 74);
    free(bytes);
    npz = etr_npz_open(scratch_path);
    ck_assert_ptr_null(etr_npz_get(npz, "a", &rank, shape));
    ck_assert_str_eq(etr_npz_error(), "a: sizes that cannot be");
    etr_npz_close(npz);
}
END_TEST

START_TEST(plot_shows_texts_as_they_are)
{
    static char svg[1 << 16];
    static const double up[] = {1, 2, 3}, down[] = {3, 0.5, -1};
    static const double *const y[] = {up, down};
    static const char *const names[] = {"it's `id` a_b", "<b> & \"c\"\nset output"};
    int status = etr_plot_svg(scratch_path, "t'; system 'touch pwned' #", "x", "y", 2, names, y, 3);

    if (status == ETR_PLOT_NO_GNUPLOT)
        return;
    ck_assert_int_eq(status, ETR_PLOT_OK);
    svg[scratch_read(svg, sizeof svg - 1)] = '\0';
    ck_assert_ptr_nonnull(strstr(svg, "</svg>"));
    ck_assert_ptr_nonnull(strstr(svg, "a_b"));
    ck_assert_ptr_nonnull(strstr(svg, "`id`"));
    ck_assert_ptr_nonnull(strstr(svg, "&lt;b"));
    ck_assert_ptr_nonnull(strstr(svg, "&amp;"));
    ck_assert_int_ne(access("pwned", F_OK), 0);
    ck_assert_int_eq(etr_plot_svg("/nonexistent/a.svg", "", "", "", 2, names, y, 3),
                     ETR_PLOT_IO);
}
END_TEST

START_TEST(plot_without_gnuplot)
{
    static const double up[] = {1, 2, 3};
    static const double *const y[] = {up};
    static const char *const names[] = {"up"};
    const char *now = getenv("PATH");
    char *search = strdup(now ? now : "");
    int status;

    ck_assert_ptr_nonnull(search);
    ck_assert_int_eq(setenv("PATH", "/nonexistent", 1), 0);
    status = etr_plot_svg(scratch_path, "t", "x", "y", 1, names, y, 3);
    ck_assert_int_eq(setenv("PATH", search, 1), 0);
    free(search);
    ck_assert_int_eq(status, ETR_PLOT_NO_GNUPLOT);
    ck_assert_int_ne(access(scratch_path, F_OK), 0);
}
END_TEST

Suite *npz_suite(void)
{
    Suite *s = suite_create("npz");
    TCase *files = tcase_create("files"), *hostile = tcase_create("hostile");
    TCase *plots = tcase_create("plots");

    tcase_add_checked_fixture(files, set_up, scratch_end);
    tcase_add_test(files, round_trip);
    tcase_add_test(files, halves_round_trip);
    tcase_add_test(files, saved_names_and_shapes);
    tcase_add_test(files, same_values_same_bytes);
    tcase_add_test(files, kinds_without_names_are_refused);
    tcase_add_test(files, unwritable_and_missing_files);
    tcase_add_test(files, names_shapes_and_types_are_checked);
    tcase_add_test(files, numpy_files_are_read);
    tcase_add_test(files, small_types_are_read);
    suite_add_tcase(s, files);
    tcase_add_checked_fixture(hostile, set_up, scratch_end);
    tcase_set_timeout(hostile, 60);
    tcase_add_test(hostile, pickles_and_other_types_are_refused);
    tcase_add_test(hostile, cut_and_flipped_files);
    tcase_add_test(hostile, lying_heads);
    tcase_add_test(hostile, other_entries);
    tcase_add_test(hostile, bombs);
    suite_add_tcase(s, hostile);
    tcase_add_checked_fixture(plots, set_up, scratch_end);
    tcase_add_test(plots, plot_shows_texts_as_they_are);
    tcase_add_test(plots, plot_without_gnuplot);
    suite_add_tcase(s, plots);
    return s;
}
