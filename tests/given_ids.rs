//! A hub whose ids the application gives (law 12).

use futures_util::{FutureExt as _, StreamExt as _};
use proptest::prelude::*;
use sansse_tokio::{Event, Hub, HubBuilder, PublishError, Start, Subscription};
use tests::strategy;
use tests::wire::{drain, events, read};

fn builder() -> HubBuilder {
    Hub::builder().retry(None).keep_alive(None).given_ids("start").unwrap()
}

fn publish(hub: &Hub, topic: &str, id: &str) {
    let data = format!("data of {id}");
    hub.publish(topic, &Event::new(&data).with_id(id).unwrap()).unwrap();
}

fn after(hub: &Hub, topics: &[&str], id: &str) -> Subscription {
    hub.subscribe(topics, Start::After(id.as_bytes())).unwrap()
}

const UNKNOWN: &str = r#"reset:{"reason":"the id was not given by this run of the log"}"#;
const DROPPED: &str = r#"reset:{"reason":"the history no longer holds all events since the id"}"#;

#[test]
fn a_stream_carries_the_ids_of_the_application() {
    let hub = builder().build();
    let mut reader = hub.subscribe(["a", "b"], Start::Live).unwrap();
    assert_eq!(drain(&mut reader), "id: start\n\n");
    publish(&hub, "a", "x-1");
    publish(&hub, "b", "order/7");
    assert_eq!(
        drain(&mut reader),
        "id: x-1\ndata: data of x-1\n\nid: order/7\ndata: data of order/7\n\n"
    );
    assert_eq!(
        events(&drain(&mut after(&hub, &["a", "b"], "x-1"))),
        ["message:data of order/7@order/7"]
    );
    assert_eq!(events(&drain(&mut after(&hub, &["a", "b"], "start"))).len(), 2);
    assert_eq!(drain(&mut after(&hub, &["a", "b"], "order/7")), "id: order/7\n\n");
    // The position is by the reader's own topics.
    assert_eq!(drain(&mut hub.subscribe(["a"], Start::Live).unwrap()), "id: x-1\n\n");
}

#[test]
fn ids_are_checked() {
    let hub = builder().build();
    assert_eq!(hub.publish("a", &Event::new("x")), Err(PublishError::LacksId));
    for id in ["", "a b", "a:b", "ü", "a\"b", &"x".repeat(129)] {
        let event = Event::new("x").with_id(id).unwrap();
        assert!(matches!(hub.publish("a", &event), Err(PublishError::Id(_))), "{id}");
    }
    publish(&hub, "a", &"x".repeat(128));
    publish(&hub, "a", "same");
    let same = Event::new("x").with_id("same").unwrap();
    assert_eq!(hub.publish("b", &same), Err(PublishError::IdTaken));
    let origin = Event::new("x").with_id("start").unwrap();
    assert_eq!(hub.publish("b", &origin), Err(PublishError::IdTaken));
    assert!(Hub::builder().given_ids("a b").is_err());
}

#[test]
fn what_is_not_known_is_a_gap() {
    let hub = builder().topic_history(2, 1 << 20).build();
    for number in 0..5 {
        publish(&hub, "a", &format!("a{number}"));
    }
    for (id, reason) in [("nonsense", UNKNOWN), ("…", UNKNOWN), ("a1", DROPPED), ("start", DROPPED)]
    {
        let wire = drain(&mut after(&hub, &["a"], id));
        assert_eq!(events(&wire), [format!("{reason}@a4")], "{id}");
        // Never twice.
        assert_eq!(drain(&mut after(&hub, &["a"], &read(&wire).1)), "id: a4\n\n");
    }
    assert_eq!(events(&drain(&mut after(&hub, &["a"], "a2"))).len(), 2);
}

#[test]
fn an_id_is_forgotten_some_time_and_may_then_be_given_again() {
    let hub = builder().topic_history(2, 1 << 20).build();
    publish(&hub, "a", "first");
    for number in 0..4095 {
        publish(&hub, "a", &number.to_string());
    }
    let first = Event::new("x").with_id("first").unwrap();
    assert_eq!(hub.publish("a", &first), Err(PublishError::IdTaken));
    publish(&hub, "a", "one-more");
    assert!(hub.publish("a", &first).is_ok());
}

/// Law 11 for quiet topics, however far the busy one runs.
#[test]
fn a_busy_topic_makes_no_gap_in_a_quiet_one() {
    let hub = builder().topic_history(4, 1 << 20).build();
    publish(&hub, "quiet", "q1");
    let mut reader = hub.subscribe(["quiet"], Start::Live).unwrap();
    let (_, mut id) = read(&drain(&mut reader));
    for number in 0..10_000 {
        publish(&hub, "busy", &format!("b{number}"));
        if number % 1000 == 0 {
            let wire = drain(&mut reader) + std::str::from_utf8(&reader.keep_alive()).unwrap();
            if let (_, told) = read(&wire)
                && !told.is_empty()
            {
                id = told;
            }
        }
    }
    let wire = drain(&mut after(&hub, &["quiet"], &id));
    assert_eq!(events(&wire), [""; 0], "{wire}");
    publish(&hub, "quiet", "q2");
    assert_eq!(events(&drain(&mut after(&hub, &["quiet"], &id))), ["message:data of q2@q2"]);
}

