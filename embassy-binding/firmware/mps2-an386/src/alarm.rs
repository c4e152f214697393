//! The first timer, which wakes what waits for a time.

use crate::registers::Register;

const DUE: u32 = 1;

/// Has the interrupt come in so many cycles, and not as set before.
pub(crate) fn set(cycles: u32) {
    const ENABLE: u32 = 1 << 0;
    const INTERRUPT: u32 = 1 << 3;
    Register::CTRL.write(0);
    Register::INTCLEAR.write(DUE);
    Register::RELOAD.write(cycles);
    Register::VALUE.write(cycles);
    Register::CTRL.write(ENABLE | INTERRUPT);
}

pub(crate) extern "C" fn on_interrupt() {
    // Once is enough.
    Register::CTRL.write(0);
    Register::INTCLEAR.write(DUE);
    board::time::alarm();
}
