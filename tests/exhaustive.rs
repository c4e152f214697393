//! Every short stream, cut in every way, against the oracle.
//!
//! Three ways to make streams, since the names of fields are too long for one: bytes, the same
//! behind and before a context that has reached a place of interest, and whole names as symbols.
//! Each test states how many streams it read in how many ways, so that none goes missing unnoticed.
//! The longer ones, 780 million runs, wait for `cargo test --test exhaustive -- --ignored`.

use std::ops::Range;
use std::str::from_utf8;
use std::sync::atomic::{AtomicU64, Ordering};

use sansse::{Parser, Storage};
use tests::byte_string::ByteString;
use tests::core_parsers::{configure, each_text};
use tests::oracle;
use tests::outcome::Outcome;
use tests::settings::Settings;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Behind a stream: ends what is open and shows what is left of it.
const SUFFIX: &[u8] = b"\n\ndata\n\n";

#[test]
fn bytes() {
    with_bytes(5, (271_453, 13_654_778));
}

#[test]
fn bytes_in_context() {
    in_contexts(4, &[roomy()], (156_856, 5_178_234));
}

#[test]
fn bytes_in_context_with_tiny_storage() {
    in_contexts(3, &tiny(), (22_400, 5_805_100));
}

#[test]
fn names() {
    with_names(4, &[roomy()], (45_240, 654_628));
}

#[test]
fn names_with_tiny_storage() {
    with_names(3, &tiny(), (3_768, 649_208));
}

#[test]
#[ignore = "takes minutes"]
fn longer_bytes() {
    with_bytes(6, (3_257_437, 390_098_714));
}

#[test]
#[ignore = "takes minutes"]
fn longer_bytes_in_context() {
    in_contexts(5, &[roomy()], (1_098_048, 68_103_642));
}

#[test]
#[ignore = "takes minutes"]
fn longer_bytes_in_context_with_tiny_storage() {
    in_contexts(4, &tiny(), (156_856, 72_495_276));
}

#[test]
#[ignore = "takes minutes"]
fn longer_names() {
    with_names(6, &[roomy()], (6_514_872, 122_499_364));
}

#[test]
#[ignore = "takes minutes"]
fn longer_names_with_tiny_storage() {
    with_names(5, &tiny(), (542_904, 126_447_608));
}

/// Reads all streams of up to so many symbols, in every way to cut them.
fn with_bytes(longest: u32, expected: (u64, u64)) {
    let alphabet: [&[u8]; 12] =
        [b"d", b"a", b"t", b":", b" ", b"\n", b"\r", BOM, b"\xEF", b"\0", b"x", b"1"];
    let settings = [roomy()];
    let count = Count::default();
    for length in 0..=longest {
        each_string(&alphabet, length, |stream| {
            let places = 1..stream.len().max(1);
            count.add(check(&settings, stream, &compositions(places)));
        });
    }
    assert_eq!(count.streams_and_runs(), expected);
}

/// Reads what begins with a context, goes on with up to so many symbols, and ends there or goes on
/// to a blank line; cut in every way between the context and the end.
fn in_contexts(longest: u32, settings: &[Settings], expected: (u64, u64)) {
    let alphabet: [&[u8]; 7] = [b":", b" ", b"\n", b"\r", b"x", b"1", b"\0"];
    let contexts: [&[u8]; 28] = [
        b"",
        b"\xEF\xBB",
        BOM,
        b"\r",
        b"data",
        b"data:",
        b"data:x\r",
        b"data:x\ndata",
        b"data:x\n:",
        b"event",
        b"event:",
        b"event:y\n",
        b"event:y\ndata:x\n",
        b"data:x\nevent:",
        b"id",
        b"id:",
        b"id:a\n\nid:b\n",
        b"id:a\n\nid:b\ndata:",
        b"retry",
        b"data:x\nretry:",
        b"data:x\nevent:y\nid:",
        // Blocks are read as a whole only behind the first one.
        b"\ndata:",
        b"\ndata:x\n",
        b"\nevent:",
        b"\nevent:y\ndata:x\n",
        b"\nid:",
        b"\nid:a\nevent:y\n",
        b"\ndata:x\nid:",
    ];
    let count = Count::default();
    for context in contexts {
        for length in 0..=longest {
            each_string(&alphabet, length, |middle| {
                for suffix in [b"", SUFFIX] {
                    let stream = [context, middle, suffix].concat();
                    let places = context.len().max(1)..context.len() + middle.len() + 1;
                    count.add(check(settings, &stream, &compositions(places)));
                }
            });
        }
    }
    assert_eq!(count.streams_and_runs(), expected);
}

/// Reads what begins with up to so many symbols and ends there or goes on to a blank line; cut at
/// each place and at all.
fn with_names(longest: u32, settings: &[Settings], expected: (u64, u64)) {
    let alphabet: [&[u8]; 12] =
        [b"data", b"event", b"id", b"retry", b":", b" ", b"\n", b"\r", b"1", b"x", b"\0", BOM];
    let count = Count::default();
    for length in 1..=longest {
        each_string(&alphabet, length, |start| {
            for suffix in [b"", SUFFIX] {
                let stream = [start, suffix].concat();
                let two_way = (1..=start.len()).map(|place| 1 << place);
                let cuts = two_way.chain([0, everywhere(&stream)]);
                count.add(check(settings, &stream, &cuts));
            }
        });
    }
    assert_eq!(count.streams_and_runs(), expected);
}

fn roomy() -> Settings {
    Settings::roomy().with_limits(64, 16)
}

/// Storage that nearly nothing fits, with each option.
fn tiny() -> Vec<Settings> {
    let mut all = Vec::new();
    for (event_limit, id_limit) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (2, 2), (3, 1)] {
        for advance_past_too_large in [false, true] {
            let settings = Settings { advance_past_too_large, ..roomy() };
            all.push(settings.with_limits(event_limit, id_limit));
        }
    }
    all
}

