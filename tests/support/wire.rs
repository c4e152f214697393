//! A subscription read without a server.

use futures_util::{FutureExt as _, StreamExt as _};
use sansse_tokio::{Item, Parser, Subscription};

/// Everything that a subscriber can read without waiting, as it stands on the wire.
///
/// # Panics
///
/// When it is not UTF-8.
pub fn drain(subscription: &mut Subscription) -> String {
    let mut wire = Vec::new();
    while let Some(Some(bytes)) = subscription.next().now_or_never() {
        wire.extend_from_slice(&bytes);
    }
    String::from_utf8(wire).expect("UTF-8")
}

/// The events on the wire as `type:data@id`, and the last event ID at its end.
#[must_use]
pub fn read(wire: &str) -> (Vec<String>, String) {
    let mut parser = Parser::growing(1 << 20, 512);
    let mut events = Vec::new();
    let mut items = parser.feed(wire.as_bytes());
    while let Some(item) = items.next() {
        if let Item::Event(event) = item {
            events.push(format!(
                "{}:{}@{}",
                event.event_type(),
                event.data(),
                event.last_event_id()
            ));
        }
    }
    (events, parser.last_event_id().to_string())
}

/// The events on the wire as `type:data@id`.
#[must_use]
pub fn events(wire: &str) -> Vec<String> {
    read(wire).0
}
