//! The log of a device against a model: whatever happens in whatever order, a reader gets every event
//! once and in order, or is told that it did not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use embassy_sync::blocking_mutex::raw::{CriticalSectionRawMutex, NoopRawMutex};
use proptest::prelude::*;
use sansse::{Event, EventId, GrowingStorage, Item, Parser};
use sansse_embassy::{
    Broadcast, Overtaken, PublishError, StreamOptions, SubscribeError, Subscription,
};
use tests::strategy;

/// Readers at once.
const READERS: usize = 3;

type Feed<const BYTES: usize> = Broadcast<NoopRawMutex, BYTES, READERS>;

#[derive(Clone, Debug)]
enum Step {
    /// An event with so many bytes of data and a line break in each so many of them, if any; formatted
    /// into the ring, or as it is.
    Publish { length: usize, breaks: usize, is_formatted: bool },
    /// A new reader.
    Join,
    /// Reads at most so many bytes.
    Read { reader: usize, bytes: usize },
    /// Is sent what silent streams are sent.
    KeepAlive { reader: usize },
    /// Goes.
    Leave { reader: usize },
    /// Goes, and comes back with its last event ID.
    Reconnect { reader: usize },
    /// Another run of the log begins.
    Restart,
    /// All streams are ended, and the log is opened anew.
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![8 => 0..40_usize, 2 => 0..400_usize];
    prop_oneof![
        14 => (length, prop_oneof![3 => Just(0), 1 => 1..20_usize], any::<bool>()).prop_map(
            |(length, breaks, is_formatted)| Step::Publish { length, breaks, is_formatted }
        ),
        3 => Just(Step::Join),
        12 => (any::<usize>(), prop_oneof![1..20_usize, 1..500_usize])
            .prop_map(|(reader, bytes)| Step::Read { reader, bytes }),
        2 => any::<usize>().prop_map(|reader| Step::KeepAlive { reader }),
        2 => any::<usize>().prop_map(|reader| Step::Leave { reader }),
        3 => any::<usize>().prop_map(|reader| Step::Reconnect { reader }),
        1 => prop_oneof![3 => Just(Step::Restart), 1 => Just(Step::Close)],
    ]
}

/// A log, and all that was published to it.
struct Model<'a, const BYTES: usize> {
    feed: &'a Feed<BYTES>,
    options: &'a StreamOptions<'a>,
    epoch: u64,
    /// The events of the runs so far, in order.
    log: Vec<(EventId, String)>,
    /// Where the run began: the sequence before its first event.
    origin: u64,
    tried: usize,
}

impl<'a, const BYTES: usize> Model<'a, BYTES> {
    fn new(feed: &'a Feed<BYTES>, options: &'a StreamOptions<'a>) -> Self {
        let event = Event::new("x");
        assert_eq!(feed.publish(&event), Err(PublishError::NotStarted));
        assert_eq!(feed.subscribe(None, options).unwrap_err(), SubscribeError::NotStarted);
        feed.start(100);
        Self { feed, options, epoch: 100, log: Vec::new(), origin: 0, tried: 0 }
    }

    fn publish(&mut self, length: usize, breaks: usize, is_formatted: bool) {
        self.tried += 1;
        let number = self.tried.to_string();
        let rest = (0..length).map(|place| match place.checked_rem(breaks) {
            Some(0) => ['\n', '\r', 'é'][place % 3],
            _ => 'x',
        });
        let data: String = number.chars().chain([' ']).chain(rest).collect();
        let data = data.trim_end_matches(['\n', '\r']).to_owned();
        let event_type = if length.is_multiple_of(2) { "" } else { "even" };
        let event = Event::new(&data).with_type(event_type).unwrap();
        let published = if is_formatted {
            self.feed.publish_with(event_type, |out| {
                out.write_str(&data[..number.len()])?;
                out.write_str(&data[number.len()..])
            })
        } else {
            self.feed.publish(&event)
        };
        let next = EventId { epoch: self.epoch, sequence: self.last() + 1 };
        let taken = 2 + next.to_line().len() + event.encoded_len();
        match published {
            Ok(id) => {
                assert_eq!(id, next);
                assert!(taken <= BYTES);
                let data = data.replace("\r\n", "\n").replace('\r', "\n");
                self.log.push((id, data));
            }
            Err(error) => {
                assert_eq!(error, PublishError::TooLarge);
                assert!(taken > BYTES, "{taken} in {BYTES}");
            }
        }
    }