/// A set of places to cut a stream at: bit `n` is the place before byte `n`.
type Cuts = u64;

/// Every set of cuts at these places.
fn compositions(places: Range<usize>) -> impl Iterator<Item = Cuts> + Clone {
    (0..1_u64 << places.len()).map(move |cuts| cuts << places.start)
}

/// Reads a stream with each of the settings in each of the ways, and returns in how many that was.
fn check(
    settings: &[Settings],
    stream: &[u8],
    all_cuts: &(impl Iterator<Item = Cuts> + Clone),
) -> u64 {
    let mut runs = 0;
    let (mut event_storage, mut id_storage) = ([0; 64], [0; 48]);
    for settings in settings {
        let expected = oracle::interpret(settings, stream);
        let event_storage = &mut event_storage[..settings.event_limit];
        let id_storage = &mut id_storage[..3 * settings.id_limit];
        for cuts in all_cuts.clone() {
            let parser = Parser::new(&mut *event_storage, &mut *id_storage);
            agree(settings, parser, stream, cuts, &expected);
            runs += 1;
        }
        // What grows must end up where the slices are.
        for cuts in [0, everywhere(stream)] {
            let parser = Parser::growing(settings.event_limit, settings.id_limit);
            agree(settings, parser, stream, cuts, &expected);
            runs += 1;
        }
        let parser = Parser::new(&mut *event_storage, &mut *id_storage);
        agree_when_left(settings, parser, stream, &expected);
        agree_as_text(settings, Parser::new(event_storage, id_storage), stream, &expected);
        runs += 2;
    }
    runs
}

fn everywhere(stream: &[u8]) -> Cuts {
    (1 << stream.len()) - 1
}

/// Compares item by item, so that nothing is allocated in the millions of runs.
fn agree<E: Storage, I: Storage>(
    settings: &Settings,
    parser: Parser<E, I>,
    stream: &[u8],
    mut cuts: Cuts,
    expected: &Outcome,
) {
    let original_cuts = cuts;
    let mut parser = configure(parser, settings);
    let mut expected_items = expected.items.iter();
    let mut agrees = true;
    let mut start = 0;
    loop {
        let end = if cuts == 0 { stream.len() } else { cuts.trailing_zeros() as usize };
        let mut items = parser.feed(&stream[start..end]);
        while let Some(item) = items.next() {
            agrees &= expected_items.next().is_some_and(|expected| *expected == item);
        }
        if cuts == 0 {
            break;
        }
        start = end;
        cuts &= cuts - 1;
    }
    agrees &= expected_items.len() == 0
        && parser.end_stream() == expected.end
        && expected.last_event_id == parser.last_event_id();
    if !agrees {
        let stream = ByteString::from(stream);
        panic!("{stream:?} cut at {original_cuts:#b}, {settings:?}: expected {expected:?}");
    }
}

/// The same, when each item is the last that is taken of its chunk, and the rest is fed again from
/// elsewhere.
fn agree_when_left(
    settings: &Settings,
    parser: Parser<&mut [u8], &mut [u8]>,
    stream: &[u8],
    expected: &Outcome,
) {
    let mut parser = configure(parser, settings);
    let mut expected_items = expected.items.iter();
    let mut chunk = [0; 64];
    let mut start = 0;
    loop {
        let rest = &mut chunk[..stream.len() - start];
        rest.copy_from_slice(&stream[start..]);
        let mut items = parser.feed(rest);
        let Some(item) = items.next() else { break };
        let agrees = expected_items.next().is_some_and(|expected| *expected == item);
        assert!(agrees, "{:?} left after each item, {settings:?}", ByteString::from(stream));
        start += items.consumed();
        chunk.fill(b'?');
    }
    assert_eq!(expected_items.len(), 0, "{:?}, {settings:?}", ByteString::from(stream));
}

/// The same, when the stream is one chunk that is fed for text.
fn agree_as_text(
    settings: &Settings,
    parser: Parser<&mut [u8], &mut [u8]>,
    stream: &[u8],
    expected: &Outcome,
) {
    let mut parser = configure(parser, settings);
    let mut expected_items = expected.items.iter();
    let mut items = parser.feed_text(stream);
    let mut agrees = true;
    while let Some(item) = items.next() {
        agrees &= expected_items.next().is_some_and(|expected| *expected == item);
        each_text(&item, |text| agrees &= text.to_str() == from_utf8(text.as_bytes()));
    }
    agrees &= expected_items.len() == 0;
    assert!(agrees, "{:?} fed for text, {settings:?}", ByteString::from(stream));
}

/// How much was read.
#[derive(Default)]
struct Count {
    streams: AtomicU64,
    runs: AtomicU64,
}

impl Count {
    fn add(&self, runs: u64) {
        self.streams.fetch_add(1, Ordering::Relaxed);
        self.runs.fetch_add(runs, Ordering::Relaxed);
    }

    fn streams_and_runs(self) -> (u64, u64) {
        (self.streams.into_inner(), self.runs.into_inner())
    }
}

/// Calls `visit` with every string of so many symbols, on two threads.
fn each_string(alphabet: &[&[u8]], length: u32, visit: impl Fn(&[u8]) + Sync) {
    let count = alphabet.len().pow(length);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let visit = &visit;
            scope.spawn(move || {
                let mut string = Vec::new();
                for mut index in (thread..count).step_by(2) {
                    string.clear();
                    for _ in 0..length {
                        string.extend_from_slice(alphabet[index % alphabet.len()]);
                        index /= alphabet.len();
                    }
                    visit(&string);
                }
            });
        }
    });
}
