//! Division of 64 bits, in 110 bytes of flash where the compiler's own takes nine times as many. What
//! divides here are times, by a thousand and the like, and ids, by 36: that takes three divisions of
//! 32 bits, for which the processor has an instruction.

use core::arch::global_asm;

// r1:r0 by r3:r2, to a quotient in r1:r0 and a remainder in r3:r2.
global_asm!(
    ".pushsection .text.__aeabi_uldivmod, \"ax\", %progbits",
    ".balign 2",
    ".global __aeabi_uldivmod",
    ".type __aeabi_uldivmod, %function",
    "__aeabi_uldivmod:",
    "push {{r4, r5, r6, r7, lr}}",
    "cbnz r3, 5f",
    "lsrs r4, r2, #16",
    "bne 5f",
    // A divisor of 16 bits: the upper half, and then 16 bits at a time behind what is left, in r5.
    "udiv r4, r1, r2",
    "mls r5, r4, r2, r1",
    "lsrs r6, r0, #16",
    "orr r6, r6, r5, lsl #16",
    "udiv r7, r6, r2",
    "mls r5, r7, r2, r6",
    "uxth r6, r0",
    "orr r6, r6, r5, lsl #16",
    "udiv r3, r6, r2",
    "mls r2, r3, r2, r6",
    "orr r0, r3, r7, lsl #16",
    "mov r1, r4",
    "movs r3, #0",
    "pop {{r4, r5, r6, r7, pc}}",
    // Any other: bit by bit. What is left is in r5:r4.
    "5: movs r4, #0",
    "movs r5, #0",
    "movs r6, #64",
    "6: adds r0, r0, r0",
    "adcs r1, r1",
    "adcs r4, r4",
    "adcs r5, r5",
    "bcs 7f",
    "cmp r5, r3",
    "it eq",
    "cmpeq r4, r2",
    "blo 8f",
    "7: subs r4, r4, r2",
    "sbcs r5, r3",
    "adds r0, #1",
    "8: subs r6, #1",
    "bne 6b",
    "mov r2, r4",
    "mov r3, r5",
    "pop {{r4, r5, r6, r7, pc}}",
    ".popsection",
);
