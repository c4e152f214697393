//! What the tests share: the standard told a second time, the cases, and every way to run them.

#[cfg(feature = "hosts")]
pub mod browser;
pub mod byte_string;
pub mod cases;
pub mod chunking;
#[cfg(feature = "hosts")]
pub mod client;
#[cfg(feature = "hosts")]
pub mod command;
pub mod core_parsers;
pub mod encoding;
pub mod expectation;
pub mod implementation;
pub mod oracle;
pub mod outcome;
#[cfg(feature = "hosts")]
pub mod proxy;
pub mod requirement;
#[cfg(feature = "hosts")]
pub mod server;
pub mod settings;
#[cfg(feature = "strategy")]
pub mod strategy;
#[cfg(feature = "hosts")]
pub mod tokio_streams;
pub mod utf8;
