//! The hub against a model: whatever happens in whatever order, a reader gets every event of its
//! topics once and in order, or is told that it did not.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use proptest::prelude::*;
use sansse_tokio::{
    Event, EventId, GrowingStorage, Hub, HubBuilder, Item, Parser, PublishError, Start,
    Subscription,
};
use tests::strategy;
use tokio::time::advance;

const TOPICS: [&str; 3] = ["a", "b", "c"];

/// The id before the first event, where the application gives them.
const ORIGIN: &str = "origin";

#[derive(Clone, Debug)]
enum Step {
    /// So many events of one length.
    Publish { topic: usize, length: usize, count: usize },
    /// A new reader of a set of topics (a bit each).
    Join { topics: u8, last: Option<usize> },
    /// Reads so many frames.
    Read { reader: usize, frames: usize },
    /// Is sent what silent streams are sent.
    KeepAlive { reader: usize },
    /// Goes.
    Leave { reader: usize },
    /// Goes, and comes back with its last event ID.
    Reconnect { reader: usize },
    /// Is ended from elsewhere.
    End { reader: usize },
    /// So many milliseconds go by.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let topic = 0..3_usize;
    // Enough for segments of many events, by their number or by their bytes.
    let burst = (0..3_usize, 0..300_usize, 1..150_usize);
    let publish = |(topic, length, count)| Step::Publish { topic, length, count };
    prop_oneof![
        12 => (topic, 0..200_usize, Just(1)).prop_map(publish),
        1 => burst.prop_map(publish),
        2 => (1..8_u8, prop::option::of(0..9_usize)).prop_map(|(topics, last)| Step::Join { topics, last }),
        8 => (any::<usize>(), 1..4_usize).prop_map(|(reader, frames)| Step::Read { reader, frames }),
        2 => any::<usize>().prop_map(|reader| Step::KeepAlive { reader }),
        2 => any::<usize>().prop_map(|reader| Step::Leave { reader }),
        3 => any::<usize>().prop_map(|reader| Step::Reconnect { reader }),
        1 => any::<usize>().prop_map(|reader| Step::End { reader }),
        1 => (0..2000_u64).prop_map(Step::Wait),
    ]
}

/// An event that the model knows to have been published.
#[derive(Clone, Debug)]
struct Published {
    sequence: u64,
    topic: usize,
    data: String,
}

/// A hub, and all that was published to it.
struct Model {
    hub: Hub,
    log: Vec<Published>,
    /// The sequences of the application's ids, where it gives them.
    given: Option<HashMap<String, u64>>,
    tried: usize,
}

impl Model {
    fn new(builder: HubBuilder, gives_ids: bool) -> Self {
        let builder = builder.epoch(35).retry(None);
        let (builder, given) = if gives_ids {
            let given = HashMap::from([(ORIGIN.to_owned(), 0)]);
            (builder.given_ids(ORIGIN).unwrap(), Some(given))
        } else {
            (builder, None)
        };
        Self { hub: builder.build(), log: Vec::new(), given, tried: 0 }
    }

    fn publish(&mut self, topic: usize, length: usize) {
        self.tried += 1;
        let (data, id) =
            (format!("{} {}", self.tried, "x".repeat(length)), format!("e{}", self.tried));
        let mut event = Event::new(&data);
        if self.given.is_some() {
            event = event.with_id(&id).unwrap();
        }
        match self.hub.publish(TOPICS[topic], &event) {
            Ok(place) => {
                let sequence = self.log.len() as u64 + 1;
                assert_eq!(place, EventId { epoch: 35, sequence });
                if let Some(given) = &mut self.given {
                    given.insert(id, sequence);
                }
                self.log.push(Published { sequence, topic, data });
            }
            Err(error) => assert_eq!(error, PublishError::TooLarge),
        }
    }

    /// The sequence that an id stands for.
    fn sequence(&self, id: &str) -> u64 {
        match &self.given {
            Some(given) => given[id],
            None => EventId::parse(id.as_bytes()).unwrap().sequence,
        }
    }

    /// The event that has to come next for who follows these topics.
    fn next_after(&self, position: u64, topics: u8) -> Option<&Published> {
        let behind = self.log.partition_point(|event| event.sequence <= position);
        self.log[behind..].iter().find(|event| topics & 1 << event.topic != 0)
    }

    fn subscribe(&self, topics: u8, start: Start<'_>) -> Subscription {
        let names = (0..3).filter(|topic| topics & 1 << topic != 0).map(|topic| TOPICS[topic]);
        self.hub.subscribe(names, start).unwrap()
    }
}

