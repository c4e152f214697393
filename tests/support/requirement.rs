//! What some tests need and not every machine has.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The environment variable that turns a skip into a failure: a list of names, or `all`.
pub const VARIABLE: &str = "SANSSE_REQUIRE";

/// Programs that a test needs, and how to get them.
#[derive(Clone, Copy, Debug)]
pub struct Requirement {
    /// What [`VARIABLE`] calls it.
    pub name: &'static str,
    /// The programs, which [`find`] finds.
    pub programs: &'static [&'static str],
    /// What to do where they are missing.
    pub advice: &'static str,
}

/// A browser and its driver.
pub const BROWSER: Requirement = Requirement {
    name: "browser",
    programs: &["chromium", "chromedriver"],
    advice: "install Debian's packages chromium and chromium-driver",
};

/// A proxy that many put before their servers.
pub const NGINX: Requirement =
    Requirement { name: "nginx", programs: &["nginx"], advice: "install Debian's package nginx" };

/// A client without a page.
pub const CURL: Requirement =
    Requirement { name: "curl", programs: &["curl"], advice: "install Debian's package curl" };

/// What runs JavaScript without a browser, and what installs packages for it.
pub const NODE: Requirement = Requirement {
    name: "node",
    programs: &["node", "npm"],
    advice: "install Node.js 20 or newer and npm (Debian's packages nodejs and npm), \
             and be online for the first run",
};

/// Python with what makes virtual environments.
pub const PYTHON: Requirement = Requirement {
    name: "python",
    programs: &["python3"],
    advice: "install Debian's packages python3 and python3-venv, and be online for the first run",
};

/// Network namespaces that anyone may make, where a cable can be cut.
pub const NETNS: Requirement = Requirement {
    name: "netns",
    programs: &["ip", "nsenter", "unshare"],
    advice: "install Debian's packages iproute2 and util-linux, and allow user namespaces",
};

/// What emulates a microcontroller.
pub const QEMU: Requirement = Requirement {
    name: "qemu",
    programs: &["qemu-system-arm"],
    advice: "install Debian's package qemu-system-arm, have rustup add the target \
             thumbv7m-none-eabi, and be online for the first run",
};

impl Requirement {
    /// Whether the test can run; says on standard error that it is skipped where not.
    ///
    /// # Panics
    ///
    /// Where the programs are missing and [`VARIABLE`] asks for them.
    #[must_use]
    pub fn is_met(&self, test: &str) -> bool {
        let missing = self.programs.iter().find(|program| find(program).is_none());
        missing.is_none_or(|missing| self.is_waived(test, &format!("{missing} is not there")))
    }

    /// Says on standard error that a test is skipped for a problem. Always false, for callers that
    /// tell so whether the test can run.
    ///
    /// # Panics
    ///
    /// Where [`VARIABLE`] asks for what is missing.
    pub(crate) fn is_waived(&self, test: &str, problem: &str) -> bool {
        let Self { name, advice, .. } = self;
        let required = std::env::var(VARIABLE).unwrap_or_default();
        let is_required =
            required.split(',').any(|entry| matches!(entry.trim(), "all") || entry.trim() == *name);
        assert!(!is_required, "{VARIABLE} asks for {name}, but {problem}: {advice}");
        // The test harness hides what the print macros of a passing test say.
        let _ =
            writeln!(std::io::stderr().lock(), "skipped {test}: {problem}; to run it, {advice}");
        false
    }
}

/// Where a program is: on the `PATH`, or where Debian keeps servers, which most users' `PATH` leaves
/// out.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.find_map(|folder| Some(folder.join(program)).filter(|file| Path::is_file(file)))
}
