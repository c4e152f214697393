//! Who is there: the users that have a stream open.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sansse::Event;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::codec::put_event;
use crate::hub::Hub;
use crate::state::{State, StateSource};
use crate::subscription::{Subscription, SubscriptionHandle};
use crate::sync::{Mutex, lock};
use crate::topic::{TopicError, check_name};

/// The least time between two events that tell of changes.
const INTERVAL: Duration = Duration::from_millis(250);

/// The most bytes of names that one event holds, unless it is one name alone.
const NAMES_AN_EVENT: usize = 16 << 10;

/// The longest name of a user, in bytes.
const NAME_LIMIT: usize = 256;

/// A registry of the users that have streams open, which a topic of the hub tells of.
///
/// A user may have several connections, such as tabs; it joins with the first and leaves with the
/// last. Who follows the topic is first told all users, by an event `presence` with the data
/// `{"users":["ada",…]}`, and then what changes, by events `presence-change` with
/// `{"joined":["grace"],"left":[]}`: at most four times a second however many come and go, and no
/// more once the hub shuts down. Users whose names have more than 16 KiB together are told in several
/// events, the further ones as changes. None of these events has an id, and none is replayed: a reader that comes back or falls
/// behind is told all users again.
///
/// A clone is another handle to the same registry.
///
/// ```
/// use sansse_tokio::{Hub, Presence, Start};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::new();
/// let presence = Presence::spawn(&hub, "presence")?;
///
/// // In a request handler, for a user that is known to be one:
/// let subscription = hub.subscribe(["news", "presence"], Start::Live)?;
/// let (subscription, _connection) = presence.join("ada", subscription)?;
/// let response = subscription.into_response();
/// assert_eq!(presence.users(), ["ada"]);
///
/// // The server drops the body as soon as the reader has gone.
/// drop(response);
/// assert!(presence.users().is_empty());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Presence(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    users: Mutex<Users>,
    /// Told when somebody comes or goes, and when the registry is dropped.
    changed: Arc<Notify>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}

/// A connection of a user, as its registry numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl Presence {
    /// A registry that a topic of a hub tells of. It starts a task on the current runtime, which
    /// publishes the changes, and ends with the last handle or when the hub shuts down.
    ///
    /// # Errors
    ///
    /// When the topic's name is none.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn spawn(hub: &Hub, topic: &str) -> Result<Self, TopicError> {
        check_name(topic)?;
        let shared = Arc::new(Shared { users: Mutex::default(), changed: Arc::default() });
        let told = Arc::downgrade(&shared);
        hub.add_state(
            topic,
            StateSource::new(move || match told.upgrade() {
                Some(shared) => lock(&shared.users).state(),
                None => State { blocks: Bytes::new(), sequence: 0 },
            }),
        );
        let changed = shared.changed.clone();
        tokio::spawn(tell(Arc::downgrade(&shared), changed, hub.clone(), topic.to_owned()));
        Ok(Self(shared))
    }

    /// Counts a subscription as a connection of a user, until it is dropped.
    ///
    /// # Errors
    ///
    /// When the name is empty, longer than 256 bytes, or holds a control character.
    pub fn join(
        &self,
        user: &str,
        subscription: Subscription,
    ) -> Result<(Subscription, ConnectionId), UserError> {
        check_user(user)?;
        let id = lock(&self.0.users).join(user, subscription.handle());
        self.0.changed.notify_one();
        let (shared, user) = (Arc::downgrade(&self.0), user.to_owned());
        let subscription = subscription.on_disconnect(move || {
            if let Some(shared) = shared.upgrade() {
                lock(&shared.users).leave(&user, id);
                shared.changed.notify_one();
            }
        });
        Ok((subscription, id))
    }

    /// The users that are there, in the order of their names.
    #[must_use]
    pub fn users(&self) -> Vec<String> {
        lock(&self.0.users).present.keys().cloned().collect()
    }

    /// How many users are there.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.0.users).present.len()
    }

    /// The connections of a user, the oldest first.
    #[must_use]
    pub fn connections(&self, user: &str) -> Vec<ConnectionId> {
        let users = lock(&self.0.users);
        users.present.get(user).map(|known| known.keys().copied().collect()).unwrap_or_default()
    }

    /// Ends all streams of a user; returns how many that are. A browser's EventSource comes back:
    /// have the [admission](crate::Endpoint::admission) refuse it then.
    #[must_use = "nobody may have been there"]
    pub fn end_user(&self, user: &str) -> usize {
        let handles: Vec<SubscriptionHandle> = {
            let users = lock(&self.0.users);
            users.present.get(user).into_iter().flat_map(BTreeMap::values).cloned().collect()
        };
        handles.iter().for_each(SubscriptionHandle::end);
        handles.len()
    }

    /// Ends the stream of a connection; whether there was one.
    #[must_use = "it may have gone"]
    pub fn end_connection(&self, connection: ConnectionId) -> bool {
        let handle = {
            let users = lock(&self.0.users);
            let user = users.connections.get(&connection);
            user.and_then(|user| users.present.get(user)?.get(&connection)).cloned()
        };
        handle.as_ref().map(SubscriptionHandle::end).is_some()
    }
}

