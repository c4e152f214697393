//! The board `lm3s6965evb`, as QEMU has it: a Cortex-M3 with 64 KiB of RAM and Ethernet.

#![no_std]

mod alarm;
mod button;
mod ethernet;
mod interrupts;
mod registers;

pub use board::console;
use cortex_m::Peripherals;

pub use self::button::Button;
pub use self::ethernet::Ethernet;
use crate::interrupts::Interrupt;
use crate::registers::Register;

/// Divides the 200 MHz of the PLL.
const DIVIDER: u32 = 200 / board::time::CYCLES_PER_MICROSECOND;

/// What the board has, ready to use.
#[derive(Debug)]
pub struct Board {
    /// Its button.
    pub button: Button,
    /// Its Ethernet.
    pub ethernet: Ethernet,
}

impl Board {
    /// Starts the board: its clocks, the time, and the network.
    ///
    /// # Panics
    ///
    /// When it has been started before.
    #[must_use]
    pub fn start() -> Self {
        let Some(core) = Peripherals::take() else { panic!("the board has been started") };
        Register::RCC.update(|rcc| rcc & !(0xf << 23) | (DIVIDER - 1) << 23 | 1 << 22);
        Register::RCGC1.update(|clocks| clocks | 1 << 16);
        Register::RCGC2.update(|clocks| clocks | 1 << 5 | 1 << 28 | 1 << 30);
        board::guard_stack(&core.MPU);
        board::time::start(core.SYST, alarm::set);
        let (button, ethernet) = (Button::start(), Ethernet::start());
        for interrupt in [Interrupt::Timer0A, Interrupt::PortF, Interrupt::Ethernet] {
            interrupt.enable();
        }
        Self { button, ethernet }
    }
}
