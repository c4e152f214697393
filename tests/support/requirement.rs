//! What some tests need and not every machine has.

use std::io::Write as _;
use std::path::Path;

/// The environment variable that turns a skip into a failure: a list of names, or `all`.
pub const VARIABLE: &str = "SANSSE_REQUIRE";

/// Programs that a test needs, and how to get them.
#[derive(Clone, Copy, Debug)]
pub struct Requirement {
    /// What [`VARIABLE`] calls it.
    pub name: &'static str,
    /// The programs, found through `PATH`.
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

/// A client of others that speaks HTTP/2.
pub const CURL: Requirement =
    Requirement { name: "curl", programs: &["curl"], advice: "install Debian's package curl" };

impl Requirement {
    /// Whether the test can run; says on standard error that it is skipped where not.
    ///
    /// # Panics
    ///
    /// Where the programs are missing and [`VARIABLE`] asks for them.
    #[must_use]
    pub fn is_met(&self, test: &str) -> bool {
        let Some(missing) = self.programs.iter().find(|program| !is_installed(program)) else {
            return true;
        };
        let Self { name, advice, .. } = self;
        let required = std::env::var(VARIABLE).unwrap_or_default();
        let is_required =
            required.split(',').any(|entry| matches!(entry.trim(), "all") || entry.trim() == *name);
        assert!(!is_required, "{VARIABLE} asks for {name}, but {missing} is not there: {advice}");
        // The test harness hides what the print macros of a passing test say.
        let _ = writeln!(
            std::io::stderr().lock(),
            "skipped {test}: {missing} is not there; to run it, {advice}"
        );
        false
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}
