/* SPDX-License-Identifier: MIT-0 */
/* Numbers of 16 bits: bfloat16 (8 bits of exponent, 7 of fraction) and IEEE 754 binary16, called
   float16 here (5 and 10), kept as their bits in a uint16_t.  From float they are rounded to the
   nearest, ties to even; too large becomes infinite, too small subnormal or zero of the same sign;
   NaN stays NaN, quiet, with its sign and what fits of its payload.  To float they are exact.

   Whole-number arithmetic alone, so that the result does not depend on the rounding mode, on
   flushing of subnormals or on -ffast-math.  A generated model carries copies of the functions
   that it calls, each with the comment before it.  */
#ifndef ETRACE_HALF_H
#define ETRACE_HALF_H

#include <stdint.h>
#include <string.h>

/* --- bits_from_f32: the bits of X */
static inline uint32_t etr_bits_from_f32(float x)
{
    uint32_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* --- f32_from_bits: the number with these BITS */
static inline float etr_f32_from_bits(uint32_t bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

/* --- shift_to_even: BITS / 2^SHIFT, 0 < SHIFT < 32, rounded to the nearest whole number, ties to
   even.  */
static inline uint32_t etr_shift_to_even(uint32_t bits, unsigned shift)
{
    const uint32_t half = UINT32_C(1) << (shift - 1);
    const uint32_t rest = bits & ((half << 1) - 1), whole = bits >> shift;

    return whole + (rest > half || (rest == half && (whole & 1)));
}

/* --- bf16_from_f32: the upper half of a float.  A carry out of the fraction raises the exponent,
   as it should, up to the infinite.  */
static inline uint16_t etr_bf16_from_f32(float x)
{
    const uint32_t bits = etr_bits_from_f32(x);

    if ((bits & UINT32_C(0x7fffffff)) > UINT32_C(0x7f800000))
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)etr_shift_to_even(bits, 16);
}

/* --- f32_from_bf16: the number with the bits H */
static inline float etr_f32_from_bf16(uint16_t h)
{
    return etr_f32_from_bits((uint32_t)h << 16);
}

/* --- f16_from_f32: the smallest normal float16 is 2^-14: exponent 113 of a float.  Below it the
   fraction, with its leading one written out, is shifted further; below half of the smallest
   subnormal, 2^-25, all of it is shifted out.  65520 and beyond carry into the infinite.  */
static inline uint16_t etr_f16_from_f32(float x)
{
    const uint32_t bits = etr_bits_from_f32(x), size = bits & UINT32_C(0x7fffffff);
    const uint32_t sign = bits >> 16 & 0x8000, exponent = size >> 23;
    const uint32_t fraction = (size & UINT32_C(0x7fffff)) | UINT32_C(0x800000);

    if (size > UINT32_C(0x7f800000))
        return (uint16_t)(sign | 0x7e00 | (size >> 13 & 0x3ff));
    if (exponent >= 143)
        return (uint16_t)(sign | 0x7c00);
    if (exponent >= 113)
        return (uint16_t)(sign | etr_shift_to_even(size - (UINT32_C(112) << 23), 13));
    if (exponent >= 102)
        return (uint16_t)(sign | etr_shift_to_even(fraction, 126 - exponent));
    return (uint16_t)sign;
}

/* --- f32_from_f16: the number with the bits H */
static inline float etr_f32_from_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t exponent = (uint32_t)h >> 10 & 31, fraction = h & 0x3ff;

    if (exponent == 31)
        return etr_f32_from_bits(sign | UINT32_C(0x7f800000) | fraction << 13);
    if (exponent == 0) {
        if (fraction == 0)
            return etr_f32_from_bits(sign);
        /* Subnormal: shift until the leading one is where it is not written.  */
        for (exponent = 1; !(fraction & 0x400); exponent--)
            fraction <<= 1;
        fraction &= 0x3ff;
    }
    return etr_f32_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

#endif
