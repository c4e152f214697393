//! What a hub counts, number by number.

use std::time::Duration;

use futures_util::StreamExt as _;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sansse_tokio::{
    Endpoint, EndpointBody, EndpointLimits, Event, Hub, HubBuilder, OnGap, Refusal, Start,
};
use tests::wire::drain;

/// A hub, and where its numbers go.
struct Counted {
    hub: Hub,
    metrics: PrometheusHandle,
}

impl Counted {
    fn new(builder: HubBuilder) -> Self {
        let recorder = PrometheusBuilder::new().set_buckets(&[60.0]).unwrap().build_recorder();
        let metrics = recorder.handle();
        let hub = metrics::with_local_recorder(&recorder, || builder.build());
        Self { hub, metrics }
    }

    fn publish(&self, topic: &str, times: usize) {
        for _ in 0..times {
            self.hub.publish(topic, &Event::new("x")).unwrap();
        }
    }

    /// The value of a series that must be there.
    fn value(&self, series: &str) -> usize {
        let metrics = self.metrics.render();
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{series}: {metrics}")).parse().unwrap()
    }

    fn assert(&self, expected: &[(&str, usize)]) {
        for &(series, value) in expected {
            assert_eq!(self.value(series), value, "{series}");
        }
    }
}

const SUBSCRIBERS: &str = "sansse_subscribers";
const PUBLISHED: &str = "sansse_events_published_total";
const DELIVERED: &str = "sansse_events_delivered_total";
const REPLAYED: &str = "sansse_events_replayed_total";
const BYTES: &str = "sansse_bytes_sent_total";
const DROPPED: &str = "sansse_streams_lagged_total{cause=\"dropped\"}";
const UNKNOWN: &str = "sansse_streams_lagged_total{cause=\"unknown_id\"}";
const NOT_YET: &str = "sansse_streams_lagged_total{cause=\"not_given_yet\"}";

fn builder() -> HubBuilder {
    Hub::builder().epoch(35).retry(None)
}

#[test]
fn events_are_counted_when_they_are_handed_out() {
    let counted = Counted::new(builder());
    counted.assert(&[(SUBSCRIBERS, 0), (PUBLISHED, 0), (DELIVERED, 0), (REPLAYED, 0)]);
    counted.publish("a", 100);
    counted.publish("b", 3);
    let hub = &counted.hub;
    let mut all = hub.subscribe(["a", "b"], Start::After(b"z-0")).unwrap();
    let mut some = hub.subscribe(["a"], Start::After(b"z-2p")).unwrap(); // 97
    let mut live = hub.subscribe(["a"], Start::Live).unwrap();
    counted.assert(&[(SUBSCRIBERS, 3), (PUBLISHED, 103), (DELIVERED, 0)]);
    counted.publish("a", 5);
    for stream in [&mut all, &mut some, &mut live] {
        drain(stream);
    }
    let delivered = (103 + 5) + (3 + 5) + 5;
    counted.assert(&[(PUBLISHED, 108), (DELIVERED, delivered), (REPLAYED, 103 + 3)]);
    // What goes on after that is live.
    counted.publish("b", 1);
    drain(&mut all);
    counted.assert(&[(DELIVERED, delivered + 1), (REPLAYED, 106)]);
    drop((all, live));
    counted.assert(&[(SUBSCRIBERS, 1)]);
    drop(some);
    counted.assert(&[(SUBSCRIBERS, 0), (DROPPED, 0), (UNKNOWN, 0), (NOT_YET, 0)]);
}

