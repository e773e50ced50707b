/* SPDX-License-Identifier: MIT-0 */
/* Functions of <math.h> that a compiler turns into vector code: no branches, no tables, no errno,
   no calls.  They use + - * /, comparisons, conversions to int32_t and the bits of a number, which
   every machine does alike: without contraction of a * b + c (-ffp-contract=off) and without excess
   precision (FLT_EVAL_METHOD 0) the results are the same bits everywhere.  With either they are as
   good, and other bits.

   At most 2 ulp off for float and 4 for double, over all arguments; denormals, infinities, NaN and
   the sign of zero are as in Annex F of C99.  tests/check_math.c holds that; `make nightly-math`
   does so for every float.  Polynomials are minimax fits, each on the range that the comment of its
   function says.

   Generated models carry those that they call, section by section (gen/elementary.c): a section
   begins with a comment `--- NAME:` and has the function etr_NAME.  */
#ifndef ETRACE_MATH_H
#define ETRACE_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* --- bits_f32: the bits of X */
static inline uint32_t etr_bits_f32(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* --- of_bits_f32: the number with the bits U */
static inline float etr_of_bits_f32(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* --- signed_f32: X >= 0 with the sign of SIGN */
static inline float etr_signed_f32(float x, float sign)
{
    return etr_of_bits_f32(etr_bits_f32(x) | (etr_bits_f32(sign) & UINT32_C(0x80000000)));
}

/* --- choose_f32: YES or NO, without a branch, which would keep a loop from becoming vector code */
static inline float etr_choose_f32(int condition, float yes, float no)
{
    const uint32_t mask = (uint32_t)0 - (uint32_t)condition;
    return etr_of_bits_f32((etr_bits_f32(yes) & mask) | (etr_bits_f32(no) & ~mask));
}

/* --- clamp_f32: X between LOW < 0 and HIGH > 0, by the order of the bits; NaN gives one of them */
static inline float etr_clamp_f32(float x, float low, float high)
{
    const uint32_t sign = UINT32_C(0x80000000), u = etr_bits_f32(x), least = etr_bits_f32(low);
    const uint32_t v = (u < least ? u : least) ^ sign, most = etr_bits_f32(high) ^ sign;
    return etr_of_bits_f32((v < most ? v : most) ^ sign);
}

/* --- size_f32: |X|, at most MOST; NaN gives MOST */
static inline float etr_size_f32(float x, float most)
{
    const uint32_t u = etr_bits_f32(x) & ~UINT32_C(0x80000000), limit = etr_bits_f32(most);
    return etr_of_bits_f32(u < limit ? u : limit);
}

/* --- power_f32: 2^N for N from -126 to 127 */
static inline float etr_power_f32(int32_t n)
{
    return etr_of_bits_f32((uint32_t)(n + 127) << 23);
}

/* --- scale_f32: X 2^N for N from -252 to 254, rounded once: 2^N is a product of normal ones */
static inline float etr_scale_f32(float x, int32_t n)
{
    const int32_t half = (int32_t)((uint32_t)(n + 254) >> 1) - 127;
    return x * etr_power_f32(half) * etr_power_f32(n - half);
}

/* --- split_f32: e^X = 2^N (1 + P) for X from -104 to 90, |P| < 0.42; returns P

   N is X / ln 2 rounded, and P = e^r - 1 = r + r^2 q(r) for the rest r.  N ln 2 is taken off in two
   parts, the first without an error; what rounding takes from r is put back.  */
static inline float etr_split_f32(float x, int32_t *n)
{
    const int32_t whole = (int32_t)(x * 1.44269504f + 160.5f) - 160;
    const float turns = (float)whole;
    const float high = x - turns * 0.693145752f, low = turns * 1.42860677e-6f;
    const float r = high - low, rest = (high - r) - low;
    const float q = 0.5f + r * (0.166666657f + r * (0.0416663624f + r * (0.00833338965f
                    + r * (0.00139406475f + r * 0.000198458802f))));
    *n = whole;
    return r + (rest + r * r * q);
}

/* --- exp_f32: e^x */
static inline float etr_exp_f32(float x)
{
    const float inside = etr_clamp_f32(x, -104.0f, 89.0f);
    int32_t n;
    const float p = etr_split_f32(inside, &n), y = etr_scale_f32(1.0f + p, n);
    return etr_choose_f32(isnan(x) != 0, x, y);
}

/* --- expm1_f32: e^x - 1 = 2 (2^(n-1) p + (2^(n-1) - 1/2)); half of it is never too large

   What is tiny, or no number, stays as it is.  */
static inline float etr_expm1_f32(float x)
{
    const float inside = etr_clamp_f32(x, -18.0f, 89.0f);
    int32_t n;
    const float p = etr_split_f32(inside, &n), half = etr_power_f32(n - 1);
    const float y = 2.0f * (half * p + (half - 0.5f));
    return etr_choose_f32(fabsf(x) > 1e-9f, y, x);
}

/* --- tanh_f32: x + x^3 q(x^2) up to 0.55; above, with e = e^(-2|x|), 1 - 2 e / (1 + e) */
static inline float etr_tanh_f32(float x)
{
    const float size = fabsf(x), inside = etr_size_f32(x, 10.0f);
    const float s = etr_size_f32(x, 0.55f), z = s * s;
    const float q = -0.333333194f + z * (0.133326009f + z * (-0.0538538285f + z * (0.0210776236f
                    + z * -0.00628226995f)));
    int32_t n;
    const float p = etr_split_f32(-2.0f * inside, &n), e = etr_power_f32(n) * (1.0f + p);
    const float near = s + s * z * q, far = 1.0f - 2.0f * e / (1.0f + e);
    const float y = etr_signed_f32(etr_choose_f32(size < 0.55f, near, far), x);
    return etr_choose_f32(isnan(x) != 0, x, y);
}

/* --- sigmoid_f32: with e = e^-|x|, 1 - e / (1 + e) for x >= 0, and e - e e / (1 + e) below */
static inline float etr_sigmoid_f32(float x)
{
    const float inside = etr_size_f32(x, 104.0f);
    int32_t n;
    const float p = etr_split_f32(-inside, &n), e = etr_scale_f32(1.0f + p, n);
    const float q = e / (1.0f + e);
    const float y = etr_choose_f32(x < 0.0f, e - e * q, 1.0f - q);
    return etr_choose_f32(isnan(x) != 0, x, y);
}

/* --- log1p_part_f32: log(1 + f) - f for f from sqrt(1/2) - 1 to sqrt(2) - 1 */
static inline float etr_log1p_part_f32(float f)
{
    const float q = 0.333333313f + f * (-0.250008196f + f * (0.200012267f + f * (-0.166233569f
                    + f * (0.142017588f + f * (-0.131601825f + f * (0.12761575f
                    + f * -0.0763449445f))))));
    return f * f * (f * q - 0.5f);
}

/* --- log_f32: x = 2^k (1 + f), and log x = k ln 2 + log(1 + f) */
static inline float etr_log_f32(float x)
{
    const int tiny = x < 1.17549435e-38f;
    const float larger = x * 33554432.0f, normal = etr_choose_f32(tiny, larger, x);
    const uint32_t u = etr_bits_f32(normal) + UINT32_C(0x004afb0d); /* one less sqrt(1/2) */
    const float k = (float)((int32_t)(u >> 23) - (127 + 25 * tiny));
    const uint32_t fraction = u & UINT32_C(0x007fffff);
    const float f = etr_of_bits_f32(fraction + UINT32_C(0x3f3504f3)) - 1.0f;
    const float y = k * 0.693145752f + (f + (k * 1.42860677e-6f + etr_log1p_part_f32(f)));
    const float pole = x - HUGE_VALF, below = etr_choose_f32(x < 0.0f, NAN, pole);
    const float above = etr_choose_f32(x < HUGE_VALF, y, x);
    return etr_choose_f32(x > 0.0f, above, below);
}

/* --- log1p_f32: log u of u = 1 + x, and what rounding took from u: (x - (u - 1)) / u */
static inline float etr_log1p_f32(float x)
{
    const float one = 1.0f + x;
    const uint32_t u = etr_bits_f32(one) + UINT32_C(0x004afb0d);
    const float k = (float)((int32_t)(u >> 23) - 127);
    const uint32_t fraction = u & UINT32_C(0x007fffff);
    const float f = etr_of_bits_f32(fraction + UINT32_C(0x3f3504f3)) - 1.0f;
    const float rest = (x - (one - 1.0f)) / one;
    const float y = k * 0.693145752f + (f + (k * 1.42860677e-6f + (rest + etr_log1p_part_f32(f))));
    const float pole = one - HUGE_VALF, below = etr_choose_f32(one < 0.0f, NAN, pole);
    const float above = etr_choose_f32(x < HUGE_VALF, y, x);
    const float inside = etr_choose_f32(one > 0.0f, above, below);
    return etr_choose_f32((x < 0.0f) | (x > 0.0f), inside, x);
}

/* --- sinh_f32: x + x^3 q(x^2) up to 1; above, with h = e^|x| / 2, h - 1 / (4 h) */
static inline float etr_sinh_f32(float x)
{
    const float size = fabsf(x), inside = etr_size_f32(x, 90.0f), s = etr_size_f32(x, 1.0f);
    int32_t n;
    const float p = etr_split_f32(inside, &n), half = etr_scale_f32(1.0f + p, n - 1);
    const float far = half - 0.25f / half, z = s * s;
    const float near = s + s * z * (0.166666672f + z * (0.00833335053f + z * (0.000198360663f
                       + z * 2.81743951e-6f)));
    const float y = etr_signed_f32(etr_choose_f32(size < 1.0f, near, far), x);
    return etr_choose_f32(isnan(x) != 0, x, y);
}

/* --- cosh_f32: with h = e^|x| / 2, h + 1 / (4 h) */
static inline float etr_cosh_f32(float x)
{
    const float inside = etr_size_f32(x, 90.0f);
    int32_t n;
    const float p = etr_split_f32(inside, &n), half = etr_scale_f32(1.0f + p, n - 1);
    const float y = half + 0.25f / half;
    return etr_choose_f32(isnan(x) != 0, x, y);
}

/* --- atan_f32: of t from -1/3 to 1/2; 1/x and (x - 1) / (x + 1) bring what is above there */
static inline float etr_atan_f32(float x)
{
    const float size = fabsf(x);
    const int large = size > 2.0f, middle = size > 0.5f;
    const float above = etr_choose_f32(large, -1.0f, etr_choose_f32(middle, size - 1.0f, size));
    const float below = etr_choose_f32(large, size, etr_choose_f32(middle, size + 1.0f, 1.0f));
    const float t = above / below, z = t * t;
    const float q = -0.333333284f + z * (0.199994996f + z * (-0.142722473f + z * (0.109423317f
                    + z * (-0.0798896924f + z * 0.0387896262f))));
    const float quarter = etr_choose_f32(middle, 0.785398185f, 0.0f);
    const float start = etr_choose_f32(large, 1.57079637f, quarter), rest = start * -2.78275341e-8f;
    return etr_signed_f32(start + (t + (rest + t * z * q)), x);
}

/* --- erf_f32: x + x q(x^2) up to 1; above, 1 - e^g(x) with g = log(erfc x); 1 from 3.95 on */
static inline float etr_erf_f32(float x)
{
    const float size = fabsf(x), inside = etr_size_f32(x, 3.95f), s = etr_size_f32(x, 1.0f);
    const float z = s * s;
    const float q = 0.128379166f + z * (-0.37612626f + z * (0.112835854f + z * (-0.0268538259f
                    + z * (0.00518835057f + z * (-0.000801037415f + z * 7.8544108e-5f)))));
    const float g = -0.00034153962f + inside * (-1.12708914f + inside * (-0.63814497f
                    + inside * (-0.10310664f + inside * (0.0218380038f + inside * (-0.0029476427f
                    + inside * 0.000186377525f)))));
    const float far = -etr_expm1_f32(g), near = s + s * q;
    const float y = etr_signed_f32(etr_choose_f32(size < 1.0f, near, far), x);
    return etr_choose_f32(isnan(x) != 0, x, y);
}

/* --- bits_f64: the bits of X */
static inline uint64_t etr_bits_f64(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* --- of_bits_f64: the number with the bits U */
static inline double etr_of_bits_f64(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

/* --- signed_f64: X >= 0 with the sign of SIGN */
static inline double etr_signed_f64(double x, double sign)
{
    return etr_of_bits_f64(etr_bits_f64(x) | (etr_bits_f64(sign) & UINT64_C(0x8000000000000000)));
}

/* --- choose_f64: YES or NO, without a branch, which would keep a loop from becoming vector code */
static inline double etr_choose_f64(int condition, double yes, double no)
{
    const uint64_t mask = (uint64_t)0 - (uint64_t)condition;
    return etr_of_bits_f64((etr_bits_f64(yes) & mask) | (etr_bits_f64(no) & ~mask));
}

/* --- clamp_f64: X between LOW < 0 and HIGH > 0, by the order of the bits; NaN gives one of them */
static inline double etr_clamp_f64(double x, double low, double high)
{
    const uint64_t sign = UINT64_C(0x8000000000000000);
    const uint64_t u = etr_bits_f64(x), least = etr_bits_f64(low);
    const uint64_t v = (u < least ? u : least) ^ sign, most = etr_bits_f64(high) ^ sign;
    return etr_of_bits_f64((v < most ? v : most) ^ sign);
}

/* --- size_f64: |X|, at most MOST; NaN gives MOST */
static inline double etr_size_f64(double x, double most)
{
    const uint64_t u = etr_bits_f64(x) & ~UINT64_C(0x8000000000000000), limit = etr_bits_f64(most);
    return etr_of_bits_f64(u < limit ? u : limit);
}

/* --- power_f64: 2^N for N from -1022 to 1023 */
static inline double etr_power_f64(int32_t n)
{
    return etr_of_bits_f64((uint64_t)(uint32_t)(n + 1023) << 52);
}

/* --- scale_f64: X 2^N for N from -2044 to 2046, rounded once: 2^N is a product of normal ones */
static inline double etr_scale_f64(double x, int32_t n)
{
    const int32_t half = (int32_t)((uint32_t)(n + 2046) >> 1) - 1023;
    return x * etr_power_f64(half) * etr_power_f64(n - half);
}

/* --- split_f64: e^X = 2^N (1 + P) for X from -746 to 711, |P| < 0.42; returns P

   N is X / ln 2 rounded, and P = e^r - 1 = r + r^2 q(r) for the rest r.  N ln 2 is taken off in two
   parts, the first without an error; what rounding takes from r is put back.  */
static inline double etr_split_f64(double x, int32_t *n)
{
    const int32_t whole = (int32_t)(x * 1.4426950408889634 + 1200.5) - 1200;
    const double turns = (double)whole;
    const double high = x - turns * 0.69314718036912382, low = turns * 1.9082149292705877e-10;
    const double r = high - low, rest = (high - r) - low;
    const double q = 0.50000000000000056 + r * (0.16666666666666588 + r * (0.041666666666576611
                     + r * (0.0083333333333896458 + r * (0.00138888889316161
                     + r * (0.00019841269718850238 + r * (2.4801505208143036e-5
                     + r * (2.7557407623637778e-6 + r * (2.7626065395915216e-7
                     + r * 2.5053771989373426e-8))))))));
    *n = whole;
    return r + (rest + r * r * q);
}

/* --- exp_f64: e^x */
static inline double etr_exp_f64(double x)
{
    const double inside = etr_clamp_f64(x, -746.0, 710.0);
    int32_t n;
    const double p = etr_split_f64(inside, &n), y = etr_scale_f64(1.0 + p, n);
    return etr_choose_f64(isnan(x) != 0, x, y);
}

/* --- expm1_f64: e^x - 1 = 2 (2^(n-1) p + (2^(n-1) - 1/2)); half of it is never too large

   What is tiny, or no number, stays as it is.  */
static inline double etr_expm1_f64(double x)
{
    const double inside = etr_clamp_f64(x, -40.0, 710.0);
    int32_t n;
    const double p = etr_split_f64(inside, &n), half = etr_power_f64(n - 1);
    const double y = 2.0 * (half * p + (half - 0.5));
    return etr_choose_f64(fabs(x) > 1e-18, y, x);
}

/* --- tanh_f64: x + x^3 q(x^2) up to 0.55; above, with e = e^(-2|x|), 1 - 2 e / (1 + e) */
static inline double etr_tanh_f64(double x)
{
    const double size = fabs(x), inside = etr_size_f64(x, 20.0);
    const double s = etr_size_f64(x, 0.55), z = s * s;
    const double q = -0.33333333333332349 + z * (0.13333333333173605
                     + z * (-0.053968253878306741 + z * (0.021869486024475686
                     + z * (-0.0088631951307407992 + z * (0.0035917244720499817
                     + z * (-0.0014532391665110472 + z * (0.00057920038912566874
                     + z * (-0.00021040142158198168 + z * 5.1087143723336747e-5))))))));
    int32_t n;
    const double p = etr_split_f64(-2.0 * inside, &n), e = etr_power_f64(n) * (1.0 + p);
    const double near = s + s * z * q, far = 1.0 - 2.0 * e / (1.0 + e);
    const double y = etr_signed_f64(etr_choose_f64(size < 0.55, near, far), x);
    return etr_choose_f64(isnan(x) != 0, x, y);
}

/* --- sigmoid_f64: with e = e^-|x|, 1 - e / (1 + e) for x >= 0, and e - e e / (1 + e) below */
static inline double etr_sigmoid_f64(double x)
{
    const double inside = etr_size_f64(x, 746.0);
    int32_t n;
    const double p = etr_split_f64(-inside, &n), e = etr_scale_f64(1.0 + p, n);
    const double q = e / (1.0 + e);
    const double y = etr_choose_f64(x < 0.0, e - e * q, 1.0 - q);
    return etr_choose_f64(isnan(x) != 0, x, y);
}

/* --- log1p_part_f64: log(1 + f) - f for f from sqrt(1/2) - 1 to sqrt(2) - 1; with s = f / (2 + f),
   log(1 + f) = log((1 + s) / (1 - s)) = 2 s + s^3 q(s^2) */
static inline double etr_log1p_part_f64(double f)
{
    const double s = f / (2.0 + f), z = s * s, half = 0.5 * f * f;
    const double q = 0.6666666666666734 + z * (0.39999999999414682 + z * (0.28571428742387356
                     + z * (0.22222198573206384 + z * (0.18183564325181667
                     + z * (0.15314050572246585 + z * 0.14795949530768013)))));
    return s * (half + z * q) - half;
}

/* --- log_f64: x = 2^k (1 + f), and log x = k ln 2 + log(1 + f) */
static inline double etr_log_f64(double x)
{
    const int tiny = x < 2.2250738585072014e-308;
    const double larger = x * 18014398509481984.0, normal = etr_choose_f64(tiny, larger, x);
    const uint64_t u = etr_bits_f64(normal) + UINT64_C(0x00095f619980c433); /* one less sqrt(1/2) */
    const double k = (double)((int32_t)(u >> 52) - (1023 + 54 * tiny));
    const uint64_t fraction = u & UINT64_C(0x000fffffffffffff);
    const double f = etr_of_bits_f64(fraction + UINT64_C(0x3fe6a09e667f3bcd)) - 1.0;
    const double y = k * 0.69314718036912382
                     + (f + (k * 1.9082149292705877e-10 + etr_log1p_part_f64(f)));
    const double pole = x - HUGE_VAL, below = etr_choose_f64(x < 0.0, (double)NAN, pole);
    const double above = etr_choose_f64(x < HUGE_VAL, y, x);
    return etr_choose_f64(x > 0.0, above, below);
}

/* --- log1p_f64: log u of u = 1 + x, and what rounding took from u: (x - (u - 1)) / u */
static inline double etr_log1p_f64(double x)
{
    const double one = 1.0 + x;
    const uint64_t u = etr_bits_f64(one) + UINT64_C(0x00095f619980c433);
    const double k = (double)((int32_t)(u >> 52) - 1023);
    const uint64_t fraction = u & UINT64_C(0x000fffffffffffff);
    const double f = etr_of_bits_f64(fraction + UINT64_C(0x3fe6a09e667f3bcd)) - 1.0;
    const double rest = (x - (one - 1.0)) / one;
    const double y = k * 0.69314718036912382
                     + (f + (k * 1.9082149292705877e-10 + (rest + etr_log1p_part_f64(f))));
    const double pole = one - HUGE_VAL, below = etr_choose_f64(one < 0.0, (double)NAN, pole);
    const double above = etr_choose_f64(x < HUGE_VAL, y, x);
    const double inside = etr_choose_f64(one > 0.0, above, below);
    return etr_choose_f64((x < 0.0) | (x > 0.0), inside, x);
}

/* --- sinh_f64: x + x^3 q(x^2) up to 1; above, with h = e^|x| / 2, h - 1 / (4 h) */
static inline double etr_sinh_f64(double x)
{
    const double size = fabs(x), inside = etr_size_f64(x, 711.0), s = etr_size_f64(x, 1.0);
    int32_t n;
    const double p = etr_split_f64(inside, &n), half = etr_scale_f64(1.0 + p, n - 1);
    const double far = half - 0.25 / half, z = s * s;
    const double near = s + s * z * (0.16666666666666669 + z * (0.0083333333333331389
                        + z * (0.00019841269841437681 + z * (2.7557319155336905e-6
                        + z * (2.5052123398551906e-8 + z * (1.6057240341493977e-10
                        + z * 7.7593121958644258e-13))))));
    const double y = etr_signed_f64(etr_choose_f64(size < 1.0, near, far), x);
    return etr_choose_f64(isnan(x) != 0, x, y);
}

/* --- cosh_f64: with h = e^|x| / 2, h + 1 / (4 h) */
static inline double etr_cosh_f64(double x)
{
    const double inside = etr_size_f64(x, 711.0);
    int32_t n;
    const double p = etr_split_f64(inside, &n), half = etr_scale_f64(1.0 + p, n - 1);
    const double y = half + 0.25 / half;
    return etr_choose_f64(isnan(x) != 0, x, y);
}

/* --- atan_f64: of t from -1/3 to 1/2; 1/x and (x - 1) / (x + 1) bring what is above there */
static inline double etr_atan_f64(double x)
{
    const double size = fabs(x);
    const int large = size > 2.0, middle = size > 0.5;
    const double above = etr_choose_f64(large, -1.0, etr_choose_f64(middle, size - 1.0, size));
    const double below = etr_choose_f64(large, size, etr_choose_f64(middle, size + 1.0, 1.0));
    const double t = above / below, z = t * t;
    const double q = -0.33333333333332993 + z * (0.19999999999905543 + z * (-0.14285714276581374
                     + z * (0.11111110667468872 + z * (-0.090908964270482395
                     + z * (0.076920765808667635 + z * (-0.066638362015687042
                     + z * (0.058584620570226585 + z * (-0.051226914514578795
                     + z * (0.041883290800610554 + z * (-0.027462816551031222
                     + z * 0.010135451094360898))))))))));
    const double quarter = etr_choose_f64(middle, 0.78539816339744828, 0.0);
    const double start = etr_choose_f64(large, 1.5707963267948966, quarter);
    const double rest = start * 3.8981718325193755e-17;
    return etr_signed_f64(start + (t + (rest + t * z * q)), x);
}

/* --- erf_f64: x + x q(x^2) up to 1; above, 1 - e^g(x) with g = log(erfc x); 1 from 6 on */
static inline double etr_erf_f64(double x)
{
    const double size = fabs(x), inside = etr_size_f64(x, 6.0), s = etr_size_f64(x, 1.0);
    const double z = s * s;
    const double q = 0.12837916709551256 + z * (-0.37612638903183521 + z * (0.11283791670944211
                     + z * (-0.02686617064311464 + z * (0.0052239776061393595
                     + z * (-0.00085483259301557212 + z * (0.00012055293598679715
                     + z * (-1.4924712671922274e-5 + z * (1.6447135670715301e-6
                     + z * (-1.6206342303692588e-7 + z * (1.3711093764511865e-8
                     + z * -7.7796643494825767e-10))))))))));
    const double g = -1.0633377917302752e-6 + inside * (-1.1283687144806325
                     + inside * (-0.63666756933130342 + inside * (-0.10263767371692924
                     + inside * (0.018865425529478473 + inside * (0.0005840135904240395
                     + inside * (-0.0020987307252650967 + inside * (0.00091991549827863601
                     + inside * (-0.00023063590629554306 + inside * (2.7994606606441015e-5
                     + inside * (3.6116082520965848e-6 + inside * (-2.6730777512470471e-6
                     + inside * (6.8776217054017313e-7 + inside * (-1.0822176856510529e-7
                     + inside * (1.0903390650419187e-8 + inside * (-6.5181615181924173e-10
                     + inside * 1.7704246755205979e-11)))))))))))))));
    const double far = -etr_expm1_f64(g), near = s + s * q;
    const double y = etr_signed_f64(etr_choose_f64(size < 1.0, near, far), x);
    return etr_choose_f64(isnan(x) != 0, x, y);
}

#endif
