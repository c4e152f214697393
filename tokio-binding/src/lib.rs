#![doc = include_str!("../README.md")]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod body;
mod chunk;
mod codec;
mod coding;
mod endpoint;
mod event;
#[cfg(feature = "client")]
mod event_source;
mod given_ids;
#[cfg(feature = "gzip")]
mod gzip;
mod history;
mod hub;
mod hub_builder;
mod intake;
#[cfg(feature = "serde")]
mod json;
#[cfg(feature = "serde")]
mod json_stream;
mod keep_alive;
mod link;
mod log;
mod metrics;
#[cfg(feature = "presence")]
mod presence;
mod publish_error;
mod retry;
mod segment;
mod snapshot;
mod spare_memory;
mod sse;
mod state;
mod stream;
mod stream_record;
mod subscription;
mod sync;
mod topic;
mod trace;
#[cfg(feature = "client")]
mod transport;
mod waiters;

pub use body::{BodyError, HubBody};
pub use codec::EventCodec;
pub use endpoint::{
    Admitted, Cors, CorsError, Endpoint, EndpointBody, EndpointLimits, EndpointRequest, Refusal,
    StreamRequest, WhenFull,
};
pub use event::{OwnedEvent, OwnedItem};
#[cfg(feature = "client")]
pub use event_source::{
    Attempt, CloseReason, Decision, Disconnect, EventSource, EventSourceBuilder, EventSourceError,
    Open, ReadyState, ReconnectPolicy, RedirectError, Refused, RequestError, Update,
};
pub use hub::{Hub, Shutdown, SubscribeError};
pub use hub_builder::HubBuilder;
pub use intake::default_parser;
#[cfg(feature = "serde")]
pub use json_stream::{JsonStream, JsonStreamError};
#[cfg(feature = "presence")]
pub use presence::{ConnectionId, Presence, UserError};
pub use publish_error::PublishError;
pub use retry::Retry;
pub use sansse;
pub use sansse::*;
pub use snapshot::{OnGap, Snapshot};
pub use sse::{IntoEvent, Sse, SseBody};
pub use stream::EventStream;
pub use subscription::{Start, Subscription, SubscriptionHandle};
pub use topic::TopicError;
#[cfg(feature = "client")]
pub use transport::{BoxError, Transport};

/// Has the examples of the repository's README compiled and run.
#[cfg(all(doctest, feature = "reqwest"))]
#[doc = include_str!("../../README.md")]
struct Readme;
