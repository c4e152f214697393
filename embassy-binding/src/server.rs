//! A server for one device: a page, its events, and what the page sends back.
//!
//! It answers one request on a connection and closes it, since a device has few sockets: a stream is
//! followed until it ends. All that a peer sends is bounded in bytes and in time.

mod answer;
mod config;
mod error;
mod io;
#[cfg(feature = "post")]
mod origin;
mod pulse;
mod request;
mod session;
#[cfg(feature = "net")]
mod tcp;

#[cfg(feature = "post")]
pub use self::config::Post;
pub use self::config::{Config, Page, Status};
pub use self::error::ServeError;
pub use self::io::serve_io;
#[cfg(feature = "net")]
pub use self::tcp::{listen, serve};
