//! Every case, read by every implementation, however it is cut.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use sansse::{BufferedParser, Item, Parser, StreamEnd};
use tests::byte_string::ByteString;
use tests::cases::{self, Case, Shown};
use tests::chunking;
use tests::core_parsers::Growing;
use tests::implementation::{Implementation, implementations};
use tests::oracle;
use tests::settings::Settings;

#[test]
fn cases_are_many_and_have_names_of_their_own() {
    let cases = cases::all();
    let names: HashSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len());
    assert!(cases.len() >= 380, "{} cases are left", cases.len());
    assert_eq!(cases::sequences().len(), 3);
}

#[test]
fn the_oracle_agrees_with_the_cases() {
    let settings = Settings::roomy();
    for case in cases::all() {
        let outcome = oracle::interpret(&settings, case.input.as_bytes());
        assert_eq!(Shown::of(&outcome), case.shown(), "{}: {}", case.name, case.clause);
        let decoded_first = oracle::interpret_decoded(&settings, case.input.as_bytes());
        assert_eq!(outcome.decoded(), decoded_first, "{}: {}", case.name, case.clause);
    }
}

#[test]
fn every_implementation_agrees_with_the_cases() {
    let count = implementations().len();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&i| i < count);
                while let Some(index) = take() {
                    let mut implementation = implementations().swap_remove(index);
                    for case in cases::all() {
                        check(implementation.as_mut(), &case);
                    }
                }
            });
        }
    });
}

fn check(implementation: &mut dyn Implementation, case: &Case) {
    let name = format!("{}, {}: {}", implementation.name(), case.name, case.clause);
    let settings = Settings::roomy();
    assert!(implementation.supports(&settings), "{name}");
    let stream = case.input.as_bytes();
    let (expected, due) = oracle::interpret_with_due(&settings, stream);
    assert_eq!(Shown::of(&expected), case.shown(), "{name}");
    for chunks in chunking::usual(stream) {
        let reading = implementation.run(&settings, &chunks);
        assert_eq!(reading.outcome, expected, "{name}, {:?}", lengths(&chunks));
        if let Some(arrivals) = reading.arrivals {
            assert_eq!(arrivals, oracle::arrivals(&due, &chunks), "{name}, {:?}", lengths(&chunks));
        }
    }
    if !case.events_after_chunk.is_empty() {
        check_events_after_chunk(implementation, case, &name);
    }
}

/// As the cases have it from those who watched browsers.
fn check_events_after_chunk(implementation: &mut dyn Implementation, case: &Case, name: &str) {
    let chunks = chunking::at(case.input.as_bytes(), &case.cuts);
    let settings = Settings { keep_comments: false, ..Settings::roomy() };
    let reading = implementation.run(&settings, &chunks);
    let retries = case.retry.len();
    assert_eq!(reading.outcome.items.len(), case.events.len() + retries, "{name}");
    if let (Some(arrivals), 0) = (reading.arrivals, retries) {
        assert_eq!(arrivals, case.events_after_chunk, "{name}");
    }
}

#[test]
fn every_implementation_carries_the_last_event_id_across_connections() {
    for mut implementation in implementations() {
        let name = implementation.name();
        for sequence in cases::sequences() {
            let mut last_event_id = ByteString::default();
            for connection in &sequence.connections {
                let header = (!last_event_id.as_bytes().is_empty()).then_some(&last_event_id);
                let asked = connection.request_last_event_id.as_deref().map(ByteString::from);
                assert_eq!(header, asked.as_ref(), "{name}, {}", sequence.name);
                let settings = Settings { seed: last_event_id, ..Settings::roomy() };
                for chunks in chunking::usual(connection.body.as_bytes()) {
                    let shown = Shown::of(&implementation.run(&settings, &chunks).outcome);
                    assert_eq!(shown.events, connection.events, "{name}, {}", sequence.name);
                    assert_eq!(shown.retry, connection.retry, "{name}, {}", sequence.name);
                }
                let whole = chunking::whole(connection.body.as_bytes());
                last_event_id = implementation.run(&settings, &whole).outcome.last_event_id;
            }
        }
    }
}

