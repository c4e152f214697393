//! The laws that the parser keeps, for streams that nobody thought of.

use proptest::prelude::*;
use proptest::sample::Index;
use sansse::{FmtSink, GrowingStorage, Parser, SeedError, Sink, Text};
use tests::byte_string::ByteString;
use tests::core_parsers::{OverSlices, configure};
use tests::expectation::Expectation;
use tests::implementation::{Implementation, implementations};
use tests::oracle;
use tests::outcome::{Event, Item, Outcome};
use tests::settings::Settings;
use tests::{chunking, strategy, utf8};

proptest! {
    #![proptest_config(strategy::cases(1024))]

    /// Law 1.
    #[test]
    fn any_chunking_is_as_the_oracle_has_it(
        stream in strategy::stream(),
        cuts in strategy::cuts(),
        settings in strategy::settings(),
    ) {
        let stream = stream.as_bytes();
        let chunks = strategy::cut(stream, &cuts);
        let expected = Expectation::of(&settings, stream);
        for mut implementation in implementations() {
            if implementation.supports(&settings) {
                expected.check(implementation.as_mut(), &chunks);
            }
        }
    }

    /// Law 1, where lines are so long that they are searched for and copied in blocks.
    #[test]
    fn any_chunking_of_long_lines_is_as_the_oracle_has_it(
        (stream, settings) in strategy::long_stream_and_settings(),
        lengths in strategy::chunk_lengths(),
    ) {
        let stream = stream.as_bytes();
        let chunks = chunking::of_lengths(stream, &lengths);
        let expected = Expectation::of(&settings, stream);
        for mut implementation in implementations() {
            if implementation.supports(&settings) {
                expected.check(implementation.as_mut(), &chunks);
            }
        }
    }

    /// Law 1: no rule of the parser needs the stream decoded first.
    #[test]
    fn decoding_late_is_as_decoding_first(
        stream in strategy::stream(),
        cuts in strategy::cuts(),
    ) {
        let settings = Settings::roomy().with_limits(1 << 20, 1 << 12);
        let expected = oracle::interpret_decoded(&settings, stream.as_bytes());
        let outcome = OverSlices.run(&settings, &strategy::cut(stream.as_bytes(), &cuts)).outcome;
        prop_assert_eq!(outcome.decoded(), expected);
    }

    /// Law 3: whatever came before, what fits is given out.
    #[test]
    fn good_events_behind_bad_blocks_still_come(
        stream in strategy::stream(),
        cuts in strategy::cuts(),
        settings in strategy::settings(),
    ) {
        let settings = settings.clone()
            .with_limits(settings.event_limit.max(9), settings.id_limit.max(1));
        let stream = [stream.as_bytes(), b"\n\nevent:tick\nid:7\ndata:good\n\n"].concat();
        let outcome = OverSlices.run(&settings, &strategy::cut(&stream, &cuts)).outcome;
        let good = Item::Event(Event {
            event_type: "tick".into(),
            data: "good".into(),
            last_event_id: "7".into(),
            id: Some("7".into()),
        });
        prop_assert_eq!(outcome.items.last(), Some(&good));
        prop_assert_eq!(outcome.last_event_id, ByteString::from("7"));
    }

    /// Law 3, without the oracle: a limit takes events away and changes none.
    #[test]
    fn a_limit_only_takes_away(
        stream in strategy::stream(),
        cuts in strategy::cuts(),
        settings in strategy::settings(),
    ) {
        let settings = Settings { id_limit: 4096, advance_past_too_large: true, ..settings };
        let chunks = strategy::cut(stream.as_bytes(), &cuts);
        let limited = OverSlices.run(&settings, &chunks).outcome;
        let roomy = Settings { event_limit: 1 << 20, ..settings.clone() };
        let unlimited = OverSlices.run(&roomy, &chunks).outcome;
        let dispatched = |outcome: &Outcome| -> Vec<Item> {
            let is_dispatched = |item: &&Item| matches!(item, Item::Event(_) | Item::TooLarge { .. });
            outcome.items.iter().filter(is_dispatched).cloned().collect()
        };
        let (limited_items, unlimited_items) = (dispatched(&limited), dispatched(&unlimited));
        prop_assert_eq!(limited_items.len(), unlimited_items.len());
        for pair in limited_items.iter().zip(&unlimited_items) {
            match pair {
                (Item::Event(event), Item::Event(unlimited)) => {
                    prop_assert_eq!(event, unlimited);
                    prop_assert!(event.size() <= settings.event_limit);
                }
                (Item::TooLarge { last_event_id }, Item::Event(event)) => {
                    prop_assert_eq!(last_event_id, &event.last_event_id);
                }
                pair => prop_assert!(false, "{:?}", pair),
            }
        }
        prop_assert_eq!(limited.last_event_id, unlimited.last_event_id);
    }

    /// Whether comments are kept changes nothing else.
    #[test]
    fn comments_are_beside_the_rest(
        stream in strategy::stream(),
        cuts in strategy::cuts(),
        settings in strategy::settings(),
    ) {
        let chunks = strategy::cut(stream.as_bytes(), &cuts);
        let kept = Settings { keep_comments: true, ..settings.clone() };
        let mut with = OverSlices.run(&kept, &chunks).outcome;
        with.items.retain(|item| !matches!(item, Item::Comment { .. }));
        let skipped = Settings { keep_comments: false, ..settings };
        prop_assert_eq!(with, OverSlices.run(&skipped, &chunks).outcome);
    }

    /// Law 3: what lies before and behind the storage is not touched.
    #[test]
    fn nothing_is_written_beside_the_storage(
        stream in strategy::stream(),
        cuts in strategy::cuts(),
        settings in strategy::settings(),
    ) {
        const GUARD: usize = 32;
        let mut event_memory = vec![0xA5; settings.event_limit + 2 * GUARD];
        let mut id_memory = vec![0x5A; 3 * settings.id_limit + 2 * GUARD];
        let parser = Parser::new(
            &mut event_memory[GUARD..GUARD + settings.event_limit],
            &mut id_memory[GUARD..GUARD + 3 * settings.id_limit],
        );
        let mut parser = configure(parser, &settings);
        for chunk in strategy::cut(stream.as_bytes(), &cuts) {
            let mut items = parser.feed(chunk);
            while items.advance() {}
        }
        for (memory, guard, length) in [
            (&event_memory, 0xA5, settings.event_limit),
            (&id_memory, 0x5A, 3 * settings.id_limit),
        ] {
            prop_assert_eq!(&memory[..GUARD], &[guard; GUARD]);
            prop_assert_eq!(&memory[GUARD + length..], &[guard; GUARD]);
        }
    }

    /// Law 4.
    #[test]
    fn data_of_one_line_is_handed_out_where_it_lies(
        blocks in prop::collection::vec(one_line_block(), 1..6),
        settings in strategy::settings(),
    ) {
        let settings = Settings { event_limit: 512, id_limit: 64, keep_comments: false, ..settings };
        let mut chunk = Vec::new();
        let mut places = Vec::new();
        for (lines, data) in &blocks {
            for line in lines {
                if let Line::Data = line {
                    chunk.extend_from_slice(b"data: ");
                    places.push(chunk.len()..chunk.len() + data.len());
                    chunk.extend_from_slice(data.as_bytes());
                } else {
                    chunk.extend_from_slice(line.bytes());
                }
                chunk.push(b'\n');
            }
            chunk.push(b'\n');
        }
        let (mut event_storage, mut id_storage) = ([0; 512], [0; 3 * 64]);
        let mut parser = configure(Parser::new(&mut event_storage, &mut id_storage), &settings);
        let mut items = parser.feed(&chunk);
        for place in places {
            let Some(sansse::Item::Event(event)) = items.next() else {
                return Err(TestCaseError::fail("an event is missing"));
            };
            let data = event.data();
            prop_assert_eq!(data.as_bytes().as_ptr_range(), chunk[place].as_ptr_range());
        }
        prop_assert_eq!(items.next(), None);
    }

    /// What is not UTF-8 is shown with one U+FFFD for each maximal subpart.
    #[test]
    fn text_is_shown_as_browsers_decode_it(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                b"a".as_slice(), b"\xC3\xA9", b"\x80", b"\xBF", b"\xC3", b"\xE2\x82", b"\xED\xA0",
                b"\xF0\x9F\x98", b"\xF0\x9F\x98\x80", b"\xF4\x90", b"\xC0\xAF", b"\xFF", b"\xEF\xBB\xBF",
            ]),
            0..8,
        ),
        // What checks many bytes at a time must still find each.
        (before, behind) in (0..150_usize, 0..150_usize),
    ) {
        let bytes = [vec![b'a'; before], pieces.concat(), vec![b'a'; behind]].concat();
        let shown = utf8::decode(&bytes);
        let text = Text::new(&bytes);
        prop_assert_eq!(&text.to_string(), &shown);
        prop_assert_eq!(text.to_string_lossy(), shown.as_str());
        prop_assert_eq!(text.to_str().ok(), (shown.as_bytes() == bytes).then_some(shown.as_str()));
        let mut sink = FmtSink(String::new());
        prop_assert_eq!(sink.put(&bytes), Ok(()));
        prop_assert_eq!(sink.0, shown);
    }

    /// An id is seeded when it can be one and fits, and otherwise nothing has happened.
    #[test]
    fn seeding(
        id in prop::collection::vec(prop::sample::select(b"a\0\n\r \xFF".to_vec()), 0..8),
        limit in 0..8_usize,
    ) {
        let mut parser = Parser::new([0; 8], GrowingStorage::new(3 * limit));
        let earlier = &b"old"[..limit.min(3)];
        prop_assert_eq!(parser.seed_last_event_id(earlier), Ok(()));
        let expected = if id.iter().any(|byte| b"\0\r\n".contains(byte)) {
            Err(SeedError::NotAnId)
        } else if id.len() > limit {
            Err(SeedError::TooLong { limit })
        } else {
            Ok(())
        };
        prop_assert_eq!(parser.seed_last_event_id(&id), expected);
        let now = if expected.is_ok() { id.as_slice() } else { earlier };
        prop_assert_eq!(parser.last_event_id().as_bytes(), now);
        let mut items = parser.feed(b"data\n\n");
        let Some(sansse::Item::Event(event)) = items.next() else {
            return Err(TestCaseError::fail("the event is missing"));
        };
        prop_assert_eq!(event.last_event_id().as_bytes(), now);
        prop_assert_eq!(event.id(), None);
    }
}