/// What a reader finds.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Frame,
    Nothing,
    TheEnd,
}

/// A client: what it has understood of what came.
struct Reader {
    topics: u8,
    /// None while it is away.
    subscription: Option<Subscription>,
    parser: Parser<GrowingStorage, GrowingStorage>,
    /// Everything up to here has been received, or was of no concern, or was told to be lost. Not
    /// known before the first opening.
    position: Option<u64>,
    resets: usize,
    /// Whether its stream was ended from elsewhere.
    is_ended: bool,
}

impl Reader {
    fn new(model: &Model, topics: u8, start: Start<'_>) -> Self {
        let subscription = Some(model.subscribe(topics, start));
        let parser = Parser::growing(1 << 20, 64);
        Self { topics, subscription, parser, position: None, resets: 0, is_ended: false }
    }

    /// A reader that has got its opening, which names the position from which on nothing may be
    /// missing.
    fn join(model: &Model, topics: u8, start: Start<'_>) -> Self {
        let mut reader = Self::new(model, topics, start);
        assert_eq!(reader.read(model), Found::Frame);
        let position = reader.position.expect("a position");
        if start == Start::Live {
            assert!(model.next_after(position, topics).is_none(), "not live: {position}");
        }
        reader
    }

    /// One that comes back with the last event ID of another.
    fn with_id(model: &Model, topics: u8, id: &str, position: u64) -> Self {
        let mut reader = Self::new(model, topics, Start::After(id.as_bytes()));
        reader.parser.seed_last_event_id(id.as_bytes()).unwrap();
        reader.position = Some(position);
        reader
    }

    fn reconnect(&mut self, model: &Model) {
        self.subscription = None;
        let id = self.parser.last_event_id().to_string();
        let next = Self::with_id(model, self.topics, &id, self.position.expect("a position"));
        *self = Self { resets: self.resets, ..next };
    }

    /// Reads a frame; comes back first where it is away.
    fn read(&mut self, model: &Model) -> Found {
        if self.subscription.is_none() {
            self.reconnect(model);
        }
        let subscription = self.subscription.as_mut().expect("open");
        match subscription.next().now_or_never() {
            None => Found::Nothing,
            Some(None) => Found::TheEnd,
            Some(Some(frame)) => {
                self.take(&frame, model);
                Found::Frame
            }
        }
    }

    /// Reads a frame, and comes back where the stream has ended.
    fn read_on(&mut self, model: &Model) {
        if self.read(model) == Found::TheEnd {
            self.reconnect(model);
        }
    }

    fn keep_alive(&mut self, model: &Model) {
        if let Some(subscription) = &mut self.subscription {
            let frame = subscription.keep_alive();
            self.take(&frame, model);
        }
    }

    /// Holds some bytes against the model, block by block.
    fn take(&mut self, mut bytes: &[u8], model: &Model) {
        while let Some(end) = memchr::memmem::find(bytes, b"\n\n") {
            let (block, rest) = bytes.split_at(end + 2);
            self.take_block(block, model);
            bytes = rest;
        }
        assert!(self.parser.feed(bytes).next().is_none());
    }

    /// Holds a block against the model: its event, and the position behind it.
    fn take_block(&mut self, block: &[u8], model: &Model) {
        let mut items = self.parser.feed(block);
        while let Some(item) = items.next() {
            let event = match item {
                Item::Event(event) => event,
                Item::Retry(_) => continue,
                other => panic!("{other:?}"),
            };
            let sequence = model.sequence(&event.id().unwrap().to_string());
            if event.event_type() == "reset" {
                assert!(Some(sequence) >= self.position, "time ran backwards");
                self.resets += 1;
            } else {
                let position = self.position.expect("a position");
                let expected = model.next_after(position, self.topics).expect("an event");
                assert_eq!(sequence, expected.sequence, "an event is missing or double");
                assert_eq!(event.data(), expected.data.as_str());
            }
            self.position = Some(sequence);
        }
        let id = self.parser.last_event_id().to_string();
        if id.is_empty() {
            return;
        }
        // It may be behind, where it repeats nothing; never ahead of what has come.
        let told = model.sequence(&id);
        let position = *self.position.get_or_insert(told);
        if told > position {
            let next = model.next_after(position, self.topics);
            assert!(next.is_none_or(|event| event.sequence > told), "{id} skips {next:?}");
            self.position = Some(told);
        }
    }

