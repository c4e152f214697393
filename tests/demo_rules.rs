//! The demos of `sansse serve` by their rules of HTTP, and as other clients meet them.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::{Method, RequestBuilder, StatusCode};
use tests::client::client;
use tests::events::{find, next, open, stream_of};
use tests::server::Server;
use tokio::time::timeout;

/// Longer than any demo takes for its next event.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn demos_answer_as_they_are_asked() {
    let server = Server::start();
    let client = client();
    let request = |method: Method, path: &str| client.request(method, server.url(path));
    let get = |path: &str| request(Method::GET, path);
    let accepting = |path: &str, accept: &str| get(path).header("accept", accept);
    let post = |path: &str, body: &str| request(Method::POST, path).body(body.to_owned());
    let html = "text/html; charset=utf-8";
    let stream = "text/event-stream";
    for (request, status, media_type) in [
        (get("/demo"), 200, html),
        (get("/demo/"), 200, html),
        (get("/demo/demo.css"), 200, "text/css; charset=utf-8"),
        (get("/demo/stream.js"), 200, "text/javascript; charset=utf-8"),
        (get("/demo/users"), 200, html),
        (get("/demo/users/events?user=a"), 200, stream),
        (get("/demo/messages"), 200, html),
        (get("/demo/messages/"), 200, html),
        (get("/demo/messages/anything?else"), 200, html),
        (accepting("/demo/messages/anything", stream), 200, html),
        (accepting("/demo/messages/events", stream), 200, stream),
        (get("/demo/numbers/events?stream=a"), 200, stream),
        (get("/demo/chat/events?user=a"), 200, stream),
        (get("/demo/pings/events"), 200, stream),
    ] {
        let asked = format!("{request:?}");
        let response = answer(request).await;
        assert_eq!(response.status(), status, "{asked}");
        assert_eq!(response.headers()["content-type"], media_type, "{asked}");
        let cache = response.headers()["cache-control"].to_str().unwrap();
        assert!(cache.starts_with("no-store"), "{cache}: {asked}");
    }

    let long_name = "x".repeat(33);
    let long_text = format!(r#"{{"user":"a","text":"{}"}}"#, "x".repeat(501));
    let words = r#"{"user":"a","text":"hello"}"#;
    for (request, status, word) in [
        (accepting("/demo/messages/events", "text/html"), 400, "accept"),
        (accepting("/demo/messages/events", "*/*;q=0"), 400, "accept"),
        (accepting("/demo/numbers/events?stream=a", "text/html"), 406, "accept"),
        (accepting("/demo/chat/events?user=a", "text/html"), 406, "accept"),
        (accepting("/demo/pings/events", "text/html"), 406, "accept"),
        (post("/demo/pings/events", ""), 405, "GET"),
        (post("/demo/messages", ""), 405, "GET"),
        (post("/demo/", ""), 405, "GET"),
        (get("/demo/numbers/cut"), 405, "POST"),
        (get("/demo/chat/messages"), 405, "POST"),
        (get("/demo/nothing"), 404, "nothing"),
        (get("/demo/chat/nothing"), 404, "nothing"),
        (accepting("/demo/users/events?user=a", "text/html"), 406, "accept"),
        (get("/demo/users/events"), 400, "Name"),
        (get("/demo/users/events?user="), 400, "Name"),
        (get(&format!("/demo/users/events?user={long_name}")), 400, "32"),
        (get("/demo/numbers/events"), 400, "Name"),
        (get(&format!("/demo/numbers/events?stream={long_name}")), 400, "32"),
        (get("/demo/chat/events?user="), 400, "32"),
        (get("/demo/chat/events?user=%20a"), 400, "32"),
        (get("/demo/chat/events?user=a%0Ab"), 400, "32"),
        (get(&format!("/demo/chat/events?user={long_name}")), 400, "32"),
        (post("/demo/numbers/cut?stream=none", ""), 400, "stream"),
        (post("/demo/chat/end?user=none", ""), 400, "user"),
        (post("/demo/chat/messages", "hello"), 400, "JSON"),
        (post("/demo/chat/messages", r#"{"user":"a","text":" "}"#), 400, "500"),
        (post("/demo/chat/messages", &long_text), 400, "500"),
        (post("/demo/chat/messages", &"x".repeat(4097)), 413, "4096"),
        (post("/demo/chat/status", r#"{"user":"none","status":"busy"}"#), 400, "no such user"),
        (post("/demo/chat/messages", words).header("sec-fetch-site", "cross-site"), 403, "origin"),
        (post("/demo/chat/messages", words).header("origin", "http://evil.example"), 403, "origin"),
        (post("/demo/numbers/cut?stream=a", "").header("origin", "null"), 403, "origin"),
    ] {
        let asked = format!("{request:?}");
        let response = answer(request).await;
        assert_eq!(response.status(), status, "{asked}");
        let sentence = response.text().await.unwrap();
        assert!(sentence.contains(word), "{sentence:?}: {asked}");
    }
    assert_eq!(answer(post("/demo/chat/messages", words)).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn demos_can_be_switched_off() {
    let server = Server::start_with(&["--no-demo"]);
    for path in ["/demo", "/demo/", "/demo/messages/events", "/demo/pings/events"] {
        assert_eq!(answer(client().get(server.url(path))).await.status(), 404, "{path}");
    }
    let page = answer(client().get(server.url("/"))).await.text().await.unwrap();
    assert!(!page.contains("/demo/"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_room_streams_are_told_to_come_back() {
    let server = Server::start_with(&["--max-connections", "1"]);
    let mut events = open(&server.url("/demo/pings/events")).await;
    next(&mut events).await;
    for demo in
        ["users/events?user=a", "messages/events", "numbers/events?stream=a", "chat/events?user=a"]
    {
        let response = answer(client().get(server.url(&format!("/demo/{demo}")))).await;
        assert_eq!(response.status(), StatusCode::OK, "{demo}");
        let told = response.text().await.unwrap();
        assert!(told.starts_with("retry: "), "{told}");
    }
    let page = answer(client().get(server.url("/demo/"))).await;
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_stream_resumes_behind_its_last_number() {
    let server = Server::start();
    let url = server.url("/demo/numbers/events?stream=mine");
    let mut events = open(&url).await;
    let (mut expected, mut last_id) = (None, String::new());
    for _ in 0..3 {
        for _ in 0..4 {
            let event = find(&mut events, "message:").await;
            let (number, id) = event["message:".len()..].split_once('@').unwrap();
            let number: u64 = number.parse().unwrap();
            assert_eq!(expected.unwrap_or(number), number);
            (expected, last_id) = (Some(number + 1), id.to_owned());
        }
        let cut = client().post(server.url("/demo/numbers/cut?stream=mine"));
        assert_eq!(answer(cut).await.status(), StatusCode::NO_CONTENT);
        // It ends, and what is still on its way counts as not read.
        timeout(PATIENCE, async { while events.next().await.is_some() {} }).await.unwrap();
        // Meanwhile it counts on.
        tokio::time::sleep(Duration::from_secs(1)).await;
        events = stream_of(client().get(&url).header("last-event-id", &last_id)).await;
    }
    drop(events);
    let mut events = stream_of(client().get(&url).header("last-event-id", "zz-1")).await;
    assert!(next(&mut events).await.starts_with("reset:{\"reason\":"));
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_come_between_pings() {
    let server = Server::start();
    let mut response = answer(client().get(server.url("/demo/pings/events"))).await;
    assert_eq!(response.headers()["cache-control"], "no-store, no-transform");
    let mut read = String::new();
    while !read.rsplit_once("event: ping").is_some_and(|(before, _)| {
        before.contains("event: ping")
            && before.rsplit("event: ping").next().unwrap().contains("\n:\n")
    }) {
        let chunk = timeout(PATIENCE, response.chunk()).await.unwrap().unwrap().unwrap();
        read.push_str(std::str::from_utf8(&chunk).unwrap());
        assert!(read.len() < 10_000, "{read}");
    }
    assert!(read.starts_with("retry: "), "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn demos_end_with_the_server() {
    let mut server = Server::start();
    let mut streams = Vec::new();
    for path in [
        "/demo/users/events?user=a",
        "/demo/messages/events",
        "/demo/numbers/events?stream=a",
        "/demo/chat/events?user=a",
        "/demo/pings/events",
    ] {
        let mut events = open(&server.url(path)).await;
        next(&mut events).await;
        streams.push(events);
    }
    let (status, _) = server.stop("TERM");
    assert!(status.success(), "{status}");
    for mut events in streams {
        let end = async {
            // A clean end, not a cut.
            while let Some(item) = events.next().await {
                item.unwrap();
            }
        };
        timeout(PATIENCE, end).await.unwrap();
    }
}

async fn answer(request: RequestBuilder) -> reqwest::Response {
    timeout(PATIENCE, request.send()).await.expect("an answer in time").expect("an answer")
}
