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

/// Resolves when nobody can read standard output any more, so that a command that waits for
/// something to print can end. Where the system does not tell, the next write does.
#[cfg(unix)]
pub(crate) async fn is_of_no_use() {
    use rustix::event::{PollFd, PollFlags, poll};

    let (tell, told) = tokio::sync::oneshot::channel();
    let waiting = std::thread::Builder::new().spawn(move || {
        let output = io::stdout();
        // Errors are told whether one asks or not; a file has none.
        while let Err(rustix::io::Errno::INTR) =
            poll(&mut [PollFd::new(&output, PollFlags::empty())], None)
        {}
        let _ = tell.send(());
    });
    if waiting.is_err() || told.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Never resolves: the next write tells.
#[cfg(not(unix))]
pub(crate) async fn is_of_no_use() {
    std::future::pending::<()>().await;
}