    /// The last sequence.
    fn last(&self) -> u64 {
        self.log.last().map_or(self.origin, |(id, _)| id.sequence.max(self.origin))
    }

    fn restart(&mut self) {
        self.epoch += 1;
        self.origin = self.last() + 1;
        self.feed.start(self.epoch);
    }

    /// The event that has to come behind a position.
    fn next_after(&self, position: EventId) -> Option<&(EventId, String)> {
        self.log
            .iter()
            .find(|(id, _)| id.epoch == position.epoch && id.sequence > position.sequence)
    }
}

/// A client: what it has understood of what came.
struct Reader<'a, const BYTES: usize> {
    subscription: Option<Subscription<'a, NoopRawMutex, BYTES, READERS>>,
    parser: Parser<GrowingStorage, GrowingStorage>,
    /// Everything up to here has been received, or was told to be lost.
    position: Option<EventId>,
    resets: usize,
}

impl<'a, const BYTES: usize> Reader<'a, BYTES> {
    fn new() -> Self {
        let parser = Parser::growing(1 << 20, 64);
        Self { subscription: None, parser, position: None, resets: 0 }
    }

    /// Comes, or comes back; not if there is no place.
    fn connect(&mut self, model: &Model<'a, BYTES>) {
        self.subscription = None;
        let id = self.parser.last_event_id().to_string();
        let is_full = model.feed.readers() == READERS;
        match model.feed.subscribe(Some(id.as_bytes()), model.options) {
            Ok(subscription) => {
                assert!(!is_full);
                self.subscription = Some(subscription);
            }
            Err(error) => {
                assert!(is_full);
                assert_eq!(error, SubscribeError::Full);
            }
        }
        self.parser = Parser::growing(1 << 20, 64);
        self.parser.seed_last_event_id(id.as_bytes()).unwrap();
    }

    /// Reads at most so many bytes, and says whether there may be more; comes back first where it is
    /// away.
    fn read(&mut self, model: &Model<'a, BYTES>, bytes: usize) -> bool {
        if self.subscription.is_none() {
            self.connect(model);
        }
        let Some(subscription) = &mut self.subscription else { return true };
        let mut room = vec![0; bytes];
        match subscription.fill(&mut room) {
            Ok(length) => {
                self.take(&room[..length], model);
                length > 0
            }
            Err(Overtaken) => {
                self.subscription = None;
                true
            }
        }
    }

