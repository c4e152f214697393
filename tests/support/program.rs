//! A program of others that reads a stream.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what takes several lines, which must not take for ever because some line always comes.
///
/// # Panics
///
/// When it takes longer than twenty seconds.
pub async fn in_time<T>(lines: impl Future<Output = T>) -> T {
    timeout(PATIENCE, lines).await.expect("all the lines in time")
}

/// A running program, whose lines are awaited in time. It ends when this is dropped.
#[derive(Debug)]
pub struct Program {
    process: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts a program.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start(command: std::process::Command) -> Self {
        let mut process = Command::from(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program runs");
        let input = process.stdin.take();
        let output = process.stdout.take().expect("a pipe");
        Self { process, input, lines: BufReader::new(output).lines() }
    }

    /// The next line of its output; none at the end.
    ///
    /// # Panics
    ///
    /// When there is none for twenty seconds.
    pub async fn line(&mut self) -> Option<String> {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        line.expect("a line in time").expect("text")
    }

    /// The next line of its output, which is JSON.
    ///
    /// # Panics
    ///
    /// When it is not, or there is none for twenty seconds.
    pub async fn json(&mut self) -> Value {
        let line = self.line().await.expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|problem| panic!("{problem}: {line}"))
    }

    /// Ends its input.
    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// Asks it to end. (Not by INT, which what is started in the background may ignore.)
    ///
    /// # Panics
    ///
    /// When it has ended already.
    pub fn terminate(&self) {
        let id = self.process.id().expect("a running program").to_string();
        let sent = std::process::Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    ///
    /// When it has not after twenty seconds.
    pub async fn end(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.process.wait()).await.expect("an end in time").expect("a child")
    }
}
