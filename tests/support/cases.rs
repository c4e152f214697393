//! The cases of `tests/cases`: streams, and what they must come to.

use sansse::StreamEnd;
use serde::{Deserialize, Deserializer};

use crate::byte_string::ByteString;
use crate::outcome::{Item, Outcome};
use crate::utf8;

/// One stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// What a failing test calls it.
    pub name: String,
    /// What the standard says of it, or where it comes from.
    #[serde(alias = "source")]
    pub clause: String,
    /// What a reader should know.
    #[serde(default)]
    pub note: String,
    /// The stream.
    #[serde(deserialize_with = "escaped")]
    pub input: ByteString,
    /// What is dispatched, in order.
    pub events: Vec<ShownEvent>,
    /// The reconnection times, in the order in which they are set.
    #[serde(default)]
    pub retry: Vec<u64>,
    /// What follows the colon of each comment.
    #[serde(default)]
    pub comments: Vec<String>,
    /// What the next request sends; no header when it is empty.
    #[serde(default)]
    pub last_event_id: String,
    /// Whether something is left over at the end.
    #[serde(default)]
    pub unfinished: bool,
    /// Where to cut it for `events_after_chunk`.
    #[serde(default)]
    pub cuts: Vec<usize>,
    /// How many events are out after each of these chunks.
    #[serde(default)]
    pub events_after_chunk: Vec<usize>,
}

/// Several connections of one event source.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sequence {
    /// What a failing test calls it.
    pub name: String,
    /// Where it comes from.
    pub source: String,
    /// What a reader should know.
    #[serde(default)]
    pub note: String,
    /// The connections, in order.
    pub connections: Vec<Connection>,
}

/// One request and its response.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Connection {
    /// What the request's `Last-Event-ID` says, if it has one.
    pub request_last_event_id: Option<String>,
    /// The body of the response.
    #[serde(deserialize_with = "escaped")]
    pub body: ByteString,
    /// What is dispatched, in order.
    pub events: Vec<ShownEvent>,
    /// The reconnection times, in the order in which they are set.
    #[serde(default)]
    pub retry: Vec<u64>,
}

/// An event as a browser shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShownEvent {
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Its data.
    pub data: String,
    /// The last event ID shown with it.
    pub last_event_id: String,
}

/// What a browser makes of a stream: the items by kind, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What is dispatched, in order.
    pub events: Vec<ShownEvent>,
    /// The reconnection times, in the order in which they are set.
    pub retry: Vec<u64>,
    /// What follows the colon of each comment.
    pub comments: Vec<String>,
    /// What the next request sends.
    pub last_event_id: String,
    /// Whether something is left over at the end.
    pub unfinished: bool,
}

impl Case {
    /// What the case expects.
    #[must_use]
    pub fn shown(&self) -> Shown {
        Shown {
            events: self.events.clone(),
            retry: self.retry.clone(),
            comments: self.comments.clone(),
            last_event_id: self.last_event_id.clone(),
            unfinished: self.unfinished,
        }
    }
}

impl Shown {
    /// What an outcome comes to.
    ///
    /// # Panics
    ///
    /// When something did not fit: the limits must be far away.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        let text = |bytes: &ByteString| utf8::decode(bytes.as_bytes());
        let mut shown = Self {
            events: Vec::new(),
            retry: Vec::new(),
            comments: Vec::new(),
            last_event_id: text(&outcome.last_event_id),
            unfinished: outcome.end == StreamEnd::Unfinished,
        };
        for item in &outcome.items {
            match item {
                Item::Event(event) => shown.events.push(ShownEvent {
                    event_type: text(&event.event_type),
                    data: text(&event.data),
                    last_event_id: text(&event.last_event_id),
                }),
                Item::Retry(milliseconds) => shown.retry.push(*milliseconds),
                Item::Comment { text: comment, truncated: false } => {
                    shown.comments.push(text(comment));
                }
                other => panic!("over the limit: {other:?}"),
            }
        }
        shown
    }
}

/// All cases of one stream.
///
/// # Panics
///
/// When a file of cases is malformed.
#[must_use]
pub fn all() -> Vec<Case> {
    let files = [
        include_str!("../cases/stream.json"),
        include_str!("../cases/lines.json"),
        include_str!("../cases/fields.json"),
        include_str!("../cases/text.json"),
        include_str!("../cases/event-streams.json"),
    ];
    files
        .into_iter()
        .flat_map(|file| serde_json::from_str::<Vec<Case>>(file).expect("a file of cases"))
        .collect()
}

/// All cases of several connections.
///
/// # Panics
///
/// When the file of cases is malformed.
#[must_use]
pub fn sequences() -> Vec<Sequence> {
    serde_json::from_str(include_str!("../cases/sequences.json")).expect("a file of sequences")
}

/// Text in which `\xNN` is one byte.
fn escaped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteString, D::Error> {
    let text = String::deserialize(deserializer)?;
    let mut bytes = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        let byte = behind.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or_else(|| serde::de::Error::custom("\\x needs two digits"))?);
        rest = &behind[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes.into())
}
