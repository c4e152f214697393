//! The hub, law by law: one sequence, cursors, replay, resets, bounds.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use http_body_util::BodyExt;
use sansse_tokio::{
    Event, Hub, HubBuilder, PublishError, Retry, Start, SubscribeError, Subscription, TopicError,
};
use tests::wire::{drain, events, read};

const MIB: usize = 1 << 20;

fn builder() -> HubBuilder {
    Hub::builder().epoch(35).retry(None)
}

fn publish(hub: &Hub, topic: &str, data: &str) -> String {
    hub.publish(topic, &Event::new(data)).unwrap().to_string()
}

fn after(hub: &Hub, topics: &[&str], id: &str) -> Subscription {
    hub.subscribe(topics, Start::After(id.as_bytes())).unwrap()
}

const DROPPED: &str = r#"reset:{"reason":"the history no longer holds all events since the id"}"#;
const UNKNOWN: &str = r#"reset:{"reason":"the id was not given by this run of the log"}"#;
const NOT_YET: &str = r#"reset:{"reason":"the id has not been given yet"}"#;

#[test]
fn a_stream_opens_with_its_position() {
    let hub = builder().build();
    assert_eq!(drain(&mut hub.subscribe(["a"], Start::Live).unwrap()), "id: z-0\n\n");
    publish(&hub, "b", "x");
    assert_eq!(drain(&mut hub.subscribe(["a"], Start::Live).unwrap()), "id: z-1\n\n");
    let hub = builder().retry(Retry::new(Duration::from_millis(1500))).build();
    assert_eq!(
        drain(&mut hub.subscribe(["a"], Start::Live).unwrap()),
        "id: z-0\n\nretry: 1500\n\n"
    );
}

#[test]
fn a_reader_cut_before_its_first_event_misses_nothing() {
    let hub = builder().build();
    publish(&hub, "a", "before");
    let mut first = hub.subscribe(["a"], Start::Live).unwrap();
    let (none, id) = read(&drain(&mut first));
    assert!(none.is_empty());
    drop(first);
    publish(&hub, "a", "meanwhile");
    assert_eq!(events(&drain(&mut after(&hub, &["a"], &id))), ["message:meanwhile@z-2"]);
}

#[test]
fn every_id_resumes_where_it_stands() {
    let hub = builder().build();
    let mut ids = vec!["z-0".to_owned()];
    for number in 1..=40 {
        ids.push(publish(&hub, "a", &number.to_string()));
    }
    for (number, id) in ids.iter().enumerate() {
        let expected: Vec<String> =
            (number + 1..=40).map(|later| format!("message:{later}@{}", ids[later])).collect();
        assert_eq!(events(&drain(&mut after(&hub, &["a"], id))), expected);
    }
}

#[test]
fn replay_and_live_are_one_read() {
    let hub = builder().build();
    publish(&hub, "a", "1");
    let mut reader = after(&hub, &["a"], "z-0");
    publish(&hub, "a", "2");
    assert_eq!(drain(&mut reader), "id: z-0\n\nid: z-1\ndata: 1\n\nid: z-2\ndata: 2\n\n");
    publish(&hub, "a", "3");
    assert_eq!(drain(&mut reader), "id: z-3\ndata: 3\n\n");
}

#[test]
fn several_topics_are_one_sequence() {
    let hub = builder().build();
    let mut reader = hub.subscribe(["a", "b", "a"], Start::Live).unwrap();
    for (topic, data) in [("b", "1"), ("a", "2"), ("c", "3"), ("b", "4"), ("b", "5"), ("a", "6")] {
        publish(&hub, topic, data);
    }
    let wire = drain(&mut reader);
    assert_eq!(
        events(&wire),
        ["message:1@z-1", "message:2@z-2", "message:4@z-4", "message:5@z-5", "message:6@z-6"]
    );
    assert_eq!(events(&drain(&mut after(&hub, &["b", "a"], "z-3"))), events(&wire)[2..]);
}

