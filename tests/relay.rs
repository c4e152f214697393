//! `sansse relay`: many readers over one connection, whatever the upstream does.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{ClientBuilder, Method};
use sansse_tokio::OwnedItem;
use tests::client::client;
use tests::command::sansse;
use tests::events::{Events, next, open, stream_of};
use tests::reader::Reader;
use tests::server::Server;
use tests::upstream::{Otherwise, Upstream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PATH: &str = "/topics/relayed";
const CONNECTED: &str = "sansse_upstream_connected";

/// A relay that waits for nobody.
fn relay(upstream: &Upstream, arguments: &[&str]) -> Server {
    let arguments = [&["--resume-wait", "0"], arguments].concat();
    Server::start_relay("127.0.0.1:0", &upstream.url("/events"), &arguments)
}

async fn after(relay: &Server, id: &str) -> Events {
    stream_of(client().get(relay.url(PATH)).header("last-event-id", id)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_readers_share_one_connection() {
    let upstream = Upstream::start().await;
    let relay = relay(&upstream, &[]);
    upstream.wait_for_open(1).await;
    let mut readers = Vec::new();
    for _ in 0..10 {
        let client = relay.client(ClientBuilder::http2_prior_knowledge);
        let opening = (0..90).map(|_| Reader::open(client.get(relay.url(PATH))));
        readers.extend(join_all(opening).await);
        let client = relay.client(ClientBuilder::http1_only);
        readers.extend(join_all((0..10).map(|_| Reader::open(client.get(relay.url(PATH))))).await);
    }
    assert_eq!(readers.len(), 1000);
    for number in 0..20 {
        upstream.event(&format!("e{number}"), &number.to_string());
    }
    for reader in &mut readers {
        for number in 0..20 {
            assert_eq!(reader.next().await.unwrap(), format!("message:{number}"));
        }
    }
    assert_eq!((upstream.accepted(), upstream.open()), (1, 1));
    assert_eq!(relay.metric("sansse_upstream_events_total").await, 20.0);
    let request = upstream.request(0).await;
    assert!(request.starts_with("GET /events HTTP/1.1\r\n"), "{request}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_live_through_the_loss_of_the_upstream() {
    let upstream = Upstream::start().await;
    let relay = relay(&upstream, &["-H", "X-Key: secret"]);
    upstream.wait_for_open(1).await;
    relay.wait_for_metric(CONNECTED, |value| value == 1.0).await;
    let mut reader = open(&relay.url(PATH)).await;
    upstream.send("retry: 100\n\n: not passed on\n\nevent: tick\nid: a\ndata: 1\ndata: 2\n\n");
    assert_eq!(next(&mut reader).await, "tick:1\n2@a");
    for refusal in [None, Some("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")] {
        let number = upstream.asked_for().len();
        upstream.set_down(true);
        relay.wait_for_metric(CONNECTED, |value| value == 0.0).await;
        // What is there is served on.
        let mut newcomer = open(&relay.url("/events?topic=relayed&last=1")).await;
        let newest = next(&mut newcomer).await;
        upstream.event(&format!("b{number}"), "while it was lost");
        upstream.answer(refusal);
        upstream.set_down(false);
        if refusal.is_some() {
            upstream.request(number).await;
            upstream.answer(None);
        }
        let event = format!("message:while it was lost@b{number}");
        for reader in [&mut reader, &mut newcomer] {
            assert_eq!(next(reader).await, event);
        }
        assert_ne!(newest, event);
        let asked = upstream.asked_for();
        assert_eq!(asked.last().map(String::as_str), newest.split('@').next_back());
    }
    assert_eq!(relay.metric("sansse_upstream_reconnects_total").await, 2.0);
    assert_eq!(relay.metric("sansse_upstream_gaps_total").await, 0.0);
    for request in upstream.requests() {
        assert!(request.contains("\r\nx-key: secret\r\n"), "{request}");
    }
    // The answer that says never to come back.
    upstream.answer(Some("HTTP/1.1 204 No Content\r\n\r\n"));
    let requests = upstream.requests().len();
    upstream.cut();
    upstream.request(requests).await;
    relay.wait_for_metric(CONNECTED, |value| value == 0.0).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(upstream.requests().len(), requests + 1);
    assert_eq!(next(&mut after(&relay, "a").await).await.split(':').next(), Some("message"));
}

/// What becomes of ids that are none, doubled, long or odd; and that each names its place.
#[tokio::test(flavor = "multi_thread")]
async fn the_ids_are_the_upstreams_as_far_as_they_can_be() {
    let upstream = Upstream::start().await;
    let relay = relay(&upstream, &[]);
    upstream.wait_for_open(1).await;
    let mut reader = open(&relay.url(PATH)).await;
    let long = "x".repeat(129);
    // What it sends, and how readers get the id; `~` stands for one of the relay's own.
    let blocks: Vec<(String, String)> = [
        ("data: 0\n\n", "~"),
        ("id: a\ndata: 1\n\n", "a"),
        ("data: 2\n\n", "~"),
        ("id: a\ndata: 3\n\n", "~"),
        ("id: 2024-01-01T00:00:00Z\ndata: 4\n\n", "2024-01-01T00%3A00%3A00Z"),
        ("id: Zürich 100%\ndata: 5\n\n", "Z%C3%BCrich%20100%25"),
        ("id: ~own-1\ndata: 6\n\n", "%7Eown-1"),
        ("id: a\u{1}b\ndata: 7\n\n", "a%01b"),
        ("id: b\ndata: 8\n\n", "b"),
        ("id:\ndata: 9\n\n", "~"),
        // Places between events.
        ("id: p\n\ndata: 10\n\n", "~"),
        ("id: c\ndata: 11\n\n", "c"),
    ]
    .map(|(block, id)| (block.to_owned(), id.to_owned()))
    .into_iter()
    .chain([
        (format!("id: {long}\ndata: 12\n\n"), "~".into()),
        (format!("id: {}\ndata: 13\n\n", &long[1..]), long[1..].into()),
    ])
    .collect();
    let mut ids = Vec::new();
    for (number, (block, expected)) in blocks.iter().enumerate() {
        upstream.send(block);
        let event = next(&mut reader).await;
        let id =
            event.strip_prefix(&format!("message:{number}@")).unwrap_or_else(|| panic!("{event}"));
        assert!(id == expected || expected == "~" && id.starts_with('~'), "{block:?}: {id}");
        assert!(!ids.contains(&id.to_owned()), "{id} is not unique");
        ids.push(id.to_owned());
    }
    for (number, id) in ids.iter().enumerate().take(ids.len() - 1) {
        let event = next(&mut after(&relay, id).await).await;
        assert_eq!(event, format!("message:{}@{}", number + 1, ids[number + 1]), "after {id}");
    }
    assert!(next(&mut after(&relay, "p").await).await.starts_with("message:10@"));
    let unknown = next(&mut after(&relay, "nobody-gave-this").await).await;
    assert!(unknown.starts_with("reset:{\"reason\":\"the id was not given"), "{unknown}");
}

/// A quiet reader is told where the upstream is, so that it can come back however busy that is.
#[tokio::test(flavor = "multi_thread")]
async fn the_place_of_a_quiet_upstream_is_passed_on() {
    let upstream = Server::start();
    upstream.publish("quiet", "one").await;
    let url = upstream.url("/topics/quiet");
    let relay = Server::start_relay("127.0.0.1:0", &url, &["--resume-wait", "0"]);
    relay.wait_for_metric(CONNECTED, |value| value == 1.0).await;
    let place = async {
        loop {
            let mut socket = TcpStream::connect(relay.address()).await.unwrap();
            let request = format!("GET {PATH} HTTP/1.1\r\nhost: x\r\n\r\n");
            socket.write_all(request.as_bytes()).await.unwrap();
            let mut text = String::new();
            while !text.contains("\nid: ") || !text.ends_with("\n\n") {
                let mut bytes = [0; 999];
                let length = socket.read(&mut bytes).await.unwrap();
                text += std::str::from_utf8(&bytes[..length]).unwrap();
                text = text.replace("\r\n", "\n");
            }
            let id = text.split("\nid: ").nth(1).unwrap().lines().next().unwrap().to_owned();
            if !id.starts_with('~') {
                return id;
            }
        }
    };
    let id = tokio::time::timeout(Duration::from_secs(20), place).await.unwrap();
    // It is a place of the upstream's.
    let published = upstream.publish("quiet", "two").await;
    let request = client().get(&url).header("last-event-id", &id);
    assert_eq!(next(&mut stream_of(request).await).await, format!("message:two@{published}"));
    assert_eq!(next(&mut after(&relay, &id).await).await, format!("message:two@{published}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_are_told_of_the_upstreams_gaps() {
    // It never gave an id, so that it cannot be asked for what is missing.
    let upstream = Upstream::start().await;
    let one = relay(&upstream, &[]);
    upstream.wait_for_open(1).await;
    let mut reader = open(&one.url(PATH)).await;
    upstream.send("retry: 100\n\ndata: 1\n\n");
    let before = next(&mut reader).await;
    upstream.cut();
    let reset = next(&mut reader).await;
    assert!(reset.starts_with("reset:{\"reason\":\"the upstream was lost"), "{reset}");
    upstream.send("data: 2\n\n");
    assert!(next(&mut reader).await.starts_with("message:2@"));
    // Who was away meanwhile is told in the same place, and once.
    let (_, id) = before.split_once('@').unwrap();
    let mut away = after(&one, id).await;
    assert_eq!(next(&mut away).await, reset);
    assert!(next(&mut away).await.starts_with("message:2@"));
    let (_, id) = reset.split_once('@').unwrap();
    assert!(next(&mut after(&one, id).await).await.starts_with("message:2@"));

    // It began anew, and gives the same ids to other events.
    let upstream = Upstream::start().await;
    let two = relay(&upstream, &[]);
    upstream.wait_for_open(1).await;
    let mut reader = open(&two.url(PATH)).await;
    upstream.send("retry: 100\n\n");
    for number in 1..4 {
        upstream.event(&number.to_string(), &format!("of the first run, {number}"));
        next(&mut reader).await;
    }
    upstream.forget();
    upstream.cut();
    upstream.request(1).await;
    upstream.wait_for_open(1).await;
    upstream.event("1", "of the second run, 1");
    let reset = next(&mut reader).await;
    assert!(reset.starts_with("reset:{\"reason\":\"the upstream gives the ids"), "{reset}");
    assert!(next(&mut reader).await.starts_with("message:of the second run, 1@~"));

    // What it says itself is passed on, and so is nothing else.
    upstream.send("event: reset\nid: 99\ndata: of its own\n\n");
    assert_eq!(next(&mut reader).await, "reset:of its own@99");

    // One that takes no notice of ids, where that is known.
    let upstream = Upstream::start().await;
    upstream.ignore_ids();
    let three = relay(&upstream, &["--reset-on-reconnect"]);
    upstream.wait_for_open(1).await;
    let mut reader = open(&three.url(PATH)).await;
    upstream.event("100", "before");
    assert_eq!(next(&mut reader).await, "message:before@100");
    upstream.cut();
    let reset = next(&mut reader).await;
    assert!(reset.starts_with("reset:"), "{reset}");
    assert_eq!(three.metric("sansse_upstream_gaps_total").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upstream_repeats_is_dropped() {
    let upstream = Upstream::start().await;
    upstream.otherwise(Otherwise::Everything);
    upstream.ignore_ids();
    upstream.send("retry: 100\n\n");
    let relay = relay(&upstream, &[]);
    let mut reader = open(&relay.url(PATH)).await;
    for number in 0..3 {
        upstream.event(&format!("e{number}"), "the same");
        assert_eq!(next(&mut reader).await, format!("message:the same@e{number}"));
    }
    for number in 3..6 {
        let requests = upstream.requests().len();
        upstream.cut();
        upstream.request(requests).await;
        upstream.event(&format!("e{number}"), "the same");
        assert_eq!(next(&mut reader).await, format!("message:the same@e{number}"));
    }
    assert_eq!(relay.metric("sansse_upstream_events_repeated_total").await, 3.0 + 4.0 + 5.0);
    assert_eq!(relay.metric("sansse_upstream_gaps_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_too_large_is_a_gap() {
    let upstream = Upstream::start().await;
    let relay = relay(&upstream, &["--history-bytes", "1000"]);
    upstream.wait_for_open(1).await;
    let mut reader = open(&relay.url(PATH)).await;
    upstream.event("a", "fits");
    assert_eq!(next(&mut reader).await, "message:fits@a");
    // Over the limit as it comes, and only as it goes.
    for length in [2000, 999] {
        upstream.event(&format!("long{length}"), &"x".repeat(length));
        let reset = next(&mut reader).await;
        assert!(reset.starts_with("reset:{\"reason\":\"an event was too large"), "{reset}");
    }
    upstream.event("b", "fits again");
    assert_eq!(next(&mut reader).await, "message:fits again@b");
}

/// Nothing waits for a reader that does not read, and it is told what became of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_nobody() {
    let upstream = Upstream::start().await;
    let relay = relay(&upstream, &["--history", "3", "--write-timeout", "600", "--no-gzip"]);
    upstream.wait_for_open(1).await;
    let mut slow = open(&relay.url(PATH)).await;
    let mut quick = open(&relay.url(PATH)).await;
    // More than all buffers between hold.
    let data = "x".repeat(1_000_000);
    for number in 0..80 {
        upstream.event(&number.to_string(), &data);
        assert!(next(&mut quick).await.ends_with(&format!("@{number}")));
    }
    let mut expected = 0;
    loop {
        let event = next(&mut slow).await;
        if event.starts_with("reset:") {
            break;
        }
        assert!(event.ends_with(&format!("@{expected}")), "{expected}");
        expected += 1;
    }
    assert!(expected < 77, "{expected}");
    upstream.event("last", "x");
    let all = async { while next(&mut slow).await != "message:x@last" {} };
    tokio::time::timeout(Duration::from_secs(20), all).await.unwrap();
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_its_topic_alone_and_as_a_server_does() {
    let upstream = Upstream::start().await;
    let mut relay = relay(&upstream, &["--max-streams", "1", "--cors-origin", "*"]);
    upstream.wait_for_open(1).await;
    for (method, path, status) in [
        (Method::GET, "/topics/other", 404),
        (Method::GET, "/events?topic=relayed&topic=other", 404),
        (Method::POST, PATH, 405),
        (Method::GET, "/demo/", 404),
        (Method::GET, "/healthz", 200),
        (Method::HEAD, PATH, 200),
    ] {
        let answer = client().request(method.clone(), relay.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), status, "{method} {path}");
        assert_eq!(
            answer.headers().get("allow").map(|allow| allow.to_str().unwrap()),
            (status == 405).then_some("GET, HEAD, OPTIONS")
        );
    }
    let page = client().get(relay.url("/")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("[\"relayed\"]") || page.contains("\"relayed\"]"), "no topic");
    assert!(page.contains("<form hidden id=\"publish\""));
    // Law 15: who finds no place comes back.
    let mut reader = open(&relay.url(PATH)).await;
    let mut other = open(&relay.url(PATH)).await;
    let Some(Ok(OwnedItem::Retry(5_000..15_000))) = futures_util::StreamExt::next(&mut other).await
    else {
        panic!("it is not told when to come back")
    };
    // Law 14: it ends soon, and its readers are told.
    let (status, elapsed) = relay.stop("TERM");
    assert!(status.success() && elapsed < Duration::from_secs(2), "{status} {elapsed:?}");
    let mut told = None;
    while let Some(item) = futures_util::StreamExt::next(&mut reader).await {
        if let OwnedItem::Retry(milliseconds) = item.expect("a clean end") {
            told = Some(milliseconds);
        }
    }
    assert!(told.is_some_and(|told| (1_000..3_000).contains(&told)), "{told:?}");
    upstream.wait_for_open(0).await;
}

#[test]
fn what_cannot_be_relayed_is_one_line() {
    for (arguments, problem) in [
        (&["http://127.0.0.1:1/"][..], "--topic"),
        (&["127.0.0.1:1", "--topic", "a"], "http://"),
        (&["http://127.0.0.1:1/", "--topic", ""], "--topic"),
        (&["http://127.0.0.1:1/", "--topic", "a", "--history", "0"], "--history"),
        (&["http://127.0.0.1:1/", "--topic", "a", "--resume-wait", "x"], "--resume-wait"),
        (&["http://127.0.0.1:1/", "--topic", "a", "-H", "x"], "'Name: value'"),
    ] {
        let output = sansse().args(["relay", "--listen", "127.0.0.1:0"]).args(arguments).output();
        let output = output.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.contains(problem), "{error}");
        assert!(output.stdout.is_empty());
    }
}
