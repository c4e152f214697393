//! What `sansse serve` tells Prometheus.

use std::collections::BTreeSet;

use reqwest::{Client, StatusCode};
use tests::client::client;
use tests::reader::Reader;
use tests::server::Server;

async fn metrics(client: &Client, server: &Server) -> String {
    let response = client.get(server.url("/metrics")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    response.text().await.unwrap()
}

/// The names and labels of all series.
fn series(metrics: &str) -> BTreeSet<String> {
    metrics
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.rsplit_once(' ').expect("a value").0.to_owned())
        .collect()
}

/// The name that a series is described by: a histogram has several.
fn name(series: &str) -> &str {
    let name = series.split('{').next().unwrap();
    let parts = ["_bucket", "_sum", "_count"];
    parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_can_be_known_begins_at_zero() {
    let server = Server::start();
    let metrics = metrics(&client(), &server).await;
    for expected in [
        "sansse_connections_accepted_total 1",
        "sansse_connections_open 1",
        "sansse_connections_refused_total{answer=\"told\"} 0",
        "sansse_connections_refused_total{answer=\"closed\"} 0",
        "sansse_accept_errors_total 0",
        "sansse_tls_handshakes_failed_total 0",
        "sansse_heads_refused_total{problem=\"too_large\"} 0",
        "sansse_timeouts_total{limit=\"write\"} 0",
        "sansse_subscribers 0",
        "sansse_events_delivered_total 0",
        "sansse_streams_lagged_total{cause=\"dropped\"} 0",
        "sansse_streams_refused_total{reason=\"full\"} 0",
        "sansse_streams_cut_total{reason=\"stalled\"} 0",
    ] {
        assert!(metrics.lines().any(|line| line == expected), "{expected}: {metrics}");
    }
    for series in series(&metrics) {
        let name = name(&series);
        assert!(metrics.contains(&format!("# TYPE {name} ")), "{name}: {metrics}");
        assert!(metrics.contains(&format!("# HELP {name} ")), "{name}: {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_send_makes_no_series() {
    let server = Server::start();
    let client = client();
    let ask = async |number: usize| {
        let topic = format!("secret-{number}");
        server.publish(&topic, "x").await;
        for request in [
            client.get(server.url(&format!("/topics/{topic}"))),
            client.get(server.url(&format!("/events?topic={topic}"))),
            client.get(server.url(&format!("/{topic}"))),
            client.get(server.url(&format!("/topics/{topic}"))).header("accept", &topic),
            client.request(topic.parse().unwrap(), server.url("/")),
        ] {
            request.header("user-agent", &topic).send().await.unwrap();
        }
    };
    ask(0).await;
    let before = metrics(&client, &server).await;
    // The request that reads it is counted only in the next answer.
    let before = series(&[before, metrics(&client, &server).await].concat());
    for number in 1..20 {
        ask(number).await;
    }
    let after = metrics(&client, &server).await;
    assert!(!after.contains("secret"), "{after}");
    assert_eq!(series(&after), before);
    let count = |route: &str, status: &str| {
        let series = format!("sansse_requests_total{{route=\"{route}\",status=\"{status}\"}} ");
        let value = after.lines().find_map(|line| line.strip_prefix(&series));
        value.unwrap_or("0").parse::<u64>().unwrap()
    };
    assert_eq!(count("topic", "2xx"), 40);
    assert_eq!(count("topic", "4xx"), 20);
    assert_eq!(count("events", "2xx"), 20);
    assert_eq!(count("unknown", "4xx"), 20);
    assert_eq!(count("page", "4xx"), 20);
}

/// What is counted of streams moves with them, and nothing else does.
#[tokio::test(flavor = "multi_thread")]
async fn streams_are_counted() {
    const SUBSCRIBERS: &str = "sansse_subscribers";
    const DELIVERED: &str = "sansse_events_delivered_total";
    const REPLAYED: &str = "sansse_events_replayed_total";
    const UNKNOWN: &str = "sansse_streams_lagged_total{cause=\"unknown_id\"}";
    const DROPPED: &str = "sansse_streams_lagged_total{cause=\"dropped\"}";

    let server = Server::start_with(&["--max-streams", "3"]);
    let client = client();
    let open = async |topic: &str, id: Option<&str>| {
        let request = client.get(server.url(&format!("/topics/{topic}")));
        let request = match id {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        Reader::open(request).await
    };
    let mut live = open("a", None).await;
    server.wait_for_metric(SUBSCRIBERS, |value| value == 1.0).await;
    let first = server.publish("a", "1").await;
    assert_eq!(live.next().await.unwrap(), "message:1");
    server.publish("a", "2").await;
    assert_eq!(live.next().await.unwrap(), "message:2");
    assert_eq!(server.metric(DELIVERED).await, 2.0);
    assert_eq!(server.metric(REPLAYED).await, 0.0);
    // The topic of the time has events of its own.
    assert!(server.metric("sansse_events_published_total").await >= 2.0);
    assert!(server.metric("sansse_bytes_sent_total").await > 40.0);
    assert!(server.metric("sansse_write_seconds_count").await >= 1.0);

    let mut back = open("a", Some(&first)).await;
    assert_eq!(back.next().await.unwrap(), "message:2");
    assert_eq!(server.metric(DELIVERED).await, 3.0);
    assert_eq!(server.metric(REPLAYED).await, 1.0);

    // More than a topic holds.
    for _ in 0..9 {
        server.publish("b", &"x".repeat(1_000_000)).await;
    }
    let mut behind = open("b", Some(&first)).await;
    assert!(behind.next().await.unwrap().starts_with("reset:"));
    assert_eq!(server.metric(DROPPED).await, 1.0);
    assert_eq!(server.metric(SUBSCRIBERS).await, 3.0);
    assert_eq!(open("b", None).await.next().await, None);
    assert_eq!(server.metric("sansse_streams_refused_total{reason=\"full\"}").await, 1.0);
    drop((live, back, behind));
    server.wait_for_metric(SUBSCRIBERS, |value| value == 0.0).await;

    assert_eq!(server.metric(UNKNOWN).await, 0.0);
    assert!(open("b", Some("0-1")).await.next().await.unwrap().starts_with("reset:"));
    assert_eq!(server.metric(UNKNOWN).await, 1.0);
    server.wait_for_metric(SUBSCRIBERS, |value| value == 0.0).await;
    assert_eq!(server.metric(DELIVERED).await, 3.0);
    assert_eq!(server.metric(REPLAYED).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_need_be_none() {
    let server = Server::start_with(&["--no-metrics"]);
    let response = client().get(server.url("/metrics")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    server.publish("a", "served all the same").await;
}
