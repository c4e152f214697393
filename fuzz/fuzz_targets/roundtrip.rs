//! Any values: each is refused with nothing written, or comes back as one item that equals it.
//!
//! The input is values between FF bytes, which are in no text: a type, an id (none if it is FE),
//! data and a comment that is also an id, and so on.

#![no_main]

use std::fmt::Write as _;

use libfuzzer_sys::fuzz_target;
use sansse::{BufferTooSmall, EncodeError, Encoder, Event};
use tests::core_parsers::Growing;
use tests::encoding;
use tests::implementation::Implementation;
use tests::outcome::Item;
use tests::settings::Settings;

fuzz_target!(|input: &[u8]| {
    let mut values = input.split(|&byte| byte == 0xFF);
    let mut stream = Vec::new();
    let mut expected = Vec::new();
    let mut last_event_id: &[u8] = b"";
    while let Some(event_type) = values.next() {
        let id = values.next().filter(|&id| id != [0xFE]);
        let data = values.next().unwrap_or_default();
        let comment = values.next().unwrap_or_default();

        let error = encoding::line_error(event_type).or(id.and_then(encoding::id_error));
        let event = Event::from_parts(data, event_type, id);
        assert_eq!(event.err(), error);
        if let Ok(event) = event {
            encode(&event, &mut stream);
            expected.push(encoding::received(data, event_type, id, last_event_id));
            last_event_id = id.unwrap_or(last_event_id);
        }
        if let Ok(comment) = std::str::from_utf8(comment) {
            expected.extend(encode_comment(comment, &mut stream));
        }
        if encode_position(comment, &mut stream) {
            last_event_id = comment;
        }
        let text_id = id.map(std::str::from_utf8).transpose();
        if let (Ok(data), Ok(event_type), Ok(id)) =
            (std::str::from_utf8(data), std::str::from_utf8(event_type), text_id)
        {
            check_text(data, event_type, id);
        }
    }
    let settings = Settings::roomy().with_limits(1 << 20, 1 << 20);
    // Chunks that end anywhere, as far as the input says.
    let size = 1 + input.len() % 61;
    let outcome = Growing.run(&settings, &stream.chunks(size).collect::<Vec<_>>()).outcome;
    assert_eq!(outcome.items, expected);
    assert_eq!(outcome.last_event_id.as_bytes(), last_event_id);
});

/// Encodes an event into a slice of its exact length and behind the stream.
fn encode(event: &Event<'_>, stream: &mut Vec<u8>) {
    let start = stream.len();
    let Ok(()) = event.encode(stream);
    let length = event.encoded_len();
    assert_eq!(length, stream.len() - start);
    let mut slice = vec![0; length];
    assert_eq!(event.encode_to_slice(&mut slice), Ok(length));
    assert_eq!(slice, stream[start..]);
    assert_eq!(event.encode_to_slice(&mut slice[..length - 1]), Err(BufferTooSmall));
}

fn encode_comment(comment: &str, stream: &mut Vec<u8>) -> Option<Item> {
    let before = stream.len();
    let result = Encoder::new(&mut *stream).comment(comment);
    let error = encoding::line_error(comment.as_bytes());
    assert_eq!(result.err(), error.map(EncodeError::Field));
    if error.is_some() {
        assert_eq!(stream.len(), before);
        return None;
    }
    Some(Item::Comment { text: comment.into(), truncated: false })
}

/// Encodes a block that holds only an id, and says whether it can be one.
fn encode_position(id: &[u8], stream: &mut Vec<u8>) -> bool {
    let before = stream.len();
    let result = Encoder::new(&mut *stream).received_id(id);
    let error = encoding::id_error(id);
    assert_eq!(result.err(), error.map(EncodeError::Field));
    if error.is_some() {
        assert_eq!(stream.len(), before);
    }
    if let Ok(text) = std::str::from_utf8(id) {
        let mut encoded = Vec::new();
        let result = Encoder::new(&mut encoded).id(text);
        assert_eq!(result.err(), encoding::text_id_error(text).map(EncodeError::Field));
        assert_eq!(encoded, if result.is_ok() { &stream[before..] } else { b"" });
    }
    error.is_none()
}

/// What takes text gives the same bytes as what takes bytes, or refuses it.
fn check_text(data: &str, event_type: &str, id: Option<&str>) {
    let error =
        encoding::line_error(event_type.as_bytes()).or(id.and_then(encoding::text_id_error));
    let mut formatted = Vec::new();
    let result = Encoder::new(&mut formatted).event_with(event_type, id, |writer| {
        data.chars().try_for_each(|character| writer.write_char(character))
    });
    assert_eq!(result.err(), error.map(EncodeError::Field));
    let built = Event::new(data).with_type(event_type).and_then(|event| match id {
        Some(id) => event.with_id(id),
        None => Ok(event),
    });
    assert_eq!(built.err(), error);
    let mut encoded = Vec::new();
    if let Ok(event) = built {
        let Ok(()) = event.encode(&mut encoded);
    }
    assert_eq!(formatted, encoded);
}
