/* SPDX-License-Identifier: MIT-0 */
/* The examples' data in memory.  Each loader returns 0, or -1 after a message on stderr.  What it
   fills is for the _free of its kind, also after a failure.  */
#ifndef EXAMPLES_DATASETS_H
#define EXAMPLES_DATASETS_H

#include <stddef.h>

/* Handwritten digits (examples/digits/digits.npz): images of 8 x 8, 0 white to 1 black.  */
enum { DIGIT_PIXELS = 64 };
typedef struct {
    int n;
    float (*image)[DIGIT_PIXELS];
    int *label; /* 0 to 9 */
} digits_data;
int digits_read(const char *path, digits_data *d);
void digits_free(digits_data *d);

/* Utterances of two Japanese vowels by nine men (examples/vowels/vowels.npz).  The first n_train
   are for training.  */
enum { VOWEL_CHANNELS = 12, VOWEL_SPEAKERS = 9 };
typedef struct {
    int n, n_train, longest;
    int *length, *speaker; /* frames; 0 to 8 */
    int *first;            /* of its frames, in x */
    float (*x)[VOWEL_CHANNELS];
} vowels_data;
int vowels_read(const char *path, vowels_data *d);
void vowels_free(vowels_data *d);

/* A text as numbers, one for each character that it has, in the order of their codes.  */
typedef struct {
    int n, n_symbols;
    unsigned char *symbol;     /* of each place: 0 to n_symbols - 1 */
    unsigned char letter[256]; /* of each symbol */
} text_data;
int text_read(const char *path, text_data *d);
void text_free(text_data *d);

#endif
