//! What a relay counts of its upstream, for Prometheus.

use ::metrics::{counter, describe_counter, describe_gauge, gauge};

const CONNECTED: &str = "sansse_upstream_connected";
const RECONNECTS: &str = "sansse_upstream_reconnects_total";
const EVENTS: &str = "sansse_upstream_events_total";
const REPEATED: &str = "sansse_upstream_events_repeated_total";
const GAPS: &str = "sansse_upstream_gaps_total";

/// Names everything, and has it begin at 0.
pub(super) fn describe() {
    describe_gauge!(CONNECTED, "Whether there is a stream of the upstream's");
    describe_counter!(RECONNECTS, "Streams of the upstream's that took the place of a lost one");
    describe_counter!(EVENTS, "Events that the upstream sent, repeated ones too");
    describe_counter!(REPEATED, "Events that the upstream sent again, which were dropped");
    describe_counter!(GAPS, "Gaps in what the upstream sent, of which readers were told");
    gauge!(CONNECTED).set(0.0);
    for name in [RECONNECTS, EVENTS, REPEATED, GAPS] {
        counter!(name).absolute(0);
    }
}

pub(super) fn connected(is_again: bool) {
    gauge!(CONNECTED).set(1.0);
    counter!(RECONNECTS).increment(u64::from(is_again));
}

pub(super) fn disconnected() {
    gauge!(CONNECTED).set(0.0);
}

pub(super) fn event() {
    counter!(EVENTS).increment(1);
}

pub(super) fn repeated() {
    counter!(REPEATED).increment(1);
}

pub(super) fn gap() {
    counter!(GAPS).increment(1);
}
