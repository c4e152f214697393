//! The hub under schedulers that choose what runs next at each lock and each atomic: nothing is lost
//! or doubled, the order is kept, gaps are told, and nobody who has something to read stays asleep,
//! which a scheduler sees as a deadlock.
//!
//! It needs the locks of shuttle: `RUSTFLAGS="--cfg sansse_shuttle"`, and a target directory of its
//! own.

#![cfg(sansse_shuttle)]

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http_body_util::BodyExt as _;
use sansse_tokio::{
    Event, EventId, Hub, HubBody, HubBuilder, Item, Parser, PublishError, Retry, Start,
    Subscription,
};
use shuttle::future::block_on;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, Runner};

/// Of each scheduler.
const SCHEDULES: usize = 400;

/// Under `SANSSE_LONG=1`, so many times as many.
const LONG: usize = 50;

/// Runs a scenario under many schedules: random ones, and such that change between threads rarely
/// but at the worst of moments.
fn check(scenario: impl Fn() + Send + Sync + 'static) {
    let is_long = std::env::var("SANSSE_LONG").is_ok_and(|long| long == "1");
    let schedules = SCHEDULES * if is_long { LONG } else { 1 };
    let scenario = Arc::new(scenario);
    run(RandomScheduler::new(schedules), scenario.clone());
    for depth in [2, 3, 5] {
        run(PctScheduler::new(depth, schedules / 2), scenario.clone());
    }
}

fn run(scheduler: impl Scheduler + 'static, scenario: Arc<impl Fn() + Send + Sync + 'static>) {
    // A shutdown sets a timer. Nothing drives it, so that no schedule hangs on the time.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let mut config = Config::new();
    config.stack_size = 256 << 10;
    Runner::new(scheduler, config).run(move || scenario());
}

fn builder() -> HubBuilder {
    Hub::builder().epoch(35).retry(None).keep_alive(None)
}

/// An event that the hub took.
#[derive(Debug)]
struct Published {
    sequence: u64,
    topic: &'static str,
    data: String,
}

/// Publishes so many events to topics in turn, until the hub takes no more.
fn publisher(
    hub: &Hub,
    name: &'static str,
    topics: &'static [&'static str],
    count: usize,
) -> JoinHandle<Vec<Published>> {
    let hub = hub.clone();
    thread::spawn(move || {
        let mut published = Vec::new();
        for (number, topic) in topics.iter().cycle().take(count).enumerate() {
            let data = format!("{name} {number}");
            match hub.publish(topic, &Event::new(&data)) {
                Ok(id) => published.push(Published { sequence: id.sequence, topic, data }),
                Err(PublishError::Closed) => break,
                Err(error) => panic!("{error}"),
            }
        }
        published
    })
}

/// All that was published, in its order. Every event has its own place, and none is free.
fn log(publishers: impl IntoIterator<Item = JoinHandle<Vec<Published>>>) -> Vec<Published> {
    let mut log: Vec<_> =
        publishers.into_iter().flat_map(|publisher| publisher.join().unwrap()).collect();
    log.sort_by_key(|event| event.sequence);
    assert!(log.iter().map(|event| event.sequence).eq(1..=log.len() as u64));
    log
}

/// What a reader got.
#[derive(Debug)]
enum Got {
    Event { sequence: u64, data: String },
    Reset { sequence: u64 },
}

/// A reader of some topics that notes what it gets.
struct Reader {
    hub: Hub,
    topics: &'static [&'static str],
    /// None while it is away.
    subscription: Option<Subscription>,
    id: String,
    /// The position of the first opening.
    opened_at: u64,
    got: Vec<Got>,
}

