//! `sansse serve` as its users meet it: over HTTP, with clients of others.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use sansse_tokio::OwnedItem;
use tests::client::client;
use tests::command::sansse;
use tests::events::{next, open, stream_of};
use tests::server::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn what_one_posts_the_others_see() {
    let server = Server::start();
    let mut one = open(&server.url("/topics/user/7")).await;
    let mut two = open(&server.url("/events?topic=other&topic=user%2F7")).await;
    let id = server.publish("user%2F7", "hello").await;
    assert_eq!(next(&mut one).await, format!("message:hello@{id}"));
    assert_eq!(next(&mut two).await, format!("message:hello@{id}"));
    let response = client()
        .post(server.url("/topics/user/7?event=note%20%C3%BC"))
        .body("a\r\nb\rc\n\n")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert!(next(&mut one).await.starts_with("note ü:a\nb\nc\n\n@"));
    assert!(next(&mut two).await.starts_with("note ü:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_start_where_they_are_asked_to() {
    let server = Server::start();
    let mut ids = Vec::new();
    for number in 1..=5 {
        ids.push(server.publish("a", &number.to_string()).await);
    }
    let client = client();
    let url = server.url("/topics/a");
    let header = client.get(&url).header("last-event-id", &ids[2]);
    assert_eq!(next(&mut stream_of(header).await).await, format!("message:4@{}", ids[3]));
    let query = format!("{url}?lastEventId={}&last=5", ids[3]);
    assert_eq!(next(&mut open(&query).await).await, format!("message:5@{}", ids[4]));
    // The header is from a browser's own reconnection, so it knows better than the address.
    let both = client.get(&query).header("last-event-id", &ids[1]);
    assert_eq!(next(&mut stream_of(both).await).await, format!("message:3@{}", ids[2]));
    assert_eq!(
        next(&mut open(&format!("{url}?last=2")).await).await,
        format!("message:4@{}", ids[3])
    );
    let mut live = open(&url).await;
    for id in ["nonsense", "zzzzzz-1", "…"] {
        let foreign = client.get(&url).header("last-event-id", id.as_bytes());
        let event = next(&mut stream_of(foreign).await).await;
        assert!(event.starts_with("reset:{\"reason\":"), "{event}");
    }
    let id = server.publish("a", "live").await;
    assert_eq!(next(&mut live).await, format!("message:live@{id}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_ticks() {
    let server = Server::start();
    let mut ticks = open(&server.url("/topics/tick")).await;
    for _ in 0..2 {
        let event = next(&mut ticks).await;
        assert!(event.starts_with("tick:{\"time\":\"20"), "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_headers_are_those_of_a_stream() {
    let server = Server::start();
    for accept in
        [None, Some("*/*"), Some("text/*"), Some("text/event-stream"), Some("text/html, */*;q=0.1")]
    {
        let mut request = client().get(server.url("/topics/a"));
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{accept:?}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store, no-transform");
    }
    let head = client().head(server.url("/topics/a")).send().await.unwrap();
    assert_eq!(head.headers()["content-type"], "text/event-stream");
    let page = client().get(server.url("/")).send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let health = client().get(server.url("/healthz")).send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_a_sentence_and_harms_nobody() {
    let server = Server::start();
    let mut bystander = open(&server.url("/topics/a")).await;
    let client = client();
    let request = |method: Method, path: &str| client.request(method, server.url(path));
    let long = format!("/topics/{}", "x".repeat(257));
    for (request, status, word) in [
        (request(Method::PUT, "/topics/a"), 405, "GET"),
        (request(Method::DELETE, "/"), 405, "GET"),
        (request(Method::POST, "/events?topic=a"), 405, "GET"),
        (request(Method::POST, "/healthz"), 405, "GET"),
        (request(Method::GET, "/nowhere"), 404, "nothing"),
        (request(Method::POST, "/topics"), 404, "nothing"),
        (request(Method::GET, "/topics/a").header("accept", "application/json"), 406, "accept"),
        (request(Method::GET, "/events?topic=a").header("accept", "*/*;q=0"), 406, "accept"),
        (request(Method::GET, "/events"), 400, "topic"),
        (request(Method::GET, "/topics/"), 400, "name"),
        (request(Method::GET, &long), 400, "long"),
        (request(Method::POST, &long).body("x"), 400, "long"),
        (request(Method::GET, "/topics/a%00b"), 400, "control"),
        (request(Method::POST, "/topics/a%0Ab").body("x"), 400, "control"),
        (request(Method::GET, "/topics/%FF"), 400, "UTF-8"),
        (request(Method::GET, "/topics/a?last=-1"), 400, "number"),
        (request(Method::POST, "/topics/a?event=x%0Adata:y").body("x"), 400, "line"),
        (request(Method::POST, "/topics/a").body(&b"\xFF"[..]), 400, "UTF-8"),
        (
            request(Method::POST, "/topics/a").body("x").header("origin", "http://other.example"),
            403,
            "origin",
        ),
        (request(Method::POST, "/topics/a").body("x").header("origin", "null"), 403, "origin"),
        (request(Method::POST, "/topics/a").body("x".repeat((1 << 20) + 1)), 413, "bytes"),
    ] {
        let response = request.send().await.unwrap();
        let allow = response.headers().get("allow").cloned();
        assert_eq!(response.status().as_u16(), status, "{}", response.url());
        let sentence = response.text().await.unwrap();
        assert!(sentence.contains(word) && sentence.ends_with(".\n"), "{sentence}");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
        assert_eq!(allow.is_some(), status == 405);
    }
    let id = server.publish("a", &"x".repeat(1 << 20)).await;
    assert!(next(&mut bystander).await.ends_with(&format!("@{id}")));
}

fn varies_by_origin(headers: &HeaderMap) -> bool {
    headers.get_all("vary").iter().any(|value| value == "Origin")
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_may_read_where_they_are_named() {
    let options = ["--cors-origin", "https://example.org", "--cors-origin", "null"];
    let server = Server::start_with(&[&options[..], &["--cors-credentials"]].concat());
    let plain = Server::start();
    for (method, path, status) in [
        (Method::GET, "/topics/a", 200),
        (Method::HEAD, "/events?topic=a", 200),
        (Method::GET, "/events", 400),
        (Method::GET, "/topics/a?last=many", 400),
        (Method::OPTIONS, "/topics/a?last=many", 204),
        (Method::OPTIONS, "/events", 204),
    ] {
        for (origin, is_named) in [("https://example.org", true), ("https://example.com", false)] {
            let request = client().request(method.clone(), server.url(path));
            let response = request
                .header("origin", origin)
                .header("access-control-request-method", "GET")
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), status, "{method} {path}");
            let headers = response.headers();
            assert!(varies_by_origin(headers), "{method} {path}");
            let allowed = headers.get("access-control-allow-origin");
            assert_eq!(allowed.is_some_and(|allowed| allowed == origin), is_named);
            assert_eq!(headers.contains_key("access-control-allow-credentials"), is_named);
            let is_preflight = is_named && status == 204;
            assert_eq!(headers.contains_key("access-control-allow-headers"), is_preflight);
            let request = client().request(method.clone(), plain.url(path));
            let response = request.header("origin", origin).send().await.unwrap();
            assert_eq!(response.status(), status, "{method} {path}");
            assert!(!varies_by_origin(response.headers()));
            assert!(!response.headers().contains_key("access-control-allow-origin"));
        }
    }
    let options = client().request(Method::OPTIONS, plain.url("/topics/a")).send().await.unwrap();
    assert_eq!(options.headers()["allow"], "GET, HEAD, OPTIONS, POST");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_place_is_told_to_come_back() {
    for limit in ["--max-streams", "--max-streams-per-address"] {
        let server = Server::start_with(&[limit, "2"]);
        let mut one = open(&server.url("/topics/a")).await;
        let two = open(&server.url("/events?topic=a")).await;
        let mut three = open(&server.url("/topics/a")).await;
        let Some(Ok(OwnedItem::Retry(milliseconds))) = three.next().await else { panic!() };
        assert!((5_000..15_000).contains(&milliseconds));
        assert!(three.next().await.is_none());
        let id = server.publish("a", "x").await;
        assert_eq!(next(&mut one).await, format!("message:x@{id}"));
        drop(two);
        let again = async {
            while let Some(Ok(OwnedItem::Retry(5_000..))) =
                open(&server.url("/topics/a")).await.next().await
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(20), again).await.expect("a free place");
    }
}

#[test]
fn origins_that_cannot_be_are_one_line() {
    for origins in [
        &["--cors-origin", "example.org"][..],
        &["--cors-origin", "https://example.org/"],
        &["--cors-origin", "*", "--cors-credentials"],
    ] {
        let output =
            sansse().args(["serve", "--listen", "127.0.0.1:0"]).args(origins).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains("--cors-origin"), "{error}");
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_harms_nobody() {
    let server = Server::start();
    let mut bystander = open(&server.url("/topics/a")).await;
    for garbage in [
        &b"\0\xFF\r\n\r\n"[..],
        b"GET",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /topics/a HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\nshort",
    ] {
        let mut socket = TcpStream::connect(server.address()).await.unwrap();
        socket.write_all(garbage).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(Duration::from_secs(10), socket.read_to_end(&mut answer)).await.unwrap();
    }
    let id = server.publish("a", "still here").await;
    assert_eq!(next(&mut bystander).await, format!("message:still here@{id}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_it_soon_with_streams_open_or_not() {
    for signal in ["INT", "TERM"] {
        for streams in [0, 20] {
            let mut server = Server::start();
            let mut open_streams = Vec::new();
            for _ in 0..streams {
                open_streams.push(open(&server.url("/topics/a")).await);
            }
            // A request that never ends must not hold it either.
            let mut slow = TcpStream::connect(server.address()).await.unwrap();
            slow.write_all(b"POST /topics/a HTTP/1.1\r\nhost: x\r\n").await.unwrap();
            let (status, elapsed) = server.stop(signal);
            assert!(status.success(), "{signal}: {status}");
            assert!(elapsed < Duration::from_secs(2), "{signal}: {elapsed:?}");
            for stream in &mut open_streams {
                while let Some(item) = stream.next().await {
                    item.expect("a clean end");
                }
            }
        }
    }
}

#[test]
fn a_port_in_use_is_one_line() {
    let server = Server::start();
    let output = sansse().args(["serve", "--listen", server.address()]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("--listen"), "{error}");
}
