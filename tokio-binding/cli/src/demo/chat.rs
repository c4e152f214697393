//! A chat: what one browser posts all others see, who comes and goes, and pages that load anew when
//! the server has been restarted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use sansse_tokio::{Event, Hub, OnGap, OwnedEvent, Retry, Snapshot, Start};
use serde::Deserialize;
use serde_json::{Value, json};

use super::open_streams::{OpenStreams, is_name};
use super::visit::{Visit, come_back_later};
use super::{done, named};
use crate::serve::routes::{Body, body, method_not_allowed, nothing, sentence};
use crate::serve::target::StreamQuery;

const TOPIC: &str = "chat";
/// The longest message, in characters.
const LONGEST_TEXT: usize = 500;
/// How many messages those see who come later.
const KEPT: usize = 30;

/// The demo under `/demo/chat`.
#[derive(Clone, Debug)]
pub(super) struct Chat {
    hub: Hub,
    room: Arc<Mutex<Room>>,
    streams: OpenStreams,
    retry: Retry,
}

/// What a page shows. It is changed, and the change published, under one lock.
#[derive(Debug)]
struct Room {
    /// When the server was started, in milliseconds: a page that was made by an earlier one loads
    /// itself anew.
    version: i64,
    /// The users who are here, and their status.
    users: BTreeMap<String, String>,
    /// The last messages, as JSON.
    messages: VecDeque<String>,
    /// The id of the last event.
    last_id: String,
}

/// What a page posts to `messages`.
#[derive(Deserialize)]
struct Message {
    user: String,
    text: String,
}

/// What a page posts to `status`.
#[derive(Deserialize)]
struct Status {
    user: String,
    status: String,
}

impl Chat {
    pub(super) fn start() -> Self {
        let room = Arc::new(Mutex::new(Room {
            version: Timestamp::now().as_millisecond(),
            users: BTreeMap::new(),
            messages: VecDeque::new(),
            last_id: String::new(),
        }));
        let retry = Retry::new(Duration::from_secs(1)).spread(Duration::from_millis(500));
        let shown = Arc::clone(&room);
        let hub = Hub::builder()
            .topic_history(256, 256 << 10)
            .retry(retry.clone())
            .on_gap(|_| OnGap::Snapshot)
            .snapshot(move |_| std::future::ready(Some(lock(&shown).snapshot())))
            .build();
        let this = Self { hub, room, streams: OpenStreams::default(), retry };
        // From the first event on, there is an id up to which a snapshot holds.
        this.publish(&mut lock(&this.room), "serverStarted", &Value::Null);
        this
    }

    pub(super) fn answer(&self, visit: &Visit<'_>) -> Response<Body> {
        match (visit.path, visit.method()) {
            ("", _) => visit.page(include_str!("../../pages/demo/chat.html")),
            ("events", _) => self.stream(visit),
            ("messages", &Method::POST) => self.say(&visit.posted),
            ("status", &Method::POST) => self.set_status(&visit.posted),
            ("end", &Method::POST) => self.end(&visit.query("user")),
            ("messages" | "status" | "end", _) => method_not_allowed("POST"),
            _ => nothing(),
        }
    }

    pub(super) async fn shutdown(&self, deadline: Duration) {
        self.hub.shutdown(deadline).await;
    }

    /// `GET events?user=NAME`: all that the page shows, and then what happens; for a page that comes
    /// back, what has happened meanwhile.
    fn stream(&self, visit: &Visit<'_>) -> Response<Body> {
        if let Some(refusal) = visit.stream_refusal() {
            return refusal;
        }
        let user = visit.query("user");
        if !is_name(&user) {
            return unnamed();
        }
        let subscription = StreamQuery::of(visit.head).and_then(|query| {
            let start = match query.start() {
                Start::Live => Start::Snapshot,
                resumed => resumed,
            };
            self.hub.subscribe([TOPIC], start).map_err(|problem| problem.to_string())
        });
        let subscription = match subscription {
            Ok(subscription) => self.streams.add(&user, subscription),
            Err(problem) => return sentence(StatusCode::BAD_REQUEST, &problem),
        };
        let Some(subscription) = subscription else { return come_back_later(&self.retry) };
        self.come(&user);
        let this = self.clone();
        subscription.on_disconnect(move || this.leave(&user)).into_response().map(body)
    }

