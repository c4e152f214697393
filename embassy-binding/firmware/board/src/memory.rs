//! Memory that is moved to where it overlaps.
//!
//! Hardly anything does that, and never much: in a firmware with embassy-net, only what removes a route.
//! The compiler's own way is fast, and takes 1.6 KB of flash for it.

use core::arch::global_asm;

// Byte by byte, from the end where the target is behind the source.
global_asm!(
    ".pushsection .text.memmove, \"ax\"",
    ".global memmove, __aeabi_memmove, __aeabi_memmove4, __aeabi_memmove8",
    ".type memmove, %function",
    ".type __aeabi_memmove, %function",
    ".type __aeabi_memmove4, %function",
    ".type __aeabi_memmove8, %function",
    "memmove:",
    "__aeabi_memmove:",
    "__aeabi_memmove4:",
    "__aeabi_memmove8:",
    "cmp r0, r1",
    "bhi 2f",
    "mov r3, r0",
    "1: subs r2, #1",
    "bmi 3f",
    "ldrb r12, [r1], #1",
    "strb r12, [r3], #1",
    "b 1b",
    "2: subs r2, #1",
    "bmi 3f",
    "ldrb r12, [r1, r2]",
    "strb r12, [r0, r2]",
    "b 2b",
    "3: bx lr",
    ".popsection",
);
