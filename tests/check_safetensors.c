/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's .safetensors files.  In: tests/data/torch.safetensors (made by PyTorch 2.15 and
   safetensors 0.8), blocks, and hostile files made here.  Out: test cases.  */
#define _GNU_SOURCE

#include "etrace_random.h"
#include "etrace_safetensors.h"
#include "scratch.h"
#include "suites.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void set_up(void)
{
    scratch_begin("a.st");
}

/* A file with the head TEXT of LEN bytes and N_DATA bytes behind it.  */
static void write_head(const char *text, size_t len, size_t n_data)
{
    char bytes[4096] = {0};

    ck_assert_uint_lt(len + n_data, sizeof bytes - 8);
    bytes[0] = (char)(len & 255);
    bytes[1] = (char)(len >> 8);
    memcpy(bytes + 8, text, len);
    memset(bytes + 8 + len, 1, n_data);
    scratch_write(bytes, 8 + len + n_data);
}

/* --- files of ours ------------------------------------------------------------------------- */

START_TEST(round_trip)
{
    scratch_block got = {.count = 1};

    ck_assert_int_eq(etr_safetensors_save(scratch_path, &scratch_sample, &scratch_info, ETR_PARAM),
                     ETR_SAFETENSORS_OK);
    ck_assert_int_eq(etr_safetensors_load(scratch_path, &got, &scratch_info, ETR_PARAM),
                     ETR_SAFETENSORS_OK);
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

START_TEST(halves_round_trip)
{
    const halves from = {{0x3f80, 0xffff, 1}, {0x3c00, 0xfbff, 1}};
    halves to = {{0}, {0}};

    ck_assert_int_eq(etr_safetensors_save(scratch_path, &from, &half_info, ETR_TRACE),
                     ETR_SAFETENSORS_OK);
    ck_assert_int_eq(etr_safetensors_load(scratch_path, &to, &half_info, ETR_TRACE),
                     ETR_SAFETENSORS_OK);
    ck_assert_mem_eq(&from, &to, sizeof to);
}
END_TEST

START_TEST(doubles_round_trip)
{
    const double x[3] = {1.0 / 3, -0.0, 1e300};
    double got[3] = {0};
    const etr_var var[] = {
        {.path = "x", .kind = ETR_PARAM, .stored = 1, .rank = 1, .shape = {3}},
        {.path = "y", .kind = ETR_PARAM, .stored = 0, .constant = 0.1, .rank = 1, .shape = {1}},
    };
    const etr_info f8 = {.name = "f8", .real_bytes = 8, .n_vars = 2, .vars = var};
    int rank, shape[ETR_RANK_MAX];
    etr_safetensors *f;

    ck_assert_int_eq(etr_safetensors_save(scratch_path, x, &f8, ETR_PARAM), ETR_SAFETENSORS_OK);
    ck_assert_int_eq(etr_safetensors_load(scratch_path, got, &f8, ETR_PARAM), ETR_SAFETENSORS_OK);
    ck_assert_mem_eq(got, x, sizeof x);
    f = etr_safetensors_open(scratch_path);
    ck_assert_double_eq(etr_safetensors_get(f, "y", &rank, shape)[0], 0.1);
    etr_safetensors_close(f);
}
END_TEST

/* safetensors' own reader takes these bytes; they begin at a multiple of 8.  */
START_TEST(saved_bytes)
{
    static const char head[] =
        "{\"rnn.W\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
        "\"rnn.b\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[24,36]},"
        "\"count\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[36,40]},"
        "\"one\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[40,48]}}";
    static char bytes[1024];
    const size_t len = sizeof head - 1, padded = (len + 7) / 8 * 8;
    const uint16_t one = 1;
    size_t n;

    ck_assert_int_eq(etr_safetensors_save(scratch_path, &scratch_sample, &scratch_info, ETR_PARAM),
                     ETR_SAFETENSORS_OK);
    n = scratch_read(bytes, sizeof bytes);
    ck_assert_uint_eq(n, 8 + padded + 48);
    ck_assert_uint_eq((unsigned char)bytes[0] | (unsigned)(unsigned char)bytes[1] << 8, padded);
    ck_assert_mem_eq(bytes + 2, "\0\0\0\0\0\0", 6);
    ck_assert_mem_eq(bytes + 8, head, len);
    for (size_t k = len; k < padded; k++)
        ck_assert_int_eq(bytes[8 + k], ' ');
    if (memcmp(&one, "\1", 1) == 0)
        ck_assert_mem_eq(bytes + 8 + padded, &scratch_sample, 40);
    ck_assert_mem_eq(bytes + 8 + padded + 44, "\0\0\0\x3f", 4);
}
END_TEST

START_TEST(what_cannot_be_saved)
{
    scratch_write("old", 3);
    ck_assert_int_eq(etr_safetensors_save(scratch_path, &scratch_sample, &scratch_info, ETR_H2H),
                     ETR_SAFETENSORS_MISMATCH);
    ck_assert_int_eq(etr_safetensors_save(scratch_path, &scratch_sample, &scratch_info, ETR_STATE),
                     ETR_SAFETENSORS_MISMATCH);
    ck_assert_int_eq(etr_safetensors_save(scratch_path, &scratch_sample, &scratch_info, ETR_TRACE),
                     ETR_SAFETENSORS_MISMATCH);
    ck_assert_str_eq(etr_safetensors_error(), "test has no arrays of this kind");
    ck_assert_int_eq(access(scratch_path, F_OK), 0);
    ck_assert_int_eq(etr_safetensors_save("/nonexistent/a", &scratch_sample, &scratch_info, ETR_PARAM),
                     ETR_SAFETENSORS_IO);
}
END_TEST

START_TEST(what_cannot_be_opened)
{
    scratch_block got = scratch_sample;

    ck_assert_int_eq(etr_safetensors_load(scratch_path, &got, &scratch_info, ETR_PARAM),
                     ETR_SAFETENSORS_IO);
    ck_assert_ptr_nonnull(strstr(etr_safetensors_error(), scratch_path));
    ck_assert_int_eq(mkfifo(scratch_path, 0600), 0);
    ck_assert_ptr_null(etr_safetensors_open(scratch_path));
    ck_assert_ptr_null(etr_safetensors_open(scratch_folder));
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
    ck_assert_int_eq(etr_safetensors_load(scratch_path, &got, &expects, ETR_PARAM),
                     ETR_SAFETENSORS_MISMATCH);
    ck_assert_msg(strstr(etr_safetensors_error(), message) != NULL, "%s",
                  etr_safetensors_error());
    ck_assert_mem_eq(&got, &before, sizeof got);
}

START_TEST(names_shapes_and_types_are_checked)
{
    etr_var v = scratch_info.vars[2];

    ck_assert_int_eq(etr_safetensors_save(scratch_path, &scratch_sample, &scratch_info, ETR_PARAM),
                     ETR_SAFETENSORS_OK);
    v.path = "rnn.c";
    mismatch(2, v, "no array is named rnn.c");
    v = scratch_info.vars[2];
    v.shape[0] = 4;
    mismatch(2, v, "axis 0 is 3 long in the file, 4");
    v.rank = 2;
    mismatch(2, v, "1 axes in the file, 2");
    v = scratch_info.vars[3];
    v.element = ETR_REAL;
    mismatch(3, v, "elements are I32 in the file, F32");
    v.kind = ETR_STATE;
    mismatch(3, v, "has 4 arrays, test has 3");
}
END_TEST

/* --- files of others ----------------------------------------------------------------------- */

START_TEST(torch_files_are_read)
{
    static const struct {
        const char *name;
        int rank, n;
        double x[4];
    } want[] = {
        {"a \"name\" \\ \xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80", 1, 1, {1}},
        {"b1", 1, 2, {1, 0}},
        {"bf2", 1, 2, {1.5, -2}},
        {"empty", 2, 0, {0}},
        {"f2", 1, 4, {1.5, -2, 65504, 5.9604644775390625e-08}},
        {"f8", 1, 3, {0, 1.0 / 3, 2.0 / 3}},
        {"i2", 1, 1, {-300}},
        {"i4", 1, 2, {1, -2}},
        {"i8", 0, 1, {7}},
        {"u1", 1, 2, {255, 0}},
        {"counted", 2, 4, {0, 1, 2, 3}},
    };
    const char *srcdir = getenv("srcdir");
    char file[4096];
    int rank, shape[ETR_RANK_MAX];
    etr_safetensors *f;

    snprintf(file, sizeof file, "%s/tests/data/torch.safetensors", srcdir ? srcdir : ".");
    f = etr_safetensors_open(file);
    ck_assert_msg(f != NULL, "%s", etr_safetensors_error());
    ck_assert_int_eq(etr_safetensors_count(f), 11);
    ck_assert_str_eq(etr_safetensors_name(f, 1), "b1");
    ck_assert_ptr_null(etr_safetensors_name(f, 11));
    ck_assert_ptr_null(etr_safetensors_name(f, -1));
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        const double *x = etr_safetensors_get(f, want[k].name, &rank, shape);
        ck_assert_msg(x != NULL, "%s", etr_safetensors_error());
        ck_assert_int_eq(rank, want[k].rank);
        for (int i = 0; i < want[k].n; i++)
            ck_assert_double_eq(x[i], want[k].x[i]);
        ck_assert_ptr_eq(etr_safetensors_get(f, want[k].name, &rank, shape), x);
    }
    ck_assert(rank == 2 && shape[0] == 2 && shape[1] == 3);
    ck_assert_ptr_null(etr_safetensors_get(f, "two", &rank, shape));
    ck_assert_str_eq(etr_safetensors_error(), "no array is named two");
    etr_safetensors_close(f);
}
END_TEST

