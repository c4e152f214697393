//! Standard output, written in large pieces.

use std::io::{self, BufWriter, Stdout, Write as _};

use crate::failure::Failure;

const CAPACITY: usize = 64 * 1024;

/// Standard output. What is written stays here until it is many bytes or is [flushed](Self::flush),
/// which is due before each wait for input.
#[derive(Debug)]
pub(crate) struct Output {
    writer: BufWriter<Stdout>,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { writer: BufWriter::with_capacity(CAPACITY, io::stdout()) }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.writer.write_all(bytes).map_err(|error| Failure::of_output(&error))
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.writer.flush().map_err(|error| Failure::of_output(&error))
    }
}
