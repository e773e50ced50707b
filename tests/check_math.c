/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/etrace_math.h against the C library in the next larger type: units in the last place over
   all arguments, the special ones bit by bit; and what models do with it: --math, no calls, vector
   code.  every_float.c meets every float.  */
#define _POSIX_C_SOURCE 200809L
#include "command.h"
#include "etrace_math.h"
#include "run.h"
#include "suites.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>

enum { STRIDE = 4093, F64_POINTS = 200000, TIMEOUT = 60 };

static const double ULP_F32 = 2, ULP_F64 = 4;

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static long double sigmoidl(long double x)
{
    return 1 / (1 + expl(-x));
}

static const struct {
    const char *name;
    float (*f32)(float);
    double (*f64)(double);
    double (*wide)(double);
    long double (*wider)(long double);
} functions[] = {
    {"exp", etr_exp_f32, etr_exp_f64, exp, expl},
    {"expm1", etr_expm1_f32, etr_expm1_f64, expm1, expm1l},
    {"log", etr_log_f32, etr_log_f64, log, logl},
    {"log1p", etr_log1p_f32, etr_log1p_f64, log1p, log1pl},
    {"tanh", etr_tanh_f32, etr_tanh_f64, tanh, tanhl},
    {"sigmoid", etr_sigmoid_f32, etr_sigmoid_f64, sigmoid, sigmoidl},
    {"sinh", etr_sinh_f32, etr_sinh_f64, sinh, sinhl},
    {"cosh", etr_cosh_f32, etr_cosh_f64, cosh, coshl},
    {"atan", etr_atan_f32, etr_atan_f64, atan, atanl},
    {"erf", etr_erf_f32, etr_erf_f64, erf, erfl},
};

enum { N_FUNCTIONS = sizeof functions / sizeof functions[0] };

/* --- units in the last place ------------------------------------------------------------------ */

/* How far Y is from WANTED, in units of the last of DIGITS binary digits of numbers like WANTED, of
   which the least is 2^LEAST.  A result that is too large to be held is 2^MOST.  */
static double ulps(double y, long double wanted, int digits, int least, int most)
{
    const long double limit = ldexpl(1, most);
    int exponent;
    if (isnan(wanted) || isnan(y))
        return isnan(wanted) && isnan(y) ? 0 : HUGE_VAL;
    if (fabsl(wanted) > limit)
        wanted = wanted < 0 ? -limit : limit;
    frexpl(wanted, &exponent);
    if (exponent > most)
        exponent = most;
    const long double got = isinf(y) ? (y < 0 ? -limit : limit) : (long double)y;
    const long double unit = ldexpl(1, exponent - digits < least ? least : exponent - digits);
    return (double)(fabsl(got - wanted) / unit);
}

START_TEST(floats_are_within_2_ulp)
{
    double worst = 0;
    float where = 0;
    for (uint64_t u = 0; u <= UINT32_MAX; u += STRIDE) {
        const float x = etr_of_bits_f32((uint32_t)u), y = functions[_i].f32(x);
        const long double wanted = functions[_i].wide(x);
        const double off = ulps(y, wanted, FLT_MANT_DIG, FLT_MIN_EXP - FLT_MANT_DIG, FLT_MAX_EXP);
        if (!(off <= worst)) {
            worst = off;
            where = x;
        }
    }
    ck_assert_msg(worst <= ULP_F32, "%s is %g ulp off at %a", functions[_i].name, worst,
                  (double)where);
}
END_TEST

/* Numbers of all sizes, and many where something happens.  */
static double argument(int i)
{
    static const double range[] = {1, 4, 40, 800};
    const uint64_t mixed = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);
    return i % 2 ? etr_of_bits_f64(mixed)
                 : range[i / 2 % 4] * ((double)(mixed >> 11) * 0x1p-52 - 1);
}

START_TEST(doubles_are_within_4_ulp)
{
    double worst = 0, where = 0;
    for (int i = 0; i < F64_POINTS && LDBL_MANT_DIG >= DBL_MANT_DIG + 8; i++) {
        const double x = argument(i), y = functions[_i].f64(x);
        const double off = ulps(y, functions[_i].wider(x), DBL_MANT_DIG, DBL_MIN_EXP - DBL_MANT_DIG,
                                DBL_MAX_EXP);
        if (!(off <= worst)) {
            worst = off;
            where = x;
        }
    }
    ck_assert_msg(worst <= ULP_F64, "%s is %g ulp off at %a", functions[_i].name, worst, where);
}
END_TEST