impl Reader {
    fn join(hub: &Hub, topics: &'static [&'static str], start: Start<'_>) -> Self {
        let subscription = Some(hub.subscribe(topics, start).unwrap());
        let (hub, id) = (hub.clone(), String::new());
        let mut reader = Self { hub, topics, subscription, id, opened_at: 0, got: Vec::new() };
        reader.read();
        reader.opened_at = reader.sequence().unwrap_or(0);
        reader
    }

    /// The sequence of the last event ID.
    fn sequence(&self) -> Option<u64> {
        Some(EventId::parse(self.id.as_bytes()).ok()?.sequence)
    }

    /// Waits for a frame, and notes what it holds; false at the end of the stream.
    fn read(&mut self) -> bool {
        let subscription = self.subscription.as_mut().unwrap();
        let frame = block_on(poll_fn(|cx| subscription.poll_read(cx)));
        frame.is_some_and(|frame| {
            self.note(&frame);
            true
        })
    }

    /// The same without waiting.
    fn read_what_is_there(&mut self) {
        let subscription = self.subscription.as_mut().unwrap();
        let frame = block_on(poll_fn(|cx| Poll::Ready(subscription.poll_read(cx))));
        if let Poll::Ready(Some(frame)) = frame {
            self.note(&frame);
        }
    }

    fn note(&mut self, frame: &[u8]) {
        let mut parser = Parser::growing(1 << 20, 64);
        parser.seed_last_event_id(self.id.as_bytes()).unwrap();
        let mut items = parser.feed(frame);
        while let Some(item) = items.next() {
            let Item::Event(event) = item else { continue };
            let id = EventId::parse(event.id().unwrap().as_bytes()).unwrap();
            let sequence = id.sequence;
            self.got.push(if event.event_type() == "reset" {
                Got::Reset { sequence }
            } else {
                Got::Event { sequence, data: event.data().to_string() }
            });
        }
        self.id = parser.last_event_id().to_string();
    }

    /// Whether the last event of its topics has come, or was told to be lost.
    fn has_come_to(&self, last: u64) -> bool {
        self.sequence().is_some_and(|sequence| sequence >= last)
    }

    /// Goes, and comes back with its last event ID.
    fn reconnect(&mut self) {
        self.subscription = None;
        let start = Start::After(self.id.as_bytes());
        self.subscription = Some(self.hub.subscribe(self.topics, start).unwrap());
        // What it opens with is there at once: only who then waits lets others go on.
        self.read_what_is_there();
    }

    /// Holds what came against what was published, and returns how many gaps were told.
    fn check(&self, log: &[Published], is_complete: bool) -> usize {
        let own = |event: &&Published| self.topics.contains(&event.topic);
        let mut position = self.opened_at;
        let next = |position: u64| log.iter().filter(own).find(|event| event.sequence > position);
        let mut resets = 0;
        for got in &self.got {
            position = match got {
                Got::Reset { sequence } => {
                    resets += 1;
                    assert!(*sequence >= position, "time ran backwards: {self:?}");
                    *sequence
                }
                Got::Event { sequence, data } => {
                    let expected = next(position).expect("an event that was published");
                    assert_eq!((*sequence, data), (expected.sequence, &expected.data), "{self:?}");
                    *sequence
                }
            };
        }
        assert!(!is_complete || next(position).is_none(), "an event never came: {self:?}");
        resets
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} from {}: {:?}", self.topics, self.opened_at, self.got)
    }
}

/// A reader that reads until the last event has come to it, and comes back after every so many frames
/// behind the opening.
fn reader(
    hub: &Hub,
    topics: &'static [&'static str],
    frames: usize,
    last: u64,
) -> JoinHandle<Reader> {
    let hub = hub.clone();
    thread::spawn(move || {
        let mut reader = Reader::join(&hub, topics, Start::Live);
        let mut count = 0;
        while !reader.has_come_to(last) {
            assert!(reader.read(), "nobody ended the stream");
            count += 1;
            if count % frames == 0 {
                reader.reconnect();
            }
        }
        reader
    })
}

