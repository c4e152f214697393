//! The interrupts that are used here.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

use crate::{alarm, button, ethernet};

/// An interrupt, with its number.
#[derive(Clone, Copy, Debug)]
#[repr(u16)]
pub(crate) enum Interrupt {
    Timer0A = 19,
    PortF = 30,
    Ethernet = 42,
}

impl Interrupt {
    /// Has it come from now on.
    pub(crate) fn enable(self) {
        // SAFETY: nothing here relies on this interrupt being masked; what it shares with the rest
        // is behind critical sections, which mask all.
        unsafe { NVIC::unmask(self) };
    }
}

// SAFETY: the numbers are those of the data sheet, each its own.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

/// What the processor calls, in the order of the numbers.
// SAFETY: this section is where `cortex-m-rt` has the table, and its name is the one that it asks
// for. Handlers are functions without arguments, as the processor calls them.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [Option<extern "C" fn()>; 43] = {
    let mut table = [None; 43];
    table[Interrupt::Timer0A as usize] = Some(alarm::on_interrupt as extern "C" fn());
    table[Interrupt::PortF as usize] = Some(button::on_interrupt as extern "C" fn());
    table[Interrupt::Ethernet as usize] = Some(ethernet::on_interrupt as extern "C" fn());
    table
};
