//! What an encoder must do with a value, stated without one.

use sansse::FieldError;

use crate::byte_string::ByteString;
use crate::outcome::{Event, Item};

/// An event as it is received, when it has been sent with these parts and the last event ID before
/// it was `last_event_id`.
#[must_use]
pub fn received(data: &[u8], event_type: &[u8], id: Option<&[u8]>, last_event_id: &[u8]) -> Item {
    Item::Event(Event {
        event_type: if event_type.is_empty() { "message".into() } else { event_type.into() },
        data: normalised(data).into(),
        last_event_id: id.unwrap_or(last_event_id).into(),
        id: id.map(ByteString::from),
    })
}

/// Data with each line break as LF: lines are lost, their ends are not.
#[must_use]
pub fn normalised(data: &[u8]) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut previous = 0;
    for &byte in data {
        match byte {
            b'\n' if previous == b'\r' => {}
            b'\r' => lines.push(b'\n'),
            _ => lines.push(byte),
        }
        previous = byte;
    }
    lines
}

/// Why a value can be no event type or comment.
#[must_use]
pub fn line_error(value: &[u8]) -> Option<FieldError> {
    value.iter().any(|byte| b"\r\n".contains(byte)).then_some(FieldError::LineBreak)
}

/// Why a value can be no id in a stream.
#[must_use]
pub fn id_error(value: &[u8]) -> Option<FieldError> {
    line_error(value).or_else(|| value.contains(&0).then_some(FieldError::Nul))
}

/// Why a value can be no id of an application, which has to survive a request header as well.
#[must_use]
pub fn text_id_error(value: &str) -> Option<FieldError> {
    let edge = [' ', '\t'];
    let has_edge = value.starts_with(edge) || value.ends_with(edge);
    id_error(value.as_bytes()).or(has_edge.then_some(FieldError::EdgeWhitespace))
}