/// Two publishers on two topics; who reads one of them, who reads both, and who comes and goes. When
/// the publishers are done, a last event goes to the topic that all readers follow.
fn publishers_and_readers(hub: &Hub) -> (Vec<Published>, Vec<Reader>) {
    const COUNT: usize = 3;
    let last = 2 * COUNT as u64;
    let readers = [
        reader(hub, &["a"], usize::MAX, last + 1),
        reader(hub, &["a", "b"], usize::MAX, last + 1),
        reader(hub, &["b", "a"], 1, last + 1),
    ];
    let publishers =
        [publisher(hub, "one", &["a", "b"], COUNT), publisher(hub, "two", &["b", "a"], COUNT)];
    let mut events = log(publishers);
    let id = hub.publish("a", &Event::new("last")).unwrap();
    events.push(Published { sequence: id.sequence, topic: "a", data: "last".into() });
    let readers = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
    assert_eq!(hub.subscribers(), 3);
    (events, readers)
}

#[test]
fn nothing_is_lost_or_doubled_and_nobody_stays_asleep() {
    check(|| {
        let hub = builder().build();
        let (log, readers) = publishers_and_readers(&hub);
        for reader in &readers {
            assert_eq!(reader.check(&log, true), 0, "a gap without need: {reader:?}");
        }
        drop(readers);
        assert_eq!(hub.subscribers(), 0);
    });
}

#[test]
fn gaps_are_told_while_events_are_dropped() {
    check(|| {
        let hub = builder().topic_history(1, 1 << 20).build();
        let (log, readers) = publishers_and_readers(&hub);
        for reader in &readers {
            reader.check(&log, true);
        }
    });
}

/// One topic may have a history: each takes it from the other, and is forgotten and made anew.
#[test]
fn gaps_are_told_while_topics_come_and_go() {
    check(|| {
        let hub = builder().topics(1).build();
        let publishers = [publisher(&hub, "one", &["a"], 3), publisher(&hub, "two", &["b"], 3)];
        let readers = [&["a"][..], &["b"], &["b", "a"]].map(|topics| {
            let hub = hub.clone();
            thread::spawn(move || {
                let mut reader = Reader::join(&hub, topics, Start::Last(9));
                for _ in 0..3 {
                    reader.read_what_is_there();
                    reader.reconnect();
                }
                reader
            })
        });
        let log = log(publishers);
        for reader in readers {
            let mut reader = reader.join().unwrap();
            for _ in 0..9 {
                reader.read_what_is_there();
            }
            reader.check(&log, true);
        }
    });
}

/// An end from elsewhere is noticed by who waits, and the reader goes on where it was.
#[test]
fn a_handle_ends_a_stream_that_waits_or_reads() {
    check(|| {
        let hub = builder().build();
        let mut reader = Reader::join(&hub, &["a", "b"], Start::Live);
        let handle = reader.subscription.as_ref().unwrap().handle();
        let reading = thread::spawn(move || {
            while reader.read() {}
            reader.reconnect();
            while !reader.has_come_to(4) {
                assert!(reader.read());
            }
            reader
        });
        let ending = thread::spawn(move || handle.end());
        let publishers = [publisher(&hub, "one", &["a"], 2), publisher(&hub, "two", &["b"], 2)];
        let log = log(publishers);
        ending.join().unwrap();
        assert_eq!(reading.join().unwrap().check(&log, true), 0);
    });
}

/// Who was there when the hub began to shut down gets all that the hub took; all streams end, and
/// the shutdown ends with the last of them.
#[test]
fn shutting_down_loses_nothing_and_ends() {
    check(|| {
        let hub = builder().come_back(Retry::new(Duration::from_secs(1))).build();
        let publishers =
            [publisher(&hub, "one", &["a", "b"], 3), publisher(&hub, "two", &["b"], 2)];
        let readers = [&["a"][..], &["a", "b"]].map(|topics| {
            let mut reader = Reader::join(&hub, topics, Start::Live);
            thread::spawn(move || {
                while reader.read() {}
                reader.subscription = None;
                // One that comes now is sent away at once.
                let start = Start::After(reader.id.as_bytes());
                let mut late = reader.hub.subscribe(topics, start).unwrap();
                let mut next = || block_on(poll_fn(|cx| late.poll_read(cx)));
                assert_eq!(next().unwrap(), "retry: 1000\n\n");
                assert_eq!(next(), None);
                reader
            })
        });
        let stopping = hub.clone();
        let shutdown =
            thread::spawn(move || block_on(stopping.shutdown(Duration::from_secs(3600))));
        let log = log(publishers);
        for reader in readers {
            let reader = reader.join().unwrap();
            assert_eq!(reader.check(&log, true), 0);
        }
        shutdown.join().unwrap();
        assert_eq!(hub.publish("a", &Event::new("x")), Err(PublishError::Closed));
        assert_eq!(hub.subscribers(), 0);
    });
}

