/* SPDX-License-Identifier: Apache-2.0 */
/* The same models for other machines: the bits (P7 of the promises, T15), what a Cortex-M object may
   need (T13), its stack (T14), and code for several processors in one object.  Compilers and
   emulators that are not here are left out, with a word.  */
#define _POSIX_C_SOURCE 200809L
#include "command.h"
#include "run.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 900 };

static const char *const models[] = {
    "tests/targets/functions.yaml", "examples/cortex-m/model.yaml",
    "tests/golden/alif_readout.yaml"};

enum { N_MODELS = sizeof models / sizeof models[0] };

static int is_missing(const char *program)
{
    int missing = !command_exists(program);
    if (missing)
        fprintf(stderr, "check_targets: there is no %s: not tested\n", program);
    return missing;
}

/* Run LINE in FOLDER, by a shell.  It must succeed; what it printed, in R.  */
static run_result shell(const char *folder, const char *line)
{
    const char *const argv[] = {"sh", "-c", line, NULL};
    run_result r = run_program(folder, argv);
    ck_assert_msg(r.status == 0, "%s\n%s%s", line, buf_text(&r.out), buf_text(&r.err));
    return r;
}

static void silently(const char *folder, const char *line)
{
    run_result r = shell(folder, line);
    run_free(&r);
}

/* FOLDER/m.c and m.h of MODEL.  */
static void generate(const char *folder, const char *model, const char *options)
{
    buf words = {0};
    buf_printf(&words, "-p m -o m.c %s %s", options, run_source_path(model));
    run_result r = run_etrace(folder, buf_text(&words));
    ck_assert_msg(r.status == 0, "%s: %s", model, buf_text(&r.err));
    run_free(&r);
    buf_free(&words);
}

/* The digest that the model prints, built by COMPILER and run by EMULATOR, for free().  With -std=c99
   gcc for s390x would compute floats as doubles.  */
static char *digest(const char *folder, const char *compiler, const char *emulator)
{
    buf line = {0};
    buf_printf(&line, "%s -std=gnu99 -ffp-contract=off -O2 -I . -I '%s' -o run m.c '%s' -lm && %s ./run",
               compiler, run_source_path("runtime"), run_source_path("tests/targets/digest.c"),
               emulator);
    run_result r = shell(folder, buf_text(&line));
    char *text = strdup(buf_text(&r.out));
    ck_assert_int_eq((int)strlen(text), 9);
    run_free(&r);
    buf_free(&line);
    return text;
}

static const char *host_compiler(void)
{
    const char *cc = getenv("CC");
    return cc ? cc : "cc";
}

static void same_as_host(const char *folder, const char *model, const char *compiler,
                         const char *emulator)
{
    char *here = digest(folder, host_compiler(), ""), *there = digest(folder, compiler, emulator);
    ck_assert_msg(strcmp(here, there) == 0, "%s: %s gives %snot %s", model, compiler, there, here);
    free(here);
    free(there);
}

/* --- the same bits everywhere ----------------------------------------------------------------- */

static const struct { const char *compiler, *options, *emulator; } others[] = {
    {"clang", "", ""},
    {"aarch64-linux-gnu-gcc", "-static", "qemu-aarch64"},
    {"arm-linux-gnueabihf-gcc", "-static", "qemu-arm"},
    {"riscv64-linux-gnu-gcc", "-static", "qemu-riscv64"},
    {"s390x-linux-gnu-gcc", "-static", "qemu-s390x"},
};

enum { N_OTHERS = sizeof others / sizeof others[0] };

START_TEST(other_machines_compute_the_same_bits)
{
    if (is_missing(others[_i].compiler) || (*others[_i].emulator && is_missing(others[_i].emulator)))
        return;
    char *folder = run_make_folder();
    buf compiler = {0};
    buf_printf(&compiler, "%s %s", others[_i].compiler, others[_i].options);
    for (int i = 0; i < N_MODELS; i++) {
        generate(folder, models[i], "");
        same_as_host(folder, models[i], buf_text(&compiler), others[_i].emulator);
    }
    buf_free(&compiler);
    run_remove_folder(folder);
}
END_TEST

/* The digest is worth something: with the C library's functions it is another one.  */
START_TEST(the_digest_sees_another_function)
{
    char *folder = run_make_folder();
    generate(folder, models[0], "");
    char *ours = digest(folder, host_compiler(), "");
    generate(folder, models[0], "--math=libm");
    char *libm = digest(folder, host_compiler(), "");
    ck_assert_str_ne(ours, libm);
    free(ours);
    free(libm);
    run_remove_folder(folder);
}
END_TEST

/* Functions for several processors give what one for all gives; where the compiler has them, they
   are in the object.  */
START_TEST(several_processors_in_one_object)
{
    char *folder = run_make_folder();
    generate(folder, models[_i], "");
    char *plain = digest(folder, host_compiler(), "");
    generate(folder, models[_i], "--target=host");
    char *clones = digest(folder, host_compiler(), "");
    ck_assert_str_eq(plain, clones);
    buf line = {0};
    buf_printf(&line, "%s -std=c99 -O1 -c m.c && if %s -dM -E m.c | grep -q 'M_CLONES _'; then "
                      "nm m.o | grep -q ' learn_step[.]avx2'; fi", host_compiler(), host_compiler());
    silently(folder, buf_text(&line));
    buf_free(&line);
    free(plain);
    free(clones);
    run_remove_folder(folder);
}
END_TEST

