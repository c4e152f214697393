//! Our EventSource with servers that others wrote, directly and through nginx: each stream goes on
//! where the one before it ended, and stops when the server wants it to.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use sansse_tokio::{CloseReason, EventSource, Update};
use serde::{Deserialize, Serialize};
use tests::client::client;
use tests::nginx::{Front, Nginx};
use tests::packages::Packages;
use tests::program::{Program, in_time};
use tests::requirement::NGINX;
use tokio::net::TcpListener;

const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");

/// A server counts to this, three events a response.
const LAST: u32 = 12;

/// The data of an event.
#[derive(Serialize, Deserialize)]
struct Count {
    number: u32,
    text: String,
}

/// Reads to the server's 204. Each event comes once and in order, over four responses.
async fn counts_to_the_end(url: &str) {
    let mut source = EventSource::get(url).transport(client()).connect().expect("a source");
    let (mut events, mut opened) = (Vec::new(), 0);
    in_time(async {
        while let Some(update) = source.next().await {
            match update.expect("no failure") {
                Update::Event(event) => {
                    assert_eq!(event.event_type(), "count");
                    let count: Count = event.parse_json().expect("JSON");
                    assert_eq!(event.last_event_id(), &*count.number.to_string());
                    assert_eq!(count.text, "ü");
                    events.push(count.number);
                }
                Update::Open(open) => {
                    assert!(!open.may_have_gap);
                    opened += 1;
                }
                _ => {}
            }
        }
    })
    .await;
    assert_eq!(events, (1..=LAST).collect::<Vec<_>>());
    assert_eq!(opened, 4);
    assert_eq!(source.close_reason(), Some(CloseReason::NoContent));
    assert_eq!(source.reconnection_time(), Duration::from_millis(300));
}

/// The server itself, and behind nginx where that is there.
async fn counts_directly_and_through_nginx(address: &str, test: &str) {
    counts_to_the_end(&format!("http://{address}/")).await;
    if NGINX.is_met(test) {
        let nginx = Nginx::start(Path::new(FOLDER), Front::Plain, address);
        counts_to_the_end(&nginx.url("/")).await;
    }
}

async fn server_of_a_package(packages: Packages, test: &str) {
    let folder = Path::new(FOLDER);
    if !packages.are_met(folder, test).await {
        return;
    }
    let mut server = Program::start(packages.server(folder));
    let port = server.json().await["port"].as_u64().expect("a port");
    counts_directly_and_through_nginx(&format!("127.0.0.1:{port}"), test).await;
    server.end_input();
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn better_sse() {
    server_of_a_package(Packages::Npm, "better_sse").await;
}

/// Its lines end with CRLF.
#[tokio::test(flavor = "multi_thread")]
async fn sse_starlette() {
    server_of_a_package(Packages::Pypi, "sse_starlette").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axum() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(axum::serve(listener, Router::new().route("/", get(count))).into_future());
    counts_directly_and_through_nginx(&address, "axum").await;
}

async fn count(headers: HeaderMap) -> Response {
    let last = headers.get("last-event-id").map_or("0", |id| id.to_str().expect("ASCII"));
    let last: u32 = last.parse().expect("a number");
    if last >= LAST {
        return StatusCode::NO_CONTENT.into_response();
    }
    let events = (last + 1..=last + 3).map(|number| {
        let event = Event::default().event("count").id(number.to_string());
        // Over several lines.
        let data = serde_json::to_string_pretty(&Count { number, text: "ü".into() });
        Ok::<_, Infallible>(event.data(data.expect("JSON")))
    });
    let retry = Ok(Event::default().retry(Duration::from_millis(300)));
    Sse::new(stream::iter([retry]).chain(stream::iter(events))).into_response()
}
