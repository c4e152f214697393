//! Words to whoever runs the emulator, by semihosting.

use core::ffi::CStr;

use cortex_m_semihosting::{debug, nr, syscall1};

/// Says something.
pub fn say(text: &CStr) {
    // SAFETY: WRITE0 reads up to the NUL, which a `CStr` ends with.
    unsafe { syscall1(nr::WRITE0, text.as_ptr() as usize) };
}

/// Says a number, and what it is.
pub fn say_number(name: &CStr, mut number: u32) {
    // Ten digits, the line's end, and the string's.
    let mut text = *b"         0\n\0";
    for digit in text[..10].iter_mut().rev() {
        if number == 0 {
            break;
        }
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    say(name);
    say(CStr::from_bytes_with_nul(&text).unwrap_or_default());
}

/// Ends the emulator, as done.
pub fn end() -> ! {
    loop {
        debug::exit(debug::EXIT_SUCCESS);
    }
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
