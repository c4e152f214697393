//! A publisher at full speed and a thousand subscribers that come, go and resume at random, one of
//! ten reading slowly or not at all: nobody has a gap that it was not told of, memory stays within
//! what the hub states, and who stands still delays nobody.
//!
//! The subscribers hold the bodies that a server would hold, and let their frames go as its
//! transport would: so two cores have time to fall far behind a publisher.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use sansse_tokio::{Event, EventId, GrowingStorage, Hub, HubBody, Item, Parser, Start};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

const SUBSCRIBERS: usize = 1000;
const TOPICS: [&str; 4] = ["busy", "busier", "bursts", "quiet"];
const MIB: usize = 1 << 20;

/// What all topics keep together.
const HISTORY: usize = 8 * MIB;

/// What a subscriber that takes nothing may hold: it is given no more frames when it has 32 KiB, so
/// less than that and a frame of at most 32 KiB.
const HELD: usize = 64 << 10;

/// What a subscriber costs beside, with its task, its parser and what the allocator gives back late,
/// in bytes; more than enough.
const SUBSCRIBER: usize = 16 << 10;

const PATIENCE: Duration = Duration::from_secs(60);

/// One test at a time: they measure the process.
static ALONE: Mutex<()> = Mutex::const_new(());

fn is_long() -> bool {
    std::env::var("SANSSE_LONG").is_ok_and(|long| long == "1")
}

/// Numbers that look random, and are the same in each run.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % limit as u64).unwrap()
    }
}

/// What the subscribers share.
#[derive(Debug)]
struct Soak {
    hub: Hub,
    /// Nobody leaves any more.
    is_over: AtomicBool,
    /// How many have noticed that.
    staying: AtomicUsize,
    frames: AtomicUsize,
    events: AtomicUsize,
    resets: AtomicUsize,
    resumed: AtomicUsize,
    largest_hold: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Healthy,
    /// Lets a frame go from time to time.
    Slow,
    /// Lets nothing go until all is over, or it loses patience.
    Stuck,
}

/// A client and its connection.
struct Subscriber {
    soak: Arc<Soak>,
    random: Random,
    manner: Manner,
    topics: Vec<usize>,
    id: String,
    sequence: u64,
    /// The number that the next event of each topic has to have, where that is known.
    next: [Option<u64>; TOPICS.len()],
    is_staying: bool,
}

impl Subscriber {
    fn new(soak: &Arc<Soak>, number: usize) -> Self {
        let mut random = Random::new(number);
        let manner = match number % 20 {
            0 => Manner::Slow,
            10 => Manner::Stuck,
            _ => Manner::Healthy,
        };
        let first = random.below(TOPICS.len());
        let count = 1 + random.below(3);
        let topics = (first..first + count).map(|topic| topic % TOPICS.len()).collect();
        let (soak, id) = (soak.clone(), String::new());
        Self { soak, random, manner, topics, id, sequence: 0, next: [None; 4], is_staying: false }
    }

    /// Comes and goes until all is over; then reads to the end of its stream.
    async fn run(mut self) -> Self {
        loop {
            let start = match &*self.id {
                "" => Start::Live,
                id => Start::After(id.as_bytes()),
            };
            let names = self.topics.iter().map(|&topic| TOPICS[topic]);
            let body = self.soak.hub.subscribe(names, start).unwrap().into_response().into_body();
            if self.connection(body).await {
                return self;
            }
            self.soak.resumed.fetch_add(1, SeqCst);
            sleep(Duration::from_millis(self.random.below(20) as u64)).await;
        }
    }

