#![doc = include_str!("README.md")]

pub mod chunks;
#[cfg(feature = "peers")]
pub mod clients;
pub mod corpus;
#[cfg(feature = "peers")]
pub mod peers;
mod random;
#[cfg(feature = "peers")]
pub mod servers;