#[test]
fn what_cannot_be_resumed_is_told_once() {
    let hub = builder().topic_history(2, MIB).build();
    for data in ["1", "2", "3"] {
        publish(&hub, "a", data);
    }
    for (id, reason) in [
        ("z-0", DROPPED),
        ("y-3", UNKNOWN),
        ("3", UNKNOWN),
        ("Z-3", UNKNOWN),
        ("z-3 ", UNKNOWN),
        ("z-4", NOT_YET),
    ] {
        let wire = drain(&mut after(&hub, &["a"], id));
        assert_eq!(events(&wire), [format!("{reason}@z-3")], "{id}");
        // Nothing, an id least of all, comes before the reset: a reader cut there would not know.
        assert!(wire.starts_with("event: reset\n"), "{wire}");
        let (_, told) = read(&wire);
        assert_eq!(events(&drain(&mut after(&hub, &["a"], &told))), [""; 0], "{id}");
    }
    assert_eq!(events(&drain(&mut after(&hub, &["a"], "z-1"))), ["message:2@z-2", "message:3@z-3"]);
    assert_eq!(drain(&mut after(&hub, &["a"], "")), "id: z-3\n\n");
}

#[test]
fn a_reset_event_has_the_type_that_the_application_names() {
    let hub = builder().reset_event("gap").unwrap().build();
    assert!(drain(&mut after(&hub, &["a"], "y-1")).starts_with("event: gap\nid: z-0\n"));
    assert!(builder().reset_event("a\nb").is_err());
}

#[test]
fn a_quiet_topic_is_no_gap() {
    let hub = builder().topic_history(2, MIB).build();
    publish(&hub, "quiet", "1");
    for number in 0..10 {
        publish(&hub, "busy", &number.to_string());
    }
    assert_eq!(events(&drain(&mut after(&hub, &["quiet"], "z-0"))), ["message:1@z-1"]);
    assert_eq!(events(&drain(&mut after(&hub, &["quiet"], "z-1"))), [""; 0]);
    assert_eq!(events(&drain(&mut after(&hub, &["never used"], "z-1"))), [""; 0]);
    assert_eq!(events(&drain(&mut after(&hub, &["busy"], "z-1"))), [format!("{DROPPED}@z-b")]);
    assert_eq!(
        events(&drain(&mut after(&hub, &["quiet", "busy"], "z-1"))),
        [format!("{DROPPED}@z-b")]
    );
}

#[test]
fn a_reader_that_is_overtaken_is_told() {
    let hub = builder().topic_history(3, MIB).build();
    let mut slow = hub.subscribe(["a"], Start::Live).unwrap();
    let mut fast = hub.subscribe(["a"], Start::Live).unwrap();
    drain(&mut slow);
    let mut seen = Vec::new();
    for number in 1..=5 {
        publish(&hub, "a", &number.to_string());
        seen.extend(events(&drain(&mut fast)));
    }
    assert_eq!(seen.len(), 5);
    assert_eq!(events(&drain(&mut slow)), [format!("{DROPPED}@z-5")]);
    publish(&hub, "a", "6");
    assert_eq!(events(&drain(&mut slow)), ["message:6@z-6"]);
}

#[test]
fn last_asks_for_history() {
    let hub = builder().topic_history(4, MIB).build();
    let last = |topics: &[&str], count| {
        let wire = drain(&mut hub.subscribe(topics, Start::Last(count)).unwrap());
        events(&wire).into_iter().map(|event| event[8..9].to_owned()).collect::<String>()
    };
    assert_eq!(last(&["a"], 3), "");
    for (number, topic) in "babaaaab".chars().enumerate() {
        publish(&hub, &topic.to_string(), &number.to_string());
    }
    assert_eq!(last(&["a"], 0), "");
    assert_eq!(last(&["a"], 1), "6");
    assert_eq!(last(&["a"], 2), "56");
    assert_eq!(last(&["a"], 99), "3456");
    assert_eq!(last(&["b"], 99), "027");
    assert_eq!(last(&["a", "b"], 3), "567");
    // Topic `a` has dropped event 1: to begin with event 0 would be a gap.
    assert_eq!(last(&["a", "b"], 99), "234567");
    assert_eq!(last(&["a", "b"], usize::MAX), "234567");
}

