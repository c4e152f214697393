//! The demos under `/demo/`: small systems as people build them with Server-Sent Events, each to be
//! read as an example.

mod chat;
mod messages;
mod numbers;
mod open_streams;
mod pings;
mod users;
mod visit;

use std::net::IpAddr;
use std::time::Duration;

use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use sansse_tokio::{Endpoint, Hub, OwnedEvent};
use serde_json::Value;

use crate::failure::Failure;
use crate::serve::content::{ContentLimits, discard};
use crate::serve::publish::posted;
use crate::serve::routes::{Body, body, nothing};
use chat::Chat;
use messages::Messages;
use numbers::Numbers;
use pings::Pings;
use users::Users;
use visit::Visit;

/// Most bytes of a post to a demo.
const MOST_POSTED: usize = 4 << 10;

/// All demos. Each has a hub of its own, so that each stands for itself.
#[derive(Clone, Debug)]
pub(crate) struct Demos {
    users: Users,
    messages: Messages,
    numbers: Numbers,
    chat: Chat,
    pings: Pings,
}

impl Demos {
    /// Starts what the demos do by themselves, while somebody watches. `endpoint` makes the door of
    /// a hub.
    pub(crate) fn start(
        endpoint: impl Fn(Hub) -> Result<Endpoint, Failure>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            users: Users::start(&endpoint)?,
            messages: Messages::start(&endpoint)?,
            numbers: Numbers::start(),
            chat: Chat::start(),
            pings: Pings::new(),
        })
    }

    /// Answers a request for a path below `/demo/`.
    pub(crate) async fn answer(
        &self,
        path: &str,
        head: &Parts,
        content: Incoming,
        peer: IpAddr,
        read_timeout: Duration,
    ) -> Response<Body> {
        let posted = if head.method == Method::POST {
            let limits = ContentLimits { bytes: MOST_POSTED, time: read_timeout };
            match posted(&head.headers, content, limits).await {
                Ok(posted) => posted,
                Err(refusal) => return *refusal,
            }
        } else {
            discard(&head.headers, content).await;
            String::new()
        };
        let (demo, path) = path.split_once('/').unwrap_or((path, ""));
        let visit = Visit { head, path, peer, posted };
        match demo {
            "" => visit.page(include_str!("../pages/demo/index.html")),
            "demo.css" => visit.file("text/css", include_str!("../pages/demo/demo.css")),
            "stream.js" => visit.file("text/javascript", include_str!("../pages/demo/stream.js")),
            "users" => self.users.answer(&visit).await,
            "messages" => self.messages.answer(&visit).await,
            "numbers" => self.numbers.answer(&visit),
            "chat" => self.chat.answer(&visit),
            "pings" => self.pings.answer(&visit),
            _ => nothing(),
        }
    }

    /// Ends all streams.
    pub(crate) async fn shutdown(&self, deadline: Duration) {
        self.pings.shutdown();
        tokio::join!(
            self.users.shutdown(deadline),
            self.messages.shutdown(deadline),
            self.numbers.shutdown(deadline),
            self.chat.shutdown(deadline),
        );
    }
}

/// An event of a type, with JSON as its data.
fn named(event_type: &str, data: &Value) -> OwnedEvent {
    let event = OwnedEvent::new(data.to_string());
    // The types are ours, and hold no line break.
    event.clone().with_type(event_type).unwrap_or(event)
}

/// What an action answers that has been done.
fn done() -> Response<Body> {
    let mut response = Response::new(body(Empty::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
