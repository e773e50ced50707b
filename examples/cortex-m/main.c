/* SPDX-License-Identifier: MIT-0 */
/* In: ten handwritten digits (images.h).  Out: the model learns them by heart, step by step, on the
   device; the loss before and after, a digest of all it has learned, instructions and stack.  The
   digest is the same on every machine: see doc/targets.md.  */
#include "board.h"
#include "digits16.h"
#include "etrace.h"
#include "images.h"

#include <string.h>

enum { ROUNDS = 60, ROWS = 8, SEED = 1 };

static const float RATE = 0.1f;

static digits16_params params, grad;
static digits16_state state;
static digits16_trace trace;
static uint32_t instructions, steps;

static void print_number(const char *before, uint32_t x, uint32_t base, const char *after)
{
    char digits[12];
    char *p = digits + sizeof digits - 1;
    *p = '\0';
    do
        *--p = "0123456789abcdef"[x % base];
    while ((x /= base) > 0);
    board_print(before);
    board_print(p);
    board_print(after);
}

/* One image, row by row.  The loss.  */
static float learn_image(int image)
{
    static digits16_output out;
    float loss = 0;
    digits16_init_state(&state);
    digits16_reset_trace(&trace);
    for (int row = 0; row < ROWS; row++) {
        digits16_input in;
        const digits16_target target = {.label = image % 10, .when = row == ROWS - 1};
        for (int k = 0; k < 8; k++)
            in.x[k] = (float)images[image][8 * row + k] / 16;
        const uint32_t start = board_instructions();
        loss += digits16_learn(&params, &state, &trace, &in, &target, &out, &grad);
        instructions += board_instructions() - start;
        steps++;
    }
    return loss;
}

static float learn_round(void)
{
    float loss = 0;
    for (int image = 0; image < 10; image++) {
        memset(&grad, 0, sizeof grad);
        loss += learn_image(image);
        etr_sgd_f32((float *)&params, (const float *)&grad, NULL, sizeof params / sizeof(float),
                    RATE, 0);
    }
    return loss / 10;
}

/* Fowler, Noll and Vo's hash of the parameters, word by word: bytes may stand in any order.  */
static uint32_t digest(void)
{
    const char *from = (const char *)&params;
    uint32_t hash = UINT32_C(2166136261), word;
    for (size_t i = 0; i < sizeof params; i += sizeof word) {
        memcpy(&word, from + i, sizeof word);
        hash = (hash ^ word) * UINT32_C(16777619);
    }
    return hash;
}

int main(void)
{
    float loss = 0;
    digits16_init_params(&params, SEED);
    board_paint_stack();
    for (int round = 0; round < ROUNDS; round++) {
        loss = learn_round();
        if (round == 0)
            print_number("loss at first, thousandths: ", (uint32_t)(1000 * loss), 10, "\n");
    }
    print_number("loss at last, thousandths:  ", (uint32_t)(1000 * loss), 10, "\n");
    print_number("digest of the parameters:   ", digest(), 16, "\n");
    if (board_stack_used() > 0) {
        print_number("instructions a step:        ", instructions / steps, 10, "\n");
        print_number("stack used, bytes:          ", board_stack_used(), 10, "\n");
    }
    return 0;
}
