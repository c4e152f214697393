//! A relay that is killed and starts again, in the midst of events.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use sansse_tokio::{Backoff, EventSource, ReconnectPolicy, Update};
use tests::browser::{Browser, Device};
use tests::client::client;
use tests::events::{next, open, stream_of};
use tests::page::{LISTED, STATE};
use tests::requirement::BROWSER;
use tests::server::Server;
use tests::upstream::Upstream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATH: &str = "/topics/relayed";

/// What one reader got, by the numbers of the events.
#[derive(Debug, Default)]
struct Log {
    numbers: Vec<u64>,
    /// Behind how many events it was told of a gap.
    resets: Vec<usize>,
}

impl Log {
    fn push(&mut self, event_type: &str, data: &str) {
        match event_type {
            "reset" => self.resets.push(self.numbers.len()),
            _ => self.numbers.push(data.parse().unwrap()),
        }
    }

    /// Each event once and in order; what is missing was told.
    fn check(&self) {
        for (index, pair) in self.numbers.windows(2).enumerate() {
            let is_told = self.resets.contains(&(index + 1));
            assert!(
                pair[1] == pair[0] + 1 || is_told && pair[1] > pair[0],
                "{} then {}, and resets at {:?}",
                pair[0],
                pair[1],
                self.resets
            );
        }
    }
}

/// A reader as the library has it.
fn event_source(url: String, last: u64) -> JoinHandle<Log> {
    let policy =
        ReconnectPolicy::persistent().backoff(Backoff { cap: 300, ..Backoff::EXPONENTIAL });
    let source = EventSource::get(url).policy(policy).reconnection_time(Duration::from_millis(100));
    let mut source = source.transport(client()).connect().unwrap();
    tokio::spawn(async move {
        let mut log = Log::default();
        while log.numbers.last() != Some(&last) {
            if let Update::Event(event) = source.next().await.unwrap().unwrap() {
                log.push(&event.event_type().to_string(), &event.data().to_string());
            }
        }
        log
    })
}

/// A reader that opens streams and knows its last id, as scripts have it. It takes so many events at a
/// time, and is away in between.
fn script(url: String, last: u64, at_a_time: usize, away: Duration) -> JoinHandle<Log> {
    tokio::spawn(async move {
        let (mut log, mut id) = (Log::default(), String::new());
        while log.numbers.last() != Some(&last) {
            let mut request = client().get(&url);
            if !id.is_empty() {
                request = request.header("last-event-id", &id);
            }
            let Ok(response) = request.send().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let mut events = sansse_tokio::EventStream::new(response.bytes_stream().boxed());
            let mut count = 0;
            while count < at_a_time && log.numbers.last() != Some(&last) {
                let Some(Ok(item)) = events.next().await else { break };
                if let sansse_tokio::OwnedItem::Event(event) = item {
                    id = event.last_event_id().to_string();
                    log.push(&event.event_type().to_string(), &event.data().to_string());
                    count += 1;
                }
            }
            drop(events);
            tokio::time::sleep(away).await;
        }
        log
    })
}

