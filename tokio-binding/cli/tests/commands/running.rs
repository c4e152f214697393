//! The command as a process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any test should take, and shorter than a person waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a process left behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) output: String,
    pub(crate) error: String,
}

impl Finished {
    /// Exit code 0, this output, and nothing to complain of.
    pub(crate) fn done(output: &str) -> Self {
        Self { code: 0, output: output.into(), error: String::new() }
    }

    /// Exit code `code` and one line on standard error with these parts.
    pub(crate) fn assert_failed(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.error.starts_with("sansse: ") && self.error.ends_with('\n'), "{self:?}");
        assert_eq!(self.error.lines().count(), 1, "{self:?}");
        for part in parts {
            assert!(self.error.contains(part), "{part}: {self:?}");
        }
    }
}

/// Runs the command on an input to its end.
pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Finished {
    let mut running = Running::start(arguments);
    let mut stdin = running.child.stdin.take().unwrap();
    let input = input.to_vec();
    // A command that does not read its input closes it early.
    let writing = thread::spawn(move || stdin.write_all(&input));
    let finished = running.finish();
    let _ = writing.join().unwrap();
    finished
}

/// The command while it runs. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Option<Receiver<String>>,
    errors: Receiver<String>,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut running = Self::start_unread(arguments);
        running.read_output();
        running
    }

    /// Starts the command and does not read what it prints.
    pub(crate) fn start_unread(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sansse"))
            .args(arguments)
            .env_remove("SANSSE_LOG")
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let (send, errors) = channel();
        thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).unwrap();
            let _ = send.send(String::from_utf8(text).unwrap());
        });
        Self { child, lines: None, errors }
    }

    fn read_output(&mut self) {
        let mut stdout = BufReader::new(self.child.stdout.take().unwrap());
        let (send, lines) = channel();
        self.lines = Some(lines);
        thread::spawn(move || {
            loop {
                let mut line = Vec::new();
                stdout.read_until(b'\n', &mut line).unwrap();
                if line.is_empty() || send.send(String::from_utf8(line).unwrap()).is_err() {
                    return;
                }
            }
        });
    }

    /// Closes the pipe of the output, which nobody has read.
    pub(crate) fn close_output(&mut self) {
        drop(self.child.stdout.take());
    }

    pub(crate) fn input(&mut self) -> &mut ChildStdin {
        self.child.stdin.as_mut().unwrap()
    }

    /// Waits for the next line of the output.
    pub(crate) fn line(&mut self) -> String {
        let line = self.lines.as_ref().unwrap().recv_timeout(PATIENCE).unwrap();
        line.trim_end_matches('\n').into()
    }

    /// Sends a signal, as the argument of `kill` names it; the process has 2 s to end.
    pub(crate) fn signal(&mut self, signal: &str) -> Finished {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
        self.wait(Duration::from_secs(2))
    }

    /// Closes the input and waits for the end.
    pub(crate) fn finish(&mut self) -> Finished {
        drop(self.child.stdin.take());
        self.wait(PATIENCE)
    }

    fn wait(&mut self, patience: Duration) -> Finished {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < patience, "did not end within {patience:?}");
            thread::sleep(Duration::from_millis(2));
        };
        Finished {
            code: status.code().unwrap(),
            output: self.lines.take().into_iter().flatten().collect(),
            error: self.errors.recv_timeout(PATIENCE).unwrap(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
