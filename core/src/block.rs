//! The block being read: the standard's data buffer and event type buffer.

use core::ops::Range;

use crate::line::LF;
use crate::storage::sealed::Storage;

/// Where the bytes of an item lie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Span {
    Chunk { start: usize, end: usize },
    Stored { start: usize, end: usize },
}

impl Span {
    pub(crate) const fn chunk(range: Range<usize>) -> Self {
        Self::Chunk { start: range.start, end: range.end }
    }
}

/// One buffer of the block: still lying in the chunk, or copied to the storage.
#[derive(Clone, Copy, Debug)]
enum Part {
    Absent,
    Chunk { start: usize, end: usize },
    Stored { length: usize },
}

impl Part {
    const fn len(self) -> usize {
        match self {
            Self::Absent => 0,
            Self::Chunk { start, end } => end - start,
            Self::Stored { length } => length,
        }
    }

    const fn is_present(self) -> bool {
        !matches!(self, Self::Absent)
    }
}

/// The buffers of the block being read, within one limit.
///
/// The storage holds the data from its start, the event type at its end, and between them what is
/// still being received of an event type or a comment. Chunk parts exist only while that chunk is
/// being read: [`settle`](Self::settle) copies them before it goes.
///
/// The size of the event is its joined data, its type and the id that its block carries (law 3).
/// It is taken at the end of each `data`, `event` and `id` line, whichever way the line came, so
/// that the outcome does not depend on the chunking.
#[derive(Clone, Debug)]
pub(crate) struct Block<S> {
    storage: S,
    data: Part,
    event_type: Part,
    incoming: usize,
    too_large: bool,
}

impl<S: Storage> Block<S> {
    pub(crate) const fn new(storage: S) -> Self {
        Self {
            storage,
            data: Part::Absent,
            event_type: Part::Absent,
            incoming: 0,
            too_large: false,
        }
    }

    /// Empties both buffers. The bytes stay in place, for the item that shows them.
    pub(crate) fn clear(&mut self) {
        self.data = Part::Absent;
        self.event_type = Part::Absent;
        self.incoming = 0;
        self.too_large = false;
    }

    pub(crate) const fn has_data(&self) -> bool {
        self.data.is_present()
    }

    pub(crate) const fn has_type(&self) -> bool {
        self.event_type.is_present()
    }

    pub(crate) const fn is_too_large(&self) -> bool {
        self.too_large
    }

    pub(crate) fn data_span(&self) -> Span {
        match self.data {
            Part::Absent => Span::Stored { start: 0, end: 0 },
            Part::Chunk { start, end } => Span::Chunk { start, end },
            Part::Stored { length } => Span::Stored { start: 0, end: length },
        }
    }

    pub(crate) fn type_span(&self) -> Span {
        let end = self.storage.bytes().len();
        match self.event_type {
            Part::Absent => Span::Stored { start: end, end },
            Part::Chunk { start, end } => Span::Chunk { start, end },
            Part::Stored { length } => Span::Stored { start: end - length, end },
        }
    }

    /// What has been received of a comment.
    pub(crate) fn incoming_span(&self) -> Span {
        let start = self.data.len();
        Span::Stored { start, end: start + self.incoming }
    }

    pub(crate) fn stored(&self, start: usize, end: usize) -> &[u8] {
        &self.storage.bytes()[start..end]
    }

    /// Bytes left beside the event as it stands, when its block carries an id of `id` bytes.
    pub(crate) fn room(&self, id: usize) -> usize {
        let taken = self.data.len() + self.event_type.len();
        self.storage.limit().saturating_sub(taken).saturating_sub(id)
    }

    /// Gives the event up when it has passed the limit.
    pub(crate) fn check_size(&mut self, id: usize) {
        let taken = self.data.len() + self.event_type.len() + self.incoming;
        if taken.saturating_add(id) > self.storage.limit() {
            self.give_up();
        }
    }

    /// A whole `data` line, its value at `value` in `chunk`.
    pub(crate) fn data_line(&mut self, chunk: &[u8], value: Range<usize>, id: usize) {
        if self.data.is_present() || self.too_large {
            self.settle(chunk);
            self.open_data(id);
            self.push_data(&chunk[value], id);
        } else {
            self.data = Part::Chunk { start: value.start, end: value.end };
            self.check_size(id);
        }
    }