#[test]
fn an_event_is_encoded_once() {
    let hub = builder().build();
    let mut readers: Vec<_> = (0..3).map(|_| hub.subscribe(["a"], Start::Live).unwrap()).collect();
    readers.iter_mut().for_each(|reader| drop(drain(reader)));
    publish(&hub, "a", "shared");
    let blocks: Vec<_> = readers
        .iter_mut()
        .map(|reader| reader.next().now_or_never().unwrap().unwrap().as_ptr())
        .collect();
    assert!(blocks.iter().all(|&block| block == blocks[0]));
}

#[test]
fn a_frame_is_bounded() {
    let hub = builder().build();
    let data = "x".repeat(10_000);
    for _ in 0..100 {
        publish(&hub, "a", &data);
    }
    publish(&hub, "a", &"y".repeat(200_000));
    let mut reader = after(&hub, &["a"], "z-0");
    let mut count = 0;
    let mut longest = 0;
    while let Some(Some(frame)) = reader.next().now_or_never() {
        let text = std::str::from_utf8(&frame).unwrap();
        assert!(text.ends_with("\n\n"), "a frame holds whole blocks");
        count += events(text).len();
        if !text.contains('y') {
            longest = longest.max(frame.len());
        }
    }
    assert_eq!(count, 101);
    assert!((16 << 10..=32 << 10).contains(&longest), "{longest}");
}

#[test]
fn history_is_bounded_in_events_and_bytes() {
    let kept = |hub: &Hub, topic: &str| {
        events(&drain(&mut hub.subscribe([topic], Start::Last(999)).unwrap())).len()
    };
    // A block is `id: z-1\ndata: x\n\n`, 17 bytes.
    let hub = builder().topic_history(5, MIB).build();
    (0..9).for_each(|_| drop(publish(&hub, "a", "x")));
    assert_eq!(kept(&hub, "a"), 5);
    let hub = builder().topic_history(99, 3 * 17).build();
    (0..9).for_each(|_| drop(publish(&hub, "a", "x")));
    assert_eq!(kept(&hub, "a"), 3);
    let hub = builder().history(4 * 17).build();
    for _ in 0..3 {
        publish(&hub, "a", "x");
        publish(&hub, "b", "x");
    }
    assert_eq!((kept(&hub, "a"), kept(&hub, "b")), (2, 2));
}

#[test]
fn an_event_that_cannot_be_kept_is_refused_and_harms_nobody() {
    let hub = builder().topic_history(9, 100).build();
    let mut reader = hub.subscribe(["a"], Start::Live).unwrap();
    publish(&hub, "a", "1");
    assert_eq!(hub.publish("a", &Event::new(&"x".repeat(100))), Err(PublishError::TooLarge));
    publish(&hub, "a", "2");
    assert_eq!(events(&drain(&mut reader)), ["message:1@z-1", "message:2@z-2"]);
}

#[test]
fn topics_are_limited_and_what_they_dropped_is_not_forgotten() {
    let hub = builder().topics(3).build();
    for topic in ["a", "b", "c"] {
        publish(&hub, topic, topic);
    }
    let mut reader = hub.subscribe(["b"], Start::Live).unwrap();
    drain(&mut reader);
    // `a` holds the oldest event and has no reader.
    publish(&hub, "d", "d");
    // Who only asks takes nobody's place.
    assert_eq!(events(&drain(&mut after(&hub, &["e"], "z-4"))), [""; 0]);
    assert_eq!(events(&drain(&mut after(&hub, &["a"], "z-0"))), [format!("{DROPPED}@z-4")]);
    assert_eq!(events(&drain(&mut after(&hub, &["a"], "z-1"))), [""; 0]);
    assert_eq!(events(&drain(&mut after(&hub, &["b"], "z-1"))), ["message:b@z-2"]);
    publish(&hub, "b", "live");
    assert_eq!(events(&drain(&mut reader)), ["message:live@z-5"]);
}