    /// Reads a while; true at the end of the stream.
    async fn connection(&mut self, mut body: HubBody) -> bool {
        let mut parser = Parser::growing(MIB, 64);
        parser.seed_last_event_id(self.id.as_bytes()).unwrap();
        let mut on_their_way = VecDeque::<Bytes>::new();
        let mut frames = 1 + self.random.below(8);
        loop {
            if !self.is_staying && self.soak.is_over.load(SeqCst) {
                self.is_staying = true;
                self.soak.staying.fetch_add(1, SeqCst);
            }
            let pause = match self.manner {
                _ if self.is_staying => Duration::ZERO,
                Manner::Healthy => Duration::ZERO,
                Manner::Slow => Duration::from_millis(20),
                Manner::Stuck => Duration::from_millis(500),
            };
            if pause.is_zero() {
                on_their_way.clear();
            }
            let frame = if on_their_way.is_empty() {
                timeout(PATIENCE, body.frame()).await.expect("somebody wakes it")
            } else if let Ok(frame) = timeout(pause, body.frame()).await {
                frame
            } else {
                // It has as much as it may have.
                on_their_way.pop_front();
                continue;
            };
            let Some(frame) = frame else { return true };
            let frame = frame.unwrap().into_data().unwrap();
            self.soak.frames.fetch_add(1, SeqCst);
            frames -= 1;
            let leaves = frames == 0 && !self.is_staying;
            // Who leaves is cut anywhere.
            let end = if leaves { self.random.below(frame.len() + 1) } else { frame.len() };
            self.take(&mut parser, &frame[..end]);
            if leaves {
                return false;
            }
            frames = frames.max(1);
            if self.manner != Manner::Healthy {
                on_their_way.push_back(frame);
                let held = on_their_way.iter().map(Bytes::len).sum();
                self.soak.largest_hold.fetch_max(held, SeqCst);
            }
        }
    }

    /// Holds what came against what has to come.
    fn take(&mut self, parser: &mut Parser<GrowingStorage, GrowingStorage>, bytes: &[u8]) {
        let mut items = parser.feed(bytes);
        while let Some(item) = items.next() {
            let Item::Event(event) = item else { continue };
            let id = EventId::parse(event.id().unwrap().as_bytes()).unwrap();
            if event.event_type() == "reset" {
                assert!(id.sequence >= self.sequence, "time ran backwards");
                self.next = [None; 4];
                self.soak.resets.fetch_add(1, SeqCst);
            } else {
                assert!(id.sequence > self.sequence, "an event is double, or out of order");
                let data = event.data().to_string();
                let mut words = data.split(' ');
                let topic: usize = words.next().unwrap().parse().unwrap();
                let number: u64 = words.next().unwrap().parse().unwrap();
                assert!(self.topics.contains(&topic));
                let expected = self.next[topic].unwrap_or(number);
                assert_eq!(number, expected, "a gap in {} that nobody told of", TOPICS[topic]);
                self.next[topic] = Some(number + 1);
                self.soak.events.fetch_add(1, SeqCst);
            }
            self.sequence = id.sequence;
        }
        self.id = parser.last_event_id().to_string();
    }
}

/// Publishes as fast as it can; returns how many events each topic got.
fn publish(soak: &Soak) -> [u64; TOPICS.len()] {
    let mut random = Random::new(SUBSCRIBERS);
    let filling = "x".repeat(2000);
    let mut counts = [0; TOPICS.len()];
    let mut send = |topic: usize, length: usize| {
        let data = format!("{topic} {} {}", counts[topic], &filling[..length]);
        soak.hub.publish(TOPICS[topic], &Event::new(&data)).unwrap();
        counts[topic] += 1;
    };
    while !soak.is_over.load(SeqCst) {
        match random.below(1000) {
            0 => send(3, 10),
            1 => (0..300).for_each(|_| send(2, 100)),
            chance if chance < 700 => send(1, random.below(2000)),
            _ => send(0, random.below(300)),
        }
    }
    // Wakes everybody once more.
    (0..TOPICS.len()).for_each(|topic| send(topic, 0));
    counts
}

