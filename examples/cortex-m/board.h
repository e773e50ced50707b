/* SPDX-License-Identifier: MIT-0 */
/* What the program asks of its machine: board.c is an MPS2 board, host.c your computer.  */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void board_print(const char *text);

/* Counts up; the unit is one instruction under qemu's -icount shift=0, and nothing at all on a
   host.  The difference of two is right where it is less than 2^29.  */
uint32_t board_instructions(void);

/* Mark the free stack; then how much of it has been used since.  0 on a host.  */
void board_paint_stack(void);
uint32_t board_stack_used(void);

#endif
