//! The registers of the chip that are used here: the only place where memory is touched by address.

/// A register. The names are those of the data sheet.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
#[expect(clippy::upper_case_acronyms, reason = "that is what the data sheet calls them")]
pub(crate) enum Register {
    // System control.
    RCC = 0x400f_e060,
    RCGC1 = 0x400f_e104,
    RCGC2 = 0x400f_e108,
    // The first timer.
    GPTMCFG = 0x4003_0000,
    GPTMTAMR = 0x4003_0004,
    GPTMCTL = 0x4003_000c,
    GPTMIMR = 0x4003_0018,
    GPTMICR = 0x4003_0024,
    GPTMTAILR = 0x4003_0028,
    // Port F.
    GPIODIR = 0x4002_5400,
    GPIOIS = 0x4002_5404,
    GPIOIBE = 0x4002_5408,
    GPIOIEV = 0x4002_540c,
    GPIOIM = 0x4002_5410,
    GPIOICR = 0x4002_541c,
    GPIOPUR = 0x4002_5510,
    GPIODEN = 0x4002_551c,
    // Ethernet.
    MACRIS = 0x4004_8000,
    MACIM = 0x4004_8004,
    MACRCTL = 0x4004_8008,
    MACTCTL = 0x4004_800c,
    MACDATA = 0x4004_8010,
    MACIA0 = 0x4004_8014,
    MACIA1 = 0x4004_8018,
    MACNP = 0x4004_8034,
    MACTR = 0x4004_8038,
}

impl Register {
    /// What it holds.
    pub(crate) fn read(self) -> u32 {
        // SAFETY: each address is that of a register of 32 bits, and reading none of them has an
        // effect on memory.
        unsafe { (self as u32 as *const u32).read_volatile() }
    }

    /// Has it hold something else.
    pub(crate) fn write(self, value: u32) {
        // SAFETY: as for `read`. None of them starts what writes to memory: this chip's Ethernet
        // has a buffer of its own, and DMA is not used.
        unsafe { (self as u32 as *mut u32).write_volatile(value) };
    }

    /// Changes what it holds.
    pub(crate) fn update(self, change: impl FnOnce(u32) -> u32) {
        self.write(change(self.read()));
    }
}
