/* SPDX-License-Identifier: Apache-2.0 */
/* What the examples share (examples/common).  In: its generators, codes and loaders, the data in the
   tree, and files made here.  Out: test cases.  */
#define _GNU_SOURCE

#include "datasets.h"
#include "etrace_npz.h"
#include "evidence.h"
#include "latency.h"
#include "progress.h"
#include "run.h"
#include "suites.h"

#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- progress ------------------------------------------------------------------------------ */

START_TEST(progress_lines)
{
    char line[256];

    progress_line(line, sizeof line, 250, 1000, 4, "steps", "loss 0.5");
    ck_assert_str_eq(line, "  25 %  62 steps/s  0:12 left  loss 0.5");
    progress_line(line, sizeof line, 1234567000, 2469134000, 1000, "steps", "");
    ck_assert_str_eq(line, "  50 %  1,234,567 steps/s  16:40 left");
    progress_line(line, sizeof line, 1, 1001, 8, "epochs", "");
    ck_assert_str_eq(line, "   0 %  0.125 epochs/s  2:13:20 left");
    progress_line(line, sizeof line, 0, 10, 0, "steps", "");
    ck_assert_str_eq(line, "   0 %  - steps/s  - left");
    progress_line(line, sizeof line, 10, 10, 0, "steps", "");
    ck_assert_str_eq(line, " 100 %  - steps/s  0:00 left");
}
END_TEST

static int count(const char *text, char c)
{
    int n = 0;

    for (; *text; text++)
        n += *text == c;
    return n;
}

/* A log has a line for each tenth, and no control characters.  */
START_TEST(progress_in_a_log)
{
    static char text[4096];
    FILE *f = tmpfile();
    progress p;

    ck_assert_ptr_nonnull(f);
    progress_begin(&p, f, "steps", 12345);
    for (long i = 0; i <= 12345; i++)
        progress_show(&p, i, "loss 1");
    ck_assert_double_ge(progress_end(&p), 0);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    ck_assert_int_eq(count(text, '\n'), 10);
    ck_assert_int_eq(count(text, '\r') + count(text, '\033'), 0);
    ck_assert_ptr_nonnull(strstr(text, " 100 %"));
    ck_assert_int_eq(strncmp(text, "  10 %", 6), 0);
}
END_TEST

/* A terminal has one line, written over at most ten times a second and taken away at the end.  */
START_TEST(progress_on_a_terminal)
{
    static char text[65536];
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    const char *name;
    FILE *f;
    progress p;
    char more[300];

    ck_assert_int_ge(master, 0);
    ck_assert(grantpt(master) == 0 && unlockpt(master) == 0);
    name = ptsname(master);
    ck_assert_ptr_nonnull(name);
    f = fopen(name, "w");
    ck_assert_ptr_nonnull(f);
    memset(more, 'x', sizeof more - 1);
    more[sizeof more - 1] = '\0';
    progress_begin(&p, f, "steps", 1000);
    ck_assert(p.terminal);
    p.last -= 1; /* as if a second had passed */
    for (long i = 0; i < 1000; i++)
        progress_show(&p, i, more);
    progress_show(&p, 1000, "");
    progress_end(&p);
    run_read_all(master, text, sizeof text);
    fclose(f);
    close(master);
    ck_assert_int_eq(count(text, '\n'), 0);
    ck_assert_int_ge(count(text, '\r'), 3);
    ck_assert_int_lt(count(text, '\r'), 100);
    ck_assert_ptr_nonnull(strstr(text, " 100 %"));
    ck_assert_str_eq(text + strlen(text) - 4, "\r\033[K");
    ck_assert_uint_lt(strcspn(text + 1, "\r\033"), 80);
}
END_TEST

/* --- evidence accumulation ----------------------------------------------------------------- */

enum { TRIALS = 400 };

START_TEST(evidence_sizes)
{
    evidence_trial trial = evidence_draw(&evidence_standard, 1, 0);
    float x[40];
    int asked = 0;

    ck_assert_int_eq(evidence_steps(&evidence_standard), 2250);
    ck_assert_int_eq(evidence_inputs(&evidence_standard), 40);
    for (int t = 0; t < 2250; t++) {
        const int recall = evidence_input(&evidence_standard, &trial, t, x);
        ck_assert_int_eq(recall, t >= 2100);
        asked += recall;
    }
    ck_assert_int_eq(asked, 150);
}
END_TEST

/* Where each group fires, by the words of the paper; T is a step.  */
static double rate_of(const evidence_trial *trial, int group, int t)
{
    const int cue = t / 150, in_cue = cue < 7 && t % 150 < 100;

    if (group == 3)
        return 0.01;
    if (group == 2)
        return t >= 2100 ? 0.04 : 0;
    return in_cue && (int)(trial->right >> cue & 1) == group ? 0.04 : 0;
}

