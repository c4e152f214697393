//! What the server counts, for Prometheus, beside what its hub does.
//!
//! No label names a topic, a user or an address: what clients send does not make series.

use std::time::Duration;

use ::metrics::{counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::time::interval;

const ACCEPTED: &str = "sansse_connections_accepted_total";
const OPEN: &str = "sansse_connections_open";
const REFUSED: &str = "sansse_connections_refused_total";
const ACCEPT_ERRORS: &str = "sansse_accept_errors_total";
const HANDSHAKES_FAILED: &str = "sansse_tls_handshakes_failed_total";
const REQUESTS: &str = "sansse_requests_total";
const HEADS_REFUSED: &str = "sansse_heads_refused_total";
const TIMEOUTS: &str = "sansse_timeouts_total";

/// Bounds of histograms of seconds, from a tick of the clock to a timeout.
const SECONDS: [f64; 10] = [0.0001, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0];
/// How often what histograms were told is summed up, so that it does not pile up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts to count, in the whole process. Until then, and when this is not called, counting does
/// nothing.
pub(super) fn start() -> Option<PrometheusHandle> {
    let recorder = PrometheusBuilder::new().set_buckets(&SECONDS).ok()?.build_recorder();
    let handle = recorder.handle();
    ::metrics::set_global_recorder(recorder).ok()?;
    describe();
    Some(handle)
}

/// Keeps what has been counted small.
pub(super) async fn keep_up(handle: PrometheusHandle) {
    let mut times = interval(UPKEEP);
    loop {
        times.tick().await;
        handle.run_upkeep();
    }
}

/// Names everything, and has all series that can be known begin at 0.
fn describe() {
    describe_counter!(ACCEPTED, "Connections that were accepted, refused ones too");
    describe_gauge!(OPEN, "Connections that are open, refused ones not");
    describe_counter!(REFUSED, "Connections over the limit: told to come back later, or closed");
    describe_counter!(ACCEPT_ERRORS, "Connections that the system could not hand over");
    describe_counter!(HANDSHAKES_FAILED, "TLS handshakes that failed");
    describe_counter!(REQUESTS, "Requests that were answered, by what they asked for");
    describe_counter!(HEADS_REFUSED, "Request heads that were too large or malformed");
    describe_counter!(TIMEOUTS, "Times that a peer took too long, by the limit");
    for name in [ACCEPTED, ACCEPT_ERRORS, HANDSHAKES_FAILED] {
        counter!(name).absolute(0);
    }
    gauge!(OPEN).set(0.0);
    for answer in ["told", "closed"] {
        counter!(REFUSED, "answer" => answer).absolute(0);
    }
    for problem in ["too_large", "malformed"] {
        counter!(HEADS_REFUSED, "problem" => problem).absolute(0);
    }
    for limit in ["handshake", "head", "content", "idle", "write", "ping"] {
        counter!(TIMEOUTS, "limit" => limit).absolute(0);
    }
}

pub(super) fn accept_failed() {
    counter!(ACCEPT_ERRORS).increment(1);
}

pub(super) fn accepted() {
    counter!(ACCEPTED).increment(1);
}

/// A connection over the limit, by what becomes of it.
pub(super) fn refused(answer: &'static str) {
    counter!(REFUSED, "answer" => answer).increment(1);
}

pub(super) fn handshake_failed() {
    counter!(HANDSHAKES_FAILED).increment(1);
}

/// A request that has got its answer, or the head of one.
pub(super) fn answered(route: &'static str, status: u16) {
    let status = match status {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    };
    counter!(REQUESTS, "route" => route, "status" => status).increment(1);
}

pub(super) fn head_refused(problem: &'static str) {
    counter!(HEADS_REFUSED, "problem" => problem).increment(1);
}

/// A peer took too long.
pub(super) fn timeout(limit: &'static str) {
    counter!(TIMEOUTS, "limit" => limit).increment(1);
}

/// One open connection, until it is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection(());

impl OpenConnection {
    pub(super) fn new() -> Self {
        gauge!(OPEN).increment(1.0);
        Self(())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        gauge!(OPEN).decrement(1.0);
    }
}
