/* SPDX-License-Identifier: MIT-0 */
/* The data of the example: 1,797 handwritten digits (see NOTICE) as inputs of the model.  */
#ifndef IMAGES_H
#define IMAGES_H

#include "digits.h"

enum { IMAGES = 1797, TRAIN = 1437, ROWS = 8, CLASSES = 10 };

typedef struct {
    digits_input row[ROWS]; /* eight pixels each, from 0 to 1 */
    int label;
} image;

/* Fill ALL from the file digits.npz of FOLDER, in mixed order, the same in every run: the first
   TRAIN are for training, the others are held out.  Returns 0, or 1 after a message.  */
int images_load(const char *folder, image all[IMAGES]);

/* 0..n-1 in an order that depends on SEED and STREAM alone.  */
void images_shuffle(int *order, int n, uint64_t seed, uint32_t stream);

#endif