/* Arrays in another order, spaces, escapes: all that JSON allows here.  */
START_TEST(any_json_of_the_format)
{
    static const char head[] =
        "{ \"b\" : {\"shape\":[ 2 ],\n\"data_offsets\":[4 , 8],\t\"dtype\":\"I16\"} ,"
        "\"__metadata__\":{}, \"\\u0061\\/\\ud83d\\ude00\\n\":{\"dtype\":\"F32\",\"shape\":[],"
        "\"data_offsets\":[0,4]}}  ";
    etr_safetensors *f;

    write_head(head, sizeof head - 1, 8);
    f = etr_safetensors_open(scratch_path);
    ck_assert_msg(f != NULL, "%s", etr_safetensors_error());
    ck_assert_int_eq(etr_safetensors_count(f), 2);
    ck_assert_str_eq(etr_safetensors_name(f, 0), "a/\xf0\x9f\x98\x80\n");
    ck_assert_str_eq(etr_safetensors_name(f, 1), "b");
    etr_safetensors_close(f);
    write_head("{}", 2, 0);
    f = etr_safetensors_open(scratch_path);
    ck_assert_int_eq(etr_safetensors_count(f), 0);
    etr_safetensors_close(f);
}
END_TEST

/* --- hostile files ------------------------------------------------------------------------- */

