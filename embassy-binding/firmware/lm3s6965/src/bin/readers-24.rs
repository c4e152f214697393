//! A dashboard for twenty-four readers, with small buffers.

#![no_std]
#![no_main]

#[path = "../firmware.rs"]
mod firmware;

const READERS: usize = 24;
/// Bytes of the buffers of a connection.
const RECEIVE: usize = 256;
const SEND: usize = 512;
/// Bytes of the log.
const HISTORY: usize = 4096;
