//! Numbers of which none may be missing, however often the stream is cut; and what else fits into
//! an event: any line breaks, and bytes as base64.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{Method, Response, StatusCode};
use sansse_tokio::{Event, Hub, PublishError, Retry};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::done;
use super::open_streams::{OpenStreams, is_name};
use super::visit::{Visit, come_back_later};
use crate::serve::routes::{Body, body, method_not_allowed, nothing, sentence};
use crate::serve::target::StreamQuery;

const TOPIC: &str = "numbers";
const PAUSE: Duration = Duration::from_millis(200);
/// How many numbers are published when nobody reads any more, for those who were cut off and come
/// back. The history has room for more.
const UNREAD: u32 = 300;
/// Every so many numbers, there is a picture and a text with empty lines.
const EXTRAS: u32 = 10;
/// The width and the height of a picture, in pixels.
const SIDE: u32 = 16;

/// The demo under `/demo/numbers`.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    hub: Hub,
    streams: OpenStreams,
    opened: Arc<Notify>,
    retry: Retry,
}

impl Numbers {
    /// Starts to count, while somebody reads.
    pub(super) fn start() -> Self {
        let retry = Retry::new(Duration::from_secs(1)).spread(Duration::from_millis(500));
        let hub = Hub::builder().topic_history(512, 256 << 10).retry(retry.clone()).build();
        let opened = Arc::new(Notify::new());
        tokio::spawn(count(hub.clone(), Arc::clone(&opened)));
        Self { hub, streams: OpenStreams::default(), opened, retry }
    }

    pub(super) fn answer(&self, visit: &Visit<'_>) -> Response<Body> {
        match (visit.path, visit.method()) {
            ("", _) => visit.page(include_str!("../../pages/demo/numbers.html")),
            ("events", _) => self.stream(visit),
            ("cut", &Method::POST) => self.cut(visit),
            ("cut", _) => method_not_allowed("POST"),
            _ => nothing(),
        }
    }

    pub(super) async fn shutdown(&self, deadline: Duration) {
        self.hub.shutdown(deadline).await;
    }

    /// `GET events?stream=NAME`: from behind the last event ID on, where there is one.
    fn stream(&self, visit: &Visit<'_>) -> Response<Body> {
        if let Some(refusal) = visit.stream_refusal() {
            return refusal;
        }
        let name = visit.query("stream");
        if !is_name(&name) {
            return unnamed();
        }
        let subscription = StreamQuery::of(visit.head).and_then(|query| {
            self.hub.subscribe([TOPIC], query.start()).map_err(|e| e.to_string())
        });
        let subscription = match subscription {
            Ok(subscription) => self.streams.add(&name, subscription),
            Err(problem) => return sentence(StatusCode::BAD_REQUEST, &problem),
        };
        let Some(subscription) = subscription else { return come_back_later(&self.retry) };
        self.opened.notify_one();
        subscription.into_response().map(body)
    }

    /// `POST cut?stream=NAME`: ends the stream of a page from here. Its browser comes back.
    fn cut(&self, visit: &Visit<'_>) -> Response<Body> {
        match self.streams.end(&visit.query("stream")) {
            0 => unnamed(),
            _ => done(),
        }
    }
}

fn unnamed() -> Response<Body> {
    sentence(
        StatusCode::BAD_REQUEST,
        "which stream? Name it: ?stream={name}, 32 characters at most",
    )
}

/// Counts while there are subscribers, and for some time after, from where it was. `opened` is told
/// after each new one.
async fn count(hub: Hub, opened: Arc<Notify>) {
    let mut times = interval(PAUSE);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = 0;
    loop {
        opened.notified().await;
        let mut unread = 0;
        while unread < UNREAD {
            times.tick().await;
            number += 1;
            if publish(&hub, number).is_err() {
                return;
            }
            unread = if hub.subscribers() == 0 { unread + 1 } else { 0 };
        }
    }
}

fn publish(hub: &Hub, number: u32) -> Result<(), PublishError> {
    hub.publish(TOPIC, &Event::new(&number.to_string()))?;
    if number.is_multiple_of(EXTRAS) {
        let text =
            format!("A text\n\nwith empty lines,\n\n\nthe last of them behind {number}.\n\n");
        publish_as(hub, "text", &text)?;
        publish_as(hub, "picture", &picture(number))?;
    }
    Ok(())
}

fn publish_as(hub: &Hub, event_type: &str, data: &str) -> Result<(), PublishError> {
    // The types are ours, and hold no line break.
    if let Ok(event) = Event::new(data).with_type(event_type) {
        hub.publish(TOPIC, &event)?;
    }
    Ok(())
}

/// Three bytes a pixel as base64, and their sum, by which the page knows that it has them all.
fn picture(number: u32) -> String {
    let pixels = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y)));
    let bytes: Vec<u8> = pixels
        .flat_map(|(x, y)| [x * 16 + y, y * 16 + x + number, (x ^ y) * 16 + number])
        .map(|colour| colour.to_le_bytes()[0])
        .collect();
    let sum: u32 = bytes.iter().copied().map(u32::from).sum();
    json!({"side": SIDE, "base64": BASE64_STANDARD.encode(bytes), "sum": sum}).to_string()
}
