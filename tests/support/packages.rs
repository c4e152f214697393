//! Clients and servers from other registries, installed once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::timeout;

use crate::requirement::{NODE, PYTHON, Requirement};

const PATIENCE: Duration = Duration::from_secs(300);
/// What the folder of the clients holds, each named here for its copy beside the packages.
const FILES: [&str; 7] = [
    "read.js",
    "read.py",
    "serve.js",
    "serve.py",
    "package.json",
    "package-lock.json",
    "requirements.txt",
];
/// What is installed, as its lock file has it.
const INSTALLED: &str = "installed";

/// A registry whose packages are at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packages {
    /// `EventSource` of npm packages and the server `better-sse`, as `package-lock.json` pins them.
    Npm,
    /// `httpx-sse` and the server `sse-starlette`, as `requirements.txt` pins them.
    Pypi,
}

impl Packages {
    /// Installs them below `folder`, where that has not been done, or says on standard error that
    /// the test is skipped.
    ///
    /// # Panics
    ///
    /// When they are required and cannot be had.
    pub async fn are_met(self, folder: &Path, test: &str) -> bool {
        if !self.requirement().is_met(test) {
            return false;
        }
        match self.install(&self.folder(folder)).await {
            Ok(()) => true,
            Err(problem) => self.requirement().is_waived(test, &problem),
        }
    }

    /// The client, which reads the stream at a URL. Of npm's, `package` names the one.
    #[must_use]
    pub fn client(self, folder: &Path, package: &str, url: &str) -> Command {
        match self {
            Self::Npm => {
                let mut node = self.run(folder, "read");
                node.args([package, url]);
                node
            }
            Self::Pypi => {
                let mut python = self.run(folder, "read");
                python.arg(url);
                python
            }
        }
    }

    /// The server, which tells its port by a line of JSON.
    #[must_use]
    pub fn server(self, folder: &Path) -> Command {
        self.run(folder, "serve")
    }

    fn run(self, folder: &Path, file: &str) -> Command {
        let folder = self.folder(folder);
        match self {
            Self::Npm => {
                let mut node = Command::new("node");
                node.arg("--no-warnings").arg(folder.join(file).with_extension("js"));
                node
            }
            Self::Pypi => {
                let mut python = Command::new(folder.join("venv/bin/python"));
                python.arg(folder.join(file).with_extension("py"));
                python
            }
        }
    }

    fn requirement(self) -> &'static Requirement {
        match self {
            Self::Npm => &NODE,
            Self::Pypi => &PYTHON,
        }
    }

    fn folder(self, folder: &Path) -> PathBuf {
        folder.join(match self {
            Self::Npm => "npm",
            Self::Pypi => "pypi",
        })
    }

    async fn install(self, folder: &Path) -> Result<(), String> {
        fs::create_dir_all(folder).expect("a folder");
        // Other tests may want the same at the same time.
        let turn = File::create(folder.join("turn")).expect("a file");
        let turn = tokio::task::spawn_blocking(move || turn.lock().map(|()| turn));
        let _turn = timeout(2 * PATIENCE, turn).await.expect("a turn").expect("no panic");

        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        let lock = source.join(match self {
            Self::Npm => "package-lock.json",
            Self::Pypi => "requirements.txt",
        });
        let lock = fs::read(lock).expect("a file");
        for file in FILES {
            fs::copy(source.join(file), folder.join(file)).expect("a copy");
        }
        if fs::read(folder.join(INSTALLED)).is_ok_and(|installed| installed == lock) {
            return Ok(());
        }
        match self {
            Self::Npm => execute(folder, "npm", &["ci", "--ignore-scripts"]).await?,
            Self::Pypi => {
                execute(folder, "python3", &["-m", "venv", "--clear", "venv"]).await?;
                let pip = ["-m", "pip", "install", "--no-deps", "-r", "requirements.txt"];
                execute(folder, "venv/bin/python", &pip).await?;
            }
        }
        fs::write(folder.join(INSTALLED), lock).expect("a file");
        Ok(())
    }
}

/// Runs a program in a folder to its end, or returns what it complained of.
async fn execute(folder: &Path, program: &str, arguments: &[&str]) -> Result<(), String> {
    let path = if program.contains('/') { folder.join(program) } else { program.into() };
    let mut command = tokio::process::Command::new(path);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let command_line = format!("`{program} {}`", arguments.join(" "));
    let output = timeout(PATIENCE, command.output())
        .await
        .map_err(|_| format!("{command_line} did not end"))?
        .map_err(|problem| format!("{command_line} does not run ({problem})"))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command_line} failed ({})", complaint.trim()))
}
