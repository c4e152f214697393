//! Words to whoever runs the emulator, by semihosting.

use core::ffi::CStr;

use cortex_m_semihosting::{debug, nr, syscall1};

/// Says something.
pub fn say(text: &CStr) {
    // SAFETY: WRITE0 reads up to the NUL, which a `CStr` ends with.
    unsafe { syscall1(nr::WRITE0, text.as_ptr() as usize) };
}

/// Seconds since 1970, by the clock of whoever runs the emulator.
#[must_use]
pub fn time() -> u64 {
    // SAFETY: TIME takes nothing.
    unsafe { syscall1(nr::TIME, 0) as u64 }
}

/// Ends the emulator, as failed.
pub fn fail() -> ! {
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}
