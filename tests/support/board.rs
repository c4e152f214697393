//! The firmware on an emulated board.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use emulate::{Emulator, Network, Program, TARGET};
use reqwest::StatusCode;

use crate::client::client;
use crate::requirement::QEMU;

/// The address of a board that DHCP gives none.
pub const ADDRESS: &str = "10.0.2.15";

/// One at a time: they share what they build.
static CARGO: Mutex<()> = Mutex::new(());

/// A program of the firmware.
#[derive(Clone, Copy, Debug)]
pub struct Firmware(Program);

/// The dashboard for four readers, on the board with 64 KiB of RAM.
pub const DASHBOARD: Firmware = Firmware(Program { package: "lm3s6965", name: "dashboard" });
/// The dashboard on the board that gets its address by DHCP.
pub const DASHBOARD_MPS2: Firmware =
    Firmware(Program { package: "mps2-an386", name: "dashboard-mps2" });
/// What checks the board's own ways of what else is the compiler's.
pub const RUNTIME: Firmware = Firmware(Program { package: "lm3s6965", name: "runtime" });
/// What overflows its stack.
pub const OVERFLOW: Firmware = Firmware(Program { package: "lm3s6965", name: "overflow" });

impl Firmware {
    /// Whether there is what builds and emulates it; says on standard error that a test is skipped
    /// where not.
    ///
    /// # Panics
    ///
    /// When it is asked for.
    #[must_use]
    pub fn is_possible(test: &str) -> bool {
        QEMU.is_met(test)
            && (has_target() || QEMU.is_waived(test, &format!("Rust's target {TARGET} is missing")))
    }

    /// The program, built as it is run.
    ///
    /// # Panics
    ///
    /// When it cannot be built.
    #[must_use]
    pub fn build(self) -> PathBuf {
        let _guard = CARGO.lock();
        self.0.build().expect("firmware")
    }

    /// Starts a board with it, whose port 80 is forwarded, and waits until that takes connections.
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start(self) -> Board {
        let emulator = Emulator::start(&self.build(), &Network::Forwarded(0)).expect("a board");
        Board { address: emulator.address().to_string(), emulator }
    }

    /// Starts a board with it on a TAP interface, and waits until it takes connections. It has the
    /// address [`ADDRESS`].
    ///
    /// # Panics
    ///
    /// When it does not start.
    #[must_use]
    pub fn start_on(self, tap: &str) -> Board {
        let emulator = Emulator::start(&self.build(), &Network::Tap(tap.into()));
        Board { address: format!("{ADDRESS}:80"), emulator: emulator.expect("a board") }
    }
}

/// A board that runs until it is dropped.
#[derive(Debug)]
pub struct Board {
    emulator: Emulator,
    address: String,
}

impl Board {
    /// The address and port on which it is to be found.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Has its page press the button.
    ///
    /// # Panics
    ///
    /// When the board does not take it.
    pub async fn post_press(&self) {
        let answer = client().post(self.url("/press")).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }

    /// Presses its button.
    ///
    /// # Panics
    ///
    /// When it has none.
    pub fn press(&mut self) {
        self.emulator.press().expect("a button");
    }
}

fn has_target() -> bool {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let output = rustc.args(["--print", "target-libdir", "--target", TARGET]).output();
    output.is_ok_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout);
        output.status.success() && Path::new(folder.trim()).is_dir()
    })
}
