//! `sansse serve` with clients that others wrote: each reads, resumes and closes.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tests::packages::Packages;
use tests::program::{Program, in_time};
use tests::proxy::Proxy;
use tests::requirement::CURL;
use tests::server::Server;

const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");
const TOPIC: &str = "/topics/demo";

/// An event as a client tells it.
fn event(data: &str, id: &str) -> Value {
    json!({"type": "message", "data": data, "id": id})
}

/// The next event; what else the client tells is passed over.
async fn next(client: &mut Program) -> Value {
    in_time(async {
        loop {
            let line = client.json().await;
            if line["state"].is_null() {
                return line;
            }
        }
    })
    .await
}

/// Waits for a state; meanwhile there is no event.
async fn wait_for_state(client: &mut Program, state: &str) {
    in_time(async {
        loop {
            let line = client.json().await;
            assert!(line["type"].is_null(), "{line}");
            if line["state"] == state {
                return;
            }
        }
    })
    .await;
}

/// A client that reconnects by itself.
#[derive(Clone, Copy, Debug)]
struct Peer {
    packages: Packages,
    /// The package's name.
    name: &'static str,
    /// Whether it takes the id of a block that holds nothing else, as the standard has it.
    takes_bare_ids: bool,
    /// Whether it tells an event without data from a block that is none.
    knows_empty_events: bool,
}

const UNDICI: Peer = Peer {
    packages: Packages::Npm,
    name: "undici",
    takes_bare_ids: true,
    knows_empty_events: true,
};
const EVENTSOURCE: Peer = Peer { name: "eventsource", takes_bare_ids: false, ..UNDICI };
const HTTPX_SSE: Peer = Peer {
    packages: Packages::Pypi,
    name: "httpx-sse",
    takes_bare_ids: true,
    knows_empty_events: false,
};

/// It reads, misses nothing of what is published while it is cut off, has nothing twice, and lets go
/// of its stream when it closes.
async fn reads_resumes_and_closes(peer: Peer, test: &str) {
    let folder = Path::new(FOLDER);
    if !peer.packages.are_met(folder, test).await {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let client = peer.packages.client(folder, peer.name, &proxy.url(TOPIC));
    let mut client = Program::start(client);
    wait_for_state(&mut client, "open").await;
    for round in 0..3 {
        if round > 0 || !peer.takes_bare_ids {
            for data in ["one", "two\nlines", "", "  spaces: ü "] {
                let id = server.publish("demo", data).await;
                if !data.is_empty() || peer.knows_empty_events {
                    assert_eq!(next(&mut client).await, event(data, &id));
                }
            }
        }
        proxy.cut();
        wait_for_state(&mut client, "connecting").await;
        let mut missed = Vec::new();
        for number in 0..3 {
            let data = format!("missed {round}.{number}");
            let id = server.publish("demo", &data).await;
            missed.push(event(&data, &id));
        }
        proxy.restore();
        for event in missed {
            assert_eq!(next(&mut client).await, event);
        }
    }
    let id = server.publish("demo", "live").await;
    assert_eq!(next(&mut client).await, event("live", &id));
    assert_eq!(proxy.connections(), 1);

    client.end_input();
    wait_for_state(&mut client, "closed").await;
    proxy.wait_until_idle().await;
    assert!(client.end().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn undici_reads_resumes_and_closes() {
    reads_resumes_and_closes(UNDICI, "undici_reads_resumes_and_closes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eventsource_reads_resumes_and_closes() {
    reads_resumes_and_closes(EVENTSOURCE, "eventsource_reads_resumes_and_closes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn httpx_sse_reads_resumes_and_closes() {
    reads_resumes_and_closes(HTTPX_SSE, "httpx_sse_reads_resumes_and_closes").await;
}

fn curl(arguments: &[&str], url: &str) -> Program {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--no-buffer", "--noproxy", "*"]).args(arguments).arg(url);
    Program::start(curl)
}

/// The lines of the next block that says something, which are all but empty comments and the hint
/// when to reconnect; none at the end.
async fn block(curl: &mut Program) -> Option<Vec<String>> {
    let mut block: Vec<String> = Vec::new();
    in_time(async {
        loop {
            let line = curl.line().await?;
            if !line.is_empty() {
                block.push(line);
            } else if block.iter().any(|line| line.starts_with("id:") || line.starts_with("data:"))
            {
                return Some(std::mem::take(&mut block));
            } else {
                block.clear();
            }
        }
    })
    .await
}

/// What the lines of a field say, joined.
fn field(block: &[String], name: &str) -> Option<String> {
    let values = block.iter().filter_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix(':')?;
        Some(value.strip_prefix(' ').unwrap_or(value))
    });
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then(|| values.join("\n"))
}

/// The data and the id of the next event.
async fn next_of_curl(curl: &mut Program) -> (String, String) {
    in_time(async {
        loop {
            let block = block(curl).await.expect("an event");
            if let Some(data) = field(&block, "data") {
                return (data, field(&block, "id").expect("an id"));
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_reads_resumes_and_closes() {
    if !CURL.is_met("curl_reads_resumes_and_closes") {
        return;
    }
    let mut server = Server::start();
    let proxy = Proxy::start(server.address()).await;
    let url = proxy.url(TOPIC);
    let resume = |id: &str| curl(&["--header", &format!("Last-Event-ID: {id}")], &url);

    // Cut off before its first event, it knows where it was all the same.
    let mut client = curl(&[], &url);
    let opening = block(&mut client).await.expect("a block at once");
    assert_eq!(field(&opening, "data"), None);
    proxy.cut();
    assert_eq!(block(&mut client).await, None);
    assert!(!client.end().await.success(), "a cut stream looked whole");
    let mut expected = Vec::new();
    for data in ["one", "two\nlines", ""] {
        expected.push((data.into(), server.publish("demo", data).await));
    }
    proxy.restore();

    let mut client = resume(&field(&opening, "id").expect("an id"));
    for event in &expected {
        assert_eq!(next_of_curl(&mut client).await, *event);
    }
    let live = server.publish("demo", "live").await;
    assert_eq!(next_of_curl(&mut client).await, ("live".into(), live));
    client.terminate();
    client.end().await;
    proxy.wait_until_idle().await;

    // From the middle; and a server that is told to stop ends the stream as a whole one.
    let mut client = resume(&expected[1].1);
    assert_eq!(next_of_curl(&mut client).await, expected[2]);
    assert_eq!(next_of_curl(&mut client).await.0, "live");
    server.stop("TERM");
    assert_eq!(block(&mut client).await, None);
    assert!(client.end().await.success(), "the end was not clean");
}
