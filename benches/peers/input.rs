//! A stream in chunks, in the forms that parsers take.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::{Stream, stream};

use super::page;
use crate::chunks::Chunks;
use crate::corpus::Corpus;

/// A corpus in memory that is never freed, for parsers that take nothing else.
#[derive(Clone, Debug)]
pub struct Source {
    /// The corpus.
    pub corpus: Corpus,
    stream: &'static [u8],
}

impl Source {
    /// Copies the stream of a corpus.
    #[must_use]
    pub fn new(corpus: Corpus) -> Self {
        Self { stream: page::to_middle(&corpus.stream), corpus }
    }

    /// Cuts the stream.
    #[must_use]
    pub fn cut(&self, chunks: Chunks) -> Input {
        let mut rest = self.stream;
        let chunks = chunks.of(&self.corpus).into_iter().map(|chunk| {
            let (start, behind) = rest.split_at(chunk.len());
            rest = behind;
            start
        });
        let slices: Arc<[_]> = chunks.collect();
        let bytes = slices.iter().map(|chunk| Bytes::copy_from_slice(chunk)).collect();
        Input { slices, bytes }
    }
}

/// A stream that is cut into chunks, before the clock starts.
#[derive(Clone, Debug)]
pub struct Input {
    /// The chunks, borrowed.
    pub slices: Arc<[&'static [u8]]>,
    /// The chunks, shared; each has memory of its own, as what comes from a socket.
    pub bytes: Arc<[Bytes]>,
}

impl Input {
    /// The chunks as a stream that always has the next one.
    pub fn stream<C: Chunk, E: 'static>(
        &self,
    ) -> impl Stream<Item = Result<C, E>> + Unpin + Send + Sync + use<C, E> {
        stream::iter(Shared { chunks: Arc::clone(C::of(self)), next: 0 }.map(Ok))
    }
}

/// A form that chunks come in, cheap to clone.
pub trait Chunk: AsRef<[u8]> + Buf + Clone + Into<Bytes> + Send + Sync + Unpin + 'static {
    /// The chunks in this form.
    fn of(input: &Input) -> &Arc<[Self]>;
}

impl Chunk for &'static [u8] {
    fn of(input: &Input) -> &Arc<[Self]> {
        &input.slices
    }
}

impl Chunk for Bytes {
    fn of(input: &Input) -> &Arc<[Self]> {
        &input.bytes
    }
}

/// Goes through chunks that it shares, since some parsers take nothing that borrows.
struct Shared<C> {
    chunks: Arc<[C]>,
    next: usize,
}

impl<C: Clone> Iterator for Shared<C> {
    type Item = C;

    fn next(&mut self) -> Option<C> {
        let chunk = self.chunks.get(self.next)?;
        self.next += 1;
        Some(chunk.clone())
    }
}