#define T(name, type, shape, from, to) \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"
#define A T("a", "F32", "[2]", "0", "8")

START_TEST(lying_heads)
{
    static const struct {
        const char *head, *why;
    } wrong[] = {
        {"{" T("a", "F32", "[2]", "0", "4") "," T("b", "F32", "[2]", "8", "16") "}", "disagree"},
        {"{" A "," T("b", "F32", "[2]", "4", "12") "," T("c", "F32", "[1]", "12", "16") "}",
         "overlap"},
        {"{" A "," T("b", "F32", "[2]", "0", "8") "," T("c", "F32", "[2]", "8", "16") "}",
         "overlap"},
        {"{" A "," T("b", "F32", "[1]", "12", "16") "}", "a gap"},
        {"{" T("a", "F32", "[3]", "4", "16") "}", "a gap"},
        {"{" A "}", "behind the last"},
        {"{}", "behind the last"},
        {"{" A "," T("b", "F32", "[4]", "8", "24") "}", "beyond the end"},
        {"{" A "," T("b", "F32", "[2]", "16", "8") "}", "beyond the end"},
        {"{" A "," T("b", "F32", "[2]", "8", "18446744073709551615") "}", "too large"},
        {"{" A "," T("b", "F32", "[2]", "8", "1844674407370955160") "}", "beyond the end"},
        {"{" A "," T("b", "F32", "[4294967296]", "8", "16") "}", "too long"},
        {"{" A "," T("b", "F32", "[2147483647,2147483647,2147483647]", "8", "16") "}",
         "disagree"},
        {"{" A "," T("b", "F32", "[0,2]", "8", "16") "}", "disagree"},
        {"{" A "," T("b", "F32", "[1,1,1,1,1,1,1,1,1,2]", "8", "16") "}", "axes"},
        {"{" A "," T("a", "F32", "[2]", "8", "16") "}", "comes twice"},
        {"{" A "," T("\\u0061", "F32", "[2]", "8", "16") "}", "comes twice"},
        {"{" A "," T("b", "F31", "[2]", "8", "16") "}", "dtype"},
        {"{" A "," T("b", "F8_E4M3", "[8]", "8", "16") "}", "dtype"},
        {"{" A "," T("b", "F32", "[-2]", "8", "16") "}", "whole number"},
        {"{" A "," T("b", "F32", "[2.0]", "8", "16") "}", "','"},
        {"{" A "," T("b", "F32", "[02]", "8", "16") "}", "zero before"},
        {"{" A "," T("b", "F32", "[2,]", "8", "16") "}", "whole number"},
        {"{" A "," T("b", "F32", "2", "8", "16") "}", "list expected"},
        {"{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[2]}}", "each once"},
        {"{" A ",\"b\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],"
         "\"data_offsets\":[8,16]}}", "each once"},
        {"{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16],\"x\":1}}",
         "each once"},
        {"{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8]}}", "two offsets"},
        {"{" A ",\"b\":[]}", "description"},
        {"{" A ",\"b\":null}", "description"},
        {"{" A ",}", "a string expected"},
        {"{" A ",\"b\"}", "':'"},
        {"{" A, "end of the list"},
        {"{" A "}x", "behind the end"},
        {"{" A "}{}", "behind the end"},
        {" {" A "}", "'{' expected"},
        {"[" A "]", "'{' expected"},
        {"", "'{' expected"},
        {"{\"__metadata__\":{},\"__metadata__\":{}," A "}", "second __metadata__"},
        {"{\"__metadata__\":{\"a\":1}," A "}", "a string expected"},
        {"{\"__metadata__\":1," A "}", "map of strings"},
        {"{\"a", "without an end"},
        {"{\"a\\", "unknown escape"},
        {"{\"a\\q\":", "unknown escape"},
        {"{\"a\\u00", "cut short"},
        {"{\"a\\u00g0\":", "hexadecimal"},
        {"{\"a\\u0000\":", "no character"},
        {"{\"a\\udc00\":", "no character"},
        {"{\"a\\ud800\":", "surrogates"},
        {"{\"a\\ud800\\u0061\":", "surrogates"},
        {"{\"a\n\":", "control"},
        {"{\"\xff\":", "UTF-8"},
        {"{\"\xc0\x80\":", "UTF-8"},
        {"{\"\xe0\x80\x80\":", "UTF-8"},
        {"{\"\xed\xa0\x80\":", "UTF-8"},
        {"{\"\xf4\x90\x80\x80\":", "UTF-8"},
        {"{\"\xc3:\":", "UTF-8"},
        {"{\"\xc3", "UTF-8"},
    };
    etr_safetensors *f;

    write_head("{" A "," T("b", "F32", "[2]", "8", "16") "}",
               strlen("{" A "," T("b", "F32", "[2]", "8", "16") "}"), 16);
    f = etr_safetensors_open(scratch_path);
    ck_assert_msg(f != NULL, "%s", etr_safetensors_error());
    etr_safetensors_close(f);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_head(wrong[i].head, strlen(wrong[i].head), 16);
        f = etr_safetensors_open(scratch_path);
        ck_assert_msg(f == NULL, "%s", wrong[i].head);
        ck_assert_msg(strstr(etr_safetensors_error(), wrong[i].why) != NULL, "%s: %s",
                      wrong[i].head, etr_safetensors_error());
    }
}
END_TEST