proptest! {
    #![proptest_config(strategy::cases(48))]

    /// Law 1: the outcome hangs on the size of the storage alone, at each of its sizes.
    #[test]
    fn every_size_of_storage(
        stream in strategy::short_stream(),
        id_limit in 0..6_usize,
        keep_comments in any::<bool>(),
    ) {
        let stream = stream.as_bytes();
        for event_limit in 0..=stream.len().min(40) {
            for advance_past_too_large in [false, true] {
                let settings = Settings {
                    event_limit,
                    id_limit,
                    keep_comments,
                    advance_past_too_large,
                    seed: ByteString::default(),
                };
                let expected = oracle::interpret(&settings, stream);
                for chunks in chunking::usual(stream) {
                    let outcome = OverSlices.run(&settings, &chunks).outcome;
                    prop_assert_eq!(&outcome, &expected, "{:?}, {:?}", settings, chunks);
                }
            }
        }
    }
}

/// A line of a block with one `data` line.
#[derive(Clone, Copy, Debug)]
enum Line {
    Data,
    Type,
    Id,
    Comment,
    Unknown,
}

impl Line {
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Data => b"data",
            Self::Type => b"event: tick",
            Self::Id => b"id: 7",
            Self::Comment => b": x",
            Self::Unknown => b"datax: y",
        }
    }
}

fn one_line_block() -> impl Strategy<Value = (Vec<Line>, String)> {
    use Line::{Comment, Data, Id, Type, Unknown};
    let others =
        prop::collection::vec(prop::sample::select(vec![Type, Id, Comment, Unknown]), 0..6);
    (others, any::<Index>(), "[ -~é]{0,60}").prop_map(|(mut lines, place, data)| {
        lines.insert(place.index(lines.len() + 1), Data);
        (lines, data)
    })
}