/// A topic that was forgotten and is known again has no id of its own to name a place in it.
#[test]
fn no_place_is_told_that_lies_ahead_of_the_reader() {
    let hub = builder().topic_history(5000, 1 << 20).history(1 << 15).build();
    publish(&hub, "a", "a1");
    for number in 0..5000 {
        publish(&hub, "b", &format!("b{number}"));
    }
    publish(&hub, "a", "a2");
    publish(&hub, "b", "last");
    let mut reader = hub.subscribe(["a"], Start::Last(9)).unwrap();
    let opening = reader.next().now_or_never().unwrap().unwrap();
    let (_, id) = read(std::str::from_utf8(&opening).unwrap());
    assert_eq!(events(&drain(&mut after(&hub, &["a"], &id))), ["message:data of a2@a2"], "{id}");
}

/// What the application's log says of its own place, without an event.
#[test]
fn a_place_can_be_named_without_an_event() {
    let hub = builder().topic_history(2, 1 << 20).build();
    assert_eq!(Hub::new().advance("p"), Err(PublishError::CarriesId));
    assert!(matches!(hub.advance("a b"), Err(PublishError::Id(_))));
    let mut reader = hub.subscribe(["a"], Start::Live).unwrap();
    assert_eq!(drain(&mut reader), "id: start\n\n");
    hub.advance("p1").unwrap();
    assert_eq!(hub.advance("p1"), Err(PublishError::IdTaken));
    assert_eq!(hub.advance("start"), Err(PublishError::IdTaken));
    // Quiet readers are told, new ones too.
    assert_eq!(drain(&mut reader), "");
    assert_eq!(reader.keep_alive(), "id: p1\n\n");
    assert_eq!(reader.keep_alive(), ":\n\n");
    assert_eq!(drain(&mut hub.subscribe(["a"], Start::Live).unwrap()), "id: p1\n\n");
    // It stands between the events before and behind it.
    publish(&hub, "a", "a1");
    hub.advance("p2").unwrap();
    publish(&hub, "b", "b1");
    publish(&hub, "a", "a2");
    assert_eq!(
        events(&drain(&mut after(&hub, &["a"], "p1"))),
        ["message:data of a1@a1", "message:data of a2@a2"]
    );
    assert_eq!(events(&drain(&mut after(&hub, &["a"], "p2"))), ["message:data of a2@a2"]);
    // No place is told that lies ahead of the reader.
    let mut behind = hub.subscribe(["a"], Start::Last(1)).unwrap();
    assert_eq!(drain(&mut behind), "id: p2\n\nid: a2\ndata: data of a2\n\n");
    publish(&hub, "a", "a3");
    assert_eq!(events(&drain(&mut after(&hub, &["a"], "p1"))), [format!("{DROPPED}@a3")]);
    assert_eq!(events(&drain(&mut after(&hub, &["a"], "p2"))).len(), 2);
    // The newest is known, however busy the hub.
    hub.advance("p3").unwrap();
    for number in 0..10_000 {
        publish(&hub, "busy", &format!("x{number}"));
    }
    assert_eq!(drain(&mut after(&hub, &["a"], "p3")), "id: p3\n\n");
    assert_eq!(hub.advance("p1"), Ok(()));
}

proptest! {
    #![proptest_config(strategy::cases(256))]

    /// Whatever a reader was told last, from there on it gets every event of its topics, or a reset.
    #[test]
    fn a_reader_that_comes_back_misses_nothing_untold(
        steps in prop::collection::vec((0..3_usize, 0..4_u8), 1..120),
        history in 1..12_usize,
    ) {
        let topics = ["a", "b", "c"];
        let hub = builder().topic_history(history, 1 << 20).build();
        let mut reader = hub.subscribe(["a", "b"], Start::Live).unwrap();
        let (mut id, mut expected) = ("start".to_owned(), Vec::<String>::new());
        for (number, (topic, step)) in steps.into_iter().enumerate() {
            let event_id = format!("e{number}");
            publish(&hub, topics[topic], &event_id);
            if topic < 2 {
                expected.push(format!("message:data of {event_id}@{event_id}"));
            }
            if step == 3 {
                hub.advance(&format!("p{number}")).unwrap();
            }
            if step == 0 {
                // Comes back with what it was told last.
                reader = after(&hub, &["a", "b"], &id);
            }
            if step < 2 {
                let (got, told) = read(&drain(&mut reader));
                if !told.is_empty() {
                    id = told;
                }
                match got.first() {
                    Some(first) if first.starts_with("reset") => {
                        prop_assert!(expected.len() > history, "a reset without need");
                        prop_assert_eq!(got.len(), 1);
                    }
                    _ => prop_assert_eq!(&got, &expected),
                }
                expected.clear();
            }
        }
    }
}
