//! The laws that the encoder keeps: what goes in comes out, and nothing else does.

use std::convert::Infallible;
use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use sansse::{
    BufferTooSmall, EncodeError, Encoder, Event, FieldError, FmtSink, IoSink, Parser, SliceSink,
    StreamEnd, Text,
};
use tests::byte_string::ByteString;
use tests::core_parsers::OverSlices;
use tests::encoding;
use tests::implementation::Implementation;
use tests::outcome::{self, Item, Outcome};
use tests::settings::Settings;
use tests::{chunking, strategy};

proptest! {
    #![proptest_config(strategy::cases(1024))]

    /// Law 2, for whole streams: with sticky ids, and comments and reconnection times between.
    #[test]
    fn what_is_encoded_parses_back(
        blocks in vec(Block::strategy(), 0..8),
        cuts in strategy::cuts(),
        seed in "[a-z]{0,4}",
    ) {
        let mut stream = Vec::new();
        let mut items = Vec::new();
        let mut last_event_id = seed.clone();
        for block in &blocks {
            prop_assert_eq!(block.encode(&mut Encoder::new(&mut stream)), Ok(()));
            items.extend(block.expected(&mut last_event_id));
        }
        let settings = Settings { seed: seed.as_str().into(), ..roomy() };
        let outcome = OverSlices.run(&settings, &strategy::cut(&stream, &cuts)).outcome;
        let last_event_id = last_event_id.as_str().into();
        prop_assert_eq!(outcome, Outcome { items, last_event_id, end: StreamEnd::Clean });
    }

    /// Law 2, for a relay: what a parser hands out, UTF-8 or not, goes through an encoder unharmed.
    #[test]
    fn what_is_parsed_encodes_back(stream in strategy::stream()) {
        let (mut event_storage, mut id_storage) = ([0; 8192], [0; 3 * 4096]);
        let mut parser = Parser::new(&mut event_storage, &mut id_storage);
        let mut items = parser.feed(stream.as_bytes());
        let mut first = Vec::new();
        let mut relayed = Vec::new();
        while let Some(item) = items.next() {
            if let sansse::Item::Event(event) = item {
                first.push(outcome::Event::from(event));
                let Ok(()) = event.encode(&mut relayed);
                let id = event.id().map(Text::as_bytes);
                let parts =
                    Event::from_parts(event.data().as_bytes(), event.event_type().as_bytes(), id);
                prop_assert_eq!(parts.map(|parts| parts.encoded_len()), Ok(event.encoded_len()));
            }
        }
        let second = OverSlices.run(&roomy(), &chunking::whole(&relayed)).outcome;
        // Ids of blocks without data are not relayed, so only the events' own can be compared.
        let own = |event: &outcome::Event| {
            (event.event_type.clone(), event.data.clone(), event.id.clone())
        };
        let first: Vec<_> = first.iter().map(own).collect();
        prop_assert_eq!(first, second.events().map(own).collect::<Vec<_>>());
    }

    /// Law 2: every sink is given the same bytes, and their number is known before.
    #[test]
    fn all_sinks_agree(
        data in strategy::text(),
        event_type in strategy::one_line(),
        id in option::of(strategy::id()),
        cuts in strategy::cuts(),
    ) {
        let event = event(&data, &event_type, id.as_deref()).expect("good values");
        let mut bytes = Vec::new();
        let Ok(()) = event.encode(&mut bytes);
        prop_assert_eq!(event.encoded_len(), bytes.len());

        let mut slice = vec![0; bytes.len()];
        prop_assert_eq!(event.encode_to_slice(&mut slice), Ok(bytes.len()));
        prop_assert_eq!(&slice, &bytes);

        let mut text = FmtSink(String::new());
        prop_assert_eq!(event.encode(&mut text), Ok(()));
        prop_assert_eq!(text.0.as_bytes(), bytes.as_slice());

        let mut written = vec![0; bytes.len()];
        prop_assert!(event.encode(&mut IoSink(written.as_mut_slice())).is_ok());
        prop_assert_eq!(&written, &bytes);

        // Data that is formatted in pieces, which may end within a CRLF.
        let mut formatted = Vec::new();
        let result = Encoder::new(&mut formatted).event_with(&event_type, id.as_deref(), |writer| {
            pieces(&data, &cuts).into_iter().try_for_each(|piece| writer.write_str(piece))
        });
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(&formatted, &bytes);

        let (mut with, mut without) = (Vec::new(), Vec::new());
        let result = Encoder::new(&mut with).data_with(|writer| writer.write_str(&data));
        prop_assert_eq!(result, Ok(()));
        let Ok(()) = Event::new(&data).encode(&mut without);
        prop_assert_eq!(with, without);
    }

    /// A slice that is too short is an error and no panic, and nothing is written behind it.
    #[test]
    fn every_shorter_slice_is_too_small(
        data in strategy::text(),
        event_type in strategy::one_line(),
        id in option::of(strategy::id()),
    ) {
        let event = event(&data, &event_type, id.as_deref()).expect("good values");
        let mut whole = Vec::new();
        let Ok(()) = event.encode(&mut whole);
        let mut memory = vec![0xA5; whole.len() + 1];
        for length in 0..whole.len() {
            prop_assert_eq!(event.encode_to_slice(&mut memory[..length]), Err(BufferTooSmall));
            prop_assert!(whole.starts_with(memory[..length].split(|&b| b == 0xA5).next().unwrap()));
            prop_assert!(memory[length..].iter().all(|&byte| byte == 0xA5));
        }
    }

    /// Law 6: a value is refused, with nothing written, or comes out as one event that equals it.
    #[test]
    fn no_event_can_be_forged(
        data in strategy::text(),
        event_type in prop_oneof![strategy::text(), strategy::one_line()],
        id in option::of(prop_oneof![strategy::text(), strategy::id()]),
    ) {
        let error = encoding::line_error(event_type.as_bytes())
            .or(id.as_deref().and_then(encoding::text_id_error));
        let built = event(&data, &event_type, id.as_deref());
        prop_assert_eq!(built.err(), error);
        let mut bytes = Vec::new();
        let result = Encoder::new(&mut bytes)
            .event_with(&event_type, id.as_deref(), |writer| writer.write_str(&data));
        prop_assert_eq!(result.err(), error.map(EncodeError::Field));
        if error.is_some() {
            prop_assert_eq!(bytes, b"");
        } else {
            let id = id.as_ref().map(String::as_bytes);
            let (data, event_type) = (data.as_bytes(), event_type.as_bytes());
            check_between_others(&bytes, &[encoding::received(data, event_type, id, b"before")])?;
        }
    }

    /// Law 6, for what need not be UTF-8.
    #[test]
    fn no_event_can_be_forged_with_bytes(
        data in vec(byte(), 0..16),
        event_type in vec(byte(), 0..8),
        id in option::of(vec(byte(), 0..8)),
    ) {
        let error = encoding::line_error(&event_type)
            .or(id.as_deref().and_then(encoding::id_error));
        let built = Event::from_parts(&data, &event_type, id.as_deref());
        prop_assert_eq!(built.err(), error);
        if let Ok(event) = built {
            let mut bytes = Vec::new();
            let Ok(()) = event.encode(&mut bytes);
            prop_assert_eq!(event.encoded_len(), bytes.len());
            let expected = encoding::received(&data, &event_type, id.as_deref(), b"before");
            check_between_others(&bytes, &[expected])?;
        }
    }

    /// Law 6, for the blocks that dispatch nothing.
    #[test]
    fn no_comment_or_id_can_be_forged(value in strategy::text()) {
        let mut bytes = Vec::new();
        let result = Encoder::new(&mut bytes).comment(&value);
        prop_assert_eq!(result.err(), encoding::line_error(value.as_bytes()).map(EncodeError::Field));
        if result.is_ok() {
            let text = value.as_str().into();
            check_between_others(&bytes, &[Item::Comment { text, truncated: false }])?;
        } else {
            prop_assert_eq!(bytes, b"");
        }

        let mut bytes = Vec::new();
        let result = Encoder::new(&mut bytes).id(&value);
        prop_assert_eq!(result.err(), encoding::text_id_error(&value).map(EncodeError::Field));
        if result.is_ok() {
            check_between_others(&bytes, &[])?;
            let outcome = OverSlices.run(&roomy(), &chunking::whole(&bytes)).outcome;
            prop_assert_eq!(outcome.last_event_id, ByteString::from(value.as_str()));
        } else {
            prop_assert_eq!(bytes, b"");
        }
    }

    /// Law 6, for an id that is passed on as it came.
    #[test]
    fn no_received_id_can_be_forged(id in vec(byte(), 0..8)) {
        let mut bytes = Vec::new();
        let result = Encoder::new(&mut bytes).received_id(&id);
        prop_assert_eq!(result.err(), encoding::id_error(&id).map(EncodeError::Field));
        if result.is_ok() {
            check_between_others(&bytes, &[])?;
            let outcome = OverSlices.run(&roomy(), &chunking::whole(&bytes)).outcome;
            prop_assert_eq!(outcome.last_event_id, ByteString::from(id));
        } else {
            prop_assert_eq!(bytes, b"");
        }
    }

    /// After a sink has failed it is given nothing more, whatever the caller makes of the error.
    #[test]
    fn a_sink_that_failed_is_left_alone(
        data in strategy::text(),
        cuts in strategy::cuts(),
        room in 0..48_usize,
    ) {
        let mut memory = vec![0; room];
        let mut sink = SliceSink::new(&mut memory);
        let result = Encoder::new(&mut sink).data_with(|writer| {
            for piece in pieces(&data, &cuts) {
                let _ = writer.write_str(piece);
            }
            Ok(())
        });
        let mut whole = Vec::new();
        let Ok(()) = Event::new(&data).encode(&mut whole);
        let fits = whole.len() <= room;
        let error = EncodeError::Sink(BufferTooSmall);
        prop_assert_eq!(result, if fits { Ok(()) } else { Err(error) });
        prop_assert!(whole.starts_with(sink.written()), "{:?}", ByteString::from(sink.written()));
    }
}

