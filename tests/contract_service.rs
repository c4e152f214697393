//! A service that lets a harness of others drive our client: it is told over HTTP which streams to
//! read, and posts what comes of them to where it is told to.
//!
//! It listens on 127.0.0.1, on the port that `PORT` names; 0 picks a free one. Its only line of
//! output says which.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::StreamExt as _;
use sansse_tokio::{Disconnect, EventSource, RequestError, Update};
use serde::Deserialize;
use serde_json::{Value, json};
use tests::client::client;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

const CAPABILITIES: [&str; 9] = [
    "bom",
    "comments",
    "headers",
    "last-event-id",
    "post",
    "read-timeout",
    "report",
    "restart",
    "server-directed-shutdown-request",
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = match std::env::var("PORT") {
        Ok(port) => port.parse()?,
        Err(_) => 8000,
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(std::io::stdout(), "listening on http://{}/", listener.local_addr()?)?;
    let service = Service::default();
    let stop = service.stop.clone();
    let router = Router::new()
        .route("/", get(status).post(create).delete(stop_service))
        .route("/streams/{number}", post(command).delete(delete))
        .with_state(service);
    let stopped = async move { stop.notified().await };
    axum::serve(listener, router).with_graceful_shutdown(stopped).await?;
    Ok(())
}

#[derive(Clone, Default)]
struct Service {
    streams: Arc<Mutex<Streams>>,
    stop: Arc<Notify>,
}

/// The streams that are read. Each ends when its sender is dropped.
#[derive(Default)]
struct Streams {
    last: u64,
    restarts: HashMap<u64, mpsc::UnboundedSender<()>>,
}

/// What a harness wants to have read. Fields that are not known are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    stream_url: String,
    callback_url: String,
    initial_delay_ms: Option<u64>,
    read_timeout_ms: Option<u64>,
    last_event_id: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    method: Option<String>,
    body: Option<String>,
}

#[derive(Deserialize)]
struct Command {
    command: String,
}

impl Service {
    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().expect("no panic elsewhere")
    }
}

impl Parameters {
    fn source(&self) -> Result<EventSource, RequestError> {
        let mut builder = EventSource::get(&self.stream_url).keep_comments();
        if let Some(delay) = self.initial_delay_ms {
            builder = builder.reconnection_time(Duration::from_millis(delay));
        }
        if let Some(timeout) = self.read_timeout_ms {
            builder = builder.idle_timeout(Duration::from_millis(timeout));
        }
        if let Some(id) = &self.last_event_id {
            builder = builder.last_event_id(id);
        }
        for (name, value) in self.headers.iter().flatten() {
            builder = builder.header(name, value);
        }
        if let Some(method) = self.method.as_ref().filter(|method| !method.is_empty()) {
            builder = builder.method(method);
        }
        if let Some(body) = &self.body {
            builder = builder.body(body.clone());
        }
        builder.connect()
    }
}

async fn status() -> Json<Value> {
    Json(json!({"name": "sansse", "capabilities": CAPABILITIES}))
}

async fn stop_service(State(service): State<Service>) -> StatusCode {
    service.streams().restarts.clear();
    service.stop.notify_one();
    StatusCode::NO_CONTENT
}

async fn create(State(service): State<Service>, body: Bytes) -> Response {
    let bad = |problem: String| (StatusCode::BAD_REQUEST, problem).into_response();
    let parameters: Parameters = match serde_json::from_slice(&body) {
        Ok(parameters) => parameters,
        Err(problem) => return bad(problem.to_string()),
    };
    let callbacks = match reqwest::Url::parse(&parameters.callback_url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => parameters.callback_url.clone(),
        _ => return bad("callbackUrl is no URL of HTTP".into()),
    };
    let source = match parameters.source() {
        Ok(source) => source,
        Err(problem) => return bad(problem.to_string()),
    };
    let (restart, restarts) = mpsc::unbounded_channel();
    tokio::spawn(read(source, restarts, callbacks));
    let mut streams = service.streams();
    streams.last += 1;
    let number = streams.last;
    streams.restarts.insert(number, restart);
    (StatusCode::CREATED, [(LOCATION, format!("/streams/{number}"))]).into_response()
}

async fn command(
    State(service): State<Service>,
    Path(number): Path<u64>,
    body: Bytes,
) -> StatusCode {
    let streams = service.streams();
    let Some(restart) = streams.restarts.get(&number) else { return StatusCode::NOT_FOUND };
    match serde_json::from_slice(&body) {
        Ok(Command { command }) if command == "restart" => {
            // Who has come to its end is not restarted.
            let _ = restart.send(());
            StatusCode::ACCEPTED
        }
        _ => StatusCode::BAD_REQUEST,
    }
}

async fn delete(State(service): State<Service>, Path(number): Path<u64>) -> StatusCode {
    match service.streams().restarts.remove(&number) {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::NOT_FOUND,
    }
}

/// Reads until the stream is deleted or has ended for good, and posts what comes of it, one after
/// the other.
async fn read(
    mut source: EventSource,
    mut restarts: mpsc::UnboundedReceiver<()>,
    callbacks: String,
) {
    let poster = client();
    let mut number = 0_u64;
    loop {
        let update = tokio::select! {
            restart = restarts.recv() => match restart {
                Some(()) => {
                    source.reconnect();
                    continue;
                }
                None => return,
            },
            update = source.next() => update,
        };
        let Some(update) = update else { return };
        let Some(message) = message(update.map_err(|error| error.to_string())) else { continue };
        number += 1;
        let post = poster.post(format!("{callbacks}/{number}"));
        let post = post.header("content-type", "application/json").body(message.to_string());
        tokio::select! {
            // Nobody listens any more where this fails, and soon deletes the stream.
            _ = post.send() => {}
            () = deleted(&mut restarts, &mut source) => return,
        }
    }
}

/// Waits until the stream is deleted. Restarts it meanwhile where that is wanted.
async fn deleted(restarts: &mut mpsc::UnboundedReceiver<()>, source: &mut EventSource) {
    while restarts.recv().await.is_some() {
        source.reconnect();
    }
}

/// What is told of an update, if anything.
fn message(update: Result<Update, String>) -> Option<Value> {
    Some(match update {
        Ok(Update::Event(event)) => json!({"kind": "event", "event": {
            "type": event.event_type().to_string(),
            "data": event.data().to_string(),
            "id": event.last_event_id().to_string(),
        }}),
        Ok(Update::Comment { text, .. }) => {
            json!({"kind": "comment", "comment": String::from_utf8_lossy(&text)})
        }
        Ok(Update::Disconnected { cause, .. }) if !matches!(*cause, Disconnect::Asked) => {
            json!({"kind": "error", "error": cause.to_string()})
        }
        Ok(Update::TooLarge { .. }) => {
            json!({"kind": "error", "error": "an event was too large and has been skipped"})
        }
        Ok(Update::IdTooLong) => {
            json!({"kind": "error", "error": "an id was too long and has been dropped"})
        }
        Err(error) => json!({"kind": "error", "error": error}),
        Ok(_) => return None,
    })
}
