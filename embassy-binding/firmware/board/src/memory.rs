//! Copying, moving, setting and comparing memory, in 150 bytes of flash where the compiler's own ways
//! take 2.5 KB and more instructions: this processor reads and writes words at any address.

use core::arch::global_asm;

/// Defines functions at one place, which take the same and do the same.
macro_rules! function {
    ([$first:literal $(, $name:literal)*] $($line:literal)+) => {
        global_asm!(
            concat!(".pushsection .text.", $first, ", \"ax\", %progbits"),
            ".balign 2",
            concat!(".global ", $first),
            concat!(".type ", $first, ", %function"),
            $(concat!(".global ", $name), concat!(".type ", $name, ", %function"),)*
            concat!($first, ":"),
            $(concat!($name, ":"),)*
            $($line,)+
            ".popsection",
        );
    };
}

// To r0, from r1, r2 bytes. r0 is kept, which is what some return.
function!(["memcpy", "__aeabi_memcpy", "__aeabi_memcpy4", "__aeabi_memcpy8"]
    "mov r12, r0"
    "subs r2, #4"
    "bcc 2f"
    "1: ldr r3, [r1], #4"
    "str r3, [r12], #4"
    "subs r2, #4"
    "bcs 1b"
    "2: adds r2, #4"
    "beq 4f"
    "3: ldrb r3, [r1], #1"
    "strb r3, [r12], #1"
    "subs r2, #1"
    "bne 3b"
    "4: bx lr"
);

// The same, where the two may overlap: from the end if the target is behind the source.
function!(["memmove", "__aeabi_memmove", "__aeabi_memmove4", "__aeabi_memmove8"]
    "cmp r0, r1"
    "bls memcpy"
    "1: subs r2, #1"
    "it mi"
    "bxmi lr"
    "ldrb r3, [r1, r2]"
    "strb r3, [r0, r2]"
    "b 1b"
);

// From r0 on, r1 bytes, each r2.
function!(["__aeabi_memset", "__aeabi_memset4", "__aeabi_memset8"]
    "uxtb r2, r2"
    "orr r2, r2, r2, lsl #8"
    "orr r2, r2, r2, lsl #16"
    "mov r3, r0"
    "subs r1, #4"
    "bcc 2f"
    "1: str r2, [r3], #4"
    "subs r1, #4"
    "bcs 1b"
    "2: adds r1, #4"
    "beq 4f"
    "3: strb r2, [r3], #1"
    "subs r1, #1"
    "bne 3b"
    "4: bx lr"
);

function!(["__aeabi_memclr", "__aeabi_memclr4", "__aeabi_memclr8"]
    "movs r2, #0"
    "b __aeabi_memset"
);

// The same with the byte before the length.
function!(["memset"]
    "mov r3, r1"
    "mov r1, r2"
    "mov r2, r3"
    "b __aeabi_memset"
);

// r0 and r1, r2 bytes: below, at or above zero as the first that differs.
function!(["memcmp", "bcmp"]
    "mov r12, r0"
    "movs r0, #0"
    "1: subs r2, #1"
    "it mi"
    "bxmi lr"
    "ldrb r0, [r12], #1"
    "ldrb r3, [r1], #1"
    "subs r0, r3"
    "beq 1b"
    "bx lr"
);
