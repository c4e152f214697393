//! `sansse serve` as a process.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::client::client;
use crate::command::sansse;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    address: String,
}

impl Server {
    /// Starts a server on a free port.
    #[must_use]
    pub fn start() -> Self {
        Self::start_on("127.0.0.1:0")
    }

    /// Starts a server on an address, and waits until it listens.
    ///
    /// # Panics
    ///
    /// When it does not.
    #[must_use]
    pub fn start_on(listen: &str) -> Self {
        Self::start_with(listen, &[])
    }

    /// Starts a server on an address with more options, and waits until it listens.
    ///
    /// # Panics
    ///
    /// When it does not.
    #[must_use]
    pub fn start_with(listen: &str, options: &[&str]) -> Self {
        let mut process = sansse()
            .args(["serve", "--listen", listen, "--log", "warn"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let output = process.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("text");
        let address = line
            .split_once("http://")
            .and_then(|(_, rest)| rest.trim().strip_suffix('/'))
            .unwrap_or_else(|| panic!("the server did not name its address: {line:?}"));
        Self { process, address: address.into() }
    }

    /// The address and port on which it listens.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Publishes an event, and returns its id.
    ///
    /// # Panics
    ///
    /// When the server refuses it.
    pub async fn publish(&self, topic: &str, data: &str) -> String {
        let response = client()
            .post(self.url(&format!("/topics/{topic}")))
            .body(data.to_owned())
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 201);
        let answer = response.text().await.expect("a whole answer");
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        answer["id"].as_str().expect("an id").into()
    }

    /// Ends the server at once, as a crash does.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Asks the server to stop, by a signal's name, and returns how it ended and how long that took.
    ///
    /// # Panics
    ///
    /// When it has not ended after ten seconds.
    pub fn stop(&mut self, signal: &str) -> (ExitStatus, Duration) {
        let start = Instant::now();
        let id = self.process.id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.expect("kill runs").success());
        loop {
            if let Some(status) = self.process.try_wait().expect("a child") {
                return (status, start.elapsed());
            }
            assert!(start.elapsed() < Duration::from_secs(10), "the server does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