    /// Reads all that is there, and finds that nothing is missing.
    fn finish(&mut self, model: &Model) -> Found {
        let last = loop {
            match self.read(model) {
                Found::Frame => {}
                last => break last,
            }
        };
        let missed = model.next_after(self.position.expect("a position"), self.topics);
        assert!(missed.is_none(), "an event never came: {missed:?}");
        last
    }
}

/// A runtime whose time goes on only where it is told to.
fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Takes the steps, and returns how many gaps were told.
async fn run(mut model: Model, steps: Vec<Step>, shuts_down: bool) -> usize {
    let mut readers = Vec::<Reader>::new();
    for step in steps {
        match step {
            Step::Publish { topic, length, count } => {
                (0..count).for_each(|_| model.publish(topic, length));
            }
            Step::Join { topics, last } => {
                readers.push(Reader::join(&model, topics, last.map_or(Start::Live, Start::Last)));
            }
            Step::Wait(milliseconds) => advance(Duration::from_millis(milliseconds)).await,
            Step::Read { reader, .. }
            | Step::KeepAlive { reader }
            | Step::Leave { reader }
            | Step::Reconnect { reader }
            | Step::End { reader } => {
                let count = readers.len().max(1);
                if let Some(reader) = readers.get_mut(reader % count) {
                    take_step(&step, reader, &model);
                }
            }
        }
    }
    // Who was sent away or has gone comes back once more.
    for reader in &mut readers {
        if reader.is_ended || reader.subscription.is_none() {
            reader.reconnect(&model);
        }
    }
    if shuts_down {
        shut_down(&model, &mut readers).await;
    } else {
        readers.iter_mut().for_each(|reader| assert_eq!(reader.finish(&model), Found::Nothing));
    }
    readers.iter().map(|reader| reader.resets).sum()
}

fn take_step(step: &Step, reader: &mut Reader, model: &Model) {
    match step {
        Step::Read { frames, .. } => (0..*frames).for_each(|_| reader.read_on(model)),
        Step::KeepAlive { .. } => reader.keep_alive(model),
        Step::Leave { .. } => reader.subscription = None,
        Step::Reconnect { .. } => reader.reconnect(model),
        Step::End { .. } => {
            reader.is_ended = true;
            reader.subscription.iter().for_each(|open| open.handle().end());
        }
        Step::Publish { .. } | Step::Join { .. } | Step::Wait(_) => {}
    }
}

/// Shuts the hub down: all its readers get the rest, and their streams end.
async fn shut_down(model: &Model, readers: &mut [Reader]) {
    let open = model.hub.subscribers();
    let mut shutdown = pin!(model.hub.shutdown(Duration::from_secs(10)));
    // It begins when it is first polled, and is ready at once where nobody waits for it.
    let begun = (&mut shutdown).now_or_never();
    assert!(model.hub.is_shutting_down());
    let event = Event::new("x");
    let event = if model.given.is_some() { event.with_id("late").unwrap() } else { event };
    assert_eq!(model.hub.publish("a", &event), Err(PublishError::Closed));
    for reader in &mut *readers {
        assert_eq!(reader.finish(model), Found::TheEnd);
        reader.subscription = None;
        // Whoever comes now is sent away, and is not told a position that it has not come to.
        let id = reader.parser.last_event_id().to_string();
        reader.reconnect(model);
        while reader.read(model) != Found::TheEnd {}
        assert_eq!(reader.parser.last_event_id(), id.as_str());
        reader.subscription = None;
    }
    let told = match begun {
        Some(told) => told,
        None => shutdown.await,
    };
    assert_eq!((told.closed, told.left), (open, 0));
}