#[test]
fn a_flood_of_topics_takes_no_more_room_than_is_stated() {
    let hub = builder().topics(100).topic_history(9, 1000).history(5000).build();
    let mut reader = hub.subscribe(["kept"], Start::Live).unwrap();
    drain(&mut reader);
    for number in 0..20_000 {
        publish(&hub, &format!("topic {number}"), "x");
        if number % 1000 == 0 {
            let id = publish(&hub, "kept", "y");
            assert_eq!(events(&drain(&mut reader)), [format!("message:y@{id}")]);
        }
    }
    let held = |number: usize| {
        let topic = format!("topic {number}");
        events(&drain(&mut hub.subscribe([topic], Start::Last(9)).unwrap())).len()
    };
    // One place is that of the topic that is read.
    assert_eq!((0..20_000).map(held).sum::<usize>(), 99);
}

#[test]
fn ids_that_cannot_be_are_told_as_unknown_and_not_repeated() {
    let library = builder().build();
    let given = Hub::builder().retry(None).given_ids("start").unwrap().build();
    let long = "z-1".repeat(1 << 20);
    for (hub, at) in [(&library, "z-0"), (&given, "start")] {
        for id in [
            &b"\0"[..],
            b"\n",
            b"\r\n\r\n",
            b"a\n\ndata: x\n\n",
            b"\xFF",
            b"\xF0\x9F\x98",
            b"\x7F",
            b" ",
            b"-",
            b"z-",
            b"z--1",
            b"-0",
            b"z-00",
            b"Z-0",
            b"z-0\0",
            b"z-zzzzzzzzzzzzzzzzzzzz",
            long.as_bytes(),
        ] {
            let wire = drain(&mut hub.subscribe(["a"], Start::After(id)).unwrap());
            assert_eq!(events(&wire), [format!("{UNKNOWN}@{at}")], "{:?}", id.escape_ascii());
        }
    }
}

#[test]
fn names_and_calls_that_cannot_be() {
    let hub = builder().build();
    let event = Event::new("x");
    for (name, problem) in [
        ("", TopicError::Empty),
        ("a\nb", TopicError::ControlCharacter),
        ("a\u{85}b", TopicError::ControlCharacter),
        (&"x".repeat(257), TopicError::TooLong),
    ] {
        assert_eq!(hub.publish(name, &event), Err(PublishError::Topic(problem)));
        assert_eq!(hub.subscribe([name], Start::Live).unwrap_err(), SubscribeError::Topic(problem));
    }
    assert!(hub.publish(&"x".repeat(256), &event).is_ok());
    assert_eq!(hub.publish("a", &event.with_id("7").unwrap()), Err(PublishError::CarriesId));
    assert_eq!(hub.subscribe([""; 0], Start::Live).unwrap_err(), SubscribeError::NoTopic);
    assert_eq!(hub.subscribe(["a"; 65], Start::Live).unwrap_err(), SubscribeError::TooManyTopics);
}

#[test]
fn dropping_a_subscription_leaves_nothing() {
    let hub = builder().build();
    let readers: Vec<_> = (0..100)
        .map(|number| hub.subscribe(["quiet", &format!("topic {number}")], Start::Live).unwrap())
        .collect();
    assert_eq!(hub.subscribers(), 100);
    drop(readers);
    assert_eq!(hub.subscribers(), 0);
}

