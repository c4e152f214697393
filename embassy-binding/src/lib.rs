#![doc = include_str!("../README.md")]
#![no_std]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod fmt;

mod broadcast;
pub mod client;
mod event_reader;
mod event_writer;
mod publish_error;
mod reader;
pub mod server;
mod stream_options;
mod subscription;
mod window;

pub use broadcast::{Broadcast, Counts};
pub use event_reader::EventReader;
pub use event_writer::{EventWriter, WriteError};
pub use publish_error::PublishError;
pub use sansse::*;
pub use stream_options::StreamOptions;
pub use subscription::{Overtaken, SubscribeError, Subscription};
