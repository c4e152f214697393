//! What becomes of a panic.

use core::panic::PanicInfo;

use crate::console;

// The message would take the formatting machinery into flash, which nothing else needs here.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    console::say(c"the firmware has panicked\n");
    console::fail();
}
