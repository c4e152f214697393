//! `sansse serve` as a process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, ClientBuilder};

use crate::certificate::Certificate;
use crate::client::builder;
use crate::command::sansse;

const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    address: String,
    certificate: Option<Certificate>,
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
        Self::spawn(sansse().args(["serve", "--listen", listen]), None)
    }

    /// Starts a server on a free port, with more arguments.
    ///
    /// # Panics
    ///
    /// When it does not listen.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_on_with("127.0.0.1:0", arguments)
    }

    /// Starts a server on an address, with more arguments.
    ///
    /// # Panics
    ///
    /// When it does not listen.
    #[must_use]
    pub fn start_on_with(listen: &str, arguments: &[&str]) -> Self {
        Self::spawn(sansse().args(["serve", "--listen", listen]).args(arguments), None)
    }

    /// Starts a relay of a stream, as the topic `relayed`, on an address and with more arguments.
    ///
    /// # Panics
    ///
    /// When it does not listen.
    #[must_use]
    pub fn start_relay(listen: &str, upstream: &str, arguments: &[&str]) -> Self {
        let mut command = sansse();
        command.args(["relay", upstream, "--topic", "relayed", "--listen", listen]).args(arguments);
        Self::spawn(command.env("NO_PROXY", "127.0.0.1"), None)
    }

    /// Starts a server that speaks TLS, with more arguments. Its certificate is written to files
    /// in `folder`.
    ///
    /// # Panics
    ///
    /// When it does not listen.
    #[must_use]
    pub fn start_tls(folder: &Path, arguments: &[&str]) -> Self {
        let certificate = Certificate::new();
        let [certificate_path, key_path] = certificate.write(folder);
        let mut command = sansse();
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        command.arg("--tls-cert").arg(&certificate_path).arg("--tls-key").arg(&key_path);
        let server = Self::spawn(&mut command, Some(certificate));
        let _ = std::fs::remove_file(certificate_path);
        let _ = std::fs::remove_file(key_path);
        server
    }

    /// Starts a server on a free port that may have only so many files open.
    ///
    /// # Panics
    ///
    /// When it does not listen.
    #[must_use]
    pub fn start_with_files(files: u32) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")]);
        shell.arg(sansse().get_program()).args(["serve", "--listen", "127.0.0.1:0"]);
        Self::spawn(&mut shell, None)
    }

    fn spawn(command: &mut Command, certificate: Option<Certificate>) -> Self {
        let mut process = command
            .args(["--log", "warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let output = process.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("text");
        let address = line
            .split_once("://")
            .and_then(|(_, rest)| rest.trim().strip_suffix('/'))
            .unwrap_or_else(|| panic!("the server did not name its address: {line:?}"));
        Self { process, address: address.into(), certificate }
    }

    /// The address and port on which it listens.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// A client that trusts the server, as `configure` has it.
    ///
    /// # Panics
    ///
    /// When there can be none.
    #[must_use]
    pub fn client(&self, configure: fn(ClientBuilder) -> ClientBuilder) -> Client {
        let mut builder = configure(builder());
        if let Some(certificate) = &self.certificate {
            let pem = certificate.certificate.as_bytes();
            builder = builder
                .tls_certs_only([reqwest::Certificate::from_pem(pem).expect("a certificate")]);
        }
        builder.build().expect("a client")
    }

    /// The value of a series in the metrics, such as `name` or `name{label="value"}`; 0 where there
    /// is none.
    ///
    /// # Panics
    ///
    /// When the metrics cannot be read.
    pub async fn metric(&self, series: &str) -> f64 {
        let request = self.client(|builder| builder).get(self.url("/metrics"));
        let metrics = request.send().await.expect("an answer").text().await.expect("text");
        let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// Waits until a series of the metrics has a value.
    ///
    /// # Panics
    ///
    /// When it has another one after thirty seconds.
    pub async fn wait_for_metric(&self, series: &str, expected: impl Fn(f64) -> bool) {
        let start = Instant::now();
        loop {
            let value = self.metric(series).await;
            if expected(value) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{series} is {value}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Publishes an event, and returns its id.
    ///
    /// # Panics
    ///
    /// When the server refuses it.
    pub async fn publish(&self, topic: &str, data: &str) -> String {
        let response = self
            .client(|builder| builder)
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
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
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
