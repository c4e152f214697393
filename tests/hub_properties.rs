//! The hub against a model: whatever happens in whatever order, a reader gets every event of its
//! topics once and in order, or is told that it did not.

use futures_util::{FutureExt, StreamExt};
use proptest::prelude::*;
use sansse_tokio::{Event, EventId, Hub, Item, Parser, Start, Subscription};
use tests::strategy;

const TOPICS: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Step {
    Publish {
        topic: usize,
        length: usize,
    },
    /// A new reader of a set of topics (a bit each).
    Join {
        topics: u8,
        last: Option<usize>,
    },
    /// Reads so many frames.
    Read {
        reader: usize,
        frames: usize,
    },
    /// Goes, and comes back with its last event ID.
    Reconnect {
        reader: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, 0..200_usize).prop_map(|(topic, length)| Step::Publish { topic, length }),
        1 => (1..8_u8, prop::option::of(0..9_usize)).prop_map(|(topics, last)| Step::Join { topics, last }),
        4 => (any::<usize>(), 1..4_usize).prop_map(|(reader, frames)| Step::Read { reader, frames }),
        2 => any::<usize>().prop_map(|reader| Step::Reconnect { reader }),
    ]
}

/// An event that the model knows to have been published.
#[derive(Clone, Debug)]
struct Published {
    sequence: u64,
    topic: usize,
    data: String,
}

/// The event that has to come next for who follows these topics.
fn next_after(position: u64, topics: u8, log: &[Published]) -> Option<&Published> {
    let behind = log.partition_point(|event| event.sequence <= position);
    log[behind..].iter().find(|event| topics & 1 << event.topic != 0)
}

struct Reader {
    topics: u8,
    subscription: Subscription,
    parser: Parser<sansse_tokio::GrowingStorage, sansse_tokio::GrowingStorage>,
    /// Everything up to here has been received, or was of no concern, or was told to be lost.
    position: u64,
    resets: usize,
}

impl Reader {
    fn join(hub: &Hub, topics: u8, start: Start<'_>) -> Self {
        let names = (0..3).filter(|topic| topics & 1 << topic != 0).map(|topic| TOPICS[topic]);
        let mut reader = Self {
            topics,
            subscription: hub.subscribe(names, start).unwrap(),
            parser: Parser::growing(1 << 20, 64),
            position: 0,
            resets: 0,
        };
        // The opening names the position from which on nothing may be missing.
        let opening = reader.subscription.next().now_or_never().unwrap().unwrap();
        let _ = reader.parser.feed(&opening).next();
        reader.position = reader.last_id().sequence;
        reader
    }

    fn last_id(&self) -> EventId {
        EventId::parse(self.parser.last_event_id().as_bytes()).unwrap()
    }

    /// Reads a frame and holds each event of it against the model.
    fn read(&mut self, log: &[Published]) -> bool {
        let Some(Some(frame)) = self.subscription.next().now_or_never() else { return false };
        let mut items = self.parser.feed(&frame);
        while let Some(item) = items.next() {
            let Item::Event(event) = item else { panic!("{item:?}") };
            let id = EventId::parse(event.id().unwrap().as_bytes()).unwrap();
            assert!(id.sequence >= self.position, "time ran backwards");
            if event.event_type() == "reset" {
                self.resets += 1;
            } else {
                let expected = next_after(self.position, self.topics, log).expect("an event");
                assert_eq!(id.sequence, expected.sequence, "an event is missing or double");
                assert_eq!(event.data(), expected.data.as_str());
            }
            self.position = id.sequence;
        }
        true
    }
}

fn run(steps: Vec<Step>, history: (usize, usize), total: usize, epoch: u64) -> usize {
    let hub = Hub::builder()
        .epoch(epoch)
        .retry(None)
        .topic_history(history.0, history.1)
        .history(total)
        .build();
    let (mut log, mut readers) = (Vec::new(), Vec::<Reader>::new());
    let mut resets = 0;
    for step in steps {
        match step {
            Step::Publish { topic, length } => {
                let data = format!("{} {}", log.len(), "x".repeat(length));
                if let Ok(id) = hub.publish(TOPICS[topic], &Event::new(&data)) {
                    let sequence = log.len() as u64 + 1;
                    log.push(Published { sequence, topic, data });
                    assert_eq!(id, EventId { epoch, sequence });
                }
            }
            Step::Join { topics, last } => {
                readers.push(Reader::join(&hub, topics, last.map_or(Start::Live, Start::Last)));
            }
            Step::Read { reader, frames } if !readers.is_empty() => {
                let count = readers.len();
                for _ in 0..frames {
                    readers[reader % count].read(&log);
                }
            }
            Step::Reconnect { reader } if !readers.is_empty() => {
                let count = readers.len();
                let reader = &mut readers[reader % count];
                let id = reader.last_id().to_string();
                let names = (0..3).filter(|topic| reader.topics & 1 << topic != 0);
                reader.subscription = hub
                    .subscribe(names.map(|topic| TOPICS[topic]), Start::After(id.as_bytes()))
                    .unwrap();
            }
            Step::Read { .. } | Step::Reconnect { .. } => {}
        }
    }
    for reader in &mut readers {
        while reader.read(&log) {}
        let missed = next_after(reader.position, reader.topics, &log);
        assert!(missed.is_none(), "an event never came");
        resets += reader.resets;
    }
    resets
}

proptest! {
    #![proptest_config(strategy::cases(512))]

    #[test]
    fn nothing_is_lost_or_doubled_untold(
        steps in prop::collection::vec(step(), 0..200),
        events in 1..20_usize,
        bytes in 50..2000_usize,
        total in 50..4000_usize,
        epoch in any::<u64>(),
    ) {
        run(steps, (events, bytes), total, epoch);
    }

    #[test]
    fn nothing_is_reset_while_the_history_holds(steps in prop::collection::vec(step(), 0..200)) {
        prop_assert_eq!(run(steps, (1000, 1 << 20), 1 << 22, 7), 0);
    }
}

/// A server that restarts takes no id of any earlier run for one of its own.
#[test]
fn no_id_of_an_earlier_run_is_resumed() {
    let mut ids: Vec<String> = Vec::new();
    for _ in 0..1000 {
        let hub = Hub::new();
        for _ in 0..3 {
            hub.publish("a", &Event::new("x")).unwrap();
        }
        if let Some(earlier) = ids.last() {
            let mut reader = hub.subscribe(["a"], Start::After(earlier.as_bytes())).unwrap();
            let frame = reader.next().now_or_never().unwrap().unwrap();
            assert!(frame.starts_with(b"event: reset\n"));
        }
        ids.push(hub.publish("a", &Event::new("x")).unwrap().to_string());
    }
    let hub = Hub::new();
    hub.publish("a", &Event::new("x")).unwrap();
    for id in &ids {
        let mut reader = hub.subscribe(["a"], Start::After(id.as_bytes())).unwrap();
        let frame = reader.next().now_or_never().unwrap().unwrap();
        assert!(frame.starts_with(b"event: reset\n"));
    }
}