/* --- special arguments ------------------------------------------------------------------------ */

static const double specials[] = {0.0, -0.0, HUGE_VAL, -HUGE_VAL, NAN, 1, -1, 0x1p-149, -0x1p-149,
                                  0x1p-126, -0x1p-126, FLT_MAX, -FLT_MAX, 0x1.4p-140, 89, -87.5};

enum { N_SPECIALS = sizeof specials / sizeof specials[0] };

/* Zeros have a sign, infinities are where Annex F has them, and NaN goes through.  */
START_TEST(special_arguments)
{
    for (int i = 0; i < N_SPECIALS; i++) {
        const double x = specials[i], wanted = functions[_i].wide(x);
        const double y = (double)functions[_i].f32((float)x), z = functions[_i].f64(x);
        const char *name = functions[_i].name;
        if (isnan(wanted)) {
            ck_assert_msg(isnan(y) && isnan(z), "%s(%a) is no NaN", name, x);
            continue;
        }
        if (isinf(wanted) || wanted == 0)
            ck_assert_msg(z == wanted, "%s(%a) is %a", name, x, z);
        if (isinf((float)wanted) || wanted == 0)
            ck_assert_msg(y == (double)(float)wanted, "%s(%a) is %a in float", name, x, y);
        ck_assert_msg(!signbit(y) == !signbit(wanted) && !signbit(z) == !signbit(wanted),
                      "%s(%a): the sign", name, x);
    }
}
END_TEST

static void is_odd(float (*f)(float), double (*g)(double))
{
    for (uint64_t u = 0; u < UINT64_C(0x7f800000); u += 65521) {
        const float x = etr_of_bits_f32((uint32_t)u);
        ck_assert_uint_eq(etr_bits_f32(f(-x)), etr_bits_f32(-f(x)));
        ck_assert(etr_bits_f64(g(-(double)x)) == etr_bits_f64(-g((double)x)));
    }
}

START_TEST(what_is_exact)
{
    ck_assert(etr_exp_f32(0.0f) == 1 && etr_exp_f64(0) == 1 && etr_exp_f32(-0.0f) == 1);
    ck_assert(etr_sigmoid_f32(0.0f) == 0.5f && etr_sigmoid_f64(0) == 0.5);
    ck_assert(etr_log_f32(1.0f) == 0 && etr_log_f64(1) == 0);
    ck_assert(etr_cosh_f32(0.0f) == 1 && etr_cosh_f64(0) == 1);
    ck_assert(etr_tanh_f32(20.0f) == 1 && etr_tanh_f64(40) == 1);
    ck_assert(etr_exp_f32(-103.5f) == 0x1p-149f && etr_exp_f64(-744.5) == 0x1p-1074);
    is_odd(etr_tanh_f32, etr_tanh_f64);
    is_odd(etr_sinh_f32, etr_sinh_f64);
    is_odd(etr_atan_f32, etr_atan_f64);
    is_odd(etr_erf_f32, etr_erf_f64);
}
END_TEST

/* --- models ----------------------------------------------------------------------------------- */

static const char spec[] =
    "etrace: 1\nmodel: m\ninputs: {x: [64]}\nstep:\n"
    "  - y = exp(x) + expm1(x) + log(x) + log1p(x) + tanh(x) + sigmoid(x) + sinh(x) + cosh(x)"
    " + atan(x) + erf(x)\noutputs: [y]\n";

/* Generate the model in FOLDER with OPTIONS; the C.  */
static void generate(const char *folder, const char *options, buf *c)
{
    run_write_file(run_path(folder, "m.yaml"), spec, sizeof spec - 1);
    buf words = {0};
    buf_printf(&words, "%s m.yaml", options);
    run_result r = run_etrace(folder, buf_text(&words));
    ck_assert_msg(r.status == 0, "%s", buf_text(&r.err));
    ck_assert(run_read_file(run_path(folder, "m.c"), c));
    run_free(&r);
    buf_free(&words);
}

START_TEST(math_says_whose_functions)
{
    char *folder = run_make_folder();
    buf ours = {0}, libm = {0};
    generate(folder, "", &ours);
    generate(folder, "--math=libm", &libm);
    ck_assert(strstr(ours.text, "etr_tanh_f32(in->x[i])") && !strstr(ours.text, "tanhf("));
    ck_assert(strstr(libm.text, "tanhf(in->x[i])") && !strstr(libm.text, "etr_tanh"));
    ck_assert_ptr_null(strstr(ours.text, "f64")); /* what is not called is not there */
    buf_free(&ours);
    buf_free(&libm);
    run_remove_folder(folder);
}
END_TEST

