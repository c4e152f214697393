//! A dashboard for sixteen readers.

#![no_std]
#![no_main]

#[path = "../firmware.rs"]
mod firmware;

const READERS: usize = 16;
/// Bytes of the buffers of a connection.
const RECEIVE: usize = 512;
const SEND: usize = 1024;
/// Bytes of the log.
const HISTORY: usize = 4096;