/// What a server sends at a time.
#[derive(Clone, Debug)]
enum Block {
    Event { data: String, event_type: String, id: Option<String> },
    Id(String),
    Comment(String),
    Retry(u64),
}

impl Block {
    fn strategy() -> impl Strategy<Value = Self> {
        let event = (strategy::text(), strategy::one_line(), option::of(strategy::id()));
        prop_oneof![
            6 => event.prop_map(|(data, event_type, id)| Self::Event { data, event_type, id }),
            1 => strategy::id().prop_map(Self::Id),
            1 => strategy::one_line().prop_map(Self::Comment),
            1 => any::<u64>().prop_map(Self::Retry),
        ]
    }

    fn encode(&self, encoder: &mut Encoder<&mut Vec<u8>>) -> Result<(), EncodeError<Infallible>> {
        match self {
            Self::Event { data, event_type, id } => {
                let Ok(()) = encoder.event(&event(data, event_type, id.as_deref())?);
                Ok(())
            }
            Self::Id(id) => encoder.id(id),
            Self::Comment(text) => encoder.comment(text),
            Self::Retry(milliseconds) => {
                let Ok(()) = encoder.retry(*milliseconds);
                Ok(())
            }
        }
    }

    /// The item that it comes to, with the last event ID before and behind it.
    fn expected(&self, last_event_id: &mut String) -> Option<Item> {
        match self {
            Self::Event { data, event_type, id } => {
                if let Some(id) = id {
                    last_event_id.clone_from(id);
                }
                let id = id.as_ref().map(String::as_bytes);
                let (data, event_type) = (data.as_bytes(), event_type.as_bytes());
                Some(encoding::received(data, event_type, id, last_event_id.as_bytes()))
            }
            Self::Id(id) => {
                last_event_id.clone_from(id);
                None
            }
            Self::Comment(text) => {
                Some(Item::Comment { text: text.as_str().into(), truncated: false })
            }
            Self::Retry(milliseconds) => Some(Item::Retry(*milliseconds)),
        }
    }
}

