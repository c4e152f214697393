//! What a reader gets that cannot be told what it missed: a reset, a snapshot or the end (law 11).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use sansse_tokio::{
    Event, EventId, Hub, HubBuilder, Item, OnGap, OwnedEvent, Parser, Retry, Snapshot, Start,
    Subscription,
};
use tests::wire::{drain, events, read};

fn builder() -> HubBuilder {
    Hub::builder().epoch(35).retry(None)
}

fn publish(hub: &Hub, topic: &str, data: &str) -> String {
    hub.publish(topic, &Event::new(data)).unwrap().to_string()
}

fn after(hub: &Hub, topics: &[&str], id: &str) -> Subscription {
    hub.subscribe(topics, Start::After(id.as_bytes())).unwrap()
}

fn state(text: &str) -> OwnedEvent {
    OwnedEvent::new(text).with_type("state").unwrap()
}

#[test]
fn each_topic_has_its_policy_and_the_stricter_one_wins() {
    let hub = builder()
        .retry(Retry::new(Duration::from_secs(2)))
        .on_gap(|topic| match topic {
            "end" => OnGap::End,
            "snapshot" => OnGap::Snapshot,
            _ => OnGap::Reset,
        })
        .snapshot(|topics| async move { Some(Snapshot::new([state(&topics.join(" "))])) })
        .build();
    for (topics, expected) in [
        (&["reset"][..], "event: reset\nid: z-0\n"),
        (&["end"], "id: z-0\n\nretry: 2000\n\n"),
        (&["snapshot"], ":\n\nretry: 2000\n\nevent: state\ndata: snapshot\n\nid: z-0\n\n"),
        (&["snapshot", "reset"], "event: reset\nid: z-0\n"),
        (&["reset", "end", "snapshot"], "id: z-0\n\nretry: 2000\n\n"),
        (&["snapshot", "snapshot"], ":\n\nretry: 2000\n\nevent: state\ndata: snapshot\n\nid: z-0"),
    ] {
        let wire = drain(&mut after(&hub, topics, "unknown"));
        assert!(wire.starts_with(expected), "{topics:?}: {wire}");
    }
}

#[tokio::test]
async fn the_end_lets_the_reader_come_back_at_a_valid_place() {
    let hub = builder().on_gap(|_| OnGap::End).topic_history(2, 1 << 20).build();
    for data in ["1", "2", "3"] {
        publish(&hub, "a", data);
    }
    let mut reader = after(&hub, &["a"], "z-0");
    let (none, id) = read(&drain(&mut reader));
    assert_eq!((none.len(), &*id), (0, "z-3"));
    assert_eq!(reader.next().await, None);
    publish(&hub, "a", "4");
    assert_eq!(events(&drain(&mut after(&hub, &["a"], &id))), ["message:4@z-4"]);
}

#[test]
fn a_reader_that_is_overtaken_gets_a_snapshot() {
    let hub = builder()
        .topic_history(2, 1 << 20)
        .on_gap(|_| OnGap::Snapshot)
        .snapshot(|_| async { Some(Snapshot::new([state("all")])) })
        .build();
    let mut reader = hub.subscribe(["a"], Start::Live).unwrap();
    drain(&mut reader);
    for data in ["1", "2", "3"] {
        publish(&hub, "a", data);
    }
    let wire = drain(&mut reader);
    assert_eq!(wire, ":\n\nevent: state\ndata: all\n\nid: z-3\n\n");
    publish(&hub, "a", "4");
    assert_eq!(drain(&mut reader), "id: z-4\ndata: 4\n\n");
}

#[test]
fn a_snapshot_that_cannot_be_is_told_as_a_reset() {
    type Make = fn(Vec<String>) -> std::future::Ready<Option<Snapshot>>;
    let none: Make = |_| std::future::ready(None);
    let unknown: Make = |_| std::future::ready(Some(Snapshot::new([]).as_of("y-1")));
    let early: Make = |_| std::future::ready(Some(Snapshot::new([]).as_of("z-0")));
    for make in [none, unknown, early] {
        let hub = builder().topic_history(1, 99).on_gap(|_| OnGap::Snapshot).snapshot(make).build();
        publish(&hub, "a", "1");
        publish(&hub, "a", "2");
        let wire = drain(&mut after(&hub, &["a"], "unknown"));
        // One that is too old is asked for again, but not for ever.
        let wire = wire.replace(":\n\n", "");
        assert!(wire.starts_with("event: reset\nid: z-2\n"), "{wire}");
    }
    let hub = builder().on_gap(|_| OnGap::Snapshot).build();
    assert!(drain(&mut after(&hub, &["a"], "unknown")).starts_with("event: reset\n"));
    assert_eq!(drain(&mut hub.subscribe(["a"], Start::Snapshot).unwrap()), "id: z-0\n\n");
}

#[test]
fn a_fresh_reader_may_start_with_a_snapshot() {
    let hub = builder()
        .snapshot(|_| async {
            let event = state("all").with_id("not sent").unwrap();
            Some(Snapshot::new([event, OwnedEvent::new("x\ny")]).as_of("z-1"))
        })
        .build();
    publish(&hub, "a", "1");
    publish(&hub, "a", "2");
    let wire = drain(&mut hub.subscribe(["a"], Start::Snapshot).unwrap());
    assert_eq!(
        wire,
        ":\n\nevent: state\ndata: all\n\ndata: x\ndata: y\n\nid: z-1\n\nid: z-2\ndata: 2\n\n"
    );
}