/* Compile FOLDER/NAME with the words OPTIONS.  The status; what was said into TEXT, to free.  */
static int compile(const char *folder, const char *name, const char *options, char **text)
{
    const char *cc = getenv("CC");
    command c = {.n = 0};
    command_add_words(&c, cc ? cc : "cc");
    command_add_words(&c, "-std=c99 -O3 -c -fno-stack-protector -U_FORTIFY_SOURCE");
    command_add_words(&c, options);
    command_add(&c, "-I");
    command_add(&c, run_source_path("runtime"));
    command_add(&c, "-o");
    command_add(&c, run_path(folder, "o.o"));
    command_add(&c, run_path(folder, name));
    int status = command_run(&c, run_path(folder, "log"));
    *text = file_text(run_path(folder, "log"));
    return status;
}

START_TEST(no_function_of_libm_is_called)
{
    char *folder = run_make_folder(), *text;
    buf c = {0};
    generate(folder, _i ? "--math=libm" : "--math=etrace", &c);
    ck_assert_int_eq(compile(folder, "m.c", "", &text), 0);
    free(text);
    const char *const argv[] = {"nm", "-u", "o.o", NULL};
    if (command_exists("nm")) {
        run_result r = run_program(folder, argv);
        ck_assert_msg((strstr(buf_text(&r.out), "exp") != NULL) == _i, "%s", buf_text(&r.out));
        ck_assert_msg((strstr(buf_text(&r.out), "tanh") != NULL) == _i, "%s", buf_text(&r.out));
        run_free(&r);
    }
    buf_free(&c);
    run_remove_folder(folder);
}
END_TEST

static int times(const char *text, const char *word)
{
    int n = 0;
    for (; (text = strstr(text, word)) != NULL; text += strlen(word))
        n++;
    return n;
}

/* A loop over each function.  Compilers that cannot say whether it is vector code, and machines
   other than x86, are left out.  */
START_TEST(loops_become_vector_code)
{
    static const struct { const char *options, *word; } compilers[] = {
        {"-mavx2 -fopt-info-vec-optimized", "loop vectorized"},
        {"-mavx2 -Rpass=loop-vectorize", "vectorized loop"}};
    char *folder = run_make_folder(), *text;
    buf c = {0};
    int found = -1;
    buf_puts(&c, "#include \"etrace_math.h\"\n#define LOOP(f, T) "
                 "void f(T *restrict y, const T *restrict x);\\\n"
                 "void f(T *restrict y, const T *restrict x)\\\n{\\\n"
                 "    for (int i = 0; i < 64; i++)\\\n        y[i] = etr_##f(x[i]);\\\n}\n");
    for (int i = 0; i < N_FUNCTIONS; i++)
        buf_printf(&c, "LOOP(%s_f32, float)\nLOOP(%s_f64, double)\n", functions[i].name,
                   functions[i].name);
    run_write_file(run_path(folder, "loops.c"), c.text, c.len);
    for (int i = 0; i < 2 && found < 0; i++) {
        if (compile(folder, "loops.c", compilers[i].options, &text) == 0)
            found = times(text ? text : "", compilers[i].word);
        free(text);
    }
    if (found >= 0)
        ck_assert_int_eq(found, 2 * N_FUNCTIONS);
    else
        fputs("check_math: no compiler here that says what it vectorises: not tested\n", stderr);
    buf_free(&c);
    run_remove_folder(folder);
}
END_TEST

Suite *math_suite(void)
{
    Suite *s = suite_create("math");
    TCase *bounds = tcase_create("bounds"), *models = tcase_create("models");
    tcase_set_timeout(bounds, TIMEOUT);
    tcase_add_loop_test(bounds, floats_are_within_2_ulp, 0, N_FUNCTIONS);
    tcase_add_loop_test(bounds, doubles_are_within_4_ulp, 0, N_FUNCTIONS);
    tcase_add_loop_test(bounds, special_arguments, 0, N_FUNCTIONS);
    tcase_add_test(bounds, what_is_exact);
    tcase_set_timeout(models, TIMEOUT);
    tcase_add_test(models, math_says_whose_functions);
    tcase_add_loop_test(models, no_function_of_libm_is_called, 0, 2);
    tcase_add_test(models, loops_become_vector_code);
    suite_add_tcase(s, bounds);
    suite_add_tcase(s, models);
    return s;
}
