#![doc = include_str!("README.md")]

pub mod chunks;
pub mod corpus;
#[cfg(feature = "peers")]
pub mod peers;
mod random;
#[cfg(feature = "peers")]
pub mod servers;
