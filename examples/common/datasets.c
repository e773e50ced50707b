/* SPDX-License-Identifier: MIT-0 */
/* The examples' data.  In: files of this tree.  Out: arrays; what holds afterwards: every label and
   length is in its range.  */
#include "datasets.h"

#include "etrace_npz.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int complain(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    return -1;
}

/* The array NAME of RANK axes, the first N long (N < 0: any length), with SIZE elements in each of
   its places.  NULL after a message.  */
static const double *get(etr_npz *npz, const char *path, const char *name, int rank, int n,
                         int size, int *length)
{
    int got_rank, shape[ETR_RANK_MAX], fits;
    const double *x = etr_npz_get(npz, name, &got_rank, shape);
    long product = 1;

    if (!x) {
        complain(path, etr_npz_error());
        return NULL;
    }
    fits = got_rank == rank && (rank == 0 || n < 0 || shape[0] == n);
    for (int k = 1; fits && k < rank; k++) {
        product *= shape[k];
        fits = product <= size;
    }
    if (!fits || product != size) {
        fprintf(stderr, "%s: %s has another shape than expected\n", path, name);
        return NULL;
    }
    if (length)
        *length = shape[0];
    return x;
}

/* N numbers from LOW to HIGH, whole, for free().  NULL: one is not, or there is no memory.  */
static int *whole(const double *x, int n, int low, int high)
{
    int *res = malloc(((size_t)n + 1) * sizeof *res);

    for (int i = 0; res && i < n; i++) {
        if (!(x[i] >= low && x[i] <= high)) {
            free(res);
            return NULL;
        }
        res[i] = (int)x[i];
    }
    return res;
}

static etr_npz *open_npz(const char *path)
{
    etr_npz *npz = etr_npz_open(path);

    if (!npz)
        complain(path, etr_npz_error());
    return npz;
}

/* --- digits -------------------------------------------------------------------------------- */

static int read_digits(etr_npz *npz, const char *path, digits_data *d)
{
    const double *image = get(npz, path, "image", 3, -1, DIGIT_PIXELS, &d->n);
    const double *label = image ? get(npz, path, "label", 1, d->n, 1, NULL) : NULL;

    if (!label)
        return -1;
    d->label = whole(label, d->n, 0, 9);
    d->image = malloc(((size_t)d->n + 1) * sizeof *d->image);
    if (!d->label || !d->image)
        return complain(path, "a label out of range, or no memory");
    for (int i = 0; i < d->n; i++) {
        for (int k = 0; k < DIGIT_PIXELS; k++)
            d->image[i][k] = (float)(*image++ / 16);
    }
    return 0;
}

int digits_read(const char *path, digits_data *d)
{
    etr_npz *npz = open_npz(path);
    int status;

    memset(d, 0, sizeof *d);
    status = npz ? read_digits(npz, path, d) : -1;
    etr_npz_close(npz);
    return status;
}

void digits_free(digits_data *d)
{
    free(d->image);
    free(d->label);
}

/* --- vowels -------------------------------------------------------------------------------- */

/* Set first and longest.  Do the utterances have N_FRAMES together?  */
static int lay_out(vowels_data *d, int n_frames)
{
    int at = 0;

    d->first = malloc(((size_t)d->n + 1) * sizeof *d->first);
    for (int i = 0; d->first && i < d->n; i++) {
        d->first[i] = at;
        if (d->length[i] > n_frames - at)
            return 0;
        at += d->length[i];
        if (d->length[i] > d->longest)
            d->longest = d->length[i];
    }
    return d->first && at == n_frames;
}

static int read_vowels(etr_npz *npz, const char *path, vowels_data *d)
{
    int n_frames;
    const double *x = get(npz, path, "x", 2, -1, VOWEL_CHANNELS, &n_frames);
    const double *length = x ? get(npz, path, "length", 1, -1, 1, &d->n) : NULL;
    const double *speaker = length ? get(npz, path, "speaker", 1, d->n, 1, NULL) : NULL;
    const double *n_train = speaker ? get(npz, path, "n_train", 0, -1, 1, NULL) : NULL;

    if (!n_train)
        return -1;
    d->length = whole(length, d->n, 1, n_frames);
    d->speaker = whole(speaker, d->n, 0, VOWEL_SPEAKERS - 1);
    d->x = malloc(((size_t)n_frames + 1) * sizeof *d->x);
    if (!d->length || !d->speaker || !d->x || !(*n_train >= 0 && *n_train <= d->n) ||
        !lay_out(d, n_frames))
        return complain(path, "a number out of range, or no memory");
    d->n_train = (int)*n_train;
    for (int i = 0; i < n_frames; i++) {
        for (int k = 0; k < VOWEL_CHANNELS; k++)
            d->x[i][k] = (float)(*x++ / 10000);
    }
    return 0;
}

int vowels_read(const char *path, vowels_data *d)
{
    etr_npz *npz = open_npz(path);
    int status;

    memset(d, 0, sizeof *d);
    status = npz ? read_vowels(npz, path, d) : -1;
    etr_npz_close(npz);
    return status;
}

void vowels_free(vowels_data *d)
{
    free(d->length);
    free(d->speaker);
    free(d->first);
    free(d->x);
}

/* --- text ---------------------------------------------------------------------------------- */

/* All of F into D; grows as it reads.  */
static int read_text(FILE *f, text_data *d)
{
    size_t n = 0, room = 0, got = 1;

    while (got > 0) {
        if (n == room) {
            unsigned char *larger;
            room = room ? 2 * room : 1 << 16;
            larger = room > INT_MAX ? NULL : realloc(d->symbol, room);
            if (!larger)
                return 0;
            d->symbol = larger;
        }
        got = fread(d->symbol + n, 1, room - n, f);
        n += got;
    }
    d->n = (int)n;
    return !ferror(f);
}

/* Characters become symbols.  */
static void number_symbols(text_data *d)
{
    int number[256] = {0};

    for (int i = 0; i < d->n; i++)
        number[d->symbol[i]] = 1;
    for (int c = 0; c < 256; c++) {
        if (number[c]) {
            number[c] = d->n_symbols;
            d->letter[d->n_symbols++] = (unsigned char)c;
        }
    }
    for (int i = 0; i < d->n; i++)
        d->symbol[i] = (unsigned char)number[d->symbol[i]];
}

int text_read(const char *path, text_data *d)
{
    FILE *f = fopen(path, "rb");
    int good;

    memset(d, 0, sizeof *d);
    if (!f)
        return complain(path, "cannot be opened");
    good = read_text(f, d);
    fclose(f);
    if (!good)
        return complain(path, "cannot be read");
    number_symbols(d);
    return 0;
}

void text_free(text_data *d)
{
    free(d->symbol);
}