#[test]
fn gaps_are_counted_by_their_cause() {
    for on_gap in [OnGap::Reset, OnGap::End, OnGap::Snapshot] {
        let counted = Counted::new(builder().topic_history(2, 999).on_gap(move |_| on_gap));
        let mut slow = counted.hub.subscribe(["a"], Start::Live).unwrap();
        counted.publish("a", 5);
        counted.assert(&[(DROPPED, 0)]);
        drain(&mut slow);
        counted.assert(&[(DROPPED, 1)]);
        for (id, expected) in [
            ("z-1", [2, 0, 0]),
            ("z-4", [2, 0, 0]),
            ("y-1", [2, 1, 0]),
            ("?", [2, 2, 0]),
            ("z-9", [2, 2, 1]),
        ] {
            drain(&mut counted.hub.subscribe(["a"], Start::After(id.as_bytes())).unwrap());
            let counts = [DROPPED, UNKNOWN, NOT_YET].map(|series| counted.value(series));
            assert_eq!(counts, expected, "{id} {on_gap:?}");
        }
    }
}

#[tokio::test]
async fn events_that_are_refused_are_counted() {
    let counted = Counted::new(builder().topic_history(9, 100));
    let hub = &counted.hub;
    let refused = || {
        ["malformed", "id_taken", "too_large", "shutting_down"].map(|reason| {
            counted.value(&format!("sansse_events_refused_total{{reason=\"{reason}\"}}"))
        })
    };
    assert_eq!(refused(), [0; 4]);
    hub.publish("", &Event::new("x")).unwrap_err();
    hub.publish("a", &Event::new("x").with_id("7").unwrap()).unwrap_err();
    assert_eq!(refused(), [2, 0, 0, 0]);
    hub.publish("a", &Event::new(&"x".repeat(100))).unwrap_err();
    hub.publish_json("a", "", &"x".repeat(100)).unwrap_err();
    hub.publish_json("a", "\n", &1).unwrap_err();
    assert_eq!(refused(), [3, 0, 2, 0]);
    hub.shutdown(Duration::from_secs(9)).await;
    hub.publish("a", &Event::new("x")).unwrap_err();
    assert_eq!(refused(), [3, 0, 2, 1]);
    counted.assert(&[(PUBLISHED, 0)]);

    let counted = Counted::new(builder().given_ids("begin").unwrap());
    let event = Event::new("x").with_id("7").unwrap();
    counted.hub.publish("a", &event).unwrap();
    counted.hub.publish("a", &event).unwrap_err();
    counted.assert(&[(PUBLISHED, 1), ("sansse_events_refused_total{reason=\"id_taken\"}", 1)]);
}

