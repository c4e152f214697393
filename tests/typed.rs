//! Events whose data is a value as JSON.

use std::cell::Cell;
use std::collections::BTreeMap;

use futures_util::{FutureExt as _, StreamExt as _, stream};
use http_body_util::BodyExt as _;
use sansse_tokio::{
    EventStream, FieldError, Hub, HubBuilder, OwnedEvent, OwnedItem, PublishError, Sse, Start,
};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use tests::wire::{drain, events};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Message {
    from: String,
    text: String,
    at: Option<f64>,
    tags: Vec<char>,
}

/// What a careless writer would break: ends of lines, quotes, controls, characters of each length.
fn message() -> Message {
    Message {
        from: "\"Ann\\a\"\t\0\u{1b}".into(),
        text: "a\rb\nc\r\nd\n\ne\u{2028}f\u{2029}g\u{85}h äß€😀\u{feff}".repeat(9),
        at: Some(1.5e300),
        tags: vec!['\n', '\r', '"', '\u{2028}', '😀', ' '],
    }
}

fn builder() -> HubBuilder {
    Hub::builder().epoch(35).retry(None)
}

/// The events that are on the wire.
fn owned_events(wire: String) -> Vec<OwnedEvent> {
    let items = EventStream::new(
        stream::iter([Ok::<_, std::io::Error>(wire)]).map(|chunk| chunk.map(bytes::Bytes::from)),
    );
    let items = items.collect::<Vec<_>>().now_or_never().expect("all is there");
    let events = items.into_iter().filter_map(|item| match item {
        Ok(OwnedItem::Event(event)) => Some(event),
        _ => None,
    });
    events.collect()
}

#[test]
fn a_value_comes_back_as_it_went_in() {
    let hub = builder().build();
    let mut subscription = hub.subscribe(["a"], Start::Live).unwrap();
    assert_eq!(hub.publish_json("a", "greeting", &message()).unwrap().to_string(), "z-1");
    hub.publish_json("a", "", &["unsized"; 2][..]).unwrap();
    let wire = drain(&mut subscription);
    let text = serde_json::to_string(&message()).unwrap();
    assert_eq!(
        wire,
        format!(
            "id: z-0\n\nid: z-1\nevent: greeting\ndata: {text}\n\n\
             id: z-2\ndata: [\"unsized\",\"unsized\"]\n\n"
        )
    );
    let events = owned_events(wire);
    assert_eq!(events[0].parse_json::<Message>().unwrap(), message());
    assert_eq!(events[0].event_type(), "greeting");
    assert_eq!(events[1].parse_json::<[&str; 2]>().unwrap(), ["unsized"; 2]);
}

#[test]
fn json_over_several_lines_stays_one_event() {
    let raw = RawValue::from_string("{\n\"a\":\r\n[1,\r2]\n\n}".into()).unwrap();
    let hub = builder().build();
    let mut subscription = hub.subscribe(["a"], Start::Live).unwrap();
    hub.publish_json("a", "", &raw).unwrap();
    let owned = OwnedEvent::json(&raw).unwrap();
    hub.publish("a", &owned.as_event()).unwrap();
    let events = owned_events(drain(&mut subscription));
    assert_eq!(events.len(), 2);
    for event in events {
        assert_eq!(event.data(), "{\n\"a\":\n[1,\n2]\n\n}");
        let value: BTreeMap<String, Vec<u8>> = event.parse_json().unwrap();
        assert_eq!(value["a"], [1, 2]);
    }
}

#[test]
fn the_application_may_give_the_ids() {
    let hub = builder().given_ids("begin").unwrap().build();
    let mut subscription = hub.subscribe(["a"], Start::Live).unwrap();
    hub.publish_json_with_id("a", "n", "order-7", &7).unwrap();
    assert_eq!(events(&drain(&mut subscription)), ["n:7@order-7"]);
    assert_eq!(hub.publish_json("a", "n", &8), Err(PublishError::LacksId));
    assert_eq!(hub.publish_json_with_id("a", "n", "order-7", &8), Err(PublishError::IdTaken));
    let forged = hub.publish_json_with_id("a", "n", "x\ndata: 9", &8);
    assert!(matches!(forged, Err(PublishError::Id(_))));
    let own = builder().build();
    assert_eq!(own.publish_json_with_id("a", "n", "order-7", &8), Err(PublishError::CarriesId));
}

/// A value that fails when the first half of it has been written.
struct Failing;

impl Serialize for Failing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq as _;
        let mut half = serializer.serialize_seq(None)?;
        half.serialize_element("half of it")?;
        Err(S::Error::custom("the rest has gone"))
    }
}

#[test]
fn what_cannot_be_json_is_said_and_not_published() {
    let hub = builder().build();
    let mut subscription = hub.subscribe(["a"], Start::Live).unwrap();
    let problem = |published: Result<_, PublishError>| published.unwrap_err().to_string();
    assert_eq!(
        problem(hub.publish_json("a", "", &Failing)),
        "the value cannot be written as JSON: the rest has gone"
    );
    let no_object = BTreeMap::from([((1, 2), 3)]);
    assert_eq!(
        problem(hub.publish_json("a", "", &no_object)),
        "the value cannot be written as JSON: key must be a string"
    );
    assert_eq!(
        hub.publish_json("a", "x\ndata: y", &1),
        Err(PublishError::EventType(FieldError::LineBreak))
    );
    assert!(matches!(hub.publish_json("", "", &1), Err(PublishError::Topic(_))));
    assert_eq!(drain(&mut subscription), "id: z-0\n\n");
    assert!(OwnedEvent::json(&Failing).is_err());
    assert!(OwnedEvent::new("{").parse_json::<serde_json::Value>().is_err());
}

/// Numbers without end, or nearly, that count how many of them were written.
struct Endless<'a>(&'a Cell<usize>);

impl Serialize for Endless<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..10_000_000).inspect(|_| self.0.set(self.0.get() + 1)))
    }
}

#[test]
fn no_more_is_written_than_an_event_may_hold() {
    let hub = builder().topic_history(9, 1000).build();
    let written = Cell::new(0);
    assert_eq!(hub.publish_json("a", "", &Endless(&written)), Err(PublishError::TooLarge));
    assert!(written.get() < 1000, "{}", written.get());
    // To the byte: the id's line and "data: " are 14, quotes and the end of the block 4.
    let fits = "x".repeat(1000 - 18);
    hub.publish_json("a", "", &fits).unwrap();
    assert_eq!(hub.publish_json("a", "", &(fits + "x")), Err(PublishError::TooLarge));
    assert_eq!(hub.publish_json("a", "", &"x".repeat(99_999)), Err(PublishError::TooLarge));
}

#[tokio::test]
async fn a_response_of_values() {
    let values = stream::iter([message(), message()]).map(|value| OwnedEvent::json(&value));
    let body = Sse::new(values).into_body().collect().await.unwrap().to_bytes();
    let events = owned_events(String::from_utf8(body.into()).unwrap());
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.parse_json::<Message>().unwrap() == message()));

    let failing = stream::iter([1, 2]).map(|_| OwnedEvent::json(&Failing));
    let error = Sse::new(failing).into_body().collect().await.unwrap_err();
    assert_eq!(error.to_string(), "the rest has gone");
}
