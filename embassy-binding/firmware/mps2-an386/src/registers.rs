//! The registers of the board that are used here: the only place where memory is touched by address.

/// A register. The names are those of the data sheets.
#[derive(Clone, Copy, Debug)]
#[expect(non_camel_case_types, reason = "that is what the data sheets call them")]
#[expect(clippy::upper_case_acronyms, reason = "that is what the data sheets call them")]
#[repr(u32)]
pub(crate) enum Register {
    // The first timer of the CMSDK.
    CTRL = 0x4000_0000,
    VALUE = 0x4000_0004,
    RELOAD = 0x4000_0008,
    INTCLEAR = 0x4000_000c,
    // The LAN9118.
    RX_DATA_FIFO = 0x4020_0000,
    TX_DATA_FIFO = 0x4020_0020,
    RX_STATUS_FIFO = 0x4020_0040,
    TX_STATUS_FIFO = 0x4020_0048,
    IRQ_CFG = 0x4020_0054,
    INT_STS = 0x4020_0058,
    INT_EN = 0x4020_005c,
    FIFO_INT = 0x4020_0068,
    TX_CFG = 0x4020_0070,
    HW_CFG = 0x4020_0074,
    RX_FIFO_INF = 0x4020_007c,
    TX_FIFO_INF = 0x4020_0080,
    MAC_CSR_CMD = 0x4020_00a4,
    MAC_CSR_DATA = 0x4020_00a8,
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
        // SAFETY: as for `read`. None of them starts what writes to memory: the LAN9118 has buffers
        // of its own.
        unsafe { (self as u32 as *mut u32).write_volatile(value) };
    }
}