/// A position that is told before the snapshot is there would have a reader that is cut between the
/// two go on without it.
#[tokio::test(start_paused = true)]
async fn no_position_is_told_while_a_snapshot_is_made() {
    let hub = builder()
        .topic_history(1, 1 << 20)
        .keep_alive(Some(Duration::from_secs(15)))
        .on_gap(|_| OnGap::Snapshot)
        .snapshot(|_| async {
            tokio::time::sleep(Duration::from_secs(40)).await;
            Some(Snapshot::new([state("all")]))
        })
        .build();
    let mut body = hub.subscribe(["a"], Start::Live).unwrap().into_response().into_body();
    let mut next = async || body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(next().await, "id: z-0\n\n");
    publish(&hub, "a", "1");
    publish(&hub, "a", "2");
    for _ in 0..3 {
        assert_eq!(next().await, ":\n\n");
    }
    assert_eq!(next().await, "event: state\ndata: all\n\nid: z-2\n\n");
}

/// A reader that waits for its snapshot is nowhere: it is sent away as it came.
#[tokio::test(start_paused = true)]
async fn a_snapshot_that_never_comes_does_not_hold_a_shutdown() {
    let hub = builder().on_gap(|_| OnGap::Snapshot).snapshot(|_| std::future::pending()).build();
    publish(&hub, "a", "1");
    let mut reader = after(&hub, &["a"], "unknown");
    let reading = async {
        let mut wire = Vec::new();
        while let Some(bytes) = reader.next().await {
            wire.extend_from_slice(&bytes);
        }
        drop(reader);
        String::from_utf8(wire).unwrap()
    };
    let (shutdown, wire) = tokio::join!(hub.shutdown(Duration::from_secs(9)), reading);
    assert_eq!((shutdown.closed, shutdown.left), (1, 0));
    assert!(wire.starts_with(":\n\nretry: ") && !wire.contains("id:"), "{wire}");
}

/// A large snapshot goes in several frames; what keeps a stream alive does not come between them.
#[tokio::test]
async fn a_snapshot_is_not_torn() {
    let large = "x".repeat(100_000);
    let expected = format!("state:{large}@z-0");
    let hub = builder()
        .snapshot(move |_| {
            let state = state(&large);
            async { Some(Snapshot::new([state])) }
        })
        .build();
    let mut reader = hub.subscribe(["a"], Start::Snapshot).unwrap();
    let mut wire = Vec::new();
    for _ in 0..5 {
        if let Some(bytes) = reader.next().now_or_never() {
            wire.extend_from_slice(&bytes.unwrap());
        }
        wire.extend_from_slice(&reader.keep_alive());
    }
    let (events, id) = read(std::str::from_utf8(&wire).unwrap());
    assert_eq!((events.len(), &*id), (1, "z-0"));
    assert!(expected.starts_with(events[0].trim_end_matches('@')));
}

/// The application's state: a sum, and the id of the last number that is part of it.
#[derive(Debug, Default)]
struct Sum {
    sum: u64,
    as_of: Option<EventId>,
}

/// Numbers are published by several at once; readers come at any time, with a snapshot of the sum so
/// far, and must reach the same sum: a gap or a double would show.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_has_no_gap_and_no_double_under_racing_publishers() {
    const NUMBERS: u64 = 3000;
    let sum = Arc::new(Mutex::new(Sum::default()));
    let seen = sum.clone();
    let hub = builder()
        .topic_history(500, 1 << 20)
        .on_gap(|_| OnGap::Snapshot)
        .snapshot(move |_| {
            let seen = seen.clone();
            async move {
                let (text, as_of) = {
                    let sum = seen.lock().unwrap();
                    (sum.sum.to_string(), sum.as_of?.to_string())
                };
                // Others publish meanwhile.
                tokio::task::yield_now().await;
                Some(Snapshot::new([state(&text)]).as_of(as_of))
            }
        })
        .build();
    let add = move |hub: &Hub, number: u64| {
        let mut sum = sum.lock().unwrap();
        sum.as_of = Some(hub.publish("numbers", &Event::new(&number.to_string())).unwrap());
        sum.sum += number;
    };
    add(&hub, 0);
    let publishers: Vec<_> = (0..2)
        .map(|_| {
            let (hub, add) = (hub.clone(), add.clone());
            tokio::spawn(async move {
                for number in 1..=NUMBERS {
                    add(&hub, number);
                    if number % 16 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    let readers: Vec<_> = (0..6)
        .map(|reader| {
            let hub = hub.clone();
            tokio::spawn(async move {
                let (mut sum, mut snapshots) = (0, 0);
                let mut id = "from before".to_owned();
                while sum < NUMBERS * (NUMBERS + 1) {
                    let mut parser = Parser::growing(1 << 20, 64);
                    parser.seed_last_event_id(id.as_bytes()).unwrap();
                    let mut subscription = after(&hub, &["numbers"], &id);
                    // Comes and goes, now and then in the middle of a snapshot.
                    for _ in 0..reader + 2 {
                        let frame = subscription.next().await.unwrap();
                        let mut items = parser.feed(&frame);
                        while let Some(item) = items.next() {
                            let Item::Event(event) = item else { continue };
                            let number: u64 = event.data().to_string().parse().unwrap();
                            match &*event.event_type().to_string() {
                                "state" => {
                                    sum = number;
                                    snapshots += 1;
                                }
                                "message" => sum += number,
                                other => panic!("{other}"),
                            }
                        }
                        if sum >= NUMBERS * (NUMBERS + 1) {
                            break;
                        }
                    }
                    id = parser.last_event_id().to_string();
                }
                assert_eq!(sum, NUMBERS * (NUMBERS + 1));
                snapshots
            })
        })
        .collect();
    for task in publishers {
        tokio::time::timeout(Duration::from_secs(60), task).await.unwrap().unwrap();
    }
    for task in readers {
        let snapshots = tokio::time::timeout(Duration::from_secs(60), task).await.unwrap().unwrap();
        assert!(snapshots > 0);
    }
}
