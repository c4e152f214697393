//! What becomes of a fault, such as a stack that overflows.

use core::arch::naked_asm;

use cortex_m::asm;
use cortex_m::peripheral::MPU;

use crate::console;

unsafe extern "C" {
    /// The lowest address of the stack.
    static _stack_end: u32;
}

/// Has whatever touches the memory below the stack fault, which is where one that overflows goes. On a
/// real board there is nothing, and that faults by itself; the emulator lets it pass.
pub fn guard_stack(mpu: &MPU) {
    /// Allows all that is not forbidden.
    const ENABLE: u32 = 1 << 2 | 1;
    const FIRST_REGION: u32 = 0;
    /// Of 2²⁰ bytes, without access.
    const GUARD: u32 = 19 << 1 | 1;
    const SIZE: u32 = 1 << 20;
    let lowest = (&raw const _stack_end) as u32;
    // SAFETY: no program has something to look for there. The stack's end is as aligned as it has to
    // be, since RAM begins with it.
    unsafe {
        mpu.rnr.write(FIRST_REGION);
        mpu.rbar.write(lowest - SIZE);
        mpu.rasr.write(GUARD);
        mpu.ctrl.write(ENABLE);
    }
    asm::dsb();
    asm::isb();
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
