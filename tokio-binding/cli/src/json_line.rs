//! The JSON lines that `decode` prints and `encode` reads.

use std::borrow::Cow;

use sansse_tokio::Item;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// One thing that an event stream says, as a JSON object. Each kind has a key of its own.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum JsonLine<'a> {
    Event(EventLine<'a>),
    Comment(CommentLine<'a>),
    Retry(RetryLine),
    TooLarge(TooLargeLine<'a>),
    IdTooLong(IdTooLongLine),
    End(EndLine<'a>),
}

/// An event: `{"event":"message","data":"…","id":"…"}`.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventLine<'a> {
    /// The type; `message` when absent.
    pub(crate) event: Option<Cow<'a, str>>,
    pub(crate) data: Cow<'a, str>,
    /// The last event ID that a browser would show; that of the event before when absent.
    pub(crate) id: Option<Cow<'a, str>>,
}

/// A comment: `{"comment":"…"}`, as it stands behind the colon.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentLine<'a> {
    pub(crate) comment: Cow<'a, str>,
    /// Said only of a comment whose end passed the limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) truncated: bool,
}

/// A reconnection time in milliseconds: `{"retry":3000}`.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryLine {
    pub(crate) retry: u64,
}

/// An event that passed the limit: `{"too_large":true,"id":"…"}`.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TooLargeLine<'a> {
    too_large: True,
    id: Cow<'a, str>,
}

/// An id that passed the limit and was dropped: `{"id_too_long":true}`.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdTooLongLine {
    id_too_long: True,
}

/// What holds at the end of the stream: `{"end":true,"id":"…","retry":null}`.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndLine<'a> {
    end: True,
    pub(crate) id: Cow<'a, str>,
    retry: Option<u64>,
}

/// The JSON value `true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "bool", into = "bool")]
struct True;

impl<'a> JsonLine<'a> {
    /// The end of a stream.
    pub(crate) const fn end(id: Cow<'a, str>, retry: Option<u64>) -> Self {
        Self::End(EndLine { end: True, id, retry })
    }

    /// An event that passed the limit.
    pub(crate) const fn too_large(id: Cow<'a, str>) -> Self {
        Self::TooLarge(TooLargeLine { too_large: True, id })
    }

    /// The line of an item; `None` for a kind of item that has no line.
    pub(crate) fn of(item: &Item<'a>) -> Option<Self> {
        Some(match item {
            Item::Event(event) => Self::Event(EventLine {
                event: Some(event.event_type().to_string_lossy()),
                data: event.data().to_string_lossy(),
                id: Some(event.last_event_id().to_string_lossy()),
            }),
            Item::TooLarge(event) => Self::too_large(event.last_event_id().to_string_lossy()),
            Item::Retry(milliseconds) => Self::Retry(RetryLine { retry: *milliseconds }),
            Item::Comment(comment) => Self::Comment(CommentLine {
                comment: comment.text().to_string_lossy(),
                truncated: comment.is_truncated(),
            }),
            Item::IdTooLong => Self::IdTooLong(IdTooLongLine { id_too_long: True }),
            _ => return None,
        })
    }

    /// Appends the object and a line feed.
    pub(crate) fn print(&self, text: &mut Vec<u8>) -> Result<(), Failure> {
        serde_json::to_writer(&mut *text, self).map_err(|error| {
            Failure::new(format!("cannot print {self:?}: {error}; please report this"))
        })?;
        text.push(b'\n');
        Ok(())
    }
}

impl JsonLine<'static> {
    /// Reads an object; says what is wrong with it in a few words.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let object: Map<String, Value> = serde_json::from_slice(text).map_err(|error| {
            let sentence = error.to_string();
            // The line is always 1 there.
            let reason = sentence.rsplit_once(" at line ").map_or(&*sentence, |(reason, _)| reason);
            format!("{reason} at column {}", error.column())
        })?;
        let has = |key| object.contains_key(key);
        if has("end") {
            read(object).map(Self::End)
        } else if has("data") {
            read(object).map(Self::Event)
        } else if has("comment") {
            read(object).map(Self::Comment)
        } else if has("too_large") {
            read(object).map(Self::TooLarge)
        } else if has("id_too_long") {
            read(object).map(Self::IdTooLong)
        } else if has("retry") {
            read(object).map(Self::Retry)
        } else {
            Err("no such object is known: give it `data`, `comment` or `retry`".into())
        }
    }
}

fn read<T: for<'de> Deserialize<'de>>(object: Map<String, Value>) -> Result<T, String> {
    T::deserialize(Value::Object(object)).map_err(|error| error.to_string())
}

impl TryFrom<bool> for True {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value { Ok(Self) } else { Err("only `true` says something here: leave the line out") }
    }
}

impl From<True> for bool {
    fn from(_: True) -> Self {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_prints_as_it_parses() {
        for text in [
            r#"{"event":"message","data":"a\nb","id":""}"#,
            r#"{"comment":" hi"}"#,
            r#"{"comment":"hi","truncated":true}"#,
            r#"{"retry":18446744073709551615}"#,
            r#"{"too_large":true,"id":"7"}"#,
            r#"{"id_too_long":true}"#,
            r#"{"end":true,"id":"7","retry":null}"#,
            r#"{"end":true,"id":"","retry":3000}"#,
        ] {
            let mut printed = Vec::new();
            JsonLine::parse(text.as_bytes()).unwrap().print(&mut printed).unwrap();
            assert_eq!(String::from_utf8(printed).unwrap(), format!("{text}\n"));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, problem) in [
            ("{\"data\":\"x\"", "EOF while parsing an object at column 11"),
            ("[1]", "expected a map"),
            ("{\"data\":1}", "invalid type: integer `1`"),
            (
                "{\"data\":\"x\",\"dta\":1}",
                "unknown field `dta`, expected one of `event`, `data`, `id`",
            ),
            ("{\"data\":\"x\",\"comment\":\"y\"}", "unknown field `comment`"),
            ("{\"event\":\"x\"}", "no such object"),
            ("{}", "no such object"),
            ("{\"retry\":-1}", "invalid value: integer `-1`"),
            ("{\"too_large\":false,\"id\":\"\"}", "only `true`"),
            ("{\"data\":\"\\ud800\"}", "unexpected end of hex escape"),
            ("{\"data\":\"\u{0}\"}", "control character"),
        ] {
            let error = JsonLine::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
        assert!(JsonLine::parse(b"{\"data\":\"\xFF\"}").is_err());
    }
}