#[tokio::test]
async fn frames_are_counted_and_timed() {
    let counted = Counted::new(builder());
    counted.publish("a", 3);
    let subscription = counted.hub.subscribe(["a"], Start::After(b"z-0")).unwrap();
    let handle = subscription.handle();
    let mut body = subscription.into_response().into_body();
    let mut frames = Vec::new();
    for _ in 0..2 {
        frames.push(body.frame().await.unwrap().unwrap().into_data().unwrap());
    }
    counted.assert(&[(BYTES, frames.iter().map(bytes::Bytes::len).sum())]);
    assert!(!counted.metrics.render().contains("sansse_write_seconds_count 1"));
    // The first frames of a stream are timed, until they are let go.
    drop(frames);
    counted.assert(&[("sansse_write_seconds_count", 2)]);
    // Then one of sixteen.
    for number in 0..64 {
        counted.publish("a", 1);
        let frame = body.frame().await.unwrap().unwrap();
        drop(frame);
        counted.assert(&[("sansse_write_seconds_count", 2 + (number + 2) / 16)]);
    }
    handle.end();
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn streams_that_are_cut_are_counted() {
    let cut = |reason: &str| format!("sansse_streams_cut_total{{reason=\"{reason}\"}}");
    let deadline = Duration::from_secs(5);
    let counted = Counted::new(builder().write_deadline(Some(deadline)));
    counted.assert(&[(&cut("stalled"), 0), (&cut("shutting_down"), 0)]);
    for expected in 1..=2 {
        let subscription = counted.hub.subscribe(["a"], Start::Live).unwrap();
        let mut body = subscription.into_response().into_body();
        let held = body.frame().await;
        assert!(body.frame().await.unwrap().is_err());
        counted.assert(&[(&cut("stalled"), expected), (&cut("shutting_down"), 0)]);
        drop(held);
    }
    let counted = Counted::new(builder());
    let subscription = counted.hub.subscribe(["a"], Start::Live).unwrap();
    let mut body = subscription.into_response().into_body();
    let held = body.frame().await;
    let (_, ()) = tokio::join!(counted.hub.shutdown(deadline), async {
        let when_to_come_back = body.frame().await;
        assert!(body.frame().await.unwrap().is_err());
        drop((body, when_to_come_back));
    });
    drop(held);
    counted.assert(&[(&cut("stalled"), 0), (&cut("shutting_down"), 1), (SUBSCRIBERS, 0)]);
}

#[tokio::test]
async fn requests_without_a_stream_are_counted_by_the_reason() {
    let counted = Counted::new(builder());
    let limits = EndpointLimits::new().connections(1);
    let endpoint =
        Endpoint::new(counted.hub.clone()).limits(limits).admission(|request| async move {
            match request.head.uri.path() {
                "/refused" => Err(Refusal::new(StatusCode::FORBIDDEN, "No.")),
                "/none" => Ok(sansse_tokio::Admitted::new().topics([""; 0])),
                _ => Ok(sansse_tokio::Admitted::new()),
            }
        });
    let head = |method: Method, path: &str, accept: &str| {
        let request = Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
        request.body(()).unwrap().into_parts().0
    };
    let ask = async |method, path, accept, topic: &str| -> EndpointBody {
        endpoint.request(&head(method, path, accept), [topic]).answer().await.into_body()
    };
    let refused = || {
        ["method", "accept", "topics", "full", "admission", "application", "shutting_down"].map(
            |reason| counted.value(&format!("sansse_streams_refused_total{{reason=\"{reason}\"}}")),
        )
    };
    assert_eq!(refused(), [0; 7]);
    ask(Method::POST, "/", "*/*", "a").await;
    assert_eq!(refused(), [1, 0, 0, 0, 0, 0, 0]);
    ask(Method::GET, "/", "text/html", "a").await;
    assert_eq!(refused(), [1, 1, 0, 0, 0, 0, 0]);
    ask(Method::GET, "/", "*/*", "").await;
    assert_eq!(refused(), [1, 1, 1, 0, 0, 0, 0]);
    ask(Method::OPTIONS, "/", "*/*", "a").await;
    let open = ask(Method::GET, "/", "*/*", "a").await;
    assert_eq!(refused(), [1, 1, 1, 0, 0, 0, 0]);
    ask(Method::GET, "/", "*/*", "a").await;
    drop(open);
    assert_eq!(refused(), [1, 1, 1, 1, 0, 0, 0]);
    ask(Method::GET, "/refused", "*/*", "a").await;
    ask(Method::GET, "/none", "*/*", "a").await;
    assert_eq!(refused(), [1, 1, 1, 1, 2, 0, 0]);
    let request = head(Method::GET, "/", "*/*");
    drop(endpoint.request(&request, ["a"]).refuse(Refusal::stop()));
    assert_eq!(refused(), [1, 1, 1, 1, 2, 1, 0]);
    counted.hub.shutdown(Duration::from_secs(9)).await;
    ask(Method::GET, "/", "*/*", "a").await;
    assert_eq!(refused(), [1, 1, 1, 1, 2, 1, 1]);
    counted.assert(&[(SUBSCRIBERS, 0)]);
}

#[tokio::test]
async fn two_hubs_add_up_and_one_built_before_the_recorder_is_silent() {
    let early = builder().build();
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let hubs = metrics::with_local_recorder(&recorder, || [builder().build(), builder().build()]);
    for hub in [&early, &hubs[0], &hubs[1]] {
        hub.publish("a", &Event::new("x")).unwrap();
    }
    let mut streams = hubs.map(|hub| hub.subscribe(["a"], Start::Live).unwrap());
    for stream in &mut streams {
        stream.next().await;
    }
    let metrics = metrics.render();
    assert!(metrics.contains("\nsansse_events_published_total 2\n"), "{metrics}");
    assert!(metrics.contains("\nsansse_subscribers 2\n"), "{metrics}");
}
