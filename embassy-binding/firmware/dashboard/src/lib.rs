//! A dashboard of a device: what it publishes, and the page that shows it.

#![no_std]

mod dashboard;
mod line;
mod sensor;

pub use crate::dashboard::Dashboard;
pub use crate::line::Line;
pub use crate::sensor::{Sensor, reading};

/// The page, compressed by gzip.
pub static PAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/page.html.gz"));
