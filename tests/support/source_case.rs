//! What a client makes of what a server does: one case, in memory and on sockets.

use std::time::Duration;

use sansse_tokio::{Backoff, EventSource, EventSourceBuilder, ReconnectPolicy};
use tokio::time::timeout;

use crate::client::choose_tls;
use crate::script::Connection;
use crate::scripted::Scripted;
use crate::source_log::take;

/// What each case comes back after, unless the server or the case says something else.
const RECONNECTION_TIME: Duration = Duration::from_millis(5);

/// A case. What it expects is written as [`Seen::line`](crate::scripted::Seen::line) and
/// [`line`](crate::source_log::line()) have it.
#[derive(Clone, Debug)]
pub struct Case {
    name: String,
    configure: fn(EventSourceBuilder) -> EventSourceBuilder,
    url: &'static str,
    script: Vec<Connection>,
    requests: Vec<String>,
    tells: Vec<String>,
}

impl Case {
    /// A case with a name, in which a server does what `script` says.
    #[must_use]
    pub fn new(name: impl Into<String>, script: impl Into<Vec<Connection>>) -> Self {
        Self {
            name: name.into(),
            configure: |builder| builder,
            url: "http://{a}/",
            script: script.into(),
            requests: Vec::new(),
            tells: Vec::new(),
        }
    }

    /// Sets the source up.
    #[must_use]
    pub fn with(mut self, configure: fn(EventSourceBuilder) -> EventSourceBuilder) -> Self {
        self.configure = configure;
        self
    }

    /// Starts elsewhere than at the root of `a`.
    #[must_use]
    pub fn at(mut self, url: &'static str) -> Self {
        self.url = url;
        self
    }

    /// The requests that the server sees.
    #[must_use]
    pub fn requests<L: Into<String>>(mut self, lines: impl IntoIterator<Item = L>) -> Self {
        self.requests = lines.into_iter().map(Into::into).collect();
        self
    }

    /// What the source tells, from its start.
    #[must_use]
    pub fn tells<L: Into<String>>(mut self, lines: impl IntoIterator<Item = L>) -> Self {
        self.tells = lines.into_iter().map(Into::into).collect();
        self
    }

    async fn run_in_memory(&self) -> Result<(), String> {
        let server = Scripted::in_memory(self.script.clone());
        self.run(&server, |builder| builder.transport(server.transport())).await
    }

    async fn run_on_sockets(&self) -> Result<(), String> {
        let server = Scripted::on_sockets(self.script.clone()).await;
        let run = self.run(&server, |builder| builder);
        let hangs = || format!("{} hangs; the server saw {:#?}", self.name, server.lines());
        timeout(Duration::from_secs(60), run).await.unwrap_or_else(|_| Err(hangs()))
    }

    async fn run(
        &self,
        server: &Scripted,
        transport: impl FnOnce(EventSourceBuilder) -> EventSourceBuilder,
    ) -> Result<(), String> {
        let backoff = Backoff { floor: 0, ..Backoff::STANDARD };
        let builder = EventSource::get(server.fill(self.url))
            .reconnection_time(RECONNECTION_TIME)
            .policy(ReconnectPolicy::standard().backoff(backoff));
        let mut source = transport((self.configure)(builder)).connect().expect("a request");
        let told = take(&mut source, server, self.tells.len()).await;
        self.compare("tells", &told, &self.tells)?;
        self.compare("asks for", &server.lines(), &self.requests)
    }

    fn compare(&self, what: &str, is: &[String], expected: &[String]) -> Result<(), String> {
        let Self { name, .. } = self;
        let short = |lines: &[String]| -> Vec<String> {
            lines.iter().map(|line| line.chars().take(300).collect()).collect()
        };
        let (is_short, expected_short) = (short(is), short(expected));
        (is == expected).then_some(()).ok_or_else(|| {
            format!("{name}: the source {what} {is_short:#?}, not {expected_short:#?}")
        })
    }
}

/// Tries cases in memory. The clock is to be paused.
///
/// # Panics
///
/// When anything is not as a case expects it; all such are told.
pub async fn run_in_memory(cases: Vec<Case>) {
    let mut failures = Vec::new();
    for case in &cases {
        failures.extend(case.run_in_memory().await.err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Tries cases on sockets, with the transport that an event source has by itself.
///
/// # Panics
///
/// When anything is not as a case expects it; all such are told.
pub async fn run_on_sockets(cases: Vec<Case>) {
    choose_tls();
    let mut failures = Vec::new();
    for case in &cases {
        failures.extend(case.run_on_sockets().await.err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
