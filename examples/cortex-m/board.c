/* SPDX-License-Identifier: MIT-0 */
/* In: reset.  Out: main, then the end of the emulator.  For the MPS2 boards of qemu (mps2-an385,
   -an386, -an500); what is printed goes through semihosting, which debuggers of real boards have,
   too.  */
#include "board.h"

#include <stddef.h>

int main(void);
void reset(void);
void halt(void);

/* From mps2.ld.  */
extern uint32_t data_in_flash[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];

enum { SEMIHOSTING_WRITE0 = 0x04, SEMIHOSTING_EXIT = 0x18, STOPPED_BY_APPLICATION = 0x20026 };

enum { TICK_INSTRUCTIONS = 40, PAINTED_WORDS = 8192, PAINT = 0x5aa55aa5 }; /* 25 MHz and 1 ns */

#define SYSTICK ((volatile uint32_t *)0xe000e010) /* control, reload, current */
#define CPACR (*(volatile uint32_t *)0xe000ed88)  /* access to the FPU */

static void semihosting(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void board_print(const char *text)
{
    semihosting(SEMIHOSTING_WRITE0, text);
}

/* SysTick counts 24 bits down.  */
uint32_t board_instructions(void)
{
    return (0x00ffffff - SYSTICK[2]) * TICK_INSTRUCTIONS;
}

static volatile uint32_t *painted_from(void)
{
    return &stack_top[-PAINTED_WORDS];
}

void board_paint_stack(void)
{
    uintptr_t here; /* what is above is in use */
    __asm__ volatile("mov %0, sp" : "=r"(here));
    for (volatile uint32_t *p = painted_from(); (uintptr_t)p < here; p++)
        *p = PAINT;
}

uint32_t board_stack_used(void)
{
    volatile uint32_t *p = painted_from();
    while (*p == PAINT)
        p++;
    return (uint32_t)((char *)stack_top - (char *)p);
}

void halt(void)
{
    semihosting(SEMIHOSTING_EXIT, (const void *)STOPPED_BY_APPLICATION);
    for (;;)
        ;
}

void reset(void)
{
    for (uint32_t *to = data_start, *from = data_in_flash; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
#ifdef __ARM_FP
    CPACR |= UINT32_C(0xf) << 20;
    __asm__ volatile("dsb\n\tisb");
#endif
    SYSTICK[1] = 0x00ffffff;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5; /* on, by the processor's clock */
    main();
    halt();
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    stack_top, (void *)reset, (void *)halt, (void *)halt, (void *)halt, (void *)halt, (void *)halt};
