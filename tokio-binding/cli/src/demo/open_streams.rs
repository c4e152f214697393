//! The streams that are open, by the name that each came with.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sansse_tokio::{Subscription, SubscriptionHandle};

/// Most streams of one demo.
pub(super) const MOST_STREAMS: usize = 1000;
/// Longest name of a stream, in characters.
pub(super) const LONGEST_NAME: usize = 32;

/// Streams that are open, so that they can be ended from here.
///
/// A stream is found by going through all of them: there are few.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenStreams(Arc<Mutex<Vec<OpenStream>>>);

#[derive(Debug)]
struct OpenStream {
    /// Tells it from all others, also of the same name.
    key: Arc<()>,
    name: String,
    handle: SubscriptionHandle,
}

impl OpenStreams {
    /// Counts a stream among the open ones until its reader goes. `None` where there are too many.
    pub(super) fn add(&self, name: &str, subscription: Subscription) -> Option<Subscription> {
        let key = Arc::new(());
        let mut open = self.lock();
        if open.len() >= MOST_STREAMS {
            return None;
        }
        let handle = subscription.handle();
        open.push(OpenStream { key: Arc::clone(&key), name: name.into(), handle });
        drop(open);
        let this = self.clone();
        Some(subscription.on_disconnect(move || {
            this.lock().retain(|stream| !Arc::ptr_eq(&stream.key, &key));
        }))
    }

    /// Whether a stream of this name is open.
    pub(super) fn has(&self, name: &str) -> bool {
        self.lock().iter().any(|stream| stream.name == name)
    }

    /// Ends all streams of a name, and returns how many those were. Their readers come back.
    pub(super) fn end(&self, name: &str) -> usize {
        let open = self.lock();
        let named = open.iter().filter(|stream| stream.name == name);
        named.inspect(|stream| stream.handle.end()).count()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<OpenStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a name can be shown in a line: not empty, not long, nothing invisible but inner spaces.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.trim() == name
        && name.chars().count() <= LONGEST_NAME
        && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use sansse_tokio::{Hub, Start};

    use super::*;

    #[tokio::test]
    async fn streams_are_known_while_they_are_open_and_are_limited() {
        let (hub, streams) = (Hub::new(), OpenStreams::default());
        let open = |name: &str| streams.add(name, hub.subscribe(["topic"], Start::Live).unwrap());
        let (one, two, other) = (open("a"), open("a"), open("b"));
        assert_eq!((streams.end("a"), streams.end("b"), streams.end("c")), (2, 1, 0));
        drop(one);
        assert!(streams.has("a"));
        drop(two);
        assert!(!streams.has("a"));
        assert!(streams.has("b"));
        drop(other);
        let mut all: Vec<_> = (0..MOST_STREAMS).map(|_| open("a").unwrap()).collect();
        assert!(open("a").is_none());
        all.pop();
        assert!(open("a").is_some());
    }

    #[test]
    fn names() {
        for name in ["ada", "Grace Hopper", &"ü".repeat(LONGEST_NAME)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", " ", " ada", "a\nb", "a\0", &"x".repeat(LONGEST_NAME + 1)] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
