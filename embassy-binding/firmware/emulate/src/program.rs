//! A program of the firmware.

use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What the emulated boards' processors are to the compiler.
pub const TARGET: &str = "thumbv7m-none-eabi";

/// A program of the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// The package that it belongs to.
    pub package: &'static str,
    /// What it is called.
    pub name: &'static str,
}

impl Program {
    /// Has cargo build it, optimised, and says where it is.
    ///
    /// # Errors
    ///
    /// When cargo cannot.
    pub fn build(self) -> Result<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(folder).args(["build", "--quiet", "--release", "--target", TARGET]);
        cargo.args(["--package", self.package, "--bin", self.name, "--message-format", "json"]);
        // What cargo tells whoever calls this would make build scripts run again that look at it.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(name);
            }
        }
        let output = cargo.output()?;
        if !output.status.success() {
            return Err(Error::other(String::from_utf8_lossy(&output.stderr)));
        }
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == self.name)
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .ok_or_else(|| Error::other("cargo does not name the program that it built"))
    }
}
