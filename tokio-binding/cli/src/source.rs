//! The file or the pipe that a command reads.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use crate::failure::Failure;

/// Bytes that are read at a time, at most.
pub(crate) const CAPACITY: usize = 64 * 1024;

/// A file, or standard input.
pub(crate) struct Source {
    name: String,
    reader: BufReader<Box<dyn Read>>,
}

impl Source {
    /// Opens a file; none, or `-`, is standard input.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let (name, reader): (String, Box<dyn Read>) = match path {
            Some(path) if path != Path::new("-") => {
                let name = path.display().to_string();
                let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
                (name, Box::new(file))
            }
            _ => ("standard input".into(), Box::new(io::stdin())),
        };
        Ok(Self { name, reader: BufReader::with_capacity(CAPACITY, reader) })
    }

    /// What there is to read, up to [`CAPACITY`]; waits while there is nothing. Empty at the end.
    pub(crate) fn chunk(&mut self) -> Result<&[u8], Failure> {
        while let Err(error) = self.reader.fill_buf() {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(unreadable(&self.name, &error));
            }
        }
        Ok(self.reader.buffer())
    }

    /// Says that so many bytes of the chunk are done with.
    pub(crate) fn consume(&mut self, length: usize) {
        self.reader.consume(length);
    }

    /// Whether [`next_line`](Self::next_line) will not wait.
    pub(crate) fn has_line(&self) -> bool {
        self.reader.buffer().contains(&b'\n')
    }

    /// Reads a line into `line`, with its line feed; `false` at the end.
    pub(crate) fn next_line(&mut self, line: &mut Vec<u8>) -> Result<bool, Failure> {
        line.clear();
        match self.reader.read_until(b'\n', line) {
            Ok(length) => Ok(length > 0),
            Err(error) => Err(unreadable(&self.name, &error)),
        }
    }
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::new(format!("cannot read {name}: {error}; check that it is a file that you may read"))
}
