//! Ways to cut a stream into chunks.

use crate::corpus::Corpus;

/// A way to cut a stream into chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunks {
    /// All of it at once.
    Whole,
    /// One block a chunk, as a quiet server sends them.
    Event,
    /// Chunks of so many bytes, the last one what is left.
    Bytes(usize),
}

impl Chunks {
    /// From what a fast reader gets to the worst that can come, and what the tables call it.
    pub const ALL: [(&'static str, Self); 6] = [
        ("whole", Self::Whole),
        ("16KiB", Self::Bytes(16 * 1024)),
        ("event", Self::Event),
        ("1460B", Self::Bytes(1460)),
        ("64B", Self::Bytes(64)),
        ("1B", Self::Bytes(1)),
    ];

    /// The chunks of a corpus.
    #[must_use]
    pub fn of(self, corpus: &Corpus) -> Vec<&[u8]> {
        match self {
            Self::Whole => vec![&corpus.stream],
            Self::Event => corpus.blocks().collect(),
            Self::Bytes(size) => corpus.stream.chunks(size).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost() {
        let corpus = Corpus::f();
        for (name, chunks) in Chunks::ALL {
            assert_eq!(chunks.of(&corpus).concat(), corpus.stream, "{name}");
        }
    }
}
