//! The binding inside of HTTP servers: axum on a socket, read back by the binding's own stream.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use http_body_util::BodyExt as _;
use sansse_tokio::{Event, EventStream, Hub, OwnedEvent, OwnedItem, Sse, StreamEnd};
use tests::client::client;
use tokio::net::TcpListener;

async fn topic(State(hub): State<Hub>, Path(topic): Path<String>, request: Request) -> Response {
    match hub.respond(&request, [topic]) {
        Ok(response) => response.into_response(),
        Err(problem) => (http::StatusCode::BAD_REQUEST, problem.to_string()).into_response(),
    }
}

async fn countdown() -> Response {
    let events = stream::iter((1..=3).rev()).map(|number: u32| OwnedEvent::new(number.to_string()));
    Sse::new(events).keep_alive(Duration::from_secs(15)).retry(500).into_response().into_response()
}

async fn start(hub: &Hub) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new()
        .route("/topics/{topic}", get(topic))
        .route("/countdown", get(countdown))
        .with_state(hub.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}")
}

type Events = EventStream<BoxStream<'static, reqwest::Result<Bytes>>>;

async fn open(url: &str, last_event_id: &str) -> Events {
    let request = client().get(url).header("last-event-id", last_event_id);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store, no-transform");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    EventStream::new(response.bytes_stream().boxed())
}

/// The next event, as `data@id`.
async fn next<S, E>(events: &mut S) -> Option<String>
where
    S: Stream<Item = Result<OwnedItem, E>> + Unpin,
    E: std::fmt::Debug,
{
    while let Some(item) = events.next().await {
        if let OwnedItem::Event(event) = item.unwrap() {
            return Some(format!("{}@{}", event.data(), event.last_event_id()));
        }
    }
    None
}

#[tokio::test]
async fn axum_serves_a_hub() {
    let hub = Hub::builder().epoch(35).build();
    let url = start(&hub).await;
    let mut events = open(&format!("{url}/topics/a"), "").await;
    hub.publish("a", &Event::new("1")).unwrap();
    hub.publish("a", &Event::new("2\n3")).unwrap();
    assert_eq!(next(&mut events).await.unwrap(), "1@z-1");
    assert_eq!(next(&mut events).await.unwrap(), "2\n3@z-2");

    let mut resumed = open(&format!("{url}/topics/a"), "z-1").await;
    assert_eq!(next(&mut resumed).await.unwrap(), "2\n3@z-2");
    assert_eq!(hub.subscribers(), 2);

    // A reader that leaves is noticed without waiting for an event.
    drop(resumed);
    let start = std::time::Instant::now();
    while hub.subscribers() == 2 {
        assert!(start.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    hub.publish("a", &Event::new("last")).unwrap();
    let shutdown = hub.shutdown(Duration::from_secs(10));
    let reading = async {
        assert_eq!(next(&mut events).await.unwrap(), "last@z-3");
        assert_eq!(next(&mut events).await, None);
    };
    let (shutdown, ()) = tokio::join!(shutdown, reading);
    assert_eq!((shutdown.closed, shutdown.left), (1, 0));
    assert_eq!(events.end(), Some(StreamEnd::Clean));
}

#[tokio::test]
async fn axum_serves_any_stream() {
    let url = start(&Hub::new()).await;
    let mut items = open(&format!("{url}/countdown"), "").await;
    assert_eq!(items.next().await.unwrap().unwrap(), OwnedItem::Retry(500));
    for expected in ["3@", "2@", "1@"] {
        assert_eq!(next(&mut items).await.unwrap(), expected);
    }
    assert_eq!(next(&mut items).await, None);
    assert_eq!(items.end(), Some(StreamEnd::Clean));
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_says_that_it_is_alive() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let events = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let mut body = Sse::new(events).keep_alive(Duration::from_secs(10)).into_body();
    let start = tokio::time::Instant::now();
    let mut frame = async || body.frame().await.map(|frame| frame.unwrap().into_data().unwrap());
    assert_eq!(frame().await.unwrap(), ":\n\n");
    assert_eq!(start.elapsed().as_secs(), 0);
    assert_eq!(frame().await.unwrap(), ":\n\n");
    assert_eq!(start.elapsed().as_secs(), 10);
    tokio::time::sleep(Duration::from_secs(6)).await;
    sender.send(OwnedEvent::new("a")).unwrap();
    sender.send(OwnedEvent::new("b")).unwrap();
    // What is ready together is one frame.
    assert_eq!(frame().await.unwrap(), "data: a\n\ndata: b\n\n");
    assert_eq!(frame().await.unwrap(), ":\n\n");
    assert_eq!(start.elapsed().as_secs(), 26);
    drop(sender);
    assert_eq!(frame().await, None);
}

#[tokio::test]
async fn an_error_of_the_stream_ends_the_body_behind_the_events_before_it() {
    let events = [Ok(OwnedEvent::new("a")), Err("broken"), Ok(OwnedEvent::new("never"))];
    let mut body = Sse::new(stream::iter(events)).into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), ":\n\ndata: a\n\n");
    assert_eq!(body.frame().await.unwrap().unwrap_err(), "broken");
    assert!(body.frame().await.is_none());
}

#[test]
fn a_stream_without_end_is_sent_in_bounded_frames() {
    let mut body = Sse::new(stream::repeat(OwnedEvent::new("x".repeat(1000)))).into_body();
    for _ in 0..10 {
        let frame = body.frame().now_or_never().unwrap().unwrap().unwrap().into_data().unwrap();
        assert!((64 << 10..66 << 10).contains(&frame.len()), "{}", frame.len());
    }
}

#[tokio::test]
async fn an_error_of_the_source_does_not_end_an_event_stream() {
    let chunks = [Ok(&b"data: 1\n\nda"[..]), Err("broken"), Ok(b"ta: 2\n\n")];
    let mut items = EventStream::new(stream::iter(chunks));
    assert!(matches!(items.next().await, Some(Ok(OwnedItem::Event(_)))));
    assert_eq!(items.next().await, Some(Err("broken")));
    let Some(Ok(OwnedItem::Event(event))) = items.next().await else { panic!() };
    assert_eq!(event.data(), "2");
    assert_eq!(items.next().await, None);
    assert_eq!(items.next().await, None);
}

#[tokio::test]
async fn an_event_shares_the_chunk_that_it_came_in() {
    let chunk = Bytes::from_static(b"event: tick\ndata: shared\n\ndata: a\ndata: b\n\n");
    let mut items = EventStream::new(stream::iter([Ok::<_, Infallible>(chunk.clone())]));
    let Some(Ok(OwnedItem::Event(event))) = items.next().await else { panic!() };
    assert!(chunk.as_ptr_range().contains(&event.data_bytes().as_ptr()));
    assert_eq!((event.event_type(), event.data()), ("tick".into(), "shared".into()));
    let Some(Ok(OwnedItem::Event(event))) = items.next().await else { panic!() };
    assert!(!chunk.as_ptr_range().contains(&event.data_bytes().as_ptr()));
    assert_eq!(event.data(), "a\nb");
}