START_TEST(evidence_rates)
{
    double spikes[4] = {0}, expected[4] = {0};
    float x[40];

    for (uint32_t k = 0; k < 20; k++) {
        const evidence_trial trial = evidence_draw(&evidence_standard, 7, k);
        for (int t = 0; t < 2250; t++) {
            evidence_input(&evidence_standard, &trial, t, x);
            for (int i = 0; i < 40; i++) {
                const double rate = rate_of(&trial, i / 10, t);
                ck_assert(x[i] == 0.0f || (x[i] == 1.0f && rate > 0));
                spikes[i / 10] += (double)x[i];
                expected[i / 10] += rate;
            }
        }
    }
    for (int g = 0; g < 4; g++)
        ck_assert_double_lt(fabs(spikes[g] - expected[g]), 5 * sqrt(expected[g]));
}
END_TEST

START_TEST(evidence_answers)
{
    int right = 0, majority = 0, agree = 0;

    for (uint32_t k = 0; k < TRIALS; k++) {
        const evidence_trial trial = evidence_draw(&evidence_standard, 9, k);
        int n = 0;
        for (int c = 0; c < 7; c++)
            n += (int)(trial.right >> c & 1);
        ck_assert_uint_eq(trial.right >> 7, 0);
        ck_assert_int_eq(trial.answer, n > 3);
        right += trial.answer;
        majority += n > 3 ? n : 7 - n;
        agree += n == 0 || n == 7;
    }
    ck_assert_double_lt(abs(right - TRIALS / 2), 5 * sqrt(TRIALS / 4.0));
    /* Of 7 cues with a chance of 0.7, the larger side has 5.03 in the mean, with a deviation of
       0.93; all are on one side with the chance 0.7^7 + 0.3^7 = 0.0826.  */
    ck_assert_double_lt(fabs(majority / (double)TRIALS - 5.03), 5 * 0.93 / sqrt(TRIALS));
    ck_assert_double_lt(fabs(agree / (double)TRIALS - 0.0826), 5 * sqrt(0.0826 / TRIALS));
}
END_TEST

/* The same in any order; another seed, trial or step is something else.  */
START_TEST(evidence_is_a_function)
{
    const evidence_trial a = evidence_draw(&evidence_standard, 3, 5);
    const evidence_trial b = evidence_draw(&evidence_standard, 3, 5);
    float x[2250][40], y[40];
    int other_seed = 0, other_trial = 0, other_step = 0;

    ck_assert(a.right == b.right && a.answer == b.answer);
    for (int t = 0; t < 2250; t++)
        evidence_input(&evidence_standard, &a, t, x[t]);
    for (int t = 2249; t >= 0; t--) {
        evidence_trial c = b, d = b;
        c.seed++;
        d.number++;
        evidence_input(&evidence_standard, &b, t, y);
        ck_assert_mem_eq(x[t], y, sizeof y);
        evidence_input(&evidence_standard, &c, t, y);
        other_seed += memcmp(x[t], y, sizeof y) != 0;
        evidence_input(&evidence_standard, &d, t, y);
        other_trial += memcmp(x[t], y, sizeof y) != 0;
        other_step += t > 0 && memcmp(x[t], x[t - 1], sizeof y) != 0;
    }
    ck_assert_int_gt(other_seed, 200);
    ck_assert_int_gt(other_trial, 200);
    ck_assert_int_gt(other_step, 200);
}
END_TEST

/* --- latency coding ------------------------------------------------------------------------ */

/* The membrane v(t) = x (1 - exp(-t / tau)) crosses the threshold inside the step.  */
START_TEST(latency_by_the_membrane)
{
    const latency_code code = {.tau = 20, .threshold = 0.2f, .steps = 100};
    int before = 100;

    for (int k = 0; k <= 1000; k++) {
        const float x = (float)k / 500.0f;
        const int t = latency_when(&code, x);
        if (t < 100) {
            ck_assert_double_le((double)x * (1 - exp(-t / 20.0)), 0.2 + 1e-6);
            ck_assert_double_ge((double)x * (1 - exp(-(t + 1) / 20.0)), 0.2 - 1e-6);
        } else {
            ck_assert_int_eq(t, 100);
            ck_assert_double_le((double)x * (1 - exp(-100 / 20.0)), 0.2 + 1e-6);
        }
        ck_assert_int_le(t, before);
        before = t;
    }
    ck_assert_int_lt(before, 3);
    ck_assert_int_eq(latency_when(&code, 0.2f), 100);
    ck_assert_int_eq(latency_when(&code, NAN), 100);
    ck_assert_int_eq(latency_when(&code, -1.0f), 100);
}
END_TEST