proptest! {
    #![proptest_config(strategy::cases(256))]

    #[test]
    fn nothing_is_lost_or_doubled_untold(
        steps in prop::collection::vec(step(), 0..200),
        // Small histories, in which each event counts, and such as hold sealed segments.
        events in prop_oneof![1..20_usize, 500..2000_usize],
        bytes in prop_oneof![50..2000_usize, 20_000..200_000_usize],
        total in prop_oneof![50..4000_usize, 20_000..400_000_usize],
        topics in prop_oneof![Just(1_usize), Just(2), Just(100)],
        age in prop::option::of(0..3000_u64),
        gives_ids in any::<bool>(),
        shuts_down in any::<bool>(),
    ) {
        let builder = Hub::builder()
            .topic_history(events, bytes)
            .history(total)
            .topics(topics)
            .max_age(age.map(Duration::from_millis));
        paused().block_on(async { run(Model::new(builder, gives_ids), steps, shuts_down).await });
    }

    #[test]
    fn nothing_is_reset_while_the_history_holds(
        steps in prop::collection::vec(step(), 0..200),
        gives_ids in any::<bool>(),
        shuts_down in any::<bool>(),
    ) {
        let builder = Hub::builder().topic_history(1 << 20, 1 << 26).history(1 << 28);
        let resets =
            paused().block_on(async { run(Model::new(builder, gives_ids), steps, shuts_down).await });
        prop_assert_eq!(resets, 0);
    }

    /// Law 11: however busy the others are, who reads a quiet topic is told of no gap.
    #[test]
    fn a_busy_topic_makes_no_gap_in_a_quiet_one(
        steps in prop::collection::vec((step(), any::<bool>()), 0..200),
        events in 1..20_usize,
        gives_ids in any::<bool>(),
    ) {
        let mut quiet = 0;
        let steps = steps.into_iter().map(|(step, is_busy)| match step {
            // As many as its history holds.
            Step::Publish { length, .. } if !is_busy && quiet < events => {
                quiet += 1;
                Step::Publish { topic: 0, length, count: 1 }
            }
            Step::Publish { topic, length, count } => {
                Step::Publish { topic: topic.max(1), length, count }
            }
            Step::Join { last, .. } => Step::Join { topics: 1, last },
            other => other,
        });
        let builder = Hub::builder().topic_history(events, 1 << 20);
        let steps = steps.collect();
        let resets = paused().block_on(async { run(Model::new(builder, gives_ids), steps, false).await });
        prop_assert_eq!(resets, 0);
    }
}

proptest! {
    #![proptest_config(strategy::cases(64))]

    /// What a reader got is cut at every byte, while more and more of it is dropped. Whatever its
    /// last event ID is then, it misses nothing untold.
    #[test]
    fn a_reader_may_be_cut_at_any_byte(
        before in prop::collection::vec((0..3_usize, 0..60_usize), 0..40),
        after in prop::collection::vec((0..3_usize, 0..60_usize), 1..60),
        topics in 1..8_u8,
        last in 0..40_usize,
        events in 4..40_usize,
        gives_ids in any::<bool>(),
    ) {
        let builder = Hub::builder().topic_history(events, 1 << 20);
        let mut model = Model::new(builder, gives_ids);
        let (early, late) = before.split_at(before.len() / 2);
        early.iter().for_each(|&(topic, length)| model.publish(topic, length));
        let mut subscription = model.subscribe(topics, Start::Last(last));
        let mut frames = Vec::new();
        let read = |subscription: &mut Subscription, frames: &mut Vec<bytes::Bytes>| {
            while let Some(Some(frame)) = subscription.next().now_or_never() {
                frames.push(frame);
            }
        };
        read(&mut subscription, &mut frames);
        for &(topic, length) in late {
            model.publish(topic, length);
            read(&mut subscription, &mut frames);
        }
        drop(subscription);
        let length: usize = frames.iter().map(bytes::Bytes::len).sum();
        let mut after = after.into_iter();
        let each = length / after.len() + 1;
        for cut in 0..=length {
            if cut % each == 0 && let Some((topic, length)) = after.next() {
                model.publish(topic, length);
            }
            // The frames are the reader's, whatever has become of the history.
            let wire: Vec<u8> = frames.iter().flatten().copied().take(cut).collect();
            let mut reader = Reader::new(&model, topics, Start::Live);
            reader.take(&wire, &model);
            if reader.position.is_some() {
                reader.reconnect(&model);
                reader.finish(&model);
            }
        }
    }
}

/// A server that restarts takes no id of any earlier run for one of its own, though it has given one
/// of the same number itself.
#[test]
fn no_id_of_an_earlier_run_is_resumed() {
    const UNKNOWN: &[u8] = b"the id was not given by this run of the log";
    let mut ids: Vec<String> = Vec::new();
    for run in 0..1000 {
        let hub = Hub::builder().retry(None).build();
        let own: Vec<_> =
            (0..4).map(|_| hub.publish("a", &Event::new("x")).unwrap().to_string()).collect();
        for id in &ids {
            let mut reader = hub.subscribe(["a"], Start::After(id.as_bytes())).unwrap();
            let frame = reader.next().now_or_never().unwrap().unwrap();
            assert!(frame.starts_with(b"event: reset\n"), "{id}");
            assert!(memchr::memmem::find(&frame, UNKNOWN).is_some(), "{id}");
        }
        ids.push(own[run % 4].clone());
    }
}
