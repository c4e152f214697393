#![doc = include_str!("../README.md")]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod body;
mod codec;
mod event;
mod hub;
mod intake;
mod keep_alive;
mod log;
mod sse;
mod stream;
mod subscription;
mod topic;

pub use body::HubBody;
pub use codec::EventCodec;
pub use event::{OwnedEvent, OwnedItem};
pub use hub::{Hub, HubBuilder, PublishError, SubscribeError};
pub use intake::default_parser;
pub use sansse;
pub use sansse::*;
pub use sse::{IntoEvent, Sse, SseBody};
pub use stream::EventStream;
pub use subscription::{Start, Subscription};
pub use topic::TopicError;

/// Has the examples of the repository's README compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