START_TEST(lying_lengths)
{
    static const struct {
        const char *bytes;
        size_t n;
    } wrong[] = {
        {"", 0}, {"\2\0\0\0\0\0\0", 7}, {"\3\0\0\0\0\0\0\0{}", 10},
        {"\377\377\377\377\377\377\377\377{}", 10}, {"\0\0\0\0\0\0\0\0", 8},
        {"\1\0\0\2\0\0\0\0{}", 10},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        scratch_write(wrong[i].bytes, wrong[i].n);
        ck_assert_ptr_null(etr_safetensors_open(scratch_path));
        ck_assert_ptr_nonnull(strstr(etr_safetensors_error(), scratch_path));
    }
    /* A head of 33 MB, in a file that is as long as it says: too much all the same.  */
    ck_assert_int_eq(truncate(scratch_path, 1 << 26), 0);
    ck_assert_ptr_null(etr_safetensors_open(scratch_path));
    ck_assert_ptr_nonnull(strstr(etr_safetensors_error(), "a head of 33554433 bytes"));
}
END_TEST

/* 70,000 empty arrays.  */
START_TEST(too_many_arrays)
{
    FILE *f = fopen(scratch_path, "wb");
    long n;

    ck_assert_ptr_nonnull(f);
    fwrite("\0\0\0\0\0\0\0\0{", 1, 9, f);
    for (int i = 0; i < 70000; i++)
        fprintf(f, "%s\"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
                i ? "," : "", i);
    fputc('}', f);
    n = ftell(f) - 8;
    rewind(f);
    for (int k = 0; k < 8; k++)
        fputc((int)(n >> 8 * k & 255), f);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_ptr_null(etr_safetensors_open(scratch_path));
    ck_assert_ptr_nonnull(strstr(etr_safetensors_error(), "more than 65536"));
}
END_TEST