/// Nothing but the last event ID outlives the end of a stream, wherever the stream ends.
#[test]
fn one_parser_reads_many_streams() {
    let second = b"\xEF\xBB\xBF\ndata:x\n\nid:2\n\n";
    for case in cases::all() {
        let stream = case.input.as_bytes();
        let mut parser = Parser::growing(8192, 256).keep_comments();
        for end in (0..=stream.len()).rev() {
            let settings = Settings { seed: parser.last_event_id().into(), ..Settings::roomy() };
            let expected = oracle::interpret(&settings, &stream[..end]);
            let mut items = parser.feed(&stream[..end]);
            let mut expected_items = expected.items.iter();
            while let Some(item) = items.next() {
                assert!(expected_items.next().is_some_and(|expected| *expected == item));
            }
            assert_eq!(expected_items.len(), 0, "{}", case.name);
            assert_eq!(parser.end_stream(), expected.end, "{} up to {end}", case.name);
            assert!(expected.last_event_id == parser.last_event_id(), "{}", case.name);

            let mut items = parser.feed(second);
            let Some(Item::Event(event)) = items.next() else {
                panic!("{} up to {end}: a stream began in the middle", case.name)
            };
            assert_eq!((event.data(), event.event_type()), ("x".into(), "message".into()));
            assert!(expected.last_event_id == event.last_event_id(), "{}", case.name);
            assert_eq!(items.next(), None);
            assert_eq!(parser.end_stream(), StreamEnd::Clean);
            assert_eq!(parser.last_event_id(), "2");
        }
    }
}

/// What is held when the storage grows is still there behind it.
#[test]
fn storage_that_grows_keeps_what_it_holds() {
    let lengths = [1, 30, 100, 300];
    let value = |byte: &str, length: usize| byte.repeat(length);
    let settings = Settings::roomy().with_limits(900, 300);
    for (first, second, event_type, data) in four_of(&lengths) {
        let stream = format!(
            "id:{}\n\nevent:{}\nid:{}\ndata:{}\n:{}\ndata:{}\n\ndata\n\n",
            value("a", first),
            value("b", event_type),
            value("c", second),
            value("d", data),
            value("e", first),
            value("f", second),
        );
        let expected = oracle::interpret(&settings, stream.as_bytes());
        for size in [1, 10, 64, stream.len()] {
            let chunks = chunking::fixed(stream.as_bytes(), size);
            let outcome = Growing.run(&settings, &chunks).outcome;
            assert_eq!(outcome, expected, "{stream:?} in chunks of {size}");
        }
    }
}

fn four_of(values: &[usize]) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    let count = values.len();
    (0..count.pow(4)).map(move |index| {
        let digit = |place: u32| values[index / count.pow(place) % count];
        (digit(0), digit(1), digit(2), digit(3))
    })
}

/// What was filled and not read is dropped at the end, and more than fits cannot be filled.
#[test]
fn a_buffer_ends_with_its_stream() {
    let mut parser = BufferedParser::new(Parser::growing(64, 16), [0; 8]);
    parser.space().copy_from_slice(b"data\n\nda");
    parser.filled(usize::MAX);
    assert_eq!(parser.end_stream(), StreamEnd::Unfinished);
    assert_eq!(parser.next(), None);
    parser.space().copy_from_slice(b"data\n\n\n\n");
    parser.filled(8);
    assert!(parser.next().is_some());
    assert_eq!(parser.space().len(), 6);
    assert_eq!(parser.next(), None);
    assert_eq!(parser.end_stream(), StreamEnd::Clean);
}

fn lengths(chunks: &[&[u8]]) -> Vec<usize> {
    chunks.iter().map(|chunk| chunk.len()).collect()
}

/// To seed is not to read: a block that is open keeps its own id, in whatever state it is.
#[test]
fn seeding_does_not_touch_an_open_block() {
    let mut parser = Parser::growing(64, 16);
    for (start, rest, expected) in [
        ("data:x\n", "\n", "seed"),
        ("id:own\ndata:x\n", "\n", "own"),
        ("data:x\nid:ow", "n\n\n", "own"),
        ("id:own\nid:oth", "er\0\ndata:x\n\n", "own"),
    ] {
        assert!(parser.feed(start.as_bytes()).next().is_none());
        parser.seed_last_event_id(b"seed").expect("an id");
        assert_eq!(parser.last_event_id(), "seed");
        let mut items = parser.feed(rest.as_bytes());
        let Some(Item::Event(event)) = items.next() else { panic!("{start}{rest}") };
        assert_eq!(event.last_event_id(), expected);
    }
}
