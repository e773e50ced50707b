/* SPDX-License-Identifier: MIT-0 */
/* Random numbers without a state: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random
   numbers: as easy as 1, 2, 3", SC 2011).  A value is a function of a seed, a stream and an index
   alone, so that every array has the same start on every machine and in every order of filling.

   Generated models carry a copy of this text behind the same guard.  Nothing here allocates; the
   functions that end in _f32 do no arithmetic in double.  */
#ifndef ETRACE_RANDOM_H
#define ETRACE_RANDOM_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* A model uses a few of these functions; the others must not be warned about.  */
#if defined(__GNUC__)
#define ETR_INLINE static inline __attribute__((unused))
#else
#define ETR_INLINE static inline
#endif

/* Ten rounds; OUT may be COUNTER.  */
ETR_INLINE void etr_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];

    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = UINT64_C(0xd2511f53) * c0;
        const uint64_t p1 = UINT64_C(0xcd9e8d57) * c2;

        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += UINT32_C(0x9e3779b9); /* the golden ratio */
        k1 += UINT32_C(0xbb67ae85); /* sqrt(3) - 1 */
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Block number BLOCK of four words of the stream STREAM under SEED.  */
ETR_INLINE void etr_random_block(uint64_t seed, uint32_t stream, uint64_t block, uint32_t out[4])
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), stream, 0};

    etr_philox(key, counter, out);
}

/* Number INDEX of the stream, uniform in [0, 1): a multiple of 2^-24.  */
ETR_INLINE float etr_uniform_f32(uint64_t seed, uint32_t stream, uint64_t index)
{
    uint32_t word[4];

    etr_random_block(seed, stream, index / 4, word);
    return (float)(word[index % 4] >> 8) * (1.0f / 16777216.0f);
}

/* The same as a multiple of 2^-53.  */
ETR_INLINE double etr_uniform_f64(uint64_t seed, uint32_t stream, uint64_t index)
{
    uint32_t word[4];
    const unsigned at = (unsigned)(index % 2) * 2;

    etr_random_block(seed, stream, index / 2, word);
    return (double)((((uint64_t)word[at] << 32) | word[at + 1]) >> 11) * (1.0 / 9007199254740992.0);
}

/* The rest is the same for float and double: S is the suffix, T the type, F(name) that function of
   <math.h> for it.

   etr_normal       number INDEX, standard normal (Box and Muller: a pair of numbers from a pair)
   etr_fill_*       N numbers at P
   etr_project      make vector number J (LENGTH elements, STEP apart, the vectors APART apart)
                    orthogonal to those before it (modified Gram-Schmidt); its norm then
   etr_fill_orthogonal  P[ROWS][COLS] with orthonormal columns, or rows where these are not more,
                    times GAIN.  Projecting twice makes them orthogonal to rounding; a draw that
                    lies in the span of the vectors before it is drawn again.  */
#define ETR_DEFINE_RANDOM(S, T, F)                                                                \
    ETR_INLINE T etr_normal_##S(uint64_t seed, uint32_t stream, uint64_t index)                   \
    {                                                                                             \
        const uint64_t even = index - index % 2;                                                  \
        const T u = (T)1 - etr_uniform_##S(seed, stream, even);                                   \
        const T angle = (T)6.28318530717958647692 * etr_uniform_##S(seed, stream, even + 1);      \
        const T radius = F(sqrt)((T)-2 * F(log)(u));                                              \
                                                                                                  \
        return radius * (index == even ? F(cos)(angle) : F(sin)(angle));                          \
    }                                                                                             \
                                                                                                  \
    ETR_INLINE void etr_fill_constant_##S(T *p, size_t n, T value)                                \
    {                                                                                             \
        for (size_t i = 0; i < n; i++)                                                            \
            p[i] = value;                                                                         \
    }                                                                                             \
                                                                                                  \
    ETR_INLINE void etr_fill_uniform_##S(T *p, size_t n, uint64_t seed, uint32_t stream, T low,   \
                                         T high)                                                  \
    {                                                                                             \
        for (size_t i = 0; i < n; i++)                                                            \
            p[i] = low + (high - low) * etr_uniform_##S(seed, stream, i);                         \
    }                                                                                             \
                                                                                                  \
    ETR_INLINE void etr_fill_normal_##S(T *p, size_t n, uint64_t seed, uint32_t stream, T mean,   \
                                        T std)                                                    \
    {                                                                                             \
        for (size_t i = 0; i < n; i++)                                                            \
            p[i] = mean + std * etr_normal_##S(seed, stream, i);                                  \
    }                                                                                             \
                                                                                                  \
    ETR_INLINE T etr_project_##S(T *p, size_t j, size_t length, size_t step, size_t apart)        \
    {                                                                                             \
        T *v = p + j * apart;                                                                     \
        T square = 0;                                                                             \
                                                                                                  \
        for (size_t k = 0; k < j; k++) {                                                          \
            const T *w = p + k * apart;                                                           \
            T dot = 0;                                                                            \
            for (size_t i = 0; i < length; i++)                                                   \
                dot += v[i * step] * w[i * step];                                                 \
            for (size_t i = 0; i < length; i++)                                                   \
                v[i * step] -= dot * w[i * step];                                                 \
        }                                                                                         \
        for (size_t i = 0; i < length; i++)                                                       \
            square += v[i * step] * v[i * step];                                                  \
        return F(sqrt)(square);                                                                   \
    }                                                                                             \
                                                                                                  \
    ETR_INLINE void etr_fill_orthogonal_##S(T *p, size_t rows, size_t cols, uint64_t seed,        \
                                            uint32_t stream, T gain)                              \
    {                                                                                             \
        const int by_column = rows > cols;                                                        \
        const size_t length = by_column ? rows : cols, n = by_column ? cols : rows;               \
        const size_t step = by_column ? cols : 1, apart = by_column ? 1 : cols;                   \
        uint64_t next = 0;                                                                        \
                                                                                                  \
        for (size_t j = 0; j < n; j++) {                                                          \
            T norm;                                                                               \
            do {                                                                                  \
                for (size_t i = 0; i < length; i++)                                               \
                    p[j * apart + i * step] = etr_normal_##S(seed, stream, next++);               \
                norm = etr_project_##S(p, j, length, step, apart);                                \
            } while (norm < (T)1e-3);                                                             \
            norm = etr_project_##S(p, j, length, step, apart);                                    \
            for (size_t i = 0; i < length; i++)                                                   \
                p[j * apart + i * step] /= norm;                                                  \
        }                                                                                         \
        for (size_t i = 0; i < rows * cols; i++)                                                  \
            p[i] *= gain;                                                                         \
    }

#define ETR_F32(name) name##f
#define ETR_F64(name) name
ETR_DEFINE_RANDOM(f32, float, ETR_F32)
ETR_DEFINE_RANDOM(f64, double, ETR_F64)
#undef ETR_F32
#undef ETR_F64
#undef ETR_DEFINE_RANDOM

#endif