/// Readers that come while the hub shuts down get all that it took, or are sent away.
#[test]
fn who_comes_while_the_hub_shuts_down_is_not_left_asleep() {
    check(|| {
        let hub = builder().build();
        let publishers = [publisher(&hub, "one", &["a"], 2)];
        let coming = {
            let hub = hub.clone();
            thread::spawn(move || {
                let mut reader = Reader::join(&hub, &["a"], Start::Last(9));
                while reader.read() {}
                reader
            })
        };
        let stopping = hub.clone();
        let shutdown =
            thread::spawn(move || block_on(stopping.shutdown(Duration::from_secs(3600))));
        let log = log(publishers);
        let reader = coming.join().unwrap();
        // Without a position it was sent away.
        let was_open = !reader.id.is_empty();
        reader.check(&log, was_open);
        drop(reader);
        assert_eq!(shutdown.join().unwrap().left, 0);
    });
}

/// Whoever waits last is woken, whoever waited before.
#[test]
fn a_subscription_may_move_to_another_task() {
    check(|| {
        let hub = builder().build();
        let mut reader = Reader::join(&hub, &["a", "b"], Start::Live);
        let publishers = [publisher(&hub, "one", &["a"], 2), publisher(&hub, "two", &["b"], 2)];
        let reading = thread::spawn(move || {
            // Waits, and is dropped while it waits.
            reader.read_what_is_there();
            thread::spawn(move || {
                reader.read_what_is_there();
                thread::spawn(move || {
                    while !reader.has_come_to(4) {
                        assert!(reader.read());
                    }
                    reader
                })
            })
        });
        let log = log(publishers);
        let reader = reading.join().unwrap().join().unwrap().join().unwrap();
        assert_eq!(reader.check(&log, true), 0);
    });
}

/// A body that holds back because its transport holds enough goes on when another thread, as that of
/// a transport, lets frames go.
#[test]
fn a_body_goes_on_when_its_frames_are_let_go() {
    check(|| {
        const EVENTS: usize = 4;
        let hub = builder().build();
        let subscription = hub.subscribe(["a"], Start::Live).unwrap();
        let body: HubBody = subscription.into_response().into_body();
        // Two of them are more than may be on their way.
        let large = "x".repeat(20 << 10);
        let publishing = {
            let hub = hub.clone();
            thread::spawn(move || {
                for _ in 0..EVENTS {
                    hub.publish("a", &Event::new(&large)).unwrap();
                }
            })
        };
        let (sender, transport) = shuttle::sync::mpsc::channel();
        let transport = thread::spawn(move || {
            let mut held = Vec::new();
            let mut length = 0;
            while let Ok(frame) = transport.recv() {
                let frame: bytes::Bytes = frame;
                length += frame.len();
                held.push(frame);
                if held.len() == 2 {
                    thread::yield_now();
                    held.clear();
                }
            }
            length
        });
        let reading = thread::spawn(move || {
            let mut body = pin!(body);
            // Each is a frame, behind that of the opening.
            for _ in 0..=EVENTS {
                let frame = block_on(body.frame()).unwrap().unwrap().into_data().unwrap();
                sender.send(frame).unwrap();
            }
        });
        publishing.join().unwrap();
        reading.join().unwrap();
        assert!(transport.join().unwrap() >= EVENTS * (20 << 10));
    });
}