    /// Holds some bytes against the model.
    fn take(&mut self, bytes: &[u8], model: &Model<'a, BYTES>) {
        // Line by line, so that the id that a block sets is seen before the next one's.
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let before = self.parser.last_event_id().to_string();
            let mut items = self.parser.feed(line);
            let mut found = None;
            while let Some(item) = items.next() {
                match item {
                    Item::Event(event) => {
                        let id = event.id().expect("an id").to_string();
                        found = Some((
                            event.event_type().to_string(),
                            event.data().to_string(),
                            id.parse::<EventId>().unwrap(),
                        ));
                    }
                    Item::Retry(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            let id = self.parser.last_event_id().to_string();
            match found {
                Some((event_type, _, id)) if event_type == "reset" => {
                    self.resets += 1;
                    self.position = Some(id);
                }
                Some((_, data, id)) => {
                    let expected = model.next_after(self.position.expect("a position"));
                    assert_eq!(expected, Some(&(id, data)));
                    self.position = Some(id);
                }
                None if id != before => {
                    // A position, which may only repeat what is known, or be the first.
                    let id: EventId = id.parse().unwrap();
                    let known = *self.position.get_or_insert_with(|| {
                        assert_eq!(id.epoch, model.epoch, "a position of another run");
                        assert!((model.origin..=model.last()).contains(&id.sequence), "{id}");
                        id
                    });
                    assert_eq!(known, id, "a position out of nowhere");
                }
                None => {}
            }
        }
    }

    /// Reads all that is there, and finds that nothing is missing.
    fn finish(&mut self, model: &Model<'a, BYTES>) {
        while self.read(model, 64) {}
        let missed = model.next_after(self.position.expect("a position"));
        assert!(missed.is_none(), "an event never came: {missed:?}");
        assert_eq!(self.position.map(|id| id.epoch), Some(model.epoch));
    }
}

/// Takes the steps, and returns how many gaps were told.
fn run<const BYTES: usize>(steps: Vec<Step>, has_history: bool) -> usize {
    let feed = Feed::<BYTES>::new();
    let options = if has_history { StreamOptions::new().history() } else { StreamOptions::new() };
    let mut model = Model::new(&feed, &options);
    let mut readers = Vec::<Reader<BYTES>>::new();
    for step in steps {
        let count = readers.len().max(1);
        match step {
            Step::Publish { length, breaks, is_formatted } => {
                model.publish(length, breaks, is_formatted);
            }
            Step::Join if readers.len() < 2 * READERS => {
                readers.push(Reader::new());
                readers.last_mut().unwrap().connect(&model);
            }
            Step::Join => {}
            Step::Read { reader, bytes } => {
                if let Some(reader) = readers.get_mut(reader % count) {
                    reader.read(&model, bytes);
                }
            }
            Step::KeepAlive { reader } => {
                let reader = readers.get_mut(reader % count);
                if let Some(open) = reader.and_then(|reader| reader.subscription.as_mut()) {
                    open.keep_alive();
                }
            }
            Step::Leave { reader } => {
                if let Some(reader) = readers.get_mut(reader % count) {
                    reader.subscription = None;
                }
            }
            Step::Reconnect { reader } => {
                if let Some(reader) = readers.get_mut(reader % count) {
                    reader.connect(&model);
                }
            }
            Step::Restart => model.restart(),
            Step::Close => close(&mut model, &mut readers),
        }
    }
    // Those who have a place come first, since there are not places for all.
    readers.sort_by_key(|reader| reader.subscription.is_none());
    for reader in &mut readers {
        reader.finish(&model);
        reader.subscription = None;
    }
    readers.iter().map(|reader| reader.resets).sum()
}

/// Closes the log: all its readers get the rest, and their streams end.
fn close<'a, const BYTES: usize>(model: &mut Model<'a, BYTES>, readers: &mut [Reader<'a, BYTES>]) {
    model.feed.close();
    assert_eq!(model.feed.publish(&Event::new("x")), Err(PublishError::Closed));
    assert_eq!(model.feed.subscribe(None, model.options).unwrap_err(), SubscribeError::Closed);
    for reader in &mut *readers {
        let Some(mut subscription) = reader.subscription.take() else { continue };
        let mut room = [0; 64];
        while !subscription.is_ended() {
            match subscription.fill(&mut room) {
                Ok(length) => reader.take(&room[..length], model),
                Err(Overtaken) => break,
            }
        }
        if subscription.is_ended()
            && let Some(position) = reader.position
        {
            assert!(model.next_after(position).is_none(), "the end before an event");
        }
    }
    assert_eq!(model.feed.readers(), 0);
    model.restart();
}

proptest! {
    #![proptest_config(strategy::cases(384))]

    #[test]
    fn nothing_is_lost_or_doubled_untold(
        steps in prop::collection::vec(step(), 0..250),
        has_history in any::<bool>(),
    ) {
        run::<61>(steps.clone(), has_history);
        run::<128>(steps.clone(), has_history);
        run::<301>(steps.clone(), has_history);
        run::<1024>(steps.clone(), has_history);
        run::<4096>(steps, has_history);
    }

    #[test]
    fn nothing_is_reset_while_the_ring_holds(steps in prop::collection::vec(step(), 0..150)) {
        let steps = steps.into_iter().filter(|step| !matches!(step, Step::Restart | Step::Close));
        prop_assert_eq!(run::<200_000>(steps.collect(), true), 0);
    }

    /// Of the ring, no more is unused than two events take.
    #[test]
    fn the_ring_holds_what_fits(
        lengths in prop::collection::vec(0..100_usize, 1..100),
        newest in 0..100_usize,
    ) {
        const BYTES: usize = 1000;
        let feed = Feed::<BYTES>::new();
        feed.start(35);
        let mut taken = Vec::new();
        for length in lengths {
            let data = "x".repeat(length);
            let event = Event::new(&data);
            let id = feed.publish(&event).unwrap();
            taken.push(2 + id.to_line().len() + event.encoded_len());
        }
        let largest = taken.iter().max().copied().unwrap_or_default();
        let missed = newest.min(taken.len());
        let needed: usize = taken.iter().rev().take(missed).sum();
        let id = EventId { epoch: 35, sequence: (taken.len() - missed) as u64 };
        let options = StreamOptions::new();
        let mut subscription = feed.subscribe(Some(id.to_string().as_bytes()), &options).unwrap();
        let mut room = [0; 2 * BYTES];
        let length = subscription.fill(&mut room).unwrap();
        let is_reset = room[..length].starts_with(b"event: reset");
        prop_assert!(!is_reset || needed + 2 * largest > BYTES, "{} of {}", needed, BYTES);
        prop_assert!(is_reset || needed <= BYTES);
        if !is_reset {
            let blocks = room[..length].split(|&byte| byte == b'\n').filter(|line| line.starts_with(b"data: "));
            prop_assert_eq!(blocks.count(), missed);
        }
    }

}

proptest! {
    #![proptest_config(strategy::cases(48))]

    /// What a reader got is cut at every byte, while more and more of it is dropped. Whatever its last
    /// event ID is then, it misses nothing untold.
    #[test]
    fn a_reader_may_be_cut_at_any_byte(
        before in prop::collection::vec(0..60_usize, 0..20),
        after in prop::collection::vec(0..60_usize, 1..20),
    ) {
        let (feed, options) = (Feed::<600>::new(), StreamOptions::new());
        let mut model = Model::new(&feed, &options);
        let mut wire = Vec::new();
        let mut subscription = feed.subscribe(None, &options).unwrap();
        for length in before {
            model.publish(length, 7, false);
            let mut room = [0; 600];
            while let Ok(length @ 1..) = subscription.fill(&mut room) {
                wire.extend_from_slice(&room[..length]);
            }
        }
        drop(subscription);
        let mut after = after.into_iter();
        let each = wire.len() / after.len() + 1;
        for cut in 0..=wire.len() {
            if cut % each == 0 && let Some(length) = after.next() {
                model.publish(length, 0, true);
            }
            let mut reader = Reader::new();
            reader.take(&wire[..cut], &model);
            if reader.position.is_some() {
                reader.connect(&model);
                reader.finish(&model);
            }
        }
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn who_waits_is_woken_by_each_event_and_by_the_end_and_by_another_run() {
    let (feed, options) = (Feed::<512>::new(), StreamOptions::new());
    feed.start(1);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    let mut subscription = feed.subscribe(None, &options).unwrap();
    let happenings: [&dyn Fn(); 4] = [
        &|| assert!(feed.publish(&Event::new("a")).is_ok()),
        &|| assert!(feed.publish_with("b", |out| out.write_str("c")).is_ok()),
        &|| feed.start(2),
        &|| feed.close(),
    ];
    for (count, happen) in happenings.into_iter().enumerate() {
        while subscription.poll_ready(&mut cx).is_ready() {
            assert_ne!(subscription.fill(&mut [0; 64]), Ok(0));
        }
        assert_eq!(woken.0.load(Ordering::Relaxed), count);
        happen();
        assert_eq!(woken.0.load(Ordering::Relaxed), count + 1);
        assert_eq!(subscription.poll_ready(&mut cx), Poll::Ready(()));
    }
}

#[test]
fn who_waits_is_woken_however_many_have_waited_and_gone() {
    let feed = Broadcast::<NoopRawMutex, 512, 2>::new();
    let options = StreamOptions::new();
    feed.start(1);
    let follow = |woken: &Arc<Woken>| {
        let mut subscription = feed.subscribe(None, &options).unwrap();
        while subscription.fill(&mut [0; 64]) != Ok(0) {}
        let waker = Waker::from(woken.clone());
        assert!(subscription.poll_ready(&mut Context::from_waker(&waker)).is_pending());
        subscription
    };
    let stays = Arc::new(Woken::default());
    let staying = follow(&stays);
    let waker = Waker::from(stays.clone());
    for _ in 0..5 {
        drop(follow(&Arc::default()));
        // Who is woken for nothing waits again.
        let _ = staying.poll_ready(&mut Context::from_waker(&waker));
    }
    let comes = Arc::new(Woken::default());
    let _coming = follow(&comes);
    let _ = staying.poll_ready(&mut Context::from_waker(&waker));
    let before = [&stays, &comes].map(|woken| woken.0.load(Ordering::Relaxed));
    feed.publish(&Event::new("a")).unwrap();
    let after = [&stays, &comes].map(|woken| woken.0.load(Ordering::Relaxed));
    assert_eq!(after, before.map(|count| count + 1));
}

#[test]
fn what_cannot_be_published_is_an_error_and_harms_no_reader() {
    const BYTES: usize = 100;
    let (feed, options) = (Feed::<BYTES>::new(), StreamOptions::new());
    feed.start(35);
    feed.publish(&Event::new("a")).unwrap();
    let mut subscription = feed.subscribe(Some(b"z-0"), &options).unwrap();

    let with_id = Event::new("b").with_id("7").unwrap();
    assert_eq!(feed.publish(&with_id), Err(PublishError::CarriesId));
    // 2 B for the length, `id: z-2`, `data: ` and three line ends.
    let most = "b".repeat(BYTES - 2 - 8 - 6 - 2);
    let more = format!("{most}b");
    assert_eq!(feed.publish(&Event::new(&more)), Err(PublishError::TooLarge));
    // It would fit in the place of others, but not when each line has its field.
    let lines = "\n".repeat(70);
    assert_eq!(feed.publish(&Event::new(&lines)), Err(PublishError::TooLarge));
    let format = |text: &'static str| feed.publish_with("c", |out| out.write_str(text));
    assert_eq!(
        format("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"),
        Err(PublishError::TooLarge)
    );
    assert_eq!(feed.publish_with("c\nd", |_| Ok(())), Err(PublishError::EventType));
    assert_eq!(feed.publish_with("c", |_| Err(std::fmt::Error)), Err(PublishError::Format));
    let nested = feed.publish_with("c", |_| {
        feed.publish(&Event::new("d")).map(drop).map_err(|error| {
            assert_eq!(error, PublishError::Nested);
            std::fmt::Error
        })
    });
    // To learn the length it is called without the lock.
    assert_eq!(nested, Err(PublishError::Format));

    let mut room = [0; 256];
    let length = subscription.fill(&mut room).unwrap();
    let stream = "id: z-0\n\nretry: 3000\n\nid: z-1\ndata: a\n\nid: z-2\ndata: d\n\n";
    assert_eq!(std::str::from_utf8(&room[..length]), Ok(stream));
    assert_eq!(feed.publish(&Event::new(&most)).map(|id| id.sequence), Ok(3));
    let length = subscription.fill(&mut room).unwrap();
    assert_eq!(&room[..length], format!("id: z-3\ndata: {most}\n\n").as_bytes());
}

#[test]
fn what_differs_the_second_time_is_not_published() {
    let feed = Feed::<256>::new();
    feed.start(35);
    for texts in [["a", "ab"], ["ab", "a"], ["a", "\n"]] {
        let calls = std::cell::Cell::new(0);
        let published = feed.publish_with("", |out| {
            calls.set(calls.get() + 1);
            out.write_str(texts[calls.get() - 1])
        });
        assert_eq!(published, Err(PublishError::Format), "{texts:?}");
    }
    assert_eq!(feed.publish(&Event::new("x")).map(|id| id.sequence), Ok(1));
}

/// The application's code runs under the lock when it formats an event; what it does to the log then is
/// an error, not a deadlock or a panic.
#[test]
fn the_log_can_be_used_from_within_its_own_formatting() {
    let (feed, options) = (Feed::<256>::new(), StreamOptions::new());
    feed.start(35);
    let calls = std::cell::Cell::new(0);
    let published = feed.publish_with("", |out| {
        calls.set(calls.get() + 1);
        if calls.get() == 2 {
            assert_eq!(feed.publish(&Event::new("x")), Err(PublishError::Nested));
            assert_eq!(feed.subscribe(None, &options).unwrap_err(), SubscribeError::Nested);
            assert_eq!(feed.readers(), 0);
        }
        out.write_str("a")
    });
    assert_eq!(published.map(|id| id.sequence), Ok(1));
}

/// Law 15: times to come back keep apart those who are sent away.
#[test]
fn times_to_come_back_are_spread() {
    use embassy_time::Duration;

    let feed = Feed::<256>::new();
    feed.start(1);
    let options =
        StreamOptions::new().retry(Duration::from_secs(2)).spread(Duration::from_secs(10));
    let times: Vec<u32> = (0..100).map(|_| feed.come_back(&options)).collect();
    for second in 2..12 {
        let count = times.iter().filter(|time| *time / 1000 == second).count();
        assert!((5..=20).contains(&count), "{count} in second {second}");
    }
    let fixed = options.spread(Duration::from_secs(0));
    assert_eq!((feed.come_back(&fixed), feed.come_back(&fixed)), (2000, 2000));
    let longest = options.retry(Duration::MAX).spread(Duration::MAX);
    assert_eq!(feed.come_back(&longest), u32::MAX);
}

/// Interrupts publish while a task reads.
#[test]
fn threads_may_publish_and_read_at_once() {
    static FEED: Broadcast<CriticalSectionRawMutex, 4096, 2> = Broadcast::new();
    const EVENTS: u64 = 5_000;
    FEED.start(1);
    let options = StreamOptions::new();
    let mut subscription = FEED.subscribe(None, &options).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for number in 0..EVENTS {
                    FEED.publish(&Event::new(&number.to_string())).unwrap();
                }
            });
        }
        let mut parser = Parser::growing(1 << 16, 64);
        let (mut position, mut room) = (0, [0; 512]);
        while position < 2 * EVENTS {
            let Ok(length) = subscription.fill(&mut room) else {
                let id = parser.last_event_id().to_string();
                parser = Parser::growing(1 << 16, 64);
                subscription = FEED.subscribe(Some(id.as_bytes()), &options).unwrap();
                continue;
            };
            let mut items = parser.feed(&room[..length]);
            while let Some(item) = items.next() {
                let Item::Event(event) = item else { continue };
                let id: EventId = event.id().unwrap().to_string().parse().unwrap();
                assert!(
                    id.sequence == position + 1 || event.event_type() == "reset",
                    "{id} behind {position}"
                );
                position = id.sequence;
            }
        }
    });
}