#[tokio::test(start_paused = true)]
async fn shutting_down_ends_every_stream() {
    let come_back = Retry::new(Duration::from_secs(7));
    let hub = builder().come_back(come_back).build();
    let mut reader = hub.subscribe(["a"], Start::Live).unwrap();
    drain(&mut reader);
    publish(&hub, "a", "last");
    let reading = async {
        assert_eq!(reader.next().await.unwrap(), "id: z-1\ndata: last\n\n");
        assert_eq!(reader.next().await.unwrap(), "retry: 7000\n\n");
        assert_eq!(reader.next().await, None);
        drop(reader);
    };
    let (shutdown, ()) = tokio::join!(hub.shutdown(Duration::from_secs(5)), reading);
    assert_eq!((shutdown.closed, shutdown.left), (1, 0));
    assert_eq!(hub.publish("a", &Event::new("x")), Err(PublishError::Closed));
    let mut late = after(&hub, &["a"], "z-0");
    assert_eq!(drain(&mut late), "retry: 7000\n\n");
    assert_eq!(late.next().await, None);
}

#[test]
fn epochs_differ_from_hub_to_hub() {
    let epochs: std::collections::HashSet<_> =
        (0..1000).map(|_| Hub::new().publish("a", &Event::new("x")).unwrap().epoch).collect();
    assert_eq!(epochs.len(), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_reader_is_told_how_far_the_log_has_come() {
    let hub = builder().keep_alive(Some(Duration::from_secs(15))).topic_history(2, MIB).build();
    let mut body = hub.subscribe(["quiet"], Start::Live).unwrap().into_response().into_body();
    let mut next = async || body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(next().await, "id: z-0\n\n");
    let start = tokio::time::Instant::now();
    assert_eq!(next().await, ":\n\n");
    assert_eq!(start.elapsed().as_secs(), 15);
    publish(&hub, "busy", "x");
    assert_eq!(next().await, "id: z-1\n\n");
    assert_eq!(start.elapsed().as_secs(), 30);
    assert_eq!(next().await, ":\n\n");
    // Real traffic pushes the keep-alive back.
    tokio::time::sleep(Duration::from_secs(10)).await;
    publish(&hub, "quiet", "y");
    assert_eq!(next().await, "id: z-2\ndata: y\n\n");
    assert_eq!(next().await, ":\n\n");
    assert_eq!(start.elapsed().as_secs(), 45 + 10 + 15);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_publishers_and_readers_lose_and_double_nothing() {
    const EVENTS: u32 = 2000;
    let hub = builder().topic_history(100_000, 64 * MIB).build();
    let publishers: Vec<_> = (0..4)
        .map(|publisher| {
            let hub = hub.clone();
            tokio::spawn(async move {
                for number in 0..EVENTS {
                    publish(
                        &hub,
                        &format!("topic {}", publisher % 2),
                        &format!("{publisher} {number}"),
                    );
                    if number % 64 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    let readers: Vec<_> = (0..8)
        .map(|reader| {
            let hub = hub.clone();
            tokio::spawn(async move {
                let (mut next, mut count, mut sequence) = ([0; 4], 0, 0);
                let mut id = "z-0".to_owned();
                while count < 4 * EVENTS {
                    // Comes and goes: a few frames at a time.
                    let mut subscription = after(&hub, &["topic 0", "topic 1"], &id);
                    for _ in 0..reader + 2 {
                        let wire = subscription.next().await.unwrap();
                        let (events, last) = read(std::str::from_utf8(&wire).unwrap());
                        for event in events {
                            let data = event.strip_prefix("message:").unwrap();
                            let (data, event_id) = data.split_once('@').unwrap();
                            let (publisher, number) = data.split_once(' ').unwrap();
                            let publisher: usize = publisher.parse().unwrap();
                            assert_eq!(number.parse::<u32>().unwrap(), next[publisher]);
                            next[publisher] += 1;
                            let id: sansse_tokio::EventId = event_id.parse().unwrap();
                            assert_eq!(id.sequence, sequence + 1);
                            sequence += 1;
                            count += 1;
                        }
                        id = last;
                        if count == 4 * EVENTS {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    for task in publishers.into_iter().chain(readers) {
        tokio::time::timeout(Duration::from_secs(60), task).await.unwrap().unwrap();
    }
}