/// How much memory the process has, in bytes; 0 where that is not known.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<usize>().ok());
    kib.unwrap_or(0) << 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_come_and_go_beside_a_publisher_at_full_speed() {
    let _alone = ALONE.lock().await;
    let hub = Hub::builder().topic_history(1 << 20, 3 * MIB).history(HISTORY).build();
    let soak = Arc::new(Soak {
        hub: hub.clone(),
        is_over: AtomicBool::new(false),
        staying: AtomicUsize::new(0),
        frames: AtomicUsize::new(0),
        events: AtomicUsize::new(0),
        resets: AtomicUsize::new(0),
        resumed: AtomicUsize::new(0),
        largest_hold: AtomicUsize::new(0),
    });
    let before = memory();
    let subscribers: Vec<_> =
        (0..SUBSCRIBERS).map(|number| tokio::spawn(Subscriber::new(&soak, number).run())).collect();
    let publisher = {
        let soak = soak.clone();
        std::thread::spawn(move || publish(&soak))
    };
    let start = Instant::now();
    let mut most = 0;
    while start.elapsed() < Duration::from_secs(if is_long() { 240 } else { 6 }) {
        sleep(Duration::from_millis(50)).await;
        most = most.max(memory().saturating_sub(before));
    }
    soak.is_over.store(true, SeqCst);
    let counts = tokio::task::spawn_blocking(|| publisher.join().unwrap()).await.unwrap();
    let all_stay = async {
        while soak.staying.load(SeqCst) < SUBSCRIBERS {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, all_stay).await.expect("everybody reads");
    let shutdown = hub.shutdown(PATIENCE).await;
    assert_eq!(shutdown.left, 0);
    for subscriber in subscribers {
        let subscriber = timeout(PATIENCE, subscriber).await.unwrap().unwrap();
        for &topic in &subscriber.topics {
            // Who was told of a gap at the very end got nothing any more.
            let next = subscriber.next[topic];
            assert!(next.is_none_or(|next| next == counts[topic]), "{next:?} {counts:?}");
        }
    }

    let read = |count: &AtomicUsize| count.load(SeqCst);
    let published: u64 = counts.iter().sum();
    let figures = format!(
        "{published} events published, {} read in {} frames; {} gaps told, {} resumed; at most {} \
         KiB held, {} MiB grown",
        read(&soak.events),
        read(&soak.frames),
        read(&soak.resets),
        read(&soak.resumed),
        read(&soak.largest_hold) >> 10,
        most / MIB,
    );
    // What this is about has happened.
    assert!(published > 1000 && read(&soak.resets) > 0, "{figures}");
    assert!(read(&soak.resumed) > 100, "{figures}");
    assert!(read(&soak.largest_hold) < HELD, "{figures}");
    let bound = HISTORY + SUBSCRIBERS * SUBSCRIBER + SUBSCRIBERS / 10 * HELD;
    assert!(most < bound, "{figures}, where {} MiB are stated", bound / MIB);
}

/// A paced publisher; returns the 99th percentile of what a delivery took.
async fn percentile(stuck: usize) -> Duration {
    const READERS: usize = 20;
    const EVENTS: usize = 200;
    let hub = Hub::builder().build();
    let body = || hub.subscribe(["a"], Start::Live).unwrap().into_response().into_body();
    // Those that are stuck have taken all that they get, and wait.
    let held: Vec<_> = (0..stuck)
        .map(|_| {
            let mut body = body();
            tokio::spawn(async move {
                let mut held = Vec::new();
                while let Some(Ok(frame)) = body.frame().await {
                    held.push(frame);
                }
            })
        })
        .collect();
    let start = Instant::now();
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let mut body = body();
            tokio::spawn(async move {
                let mut parser = Parser::growing(MIB, 64);
                let mut times = Vec::new();
                while times.len() < EVENTS {
                    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
                    let mut items = parser.feed(&frame);
                    while let Some(item) = items.next() {
                        let Item::Event(event) = item else { continue };
                        let data = event.data().to_string();
                        let sent = data.split(' ').next().unwrap().parse().unwrap();
                        times.push(start.elapsed().saturating_sub(Duration::from_micros(sent)));
                    }
                }
                times
            })
        })
        .collect();
    let filling = "x".repeat(1000);
    for _ in 0..EVENTS {
        let data = format!("{} {filling}", start.elapsed().as_micros());
        hub.publish("a", &Event::new(&data)).unwrap();
        sleep(Duration::from_millis(1)).await;
    }
    let mut times = Vec::new();
    for reader in readers {
        times.extend(timeout(PATIENCE, reader).await.expect("all events").unwrap());
    }
    assert_eq!(times.len(), READERS * EVENTS);
    assert_eq!(hub.subscribers(), stuck);
    held.iter().for_each(tokio::task::JoinHandle::abort);
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stands_still_delays_nobody() {
    let _alone = ALONE.lock().await;
    percentile(0).await;
    let (mut without, mut with) = (Duration::ZERO, Duration::MAX);
    // In turns, since the machine has other work: what the stuck ones cost shows each time.
    for _ in 0..if is_long() { 20 } else { 3 } {
        without = without.max(percentile(0).await);
        with = with.min(percentile(100).await);
    }
    assert!(with < 3 * without + Duration::from_millis(20), "{with:?} instead of {without:?}");
}