/// The users, as they are and as they were told.
#[derive(Debug, Default)]
struct Users {
    present: BTreeMap<String, BTreeMap<ConnectionId, SubscriptionHandle>>,
    connections: HashMap<ConnectionId, String>,
    next: u64,
    /// Whom readers know of, and by which sequence.
    told: BTreeSet<String>,
    sequence: u64,
    /// Who came or went since.
    changed: BTreeSet<String>,
    /// The events that tell all of `told`, made when they are first asked for.
    blocks: Option<Bytes>,
}

impl Users {
    fn join(&mut self, user: &str, handle: SubscriptionHandle) -> ConnectionId {
        let id = ConnectionId(self.next);
        self.next += 1;
        let connections = self.present.entry(user.to_owned()).or_default();
        if connections.is_empty() {
            self.changed.insert(user.to_owned());
        }
        connections.insert(id, handle);
        self.connections.insert(id, user.to_owned());
        id
    }

    fn leave(&mut self, user: &str, id: ConnectionId) {
        self.connections.remove(&id);
        let Some(connections) = self.present.get_mut(user) else { return };
        connections.remove(&id);
        if connections.is_empty() {
            self.present.remove(user);
            self.changed.insert(user.to_owned());
        }
    }

    /// Publishes what changed since the last time; returns whether anything did.
    fn tell(&mut self, hub: &Hub, topic: &str) -> bool {
        let (mut joined, mut left) = (Vec::new(), Vec::new());
        for user in std::mem::take(&mut self.changed) {
            match (self.present.contains_key(&user), self.told.contains(&user)) {
                (true, false) => joined.push(user),
                (false, true) => left.push(user),
                // It left and came back, or came and left.
                _ => {}
            }
        }
        let events = changes(&joined, &left);
        let is_change = !events.is_empty();
        for data in events {
            let event = Event::received(data.as_bytes(), CHANGE.as_bytes(), b"", false);
            if let Ok(sequence) = hub.publish_change(topic, &event) {
                self.sequence = sequence;
            }
        }
        self.told.extend(joined);
        for user in left {
            self.told.remove(&user);
        }
        if is_change {
            self.blocks = None;
        }
        is_change
    }

    /// All users that readers know of.
    fn state(&mut self) -> State {
        let told = &self.told;
        let blocks = self.blocks.get_or_insert_with(|| all(told));
        State { blocks: blocks.clone(), sequence: self.sequence }
    }
}

/// The type of the event that tells all users, and of those that tell changes.
const ALL: &str = "presence";
const CHANGE: &str = "presence-change";

fn changes(joined: &[String], left: &[String]) -> Vec<String> {
    let (mut joined, mut left) = (groups(joined), groups(left));
    let mut events = Vec::new();
    loop {
        match (joined.next(), left.next()) {
            (None, None) => return events,
            (joined, left) => {
                events.push(change(joined.unwrap_or_default(), left.unwrap_or_default()));
            }
        }
    }
}

fn change(joined: &[String], left: &[String]) -> String {
    json!({"joined": joined, "left": left}).to_string()
}

fn all(users: &BTreeSet<String>) -> Bytes {
    let users: Vec<String> = users.iter().cloned().collect();
    let mut groups = groups(&users);
    let first = json!({"users": groups.next().unwrap_or_default()}).to_string();
    let mut blocks = BytesMut::new();
    put_event(&Event::received(first.as_bytes(), ALL.as_bytes(), b"", false), &mut blocks);
    for more in groups {
        let data = change(more, &[]);
        put_event(&Event::received(data.as_bytes(), CHANGE.as_bytes(), b"", false), &mut blocks);
    }
    blocks.freeze()
}

/// The users in groups that an event can name.
fn groups(users: &[String]) -> impl Iterator<Item = &[String]> {
    let mut rest = users;
    std::iter::from_fn(move || {
        let mut length = 0;
        let fits = rest.iter().take_while(|user| {
            length += user.len();
            length <= NAMES_AN_EVENT
        });
        let count = fits.count().max(1).min(rest.len());
        let (group, others) = rest.split_at(count);
        rest = others;
        (!group.is_empty()).then_some(group)
    })
}

/// Publishes changes, not more often than [`INTERVAL`].
async fn tell(shared: Weak<Shared>, changed: Arc<Notify>, hub: Hub, topic: String) {
    let mut next = Instant::now();
    loop {
        changed.notified().await;
        sleep_until(next).await;
        let Some(shared) = shared.upgrade() else { return };
        if hub.is_shutting_down() {
            return;
        }
        if lock(&shared.users).tell(&hub, &topic) {
            next = Instant::now() + INTERVAL;
        }
    }
}

fn check_user(user: &str) -> Result<(), UserError> {
    if user.is_empty() {
        Err(UserError::Empty)
    } else if user.len() > NAME_LIMIT {
        Err(UserError::TooLong)
    } else if user.chars().any(char::is_control) {
        Err(UserError::ControlCharacter)
    } else {
        Ok(())
    }
}

/// A name that cannot be a user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserError {
    /// The name is empty.
    Empty,
    /// The name is longer than 256 bytes.
    TooLong,
    /// The name holds a control character.
    ControlCharacter,
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the user has no name: give one"),
            Self::TooLong => {
                write!(f, "the name of the user is too long: use at most {NAME_LIMIT} bytes")
            }
            Self::ControlCharacter => {
                f.write_str("the name of the user has a control character: remove it")
            }
        }
    }
}

impl std::error::Error for UserError {}