    /// A whole `event` line, its value at `value` in the chunk.
    pub(crate) fn type_line(&mut self, value: Range<usize>, id: usize) {
        if !self.too_large {
            self.event_type = if value.is_empty() {
                Part::Absent
            } else {
                Part::Chunk { start: value.start, end: value.end }
            };
            self.check_size(id);
        }
    }

    /// Begins a `data` line; its value follows in pieces.
    pub(crate) fn open_data(&mut self, id: usize) {
        if self.data.is_present() {
            self.push_data(&[LF], id);
        } else {
            self.data = Part::Stored { length: 0 };
        }
    }

    pub(crate) fn push_data(&mut self, piece: &[u8], id: usize) {
        if self.too_large {
            return;
        }
        let start = self.data.len();
        let end = start + piece.len();
        if piece.len() > self.room(id) || !self.reserve(end + self.event_type.len()) {
            self.give_up();
            return;
        }
        self.storage.bytes_mut()[start..end].copy_from_slice(piece);
        self.data = Part::Stored { length: end };
    }

    /// Begins an `event` line; its value follows in pieces and replaces the type.
    pub(crate) fn open_type(&mut self) {
        self.event_type = Part::Absent;
        self.incoming = 0;
    }

    pub(crate) fn push_type(&mut self, piece: &[u8], id: usize) {
        if !self.too_large && self.push_incoming(piece, id) < piece.len() {
            self.give_up();
        }
    }

    pub(crate) fn close_type(&mut self) {
        let length = core::mem::take(&mut self.incoming);
        if length > 0 {
            let start = self.data.len();
            let bytes = self.storage.bytes_mut();
            let end = bytes.len();
            bytes.copy_within(start..start + length, end - length);
            self.event_type = Part::Stored { length };
        }
    }

    pub(crate) fn open_comment(&mut self) {
        self.incoming = 0;
    }

    /// Keeps what fits of a comment. Returns whether all of it did.
    pub(crate) fn push_comment(&mut self, piece: &[u8], id: usize) -> bool {
        self.push_incoming(piece, id) == piece.len()
    }

    /// Ends a comment. Its bytes stay in place, for the item that shows them.
    pub(crate) fn close_comment(&mut self) {
        self.incoming = 0;
    }

    /// Copies to the storage what still lies in the chunk.
    pub(crate) fn settle(&mut self, chunk: &[u8]) {
        let (data, event_type) = (self.data, self.event_type);
        if !matches!(data, Part::Chunk { .. }) && !matches!(event_type, Part::Chunk { .. }) {
            return;
        }
        if !self.reserve(data.len() + event_type.len()) {
            self.give_up();
            return;
        }
        let bytes = self.storage.bytes_mut();
        if let Part::Chunk { start, end } = data {
            bytes[..end - start].copy_from_slice(&chunk[start..end]);
            self.data = Part::Stored { length: end - start };
        }
        if let Part::Chunk { start, end } = event_type {
            let length = end - start;
            let back = bytes.len() - length;
            bytes[back..].copy_from_slice(&chunk[start..end]);
            self.event_type = Part::Stored { length };
        }
    }

    /// Returns how many bytes of `piece` fit and were kept.
    fn push_incoming(&mut self, piece: &[u8], id: usize) -> usize {
        let start = self.data.len() + self.incoming;
        let fitting = piece.len().min(self.room(id).saturating_sub(self.incoming));
        let end = start + fitting;
        if !self.reserve(end + self.event_type.len()) {
            return 0;
        }
        self.storage.bytes_mut()[start..end].copy_from_slice(&piece[..fitting]);
        self.incoming += fitting;
        fitting
    }

    /// Makes the storage at least `needed` bytes long, with the type still at its end.
    fn reserve(&mut self, needed: usize) -> bool {
        let before = self.storage.bytes().len();
        if needed <= before {
            return true;
        }
        if !self.storage.grow(needed) {
            return false;
        }
        if let Part::Stored { length } = self.event_type {
            let bytes = self.storage.bytes_mut();
            let after = bytes.len();
            bytes.copy_within(before - length..before, after - length);
        }
        true
    }

    /// Drops what is held of the event; that it had data is remembered.
    fn give_up(&mut self) {
        self.too_large = true;
        self.incoming = 0;
        self.event_type = Part::Absent;
        if self.data.is_present() {
            self.data = Part::Stored { length: 0 };
        }
    }
}
