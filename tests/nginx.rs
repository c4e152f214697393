//! `sansse serve` behind a real nginx whose proxy settings are its defaults.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tests::browser::{Browser, Device};
use tests::client::client;
use tests::events::{next, open, stream_of};
use tests::nginx::{Front, Nginx};
use tests::page::{LISTED, STATE};
use tests::program::{Program, in_time};
use tests::proxy::Proxy;
use tests::requirement::{BROWSER, CURL, NGINX};
use tests::server::Server;
use tokio::time::timeout;

const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const TOPIC: &str = "/topics/demo";
const AT_ONCE: Duration = Duration::from_secs(1);

fn nginx(front: Front, target: &str) -> Nginx {
    Nginx::start(Path::new(FOLDER), front, target)
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_at_once_and_one_by_one() {
    if !NGINX.is_met("events_come_at_once_and_one_by_one") {
        return;
    }
    let server = Server::start();
    let nginx = nginx(Front::Plain, server.address());
    let id = server.publish("demo", "before").await;
    // A busy machine may be slow once; what nginx holds back is slow each time.
    let mut quickest = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        let mut events = open(&nginx.url("/topics/demo?last=1")).await;
        assert_eq!(next(&mut events).await, format!("message:before@{id}"));
        quickest = quickest.min(start.elapsed());
    }
    assert!(quickest < AT_ONCE, "the first event took {quickest:?}");

    let mut events = open(&nginx.url(TOPIC)).await;
    let mut quickest = Duration::MAX;
    for number in 0..10 {
        let start = Instant::now();
        let id = server.publish("demo", &number.to_string()).await;
        assert_eq!(next(&mut events).await, format!("message:{number}@{id}"));
        quickest = quickest.min(start.elapsed());
    }
    assert!(quickest < AT_ONCE, "a live event took {quickest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_go_on_where_they_were_and_end_with_their_readers() {
    if !NGINX.is_met("streams_go_on_where_they_were_and_end_with_their_readers") {
        return;
    }
    let server = Server::start();
    let wire = Proxy::start(server.address()).await;
    let nginx = nginx(Front::Plain, wire.address());
    let mut events = open(&nginx.url(TOPIC)).await;
    let first = server.publish("demo", "first").await;
    assert_eq!(next(&mut events).await, format!("message:first@{first}"));
    drop(events);
    // nginx lets go of the server when its own client has gone, and the server of the stream.
    wire.wait_until_idle().await;
    let mut missed = Vec::new();
    for number in 0..3 {
        missed.push(format!(
            "message:{number}@{}",
            server.publish("demo", &number.to_string()).await
        ));
    }
    let header = client().get(nginx.url(TOPIC)).header("last-event-id", &first);
    let query = client().get(nginx.url(&format!("{TOPIC}?lastEventId={first}")));
    for request in [header, query] {
        let mut events = stream_of(request).await;
        for event in &missed {
            assert_eq!(next(&mut events).await, *event);
        }
        let id = server.publish("demo", "live").await;
        assert_eq!(next(&mut events).await, format!("message:live@{id}"));
        missed.push(format!("message:live@{id}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_streams_stay_open() {
    if !NGINX.is_met("silent_streams_stay_open") {
        return;
    }
    let server = Server::start();
    let nginx = nginx(Front::Plain, server.address());
    let response = timeout(Duration::from_secs(10), client().get(nginx.url(TOPIC)).send()).await;
    let mut bytes = response.expect("an answer in time").unwrap().bytes_stream();
    let opening = timeout(Duration::from_secs(10), bytes.next()).await.expect("bytes at once");
    assert!(!opening.unwrap().unwrap().is_empty());
    // nginx gives up a server that is silent for 60 s.
    let silence = Duration::from_secs(50);
    let least = Duration::from_secs(if std::env::var_os("SANSSE_LONG").is_some() { 70 } else { 0 });
    let start = Instant::now();
    loop {
        let piece = timeout(silence, bytes.next()).await.expect("a sign of life in time");
        let piece = piece.expect("no end").unwrap();
        assert!(!piece.windows(5).any(|field| field == b"data:"), "{}", piece.escape_ascii());
        if start.elapsed() >= least {
            break;
        }
    }
    let id = server.publish("demo", "awake").await;
    let mut text = Vec::new();
    let event = async {
        while !text.ends_with(b"\n\n") || !text.windows(5).any(|field| field == b"data:") {
            text.extend_from_slice(&bytes.next().await.expect("no end").unwrap());
        }
    };
    timeout(Duration::from_secs(10), event).await.expect("an event in time");
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("awake") && text.contains(&id), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http2_curl_reads_and_resumes() {
    if !NGINX.is_met("over_http2_curl_reads_and_resumes")
        || !CURL.is_met("over_http2_curl_reads_and_resumes")
    {
        return;
    }
    let server = Server::start();
    let nginx = nginx(Front::Http2, server.address());
    let mut first = curl(&[], &nginx.url(TOPIC));
    assert_eq!(first.line().await.unwrap().trim_end(), "HTTP/2 200");
    // The stream is open when its first bytes are here.
    while first.line().await.unwrap().trim_end() != "" {}
    let mut ids = Vec::new();
    for data in ["one", "two", "three"] {
        ids.push(server.publish("demo", data).await);
        assert_eq!(next_data(&mut first).await, data);
    }
    drop(first);
    let mut second = curl(&["--header", &format!("Last-Event-ID: {}", ids[0])], &nginx.url(TOPIC));
    assert_eq!(next_data(&mut second).await, "two");
    assert_eq!(next_data(&mut second).await, "three");
    server.publish("demo", "four").await;
    assert_eq!(next_data(&mut second).await, "four");
}

fn curl(arguments: &[&str], url: &str) -> Program {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--no-buffer", "--noproxy", "*", "--http2", "--insecure", "--include"]);
    curl.args(arguments).arg(url);
    Program::start(curl)
}

/// The next line of data.
async fn next_data(curl: &mut Program) -> String {
    in_time(async {
        loop {
            let line = curl.line().await.expect("a line");
            if let Some(data) = line.strip_prefix("data:") {
                return data.trim_start().into();
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_over_http2_outlives_the_server() {
    if !NGINX.is_met("a_page_over_http2_outlives_the_server")
        || !BROWSER.is_met("a_page_over_http2_outlives_the_server")
    {
        return;
    }
    let mut server = Server::start();
    let nginx = nginx(Front::Http2, server.address());
    let browser = Browser::start(Path::new(FOLDER), Device::Desktop).await;
    browser.open(&nginx.url("/?topic=demo")).await;
    let protocol = "performance.getEntriesByType('navigation')[0].nextHopProtocol";
    browser.wait_for(protocol, "h2").await;
    browser.wait_for(STATE, "open").await;
    server.publish("demo", "one").await;
    browser.wait_for(LISTED, vec!["one"]).await;
    // nginx names another host to the server than the page's.
    browser.write("#publish-data", "from the page").await;
    browser.click("#publish-send").await;
    browser.wait_for(LISTED, vec!["one", "from the page"]).await;

    let address = server.address().to_owned();
    server.kill();
    // The browser takes this answer for final.
    nginx.wait_for_request("502 HTTP/2.0 GET /topics/demo").await;
    browser.wait_for("source.readyState === EventSource.CLOSED", true).await;
    browser.wait_for(STATE, "connecting").await;
    let server = Server::start_on(&address);
    // That it is told of the gap shows that it came with the id it had.
    browser.wait_for(LISTED, vec!["one", "from the page", "reset"]).await;
    browser.wait_for(STATE, "open").await;
    server.publish("demo", "a new life").await;
    browser.wait_for(LISTED, vec!["one", "from the page", "reset", "a new life"]).await;
    browser.screenshot(&Path::new(FOLDER).join("nginx.png")).await;
    browser.quit().await;
}

/// Notes for how long the page waits before it builds its stream again, in milliseconds.
const NOTE_WAITS: &str = "window.waits = [];
    const setTimer = window.setTimeout;
    window.setTimeout = (action, wait, ...rest) => {
        if (action === startStream) waits.push(wait);
        return setTimer(action, wait, ...rest);
    };";

#[tokio::test(flavor = "multi_thread")]
async fn a_page_misses_nothing_while_nginx_has_no_server() {
    if !NGINX.is_met("a_page_misses_nothing_while_nginx_has_no_server")
        || !BROWSER.is_met("a_page_misses_nothing_while_nginx_has_no_server")
    {
        return;
    }
    let server = Server::start();
    let wire = Proxy::start(server.address()).await;
    let nginx = nginx(Front::Plain, wire.address());
    let browser = Browser::start(Path::new(FOLDER), Device::Desktop).await;
    browser.open(&nginx.url("/?topic=demo")).await;
    browser.wait_for(STATE, "open").await;
    browser.run(NOTE_WAITS).await;
    let mut listed = Vec::new();
    for waits in [3, 1] {
        let last = format!("before {waits}");
        let id = server.publish("demo", &last).await;
        listed.push(last);
        browser.wait_for(LISTED, listed.clone()).await;

        wire.cut();
        let line = format!("502 HTTP/1.1 GET {TOPIC}?lastEventId={id}");
        for number in 0..3 {
            let data = format!("missed {waits}.{number}");
            server.publish("demo", &data).await;
            listed.push(data);
        }
        browser.wait_for(&format!("waits.length >= {waits}"), true).await;
        if waits > 1 {
            nginx.wait_for_request(&line).await;
        }
        wire.restore();
        browser.wait_for(LISTED, listed.clone()).await;
        browser.wait_for(STATE, "open").await;

        // Each wait is drawn from a range twice as far as the one before, and from the first again
        // once there has been a stream.
        let noted = browser.run("return waits.splice(0)").await;
        let noted: Vec<f64> = serde_json::from_value(noted).unwrap();
        for (wait, range) in noted.iter().zip([2000.0, 4000.0, 8000.0, 16000.0]) {
            assert!((range / 2.0..=range).contains(wait), "{noted:?}");
        }
    }
    browser.quit().await;
}