    /// `POST messages`.
    fn say(&self, posted: &str) -> Response<Body> {
        let Ok(Message { user, text }) = serde_json::from_str(posted) else {
            return sentence(StatusCode::BAD_REQUEST, r#"post {"user": "…", "text": "…"} as JSON"#);
        };
        if !is_name(&user) {
            return unnamed();
        }
        if text.trim().is_empty() || text.chars().count() > LONGEST_TEXT {
            let problem = format!("write something, with at most {LONGEST_TEXT} characters");
            return sentence(StatusCode::BAD_REQUEST, &problem);
        }
        let time = format!("{:.3}", Timestamp::now());
        let message = json!({"user": user, "text": text, "time": time});
        let mut room = lock(&self.room);
        self.publish(&mut room, "message", &message);
        room.messages.push_back(message.to_string());
        if room.messages.len() > KEPT {
            room.messages.pop_front();
        }
        done()
    }

    /// `POST status`, of a user who is here.
    fn set_status(&self, posted: &str) -> Response<Body> {
        let Ok(Status { user, status }) = serde_json::from_str(posted) else {
            return sentence(
                StatusCode::BAD_REQUEST,
                r#"post {"user": "…", "status": "…"} as JSON"#,
            );
        };
        if !is_name(&status) {
            return sentence(StatusCode::BAD_REQUEST, "a status is a line of 1 to 32 characters");
        }
        let mut room = lock(&self.room);
        if !room.users.contains_key(&user) {
            return sentence(StatusCode::BAD_REQUEST, "open a stream first: there is no such user");
        }
        if status == "available" {
            self.publish(&mut room, "available", &json!({"user": user}));
        } else {
            self.publish(&mut room, "statusUpdate", &json!({"user": user, "status": status}));
        }
        room.users.insert(user, status);
        done()
    }

    /// `POST end?user=NAME`: ends the streams of a user. Their browsers come back.
    fn end(&self, user: &str) -> Response<Body> {
        match self.streams.end(user) {
            0 => unnamed(),
            _ => done(),
        }
    }

    /// A stream of a user has been opened.
    fn come(&self, user: &str) {
        let mut room = lock(&self.room);
        if !room.users.contains_key(user) {
            room.users.insert(user.into(), "available".into());
            self.publish(&mut room, "userOnline", &json!({"user": user}));
        }
    }

    /// A stream of a user has been closed.
    fn leave(&self, user: &str) {
        let mut room = lock(&self.room);
        // Asked under the lock: another one may just have been opened.
        if !self.streams.has(user) && room.users.remove(user).is_some() {
            self.publish(&mut room, "unavailable", &json!({"user": user}));
        }
    }

    fn publish(&self, room: &mut Room, event_type: &str, data: &Value) {
        let data = data.to_string();
        // The types hold no line break, and a hub that takes no more events ends all streams anyway.
        if let Ok(event) = Event::new(&data).with_type(event_type)
            && let Ok(id) = self.hub.publish(TOPIC, &event)
        {
            room.last_id = id.to_string();
        }
    }
}

impl Room {
    /// What someone gets who comes: the version, a `connect` for each user, and the last messages.
    fn snapshot(&self) -> Snapshot {
        let version = named("protocolVersion", &json!({"version": self.version}));
        let users = self.users.iter();
        let users =
            users.map(|(user, status)| named("connect", &json!({"user": user, "status": status})));
        let messages = self.messages.iter().map(OwnedEvent::new);
        let events = std::iter::once(version).chain(users).chain(messages);
        Snapshot::new(events).as_of(&self.last_id)
    }
}

fn lock(room: &Mutex<Room>) -> MutexGuard<'_, Room> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unnamed() -> Response<Body> {
    sentence(StatusCode::BAD_REQUEST, "name a user who is here, in one line of 1 to 32 characters")
}
