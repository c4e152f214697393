//! What becomes of a fault, such as a stack that has overflown.

use core::arch::naked_asm;

use crate::console;

unsafe extern "C" {
    /// The lowest address of the stack.
    static _stack_end: u32;
}

/// Goes on with a fresh stack, since the old one may have run out of memory.
///
/// # Safety
///
/// Only the processor may call it.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn HardFault() -> ! {
    naked_asm!(
        "mov r0, sp",
        "ldr r1, =_stack_start",
        "mov sp, r1",
        "b {report}",
        report = sym report,
    )
}

extern "C" fn report(stack_pointer: u32) -> ! {
    let lowest = (&raw const _stack_end) as u32;
    console::say(if stack_pointer < lowest {
        c"the firmware's stack has overflown\n"
    } else {
        c"the firmware has faulted\n"
    });
    console::fail();
}
