//! The boards that are emulated.

use std::path::Path;

/// A board, as the emulator knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// A Cortex-M3 with 64 KiB of RAM and Ethernet on the chip.
    Lm3s6965evb,
    /// A Cortex-M4 with a LAN9118 beside it.
    Mps2An386,
}

impl Machine {
    /// The board that a program is for, which has its name where it is not the first one.
    #[must_use]
    pub fn of(firmware: &Path) -> Self {
        let name = firmware.file_name().unwrap_or_default().to_string_lossy();
        if name.contains("mps2") { Self::Mps2An386 } else { Self::Lm3s6965evb }
    }

    /// What the emulator calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lm3s6965evb => "lm3s6965evb",
            Self::Mps2An386 => "mps2-an386",
        }
    }

    /// What the emulator calls its network interface.
    pub(crate) const fn network(self) -> &'static str {
        match self {
            Self::Lm3s6965evb => "stellaris",
            Self::Mps2An386 => "lan9118",
        }
    }

    /// The key that presses its button, where that is emulated.
    pub(crate) const fn button(self) -> Option<&'static str> {
        match self {
            Self::Lm3s6965evb => Some("ctrl"),
            Self::Mps2An386 => None,
        }
    }
}