/* --- Cortex-M --------------------------------------------------------------------------------- */

#define ARM "arm-none-eabi-gcc"
#define M3 "-mthumb -mcpu=cortex-m3"
#define M4F "-mthumb -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard"
#define M7 "-mthumb -mcpu=cortex-m7 -mfpu=fpv5-sp-d16 -mfloat-abi=hard"

/* An M4F computes doubles in software: none is to be computed.  And no function but these.  */
START_TEST(no_double_is_computed)
{
    if (is_missing(ARM))
        return;
    char *folder = run_make_folder();
    generate(folder, "examples/cortex-m/model.yaml", "--target=cortex-m");
    silently(folder, ARM " " M4F " -std=c99 -Os -Wall -Wextra -Wdouble-promotion -Werror -c m.c");
    run_result r = shell(folder, "arm-none-eabi-nm -u m.o | sed 's/ *U //' | sort | tr '\\n' ' '");
    ck_assert_str_eq(buf_text(&r.out), "memcpy memset ");
    run_free(&r);
    silently(folder, "arm-none-eabi-nm m.o | awk '$2 ~ /[bBdDC]/ { exit 1 }'"); /* nothing writable */
    run_remove_folder(folder);
}
END_TEST

static long long number_behind(const char *text, const char *name)
{
    const char *p = strstr(text, name);
    ck_assert_msg(p != NULL, "%s is not in\n%s", name, text);
    return atoll(p + strlen(name));
}

/* All functions of the object on the stack at once take no more than we say.  */
START_TEST(stack_is_within_the_bound)
{
    static const char *const cores[] = {M3, M4F, M7};
    if (is_missing(ARM))
        return;
    char *folder = run_make_folder();
    generate(folder, "examples/cortex-m/model.yaml", "--target=cortex-m --report=r.json");
    buf line = {0}, report = {0};
    buf_printf(&line, ARM " %s -std=c99 -Os -fstack-usage -c m.c && awk '/etr_|learn/ { sum += $2 } "
                      "END { print sum }' m.su", cores[_i]);
    run_result r = shell(folder, buf_text(&line));
    ck_assert(run_read_file(run_path(folder, "r.json"), &report));
    const char *learn = strstr(report.text, "\"learn_sequence\"");
    ck_assert(learn != NULL);
    const long long said = number_behind(learn, "\"stack_bytes\": "), used = atoll(buf_text(&r.out));
    ck_assert_msg(used > 0 && used <= said, "%lld bytes of stack, we say %lld", used, said);
    run_free(&r);
    buf_free(&line);
    buf_free(&report);
    run_remove_folder(folder);
}
END_TEST

/* The example learns on three cores what it learns here, bit by bit, and keeps to its stack.  */
START_TEST(cortex_m_learns_as_the_host_does)
{
    static const char *const names[] = {"m3", "m4f", "m7"};
    if (is_missing(ARM) || is_missing("qemu-system-arm") || is_missing("make"))
        return;
    char *folder = run_make_folder();
    buf line = {0};
    buf_printf(&line, "cp '%s'/* . && chmod u+w * && make -s run-%s run-host CC='%s' ETRACE_GEN='%s' "
                      "ETRACE_RUNTIME='%s' 2>&1", run_source_path("examples/cortex-m"), names[_i],
               host_compiler(), run_etrace_path(), run_source_path("runtime"));
    run_result r = shell(folder, buf_text(&line));
    const char *digests[2], *p = buf_text(&r.out);
    for (int i = 0; i < 2; i++) {
        digests[i] = p = strstr(p, "digest of the parameters:");
        ck_assert_msg(p != NULL, "%s", buf_text(&r.out));
        p++;
    }
    ck_assert_msg(strncmp(digests[0], digests[1], 36) == 0, "%s", buf_text(&r.out));
    ck_assert_int_lt(number_behind(buf_text(&r.out), "loss at last, thousandths:"), 300);
    run_free(&r);
    buf_free(&line);
    run_remove_folder(folder);
}
END_TEST

Suite *targets_suite(void)
{
    Suite *s = suite_create("targets");
    TCase *bits = tcase_create("bits"), *cortex_m = tcase_create("cortex_m");
    tcase_set_timeout(bits, TIMEOUT);
    tcase_add_loop_test(bits, other_machines_compute_the_same_bits, 0, N_OTHERS);
    tcase_add_test(bits, the_digest_sees_another_function);
    tcase_add_loop_test(bits, several_processors_in_one_object, 0, 2);
    tcase_set_timeout(cortex_m, TIMEOUT);
    tcase_add_test(cortex_m, no_double_is_computed);
    tcase_add_loop_test(cortex_m, stack_is_within_the_bound, 0, 3);
    tcase_add_loop_test(cortex_m, cortex_m_learns_as_the_host_does, 0, 3);
    suite_add_tcase(s, bits);
    suite_add_tcase(s, cortex_m);
    return s;
}