/* The scratch_block after a try to load: as it was unless the file was taken.  */
static void try_load(void)
{
    scratch_block got = {.count = 99}, before = got;
    int rank, shape[ETR_RANK_MAX];
    etr_safetensors *f;

    if (etr_safetensors_load(scratch_path, &got, &scratch_info, ETR_PARAM) != ETR_SAFETENSORS_OK)
        ck_assert_mem_eq(&got, &before, sizeof got);
    f = etr_safetensors_open(scratch_path);
    if (!f)
        return;
    for (int i = 0; i < etr_safetensors_count(f); i++)
        ck_assert_ptr_nonnull(etr_safetensors_get(f, etr_safetensors_name(f, i), &rank, shape));
    etr_safetensors_close(f);
}

START_TEST(cut_and_changed_files)
{
    static const char alphabet[] = "\"\\{}[],:0129 aeu\xc3\xff\n\0-.";
    static char good[1024], bad[1024];
    size_t n;

    ck_assert_int_eq(etr_safetensors_save(scratch_path, &scratch_sample, &scratch_info, ETR_PARAM),
                     ETR_SAFETENSORS_OK);
    n = scratch_read(good, sizeof good);
    for (size_t cut = 0; cut < n; cut++) {
        scratch_block got = {.count = 99}, before = got;
        scratch_write(good, cut);
        ck_assert_int_lt(etr_safetensors_load(scratch_path, &got, &scratch_info, ETR_PARAM), 0);
        ck_assert_mem_eq(&got, &before, sizeof got);
    }
    /* One to three characters replaced by others that mean something.  */
    for (uint64_t round = 0; round < 5000; round++) {
        uint32_t word[4];
        memcpy(bad, good, n);
        etr_random_block(1, 0, round, word);
        for (unsigned k = 0; k <= round % 3; k++)
            bad[word[k] % n] = alphabet[(word[k] >> 16) % (sizeof alphabet - 1)];
        scratch_write(bad, n);
        try_load();
    }
}
END_TEST

Suite *safetensors_suite(void)
{
    Suite *s = suite_create("safetensors");
    TCase *files = tcase_create("files"), *hostile = tcase_create("hostile");

    tcase_add_checked_fixture(files, set_up, scratch_end);
    tcase_add_test(files, round_trip);
    tcase_add_test(files, halves_round_trip);
    tcase_add_test(files, doubles_round_trip);
    tcase_add_test(files, saved_bytes);
    tcase_add_test(files, what_cannot_be_saved);
    tcase_add_test(files, what_cannot_be_opened);
    tcase_add_test(files, names_shapes_and_types_are_checked);
    tcase_add_test(files, torch_files_are_read);
    tcase_add_test(files, any_json_of_the_format);
    suite_add_tcase(s, files);
    tcase_add_checked_fixture(hostile, set_up, scratch_end);
    tcase_set_timeout(hostile, 120);
    tcase_add_test(hostile, lying_heads);
    tcase_add_test(hostile, lying_lengths);
    tcase_add_test(hostile, too_many_arrays);
    tcase_add_test(hostile, cut_and_changed_files);
    suite_add_tcase(s, hostile);
    return s;
}
