//! A stream of its own for each client, without a hub: pings at even times, messages at random
//! ones, until the client leaves.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream;
use http::Response;
use jiff::Timestamp;
use sansse_tokio::{OwnedEvent, Retry, Sse};
use serde_json::json;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::named;
use super::open_streams::MOST_STREAMS;
use super::visit::{Visit, come_back_later};
use crate::serve::routes::{Body, body, nothing};

const PING: Duration = Duration::from_secs(1);
/// Shorter than others would have it, so that comments come between the pings.
const KEEP_ALIVE: Duration = Duration::from_millis(600);
/// The shortest and the longest pause between messages, in milliseconds.
const PAUSES: std::ops::Range<u64> = 500..4000;
/// One of so many messages is followed by an event of the type `error`.
const FAULTS: u32 = 3;

/// The demo under `/demo/pings`.
#[derive(Clone, Debug)]
pub(super) struct Pings {
    /// How many streams there are.
    live: Arc<AtomicUsize>,
    stop: CancellationToken,
    retry: Retry,
}

impl Pings {
    pub(super) fn new() -> Self {
        let retry = Retry::new(Duration::from_secs(1)).spread(Duration::from_secs(1));
        Self { live: Arc::default(), stop: CancellationToken::new(), retry }
    }

    pub(super) fn answer(&self, visit: &Visit<'_>) -> Response<Body> {
        match visit.path {
            "" => visit.page(include_str!("../../pages/demo/pings.html")),
            "events" => self.stream(visit),
            _ => nothing(),
        }
    }

    pub(super) fn shutdown(&self) {
        self.stop.cancel();
    }

    fn stream(&self, visit: &Visit<'_>) -> Response<Body> {
        if let Some(refusal) = visit.stream_refusal() {
            return refusal;
        }
        let client = Client::new(&self.live);
        if client.live.0.load(Ordering::Relaxed) > MOST_STREAMS {
            return come_back_later(&self.retry);
        }
        let stop = self.stop.clone();
        let events = stream::unfold((client, stop), |(mut client, stop)| async move {
            let event = stop.run_until_cancelled(client.next()).await?;
            Some((event, (client, stop)))
        });
        let response = Sse::new(Box::pin(events)).keep_alive(KEEP_ALIVE).retry(self.retry.next());
        response.into_response().map(body)
    }
}

/// What one client is sent. Nothing of it runs on when the server drops it with the connection.
#[derive(Debug)]
struct Client {
    pings: Interval,
    message: Pin<Box<Sleep>>,
    messages: u32,
    fault_is_due: bool,
    live: Live,
}

impl Client {
    fn new(live: &Arc<AtomicUsize>) -> Self {
        let mut pings = interval(PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            pings,
            message: Box::pin(sleep(random_pause())),
            messages: 0,
            fault_is_due: false,
            live: Live::new(live),
        }
    }

    async fn next(&mut self) -> OwnedEvent {
        if std::mem::take(&mut self.fault_is_due) {
            return named("error", &json!({"problem": "the thermometer does not answer"}));
        }
        tokio::select! {
            _ = self.pings.tick() => {
                let streams = self.live.0.load(Ordering::Relaxed);
                named("ping", &json!({"time": now(), "streams": streams}))
            }
            () = self.message.as_mut() => {
                self.message.as_mut().reset(Instant::now() + random_pause());
                self.messages += 1;
                self.fault_is_due = self.messages.is_multiple_of(FAULTS);
                OwnedEvent::new(format!("message {} at {}", self.messages, now()))
            }
        }
    }
}

/// Counts a stream while it lives.
#[derive(Debug)]
struct Live(Arc<AtomicUsize>);

impl Live {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The time as ISO 8601 has it, to the millisecond.
fn now() -> String {
    format!("{:.3}", Timestamp::now())
}

fn random_pause() -> Duration {
    Duration::from_millis(fastrand::u64(PAUSES))
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_stream_too_many_is_told_to_come_back() {
        let pings = Pings::new();
        let (head, ()) = Request::get("/demo/pings/events").body(()).unwrap().into_parts();
        let visit = Visit {
            head: &head,
            path: "events",
            peer: [127, 0, 0, 1].into(),
            posted: String::new(),
        };
        let open: Vec<_> = (0..MOST_STREAMS).map(|_| pings.answer(&visit)).collect();
        let told = pings.answer(&visit).into_body().collect().await.unwrap().to_bytes();
        assert!(told.starts_with(b"retry: ") && told.len() < 20, "{told:?}");
        drop(open);
        assert_eq!(pings.live.load(Ordering::Relaxed), 0);
    }
}
