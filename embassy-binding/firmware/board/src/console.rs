//! Words to whoever runs the emulator, by semihosting.

use core::ffi::CStr;

use cortex_m_semihosting::{debug, nr, syscall1};

/// Says something.
pub fn say(text: &CStr) {
    // SAFETY: WRITE0 reads up to the NUL, which a `CStr` ends with.
    unsafe { syscall1(nr::WRITE0, text.as_ptr() as usize) };
}

/// Ends the emulator, as failed.
pub fn fail() -> ! {
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}
