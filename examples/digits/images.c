/* SPDX-License-Identifier: MIT-0 */
/* In: digits.npz.  Out: images in an order that is fixed for good.  */
#include "images.h"

#include "etrace_npz.h"
#include "etrace_random.h"

#include <stdio.h>

enum { WIDTH = sizeof(digits_input) / sizeof(float), SPLIT_SEED = 1, SPLIT_STREAM = 0 };

/* Fisher and Yates, from the inside out.  */
void images_shuffle(int *order, int n, uint64_t seed, uint32_t stream)
{
    for (int i = 0; i < n; i++) {
        const int j = (int)(etr_uniform_f64(seed, stream, (uint64_t)i) * (i + 1));

        order[i] = order[j];
        order[j] = i;
    }
}

/* The array NAME of 1,797 times EACH numbers, or NULL.  */
static const double *numbers(etr_npz *npz, const char *name, int each)
{
    int rank, shape[ETR_RANK_MAX], n = 1;
    const double *res = etr_npz_get(npz, name, &rank, shape);

    for (int k = 0; res && k < rank; k++)
        n *= shape[k];
    return n == IMAGES * each ? res : NULL;
}

int images_load(const char *folder, image all[IMAGES])
{
    char path[4096];
    int order[IMAGES];
    etr_npz *npz;
    const double *pixel, *label;

    snprintf(path, sizeof path, "%s/digits.npz", folder);
    npz = etr_npz_open(path);
    pixel = npz ? numbers(npz, "image", ROWS * WIDTH) : NULL;
    label = pixel ? numbers(npz, "label", 1) : NULL;
    if (!label) {
        fprintf(stderr, "digits: %s: %s\n", path, npz ? "not the digits" : etr_npz_error());
        etr_npz_close(npz);
        return 1;
    }
    images_shuffle(order, IMAGES, SPLIT_SEED, SPLIT_STREAM);
    for (int i = 0; i < IMAGES; i++) {
        all[i].label = (int)label[order[i]];
        for (int k = 0; k < ROWS * WIDTH; k++)
            all[i].row[k / WIDTH].x[k % WIDTH] = (float)pixel[order[i] * ROWS * WIDTH + k] / 16;
    }
    etr_npz_close(npz);
    return 0;
}