/// Limits that nothing made here reaches.
fn roomy() -> Settings {
    Settings::roomy().with_limits(1 << 20, 1 << 20)
}

fn event<'a>(
    data: &'a str,
    event_type: &'a str,
    id: Option<&'a str>,
) -> Result<Event<'a>, FieldError> {
    let event = Event::new(data).with_type(event_type)?;
    match id {
        Some(id) => event.with_id(id),
        None => Ok(event),
    }
}

/// The text in pieces, cut between characters.
fn pieces<'a>(text: &'a str, cuts: &[Index]) -> Vec<&'a str> {
    let boundaries: Vec<_> = (0..=text.len()).filter(|&at| text.is_char_boundary(at)).collect();
    let mut places: Vec<_> = cuts.iter().map(|cut| *cut.get(&boundaries)).collect();
    places.sort_unstable();
    let chunks = chunking::at(text.as_bytes(), &places).into_iter();
    chunks.map(|chunk| std::str::from_utf8(chunk).expect("whole characters")).collect()
}

/// Checks what bytes come to between two events, which must be as they were.
fn check_between_others(bytes: &[u8], expected: &[Item]) -> Result<(), TestCaseError> {
    let before = b"id: before\ndata: before\n\n";
    let after = b"event: after\nid: after\ndata: after\n\n";
    let stream = [before.as_slice(), bytes, after].concat();
    let outcome = OverSlices.run(&roomy(), &chunking::whole(&stream)).outcome;
    let mut all = vec![encoding::received(b"before", b"", Some(b"before"), b"")];
    all.extend_from_slice(expected);
    all.push(encoding::received(b"after", b"after", Some(b"after"), b""));
    prop_assert_eq!(outcome.items, all);
    Ok(())
}

/// A byte, mostly one that means something.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![prop::sample::select(b"\0\n\r :ad\xFF\xEF\xBB\xBF".to_vec()), any::<u8>()]
}
