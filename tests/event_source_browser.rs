//! An `EventSource` asks for the same as Chromium's does, whatever the server has done before.

use std::path::Path;
use std::time::Duration;

use sansse_tokio::{Backoff, EventSource, ReconnectPolicy};
use tests::browser::{Browser, Device};
use tests::client::client;
use tests::requirement::BROWSER;
use tests::script::{Connection, Step, open, send};
use tests::scripted::{Scripted, Seen};
use tests::source_log::take;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// A page that asks for nothing by itself, not even an icon.
const PAGE: &str = "<!DOCTYPE html><link rel=icon href=data:,><title>events</title>";

/// What a server does, one request after the other. Each lets the client come back soon; the last
/// ends it.
fn cases() -> Vec<(&'static str, Vec<Connection>)> {
    let stream = |events: &str| Connection::stream(format!("retry: 20\n\n{events}"));
    let redirects = [301, 302, 303, 307, 308].map(|status| {
        let there = Connection::redirect(status, "/there?x=1");
        ("a redirect", vec![there, stream("id: 1\ndata: 1\n\n"), Connection::no_content()])
    });
    let mut cases = vec![
        ("an end", vec![stream("id: 1\ndata: 1\n\n")]),
        ("a cut", vec![Connection::cut("retry: 20\nid: 1\ndata: 1\n\n")]),
        (
            "a reset",
            vec![Connection::of([
                open("retry: 20\nid: 1\ndata: 1\n\n"),
                // Its bytes are read before it is noticed.
                Step::Wait(Duration::from_millis(300)),
                Step::Reset,
            ])],
        ),
        ("a torn event", vec![stream("id: 1\ndata: 1\n\nid: 2\ndata: 2")]),
        (
            "a retry in a torn event",
            vec![Connection::stream("id: 1\n\nid: 2\ndata: 2\nretry: 20\n")],
        ),
        ("an id alone", vec![stream("id: 7\n\n")]),
        ("an id of UTF-8", vec![stream("id: Zürich…🦀\ndata\n\n")]),
        ("an id with spaces", vec![stream("id: a b, c\ndata\n\n")]),
        ("an id with NUL", vec![stream("id: 1\n\nid: 2\0\ndata\n\n")]),
        ("an id that is cleared", vec![stream("id: 1\ndata: 1\n\n"), stream("id\n\n")]),
        ("a sticky id", vec![stream("id: 1\ndata: 1\n\n"), stream("data: 2\n\n"), stream("")]),
        ("a mark before it", vec![Connection::stream("\u{FEFF}retry: 20\nid: 1\ndata: 1\n\n")]),
        ("lines ended by CR", vec![Connection::stream("retry: 20\rid: 1\rdata: 1\r\r")]),
        (
            "several types",
            vec![Connection::sending(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-type: Text/Event-Stream;x=y\r\n\r\n\
             retry: 20\nid: 1\n\n",
            )],
        ),
        (
            "HTTP/1.0",
            vec![Connection::sending(
                "HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\nretry: 20\nid: 1\n\n",
            )],
        ),
        (
            "hints",
            vec![Connection::of([
                send("HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preconnect\r\n\r\n"),
                open("retry: 20\nid: 1\n\n"),
            ])],
        ),
        ("no answer", vec![stream("id: 1\n\n"), Connection::of([])]),
    ];
    for (_, script) in &mut cases {
        script.push(Connection::no_content());
    }
    cases.extend(redirects);
    for (name, last) in [
        ("404", Connection::answer("404 Not Found", &["content-type: text/event-stream"], "")),
        ("500", Connection::answer("500 Broken", &["content-type: text/event-stream"], "")),
        ("206", Connection::answer("206 Part", &["content-type: text/event-stream"], "")),
        ("another type", Connection::answer("200 OK", &["content-type: text/html"], "")),
        (
            "two types",
            Connection::answer(
                "200 OK",
                &["content-type: text/event-stream", "content-type: text/html"],
                "",
            ),
        ),
        ("a redirect to nowhere", Connection::redirect(302, "ftp://a.test/")),
        ("204", Connection::no_content()),
    ] {
        cases.push((name, vec![last.clone()]));
        cases.push((name, vec![stream("id: 1\n\n"), last]));
    }
    cases
}

/// What of a request has to be the same.
fn essence(seen: &Seen) -> String {
    let header = |name| String::from_utf8_lossy(seen.header(name).unwrap_or(b"none")).into_owned();
    let Seen { method, target, .. } = seen;
    let (id, accept) = (header("last-event-id"), header("accept"));
    format!("{method} {target} after {id}, accept {accept}, cache {}", header("cache-control"))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_for_what_chromium_asks_for() {
    if !BROWSER.is_met("it_asks_for_what_chromium_asks_for") {
        return;
    }
    let _ = client();
    let browser = Browser::start(Path::new(env!("CARGO_TARGET_TMPDIR")), Device::Desktop).await;
    let mut differences = Vec::new();
    for (name, script) in cases() {
        let page =
            Connection::answer("200 OK", &["content-type: text/html", "connection: close"], PAGE);
        let server = Scripted::on_sockets([vec![page], script.clone()].concat()).await;
        browser.open(&server.url("/page")).await;
        browser.run("window.source = new EventSource('/stream')").await;
        browser.wait_for("source.readyState", 2).await;
        let theirs: Vec<_> = server.seen()[1..].iter().map(essence).collect();

        let server = Scripted::on_sockets(script).await;
        let backoff = Backoff { floor: 1, ..Backoff::STANDARD };
        let mut source = EventSource::get(server.url("/stream"))
            .policy(ReconnectPolicy::standard().backoff(backoff))
            .reconnection_time(Duration::from_millis(20))
            // The one difference: where it came from is where ours goes again, unless it is told.
            .stay_where_redirected()
            .connect()
            .unwrap();
        timeout(PATIENCE, take(&mut source, &server, usize::MAX)).await.expect("an end");
        let ours: Vec<_> = server.seen().iter().map(essence).collect();
        if ours != theirs {
            differences.push(format!("{name}: ours are {ours:#?}, theirs {theirs:#?}"));
        }
    }
    browser.quit().await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
