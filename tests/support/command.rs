//! The command `sansse`, built as it is run.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

static PATH: LazyLock<PathBuf> = LazyLock::new(build);

/// The command, ready to be given arguments.
#[must_use]
pub fn sansse() -> Command {
    Command::new(&*PATH)
}

/// Has cargo build the command in the profile of this test, which is no work where it has been
/// built with the workspace, and asks it where the binary is.
fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "sansse-cli", "--message-format", "json"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    // What cargo tells this test of its package would make build scripts run again that look at it.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| {
            let is_command =
                message["target"]["name"] == "sansse" && message["executable"].is_string();
            is_command.then(|| PathBuf::from(message["executable"].as_str().unwrap_or_default()))
        })
        .expect("cargo names the binary that it built")
}
