//! What the server bears from its peers.

use std::time::Duration;

use clap::Args;

/// The limits that a server can be told.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Most connections at a time. A few more are told to come back later: a stream by a `retry`
    /// and its end, any other request by 503 with `Retry-After`; those beyond are closed at once.
    /// The limit of the system (`ulimit -n`) should be higher
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = connections)]
    pub(crate) max_connections: usize,

    /// Most bytes of the head of a request, all its fields together; a longer one is answered 431
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 10)]
    pub(crate) max_head: usize,

    /// How long a client may take for a TLS handshake, for the head of a request, and for its
    /// content, each
    #[arg(long, value_name = "SECONDS", default_value = "15", value_parser = seconds)]
    pub(crate) read_timeout: Duration,

    /// How long a connection may stay open between requests
    #[arg(long, value_name = "SECONDS", default_value = "90", value_parser = seconds)]
    pub(crate) idle_timeout: Duration,

    /// How long a client may take no byte while there is something to send to it
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) write_timeout: Duration,

    /// How long streams may take to end when the server stops; those that have not taken all by then
    /// are cut
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(crate) drain_timeout: Duration,

    /// How long a client may be silent before it is asked whether it is still there, by TCP and by
    /// HTTP/2; without an answer in the time of --write-timeout it is gone
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    pub(crate) ping_interval: Duration,
}

/// More than a machine can hold, and less than a semaphore refuses.
const MOST_CONNECTIONS: usize = 1 << 28;
/// Longer than anyone waits; timers and sockets take it.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=MOST_CONNECTIONS) => Ok(number),
        _ => Err(format!("give a number from 1 to {MOST_CONNECTIONS}")),
    }
}

pub(crate) fn seconds(text: &str) -> Result<Duration, &'static str> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| !time.is_zero() && *time <= LONGEST)
        .ok_or("give a number of seconds, more than 0 and at most 86400")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_positive_and_bounded() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds("86400"), Ok(LONGEST));
        for text in ["", "0", "-1", "86401", "NaN", "inf", "1s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn there_is_room_for_at_least_one_connection() {
        assert_eq!(connections("1"), Ok(1));
        for text in ["0", "-1", "268435457", "many"] {
            assert!(connections(text).is_err(), "{text}");
        }
    }
}
