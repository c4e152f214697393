//! The first timer, which wakes what waits for a time.

use crate::registers::Register;

const TIME_OUT: u32 = 1;

/// Has the interrupt come in so many cycles, and not as set before.
pub(crate) fn set(cycles: u32) {
    const ENABLE: u32 = 1;
    const WHOLE_WIDTH: u32 = 0;
    const ONE_SHOT: u32 = 1;
    Register::GPTMCTL.write(0);
    Register::GPTMCFG.write(WHOLE_WIDTH);
    Register::GPTMTAMR.write(ONE_SHOT);
    Register::GPTMTAILR.write(cycles);
    Register::GPTMICR.write(TIME_OUT);
    Register::GPTMIMR.write(TIME_OUT);
    Register::GPTMCTL.write(ENABLE);
}

pub(crate) extern "C" fn on_interrupt() {
    Register::GPTMICR.write(TIME_OUT);
    board::time::alarm();
}