START_TEST(latency_spikes_once)
{
    const latency_code code = {.tau = 5, .threshold = 0.1f, .steps = 12};
    const float x[6] = {0, 0.05f, 0.11f, 0.2f, 0.5f, 1};
    float spikes[6], sum[6] = {0};
    int when[6], total = 0;

    latency_encode(&code, x, 6, when);
    for (int t = 0; t < 12; t++) {
        total += latency_spikes(when, 6, t, spikes);
        for (int i = 0; i < 6; i++) {
            ck_assert(spikes[i] == (when[i] == t ? 1.0f : 0.0f));
            sum[i] += spikes[i];
        }
    }
    ck_assert_int_eq(total, 4);
    for (int i = 0; i < 6; i++)
        ck_assert(sum[i] == (i < 2 ? 0.0f : 1.0f));
}
END_TEST

/* --- data ---------------------------------------------------------------------------------- */

static char path[4096];
static char made[32];

static const char *in_tree(const char *name)
{
    const char *srcdir = getenv("srcdir");

    snprintf(path, sizeof path, "%s/examples/%s", srcdir ? srcdir : ".", name);
    return path;
}

static void set_up(void)
{
    int fd;

    strcpy(made, "/tmp/etrace-data-XXXXXX");
    fd = mkstemp(made);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void tear_down(void)
{
    unlink(made);
}

START_TEST(vowels_are_read)
{
    static const int tested[9] = {31, 35, 88, 44, 29, 24, 40, 50, 29}; /* as UCI lists them */
    int trained[9] = {0}, n[9] = {0};
    vowels_data d;

    ck_assert_int_eq(vowels_read(in_tree("vowels/vowels.npz"), &d), 0);
    ck_assert(d.n == 640 && d.n_train == 270 && d.longest == 29);
    for (int i = 0; i < d.n; i++) {
        ck_assert(d.length[i] >= 7);
        (i < d.n_train ? trained : n)[d.speaker[i]]++;
    }
    for (int k = 0; k < 9; k++)
        ck_assert(trained[k] == 30 && n[k] == tested[k]);
    ck_assert_int_eq(d.length[0], 20);
    ck_assert_int_eq(d.first[1], 20);
    ck_assert_int_eq(d.first[639] + d.length[639], 9961);
    ck_assert(d.x[0][0] == 1.8609f && d.x[0][1] == -0.2074f && d.x[19][0] == 1.2614f);
    vowels_free(&d);
}
END_TEST

START_TEST(text_is_read)
{
    static const char begin[] = "It is a truth universally acknowledged";
    text_data d;

    ck_assert_int_eq(text_read(in_tree("characters/text.txt"), &d), 0);
    ck_assert(d.n == 190949 && d.n_symbols == 66);
    for (size_t i = 0; begin[i]; i++)
        ck_assert_int_eq(d.letter[d.symbol[i]], begin[i]);
    for (int k = 1; k < d.n_symbols; k++)
        ck_assert_int_lt(d.letter[k - 1], d.letter[k]);
    text_free(&d);
}
END_TEST

/* Digits of N images in a file of the form of digits.npz.  */
typedef struct {
    int32_t image[3][8][8], label[3];
} images;

static void write_digits(const images *x, int rows, int n_labels)
{
    const etr_var vars[] = {
        {.path = "image", .kind = ETR_INPUT, .element = ETR_INT32, .stored = 1, .rank = 3,
         .shape = {3, rows, 8}},
        {.path = "label", .kind = ETR_INPUT, .element = ETR_INT32, .stored = 1, .rank = 1,
         .shape = {n_labels}, .offset = offsetof(images, label)},
    };
    const etr_info info = {.name = "digits", .real_bytes = 4, .n_vars = 2, .vars = vars};

    unlink(made);
    ck_assert_int_eq(etr_npz_save(made, x, &info, ETR_INPUT), ETR_NPZ_OK);
}

static int load_digits(void)
{
    digits_data d;
    const int status = digits_read(made, &d);

    digits_free(&d);
    return status;
}

START_TEST(digits_are_read)
{
    images x = {{{{16, 4}}}, {3, 9, 0}};
    digits_data d;

    x.image[2][7][7] = 8;
    write_digits(&x, 8, 3);
    ck_assert_int_eq(digits_read(made, &d), 0);
    ck_assert_int_eq(d.n, 3);
    ck_assert(d.image[0][0] == 1.0f && d.image[0][1] == 0.25f && d.image[2][63] == 0.5f);
    ck_assert(d.label[0] == 3 && d.label[1] == 9 && d.label[2] == 0);
    digits_free(&d);
}
END_TEST

/* The loaders say on stderr what is wrong; here that goes nowhere.  */
START_TEST(other_data_are_refused)
{
    images x = {{{{0}}}, {3, 9, 0}};
    vowels_data v;
    text_data t;

    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
    write_digits(&x, 4, 3);
    ck_assert_int_eq(load_digits(), -1);
    write_digits(&x, 8, 2);
    ck_assert_int_eq(load_digits(), -1);
    x.label[1] = 10;
    write_digits(&x, 8, 3);
    ck_assert_int_eq(load_digits(), -1);
    x.label[1] = -1;
    write_digits(&x, 8, 3);
    ck_assert_int_eq(load_digits(), -1);
    ck_assert_int_eq(vowels_read(made, &v), -1);
    vowels_free(&v);
    unlink(made);
    ck_assert_int_eq(load_digits(), -1);
    ck_assert_int_eq(vowels_read(made, &v), -1);
    vowels_free(&v);
    ck_assert_int_eq(text_read(made, &t), -1);
    text_free(&t);
    ck_assert_int_eq(text_read("/", &t), -1);
    text_free(&t);
}
END_TEST

/* Utterances whose lengths do not add up to the frames that are there.  */
START_TEST(vowels_that_lie)
{
    struct {
        int32_t x[4][12], length[2], speaker[2], n_train;
    } a = {{{0}}, {1, 3}, {0, 8}, 1};
    const etr_var vars[] = {
        {.path = "x", .kind = ETR_INPUT, .element = ETR_INT32, .stored = 1, .rank = 2, .shape = {4, 12}},
        {.path = "length", .kind = ETR_INPUT, .element = ETR_INT32, .stored = 1, .rank = 1, .shape = {2},
         .offset = (size_t)((char *)a.length - (char *)&a)},
        {.path = "speaker", .kind = ETR_INPUT, .element = ETR_INT32, .stored = 1, .rank = 1,
         .shape = {2}, .offset = (size_t)((char *)a.speaker - (char *)&a)},
        {.path = "n_train", .kind = ETR_INPUT, .element = ETR_INT32, .stored = 1,
         .offset = (size_t)((char *)&a.n_train - (char *)&a)},
    };
    static const int32_t numbers[][5] = {
        /* lengths, speaker, n_train, status */
        {1, 3, 8, 1, 0},  {1, 2, 8, 1, -1},  {2, 3, 8, 1, -1}, {0, 4, 8, 1, -1},
        {5, -1, 8, 1, -1}, {1, 3, 9, 1, -1}, {1, 3, 8, 3, -1}, {1, 3, 8, -1, -1},
    };
    const etr_info info = {.name = "vowels", .real_bytes = 4, .n_vars = 4, .vars = vars};
    vowels_data d;

    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        a.length[0] = numbers[i][0];
        a.length[1] = numbers[i][1];
        a.speaker[1] = numbers[i][2];
        a.n_train = numbers[i][3];
        unlink(made);
        ck_assert_int_eq(etr_npz_save(made, &a, &info, ETR_INPUT), ETR_NPZ_OK);
        ck_assert_int_eq(vowels_read(made, &d), numbers[i][4]);
        vowels_free(&d);
    }
}
END_TEST

Suite *examples_suite(void)
{
    Suite *s = suite_create("examples");
    TCase *lines = tcase_create("progress"), *tasks = tcase_create("tasks");
    TCase *data = tcase_create("data");

    tcase_add_test(lines, progress_lines);
    tcase_add_test(lines, progress_in_a_log);
    tcase_add_test(lines, progress_on_a_terminal);
    suite_add_tcase(s, lines);
    tcase_set_timeout(tasks, 60);
    tcase_add_test(tasks, evidence_sizes);
    tcase_add_test(tasks, evidence_rates);
    tcase_add_test(tasks, evidence_answers);
    tcase_add_test(tasks, evidence_is_a_function);
    tcase_add_test(tasks, latency_by_the_membrane);
    tcase_add_test(tasks, latency_spikes_once);
    suite_add_tcase(s, tasks);
    tcase_add_checked_fixture(data, set_up, tear_down);
    tcase_add_test(data, vowels_are_read);
    tcase_add_test(data, text_is_read);
    tcase_add_test(data, digits_are_read);
    tcase_add_test(data, other_data_are_refused);
    tcase_add_test(data, vowels_that_lie);
    suite_add_tcase(s, data);
    return s;
}
