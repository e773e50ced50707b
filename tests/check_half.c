/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's numbers of 16 bits.  In: all 65,536 of them, floats drawn at random and floats at
   the borders between two neighbours.  Out: test cases against values made by ldexp, and against a
   search for the nearest in double.  */
#include "etrace_half.h"
#include "etrace_random.h"
#include "suites.h"

enum { ALL = 1 << 16, DRAWS = 200000 };

/* One of the two formats.  */
typedef struct {
    uint16_t (*from)(float);
    float (*to)(uint16_t);
    int fraction_bits, bias;
    uint16_t infinite; /* the bits of the positive infinite */
} format;

static const format formats[] = {
    {etr_bf16_from_f32, etr_f32_from_bf16, 7, 127, 0x7f80},
    {etr_f16_from_f32, etr_f32_from_f16, 10, 15, 0x7c00},
};

/* The value of H by the definition of the format; the infinite as the next power of two, which is
   where rounding puts the border.  */
static double value(const format *f, unsigned h)
{
    const int exponent = (int)(h & 0x7fff) >> f->fraction_bits;
    const int fraction = (int)(h & ((1u << f->fraction_bits) - 1));
    const int one = exponent > 0 ? 1 << f->fraction_bits : 0;
    const double size = ldexp(fraction + one,
                              (exponent > 0 ? exponent : 1) - f->bias - f->fraction_bits);

    return h & 0x8000 ? -size : size;
}

static int is_nan(const format *f, unsigned h)
{
    return (h & 0x7fff) > f->infinite;
}

START_TEST(all_values_to_float)
{
    const format *f = &formats[_i];

    for (unsigned h = 0; h < ALL; h++) {
        const float x = f->to((uint16_t)h);
        ck_assert_int_eq(!!signbit(x), h >> 15);
        if (is_nan(f, h))
            ck_assert(isnan(x));
        else if ((h & 0x7fff) == f->infinite)
            ck_assert(isinf(x));
        else
            ck_assert((double)x == value(f, h));
    }
}
END_TEST

START_TEST(all_values_round_trip)
{
    const format *f = &formats[_i];

    for (unsigned h = 0; h < ALL; h++) {
        const unsigned quiet = is_nan(f, h) ? 1u << (f->fraction_bits - 1) : 0;
        ck_assert_uint_eq(f->from(f->to((uint16_t)h)), h | quiet);
    }
}
END_TEST

/* The bits of the number nearest to X, which is not NaN, ties to even.  */
static unsigned nearest(const format *f, float x)
{
    const double size = fabs((double)x);
    unsigned low = 0, high = f->infinite; /* value(low) <= size, and below value(high) or beyond */
    double below, above;

    while (high - low > 1) {
        const unsigned middle = (low + high) / 2;
        if (value(f, middle) <= size)
            low = middle;
        else
            high = middle;
    }
    below = size - value(f, low);
    above = value(f, high) - size;
    if (below > above || (!(below < above) && (low & 1)))
        low = high;
    return low | (signbit(x) ? 0x8000u : 0);
}

/* Bits drawn at random: every exponent is as likely as any other.  */
START_TEST(random_floats_to_nearest)
{
    const format *f = &formats[_i];

    for (uint64_t i = 0; i < DRAWS; i += 4) {
        uint32_t word[4];
        etr_random_block(11, (uint32_t)_i, i, word);
        for (int k = 0; k < 4; k++) {
            const float x = etr_f32_from_bits(word[k]);
            if (isnan(x))
                ck_assert(is_nan(f, f->from(x)) && f->from(x) >> 15 == word[k] >> 31);
            else
                ck_assert_uint_eq(f->from(x), nearest(f, x));
        }
    }
}
END_TEST

/* Every border between two neighbours, and the floats on both sides of it.  */
START_TEST(borders_go_to_even)
{
    const format *f = &formats[_i];

    for (unsigned h = 0; h < f->infinite; h++) {
        const double border = 0.5 * value(f, h) + 0.5 * value(f, h + 1);
        const float x = (float)border;
        ck_assert((double)x == border);
        ck_assert_uint_eq(f->from(x), h + (h & 1));
        ck_assert_uint_eq(f->from(-x), 0x8000u | (h + (h & 1)));
        ck_assert_uint_eq(f->from(nextafterf(x, 0.0f)), h);
        ck_assert_uint_eq(f->from(nextafterf(x, INFINITY)), h + 1);
    }
}
END_TEST

START_TEST(ends_of_the_range)
{
    ck_assert_uint_eq(etr_f16_from_f32(65504.0f), 0x7bff);
    ck_assert_uint_eq(etr_f16_from_f32(65519.996f), 0x7bff);
    ck_assert_uint_eq(etr_f16_from_f32(65520.0f), 0x7c00);
    ck_assert_uint_eq(etr_f16_from_f32(-INFINITY), 0xfc00);
    ck_assert_uint_eq(etr_f16_from_f32(ldexpf(1.0f, -24)), 1);
    ck_assert_uint_eq(etr_f16_from_f32(ldexpf(1.0f, -25)), 0);
    ck_assert_uint_eq(etr_f16_from_f32(-1e-45f), 0x8000);
    ck_assert_uint_eq(etr_bf16_from_f32(3.4028235e38f), 0x7f80);
    ck_assert_uint_eq(etr_bf16_from_f32(1e-45f), 0);
    /* A NaN whose payload lies in the bits that go is not taken for the infinite.  */
    ck_assert_uint_eq(etr_bf16_from_f32(etr_f32_from_bits(0x7f800001)), 0x7fc0);
    ck_assert_uint_eq(etr_f16_from_f32(etr_f32_from_bits(0xff800001)), 0xfe00);
}
END_TEST

Suite *half_suite(void)
{
    Suite *s = suite_create("half");
    TCase *conversions = tcase_create("conversions");

    tcase_set_timeout(conversions, 60);
    tcase_add_loop_test(conversions, all_values_to_float, 0, 2);
    tcase_add_loop_test(conversions, all_values_round_trip, 0, 2);
    tcase_add_loop_test(conversions, random_floats_to_nearest, 0, 2);
    tcase_add_loop_test(conversions, borders_go_to_even, 0, 2);
    tcase_add_test(conversions, ends_of_the_range);
    suite_add_tcase(s, conversions);
    return s;
}
