#![doc = include_str!("README.md")]

pub mod corpus;
mod random;