/// Ids in no order that anyone could know.
fn opaque(number: u64) -> String {
    format!("{:016x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

const LAST: u64 = 1500;

async fn kill_under_load(relayed: String, send: impl AsyncFn(u64) + Send + 'static) -> Vec<Log> {
    let mut relay = Server::start_relay("127.0.0.1:0", &relayed, &["--history", "9999"]);
    relay.wait_for_metric("sansse_upstream_connected", |value| value == 1.0).await;
    let url = relay.url(PATH);
    let mut readers: Vec<_> = (0..5).map(|_| event_source(url.clone(), LAST)).collect();
    for (at_a_time, away) in [(40, 0), (47, 30), (54, 60), (61, 90), (68, 120)] {
        readers.push(script(url.clone(), LAST, at_a_time, Duration::from_millis(away)));
    }
    let address = relay.address().to_owned();
    let has_begun = Arc::new(AtomicBool::new(false));
    let begun = has_begun.clone();
    let sending = async move {
        for number in 1..=LAST {
            send(number).await;
            begun.store(number > 300, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
    };
    let killing = async {
        while !has_begun.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        relay.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        Server::start_relay(&address, &relayed, &["--history", "9999"])
    };
    let ((), relay) = tokio::join!(sending, killing);
    let mut logs = Vec::new();
    for reader in readers {
        let log = timeout(Duration::from_secs(60), reader).await.expect("the last event").unwrap();
        log.check();
        logs.push(log);
    }
    drop(relay);
    logs
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_miss_nothing_untold_when_the_relay_is_killed() {
    let upstream = Upstream::start().await;
    let sender = upstream.clone();
    let logs = kill_under_load(upstream.url("/"), async move |number| {
        sender.event(&opaque(number), &number.to_string());
    })
    .await;
    let without_gap = logs.iter().filter(|log| log.resets.is_empty()).count();
    assert!(without_gap >= 3, "only {without_gap} of {} had no gap", logs.len());
    assert!(upstream.asked_for().len() <= 7, "{:?}", upstream.asked_for());
}

/// Where the order of ids is known, all of them go on.
#[tokio::test(flavor = "multi_thread")]
async fn readers_of_a_server_of_ours_miss_nothing_when_the_relay_is_killed() {
    let server = Arc::new(Server::start());
    let (sender, client) = (server.clone(), client());
    let logs = kill_under_load(server.url("/topics/a"), async move |number| {
        let request = client.post(sender.url("/topics/a")).body(number.to_string());
        assert_eq!(request.send().await.unwrap().status(), 201);
    })
    .await;
    for log in &logs {
        assert_eq!(log.resets, [0; 0]);
        assert_eq!(log.numbers.last(), Some(&LAST));
    }
}

/// From which id it asks, who goes on, and who is told.
#[tokio::test(flavor = "multi_thread")]
async fn it_asks_from_the_oldest_id_that_the_upstream_knows() {
    let upstream = Upstream::start().await;
    for number in 0..20 {
        upstream.event(&opaque(number), &number.to_string());
    }
    upstream.event("2024-01-01T00:00:00Z", "20");
    let relay = Server::start_relay("127.0.0.1:0", &upstream.url("/"), &["--resume-wait", "1.5"]);
    upstream.wait_for_open(1).await;
    // Served at once, without an id.
    let mut live = open(&relay.url(PATH)).await;
    upstream.event("live", "21");
    assert_eq!(next(&mut live).await, "message:21@live");
    let after = |id: String| {
        let request = client().get(relay.url(PATH)).header("last-event-id", id);
        async move { next(&mut stream_of(request).await).await }
    };
    let ids = [opaque(3), opaque(7), opaque(12), "2024-01-01T00%3A00%3A00Z".into()];
    let (three, seven, twelve, date, unknown, own) = tokio::join!(
        after(ids[0].clone()),
        after(ids[1].clone()),
        after(ids[2].clone()),
        after(ids[3].clone()),
        after("gone".into()),
        after("~k3j2-4".into()),
    );
    // The oldest of those from which it asked.
    let asked: HashSet<String> = upstream.asked_for().into_iter().collect();
    let carried = |number: u64, event: &str| {
        event == format!("message:{}@{}", number + 1, opaque(number + 1))
    };
    let mut oldest = None;
    for (number, event) in [(3, &three), (7, &seven), (12, &twelve)] {
        match oldest {
            None if event.starts_with("reset:") => {
                assert!(!asked.contains(&opaque(number)), "{event}");
            }
            None => oldest = Some(number),
            Some(_) => {}
        }
        assert!(oldest.is_none() || carried(number, event), "after {number}: {event}");
    }
    assert!(oldest.is_some_and(|oldest| oldest < 12), "{asked:?}");
    assert_eq!(date, "message:21@live");
    for event in [unknown, own] {
        assert!(event.starts_with("reset:{\"reason\":\"the id was not given"), "{event}");
    }
    assert!(upstream.accepted() <= 5, "{:?}", upstream.asked_for());
    upstream.wait_for_open(1).await;
    // Whoever was served meanwhile comes back, and misses nothing.
    let ended = async {
        while let Some(item) = live.next().await {
            item.expect("a clean end");
        }
    };
    timeout(Duration::from_secs(20), ended).await.expect("the end of its stream");
    upstream.event("later", "22");
    assert_eq!(after("live".into()).await, "message:22@later");
    // The time has passed.
    let late = after(opaque(1)).await;
    assert!(late.starts_with("reset:"), "{late}");
}

/// Readers are told places between events too, of which an upstream of ours knows the order.
#[tokio::test(flavor = "multi_thread")]
async fn places_between_the_events_of_a_server_of_ours_are_found() {
    let server = Server::start();
    let mut ids = Vec::new();
    for topic in ["a", "b", "a", "b"] {
        ids.push(server.publish(topic, &ids.len().to_string()).await);
    }
    let url = server.url("/topics/a");
    let relay = Server::start_relay("127.0.0.1:0", &url, &["--resume-wait", "1.5"]);
    let after =
        |id: &str| stream_of(client().get(relay.url(PATH)).header("last-event-id", id.to_owned()));
    let (mut event, mut place, mut end) =
        tokio::join!(after(&ids[0]), after(&ids[1]), after(&ids[3]));
    for reader in [&mut event, &mut place] {
        assert_eq!(next(reader).await, format!("message:2@{}", ids[2]));
    }
    let id = server.publish("a", "4").await;
    for reader in [&mut event, &mut place, &mut end] {
        assert_eq!(next(reader).await, format!("message:4@{id}"));
    }
}

/// An upstream that is not there yet holds nobody for ever.
#[tokio::test(flavor = "multi_thread")]
async fn readers_are_not_held_for_an_upstream_that_is_lost() {
    let upstream = Upstream::start().await;
    upstream.event("a", "1");
    upstream.event("b", "2");
    upstream.set_down(true);
    let relay = Server::start_relay("127.0.0.1:0", &upstream.url("/"), &["--resume-wait", "0.5"]);
    let after = |id: &str| stream_of(client().get(relay.url(PATH)).header("last-event-id", id));
    let mut reader = after("a").await;
    upstream.set_down(false);
    assert_eq!(next(&mut reader).await, "message:2@b");
    assert_eq!(next(&mut after("a").await).await, "message:2@b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_lives_through_a_restart_of_the_relay() {
    if !BROWSER.is_met("a_page_lives_through_a_restart_of_the_relay") {
        return;
    }
    let server = Server::start();
    let url = server.url("/topics/a");
    let mut relay = Server::start_relay("127.0.0.1:0", &url, &[]);
    relay.wait_for_metric("sansse_upstream_connected", |value| value == 1.0).await;
    let browser = Browser::start(Path::new(env!("CARGO_TARGET_TMPDIR")), Device::Desktop).await;
    browser.open(&relay.url("/")).await;
    browser.wait_for(STATE, "open").await;
    browser.wait_for("document.querySelector('#publish').hidden", true).await;
    server.publish("a", "one").await;
    browser.wait_for(LISTED, vec!["one"]).await;
    let address = relay.address().to_owned();
    relay.kill();
    browser.wait_for(STATE, "connecting").await;
    server.publish("a", "two").await;
    let relay = Server::start_relay(&address, &url, &[]);
    browser.wait_for(LISTED, vec!["one", "two"]).await;
    server.publish("a", "three").await;
    browser.wait_for(LISTED, vec!["one", "two", "three"]).await;
    browser.quit().await;
    drop(relay);
}
