//! What `sansse serve` tells Prometheus.

use std::collections::BTreeSet;

use reqwest::{Client, StatusCode};
use tests::client::client;
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
    ] {
        assert!(metrics.lines().any(|line| line == expected), "{expected}: {metrics}");
    }
    for series in series(&metrics) {
        let name = series.split('{').next().unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn there_need_be_none() {
    let server = Server::start_with(&["--no-metrics"]);
    let response = client().get(server.url("/metrics")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    server.publish("a", "served all the same").await;
}
