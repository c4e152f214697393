//! The board `mps2-an386`, as QEMU has it: a Cortex-M4 with a LAN9118 for Ethernet.

#![no_std]

mod alarm;
mod ethernet;
mod interrupts;
mod registers;

pub use board::console;
use cortex_m::Peripherals;

pub use self::ethernet::Ethernet;
use crate::interrupts::Interrupt;

/// What the board has, ready to use.
#[derive(Debug)]
pub struct Board {
    /// Its Ethernet.
    pub ethernet: Ethernet,
}

impl Board {
    /// Starts the board: the time and the network. Its clocks are as they have to be.
    ///
    /// # Panics
    ///
    /// When it has been started before.
    #[must_use]
    pub fn start() -> Self {
        let Some(core) = Peripherals::take() else { panic!("the board has been started") };
        board::guard_stack(&core.MPU);
        board::time::start(core.SYST, alarm::set);
        let ethernet = Ethernet::start();
        for interrupt in [Interrupt::Timer0, Interrupt::Ethernet] {
            interrupt.enable();
        }
        Self { ethernet }
    }
}
