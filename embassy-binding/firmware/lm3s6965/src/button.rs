//! The button `Select`, on pin 1 of port F. It draws the pin down.

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;

use crate::registers::Register;

const PIN: u32 = 1 << 1;

static PRESSED: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// The button.
#[derive(Debug)]
pub struct Button(());

impl Button {
    /// Starts it, once.
    pub(crate) fn start() -> Self {
        Register::GPIODIR.update(|pins| pins & !PIN);
        Register::GPIOPUR.update(|pins| pins | PIN);
        Register::GPIODEN.update(|pins| pins | PIN);
        // An interrupt when it goes up, as the button is let go: the emulator leaves the pin down until
        // it is first pressed.
        Register::GPIOIS.update(|pins| pins & !PIN);
        Register::GPIOIBE.update(|pins| pins & !PIN);
        Register::GPIOIEV.update(|pins| pins | PIN);
        Register::GPIOICR.write(PIN);
        Register::GPIOIM.update(|pins| pins | PIN);
        Self(())
    }

    /// Waits until it has been pressed and let go. Presses that nobody waits for count as one.
    ///
    /// # Cancel safety
    ///
    /// A press that comes when this has been dropped is that of the next call.
    pub async fn press(&mut self) {
        PRESSED.wait().await;
    }
}

pub(crate) extern "C" fn on_interrupt() {
    Register::GPIOICR.write(PIN);
    PRESSED.signal(());
}
