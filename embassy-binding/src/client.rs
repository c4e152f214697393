//! A client that follows an event stream and comes back, as a browser's EventSource does.

mod body;
mod connect;
mod error;
mod event_source;
mod request;
#[cfg(feature = "net")]
mod tcp;

pub use self::connect::Connect;
pub use self::error::ClientError;
pub use self::event_source::EventSource;
pub use self::request::{Request, RequestError};
#[cfg(feature = "net")]
pub use self::tcp::Tcp;
