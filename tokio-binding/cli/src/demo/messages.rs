//! Random messages: a hub behind an endpoint, and a page that shows all that an EventSource tells.

use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};
use http_body_util::Either;
use sansse_tokio::{Endpoint, Event, Hub, Retry, Start};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::visit::Visit;
use crate::failure::Failure;
use crate::serve::routes::Body;

const TOPIC: &str = "messages";
const PAUSE: Duration = Duration::from_secs(5);
const MESSAGES: [&str; 8] = [
    "A stream is a response that does not end yet.",
    "An event ends with a blank line.",
    "A line that begins with a colon is a comment.",
    "The browser comes back by itself, and says where it was.",
    "All of it is text, and the text is UTF-8.",
    "An id stays until another one comes.",
    "One way only: what you have to say, you post.",
    "An event without data is no event.",
];

/// The demo under `/demo/messages`.
#[derive(Clone, Debug)]
pub(super) struct Messages {
    hub: Hub,
    endpoint: Endpoint,
    opened: Arc<Notify>,
}

impl Messages {
    /// Starts to publish, while somebody watches.
    pub(super) fn start(
        endpoint: impl FnOnce(Hub) -> Result<Endpoint, Failure>,
    ) -> Result<Self, Failure> {
        let retry = Retry::new(Duration::from_secs(1)).spread(Duration::from_millis(500));
        let hub = Hub::builder().topic_history(64, 64 << 10).retry(retry).build();
        let opened = Arc::new(Notify::new());
        tokio::spawn(publish(hub.clone(), Arc::clone(&opened)));
        Ok(Self { endpoint: endpoint(hub.clone())?, hub, opened })
    }

    /// Answers `events` with the stream, or with 400 to those who do not accept one, and all else
    /// with the page.
    pub(super) async fn answer(&self, visit: &Visit<'_>) -> Response<Body> {
        if visit.path != "events" {
            return visit.page(include_str!("../../pages/demo/messages.html"));
        }
        let start = match Start::of_request(&visit.head.headers) {
            // Whoever comes for the first time need not wait for the first message.
            Start::Live => Start::Last(1),
            resumed => resumed,
        };
        let request = self.endpoint.request(visit.head, [TOPIC]).address(visit.peer).start(start);
        let mut response = request.answer().await;
        self.opened.notify_one();
        if response.status() == StatusCode::NOT_ACCEPTABLE {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        response.map(Either::Left)
    }

    pub(super) async fn shutdown(&self, deadline: Duration) {
        self.hub.shutdown(deadline).await;
    }
}

/// Publishes a random message every few seconds while there are subscribers. `opened` is told
/// after each new one, so that nothing runs until then.
async fn publish(hub: Hub, opened: Arc<Notify>) {
    let mut times = interval(PAUSE);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        opened.notified().await;
        while hub.subscribers() > 0 {
            times.tick().await;
            let message = fastrand::choice(MESSAGES).unwrap_or_default();
            if hub.publish(TOPIC, &Event::new(message)).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};
    use http::Request;
    use tokio::time::sleep;

    use super::*;

    /// How many messages the hub holds.
    fn published(hub: &Hub) -> usize {
        let mut all = hub.subscribe([TOPIC], Start::Last(64)).unwrap();
        let mut text = String::new();
        while let Some(Some(bytes)) = all.next().now_or_never() {
            text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        text.matches("data:").count()
    }

    #[tokio::test(start_paused = true)]
    async fn messages_come_while_somebody_watches() {
        let messages = Messages::start(|hub| Ok(Endpoint::new(hub))).unwrap();
        let (head, ()) = Request::get("/demo/messages/events").body(()).unwrap().into_parts();
        let visit = Visit {
            head: &head,
            path: "events",
            peer: [127, 0, 0, 1].into(),
            posted: String::new(),
        };
        sleep(PAUSE * 10).await;
        assert_eq!(published(&messages.hub), 0);
        let response = messages.answer(&visit).await;
        sleep(PAUSE * 9 + PAUSE / 2).await;
        assert_eq!(published(&messages.hub), 10);
        drop(response);
        sleep(PAUSE * 10).await;
        // The one for which it was waiting.
        assert_eq!(published(&messages.hub), 11);
    }
}
