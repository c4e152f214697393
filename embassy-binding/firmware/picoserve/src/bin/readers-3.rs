//! A dashboard for three readers, on picoserve.

#![no_std]
#![no_main]

#[path = "../firmware.rs"]
mod firmware;

const READERS: usize = 3;
