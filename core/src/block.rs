//! The block being read: the standard's data buffer and event type buffer.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::ops::Range;

use crate::line::{LF, LONG};
use crate::line_ends::LineEnds;
use crate::ready::{Place, Span};
#[cfg(feature = "alloc")]
use crate::storage::GrowingStorage;
use crate::storage::sealed::Storage;
use crate::storage::{length, put, put_block};

/// Bytes that a short piece of data is copied in: all at once.
const BLOCK: usize = 64;

/// One buffer of the block.
#[derive(Clone, Copy, Debug)]
struct Part {
    state: State,
    start: usize,
    length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    /// It lies in the chunk still.
    InChunk,
    /// It lies in the storage.
    Stored,
}

impl Part {
    const ABSENT: Self = Self { state: State::Absent, start: 0, length: 0 };

    const fn in_chunk(range: Range<usize>) -> Self {
        let length = range.end.saturating_sub(range.start);
        Self { state: State::InChunk, start: range.start, length }
    }

    const fn stored(start: usize, length: usize) -> Self {
        Self { state: State::Stored, start, length }
    }

    const fn is_present(self) -> bool {
        !matches!(self.state, State::Absent)
    }

    #[inline(always)]
    fn is_in_chunk(self) -> bool {
        self.state == State::InChunk
    }

    fn range(self) -> Range<usize> {
        self.start..self.start + self.length
    }

    fn span(self) -> (Span, Place) {
        let place = if self.state == State::Stored { Place::EventStorage } else { Place::Chunk };
        (self.range().into(), place)
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

#[cfg(feature = "alloc")]
impl Block<GrowingStorage> {
    /// Moves the storage out, between two blocks, cut to its first `length` bytes.
    pub(crate) fn replace_stored(&mut self, length: usize, memory: Vec<u8>) -> Vec<u8> {
        self.storage.replace(length, memory)
    }
}

impl<S: Storage> Block<S> {
    pub(crate) const fn new(storage: S) -> Self {
        Self {
            storage,
            data: Part::ABSENT,
            event_type: Part::ABSENT,
            incoming: 0,
            too_large: false,
        }
    }

    /// Empties both buffers. The bytes stay in place, for the item that shows them.
    pub(crate) fn clear(&mut self) {
        self.data = Part::ABSENT;
        self.event_type = Part::ABSENT;
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

    /// The most bytes that an event may have.
    #[inline(always)]
    pub(crate) fn limit(&self) -> usize {
        self.storage.limit()
    }

    pub(crate) fn data_span(&self) -> (Span, Place) {
        self.data.span()
    }

    pub(crate) fn type_span(&self) -> (Span, Place) {
        self.event_type.span()
    }

    /// What has been received of a comment.
    pub(crate) fn incoming_span(&self) -> Span {
        let start = self.data.length;
        (start..start + self.incoming).into()
    }

    /// The storage, which spans refer to.
    #[inline(always)]
    pub(crate) fn stored(&self) -> &[u8] {
        self.storage.bytes()
    }

    /// Bytes left beside the event as it stands, when its block carries an id of `id` bytes.
    pub(crate) fn room(&self, id: usize) -> usize {
        let taken = self.data.length + self.incoming + self.event_type.length;
        self.storage.limit().saturating_sub(taken).saturating_sub(id)
    }

    /// Gives the event up when it has passed the limit.
    pub(crate) fn check_size(&mut self, id: usize) {
        let taken = self.data.length + self.event_type.length + self.incoming;
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
            self.data = Part::in_chunk(value);
            self.check_size(id);
        }
    }

    /// A whole `event` line, its value at `value` in the chunk.
    pub(crate) fn type_line(&mut self, value: Range<usize>, id: usize) {
        if !self.too_large {
            self.event_type = if value.is_empty() { Part::ABSENT } else { Part::in_chunk(value) };
            self.check_size(id);
        }
    }

    /// The data, where it lies in the storage, to join more lines to.
    #[inline(always)]
    pub(crate) fn joined(&mut self, id: usize) -> Option<Joined<'_>> {
        if self.too_large || self.data.state != State::Stored {
            return None;
        }
        // There is never more storage than the limit says.
        let bytes = self.storage.bytes_mut();
        let room = bytes.len().checked_sub(self.event_type.length + id)?;
        Some(Joined { bytes: bytes.get_mut(..room)?, length: &mut self.data.length })
    }

    /// Begins a `data` line; its value follows in pieces.
    pub(crate) fn open_data(&mut self, id: usize) {
        if !self.data.is_present() {
            self.data = Part::stored(0, 0);
        } else if !LineEnds::CHEAP || !self.joined(id).is_some_and(|mut data| data.byte(LF)) {
            self.push_data(&[LF], id);
        }
    }

    pub(crate) fn push_data(&mut self, piece: &[u8], id: usize) {
        if self.too_large {
            return;
        }
        if self.push_incoming(piece, id) < piece.len() {
            self.give_up();
            return;
        }
        self.data = Part::stored(0, self.data.length + core::mem::take(&mut self.incoming));
    }

    /// Begins an `event` line; its value follows in pieces and replaces the type.
    pub(crate) fn open_type(&mut self) {
        self.event_type = Part::ABSENT;
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
            let start = self.data.length;
            let bytes = self.storage.bytes_mut();
            let end = bytes.len();
            bytes.copy_within(start..start + length, end - length);
            self.event_type = Part::stored(end - length, length);
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
    #[inline(always)]
    pub(crate) fn settle(&mut self, chunk: &[u8]) {
        if self.data.is_in_chunk() || self.event_type.is_in_chunk() {
            self.store(chunk);
        }
    }

    #[inline(never)]
    fn store(&mut self, chunk: &[u8]) {
        let (data, event_type) = (self.data, self.event_type);
        if !self.reserve(data.length + event_type.length) {
            self.give_up();
            return;
        }
        let bytes = self.storage.bytes_mut();
        let behind = bytes.len() - event_type.length;
        if data.is_in_chunk() {
            put_block::<BLOCK>(chunk, data.range(), &mut bytes[..behind]);
            self.data = Part::stored(0, data.length);
        }
        if event_type.is_in_chunk() {
            put(&chunk[event_type.range()], bytes, behind);
            self.event_type = Part::stored(behind, event_type.length);
        }
    }

    /// Returns how many bytes of `piece` fit and were kept.
    #[inline(never)]
    fn push_incoming(&mut self, piece: &[u8], id: usize) -> usize {
        let start = self.data.length + self.incoming;
        let fitting = piece.len().min(self.room(id));
        let end = start + fitting;
        if !self.reserve(end + self.event_type.length) {
            return 0;
        }
        put(&piece[..fitting], self.storage.bytes_mut(), start);
        self.incoming += fitting;
        fitting
    }

    /// Makes the storage at least `needed` bytes long, with the type still at its end.
    fn reserve(&mut self, needed: usize) -> bool {
        if needed <= self.storage.bytes().len() {
            return true;
        }
        if !self.storage.grow(needed) {
            return false;
        }
        if S::GROWS && self.event_type.state == State::Stored {
            let bytes = self.storage.bytes_mut();
            let start = bytes.len() - self.event_type.length;
            bytes.copy_within(self.event_type.range(), start);
            self.event_type.start = start;
        }
        true
    }

    /// Drops what is held of the event; that it had data is remembered.
    #[inline(never)]
    fn give_up(&mut self) {
        self.too_large = true;
        self.incoming = 0;
        self.event_type = Part::ABSENT;
        if self.data.is_present() {
            self.data = Part::stored(0, 0);
        }
    }
}

/// Data that lies in the storage, and the room behind it.
pub(crate) struct Joined<'a> {
    bytes: &'a mut [u8],
    length: &'a mut usize,
}

impl Joined<'_> {
    /// Whether there is much of it.
    #[inline(always)]
    pub(crate) fn is_long(&self) -> bool {
        *self.length >= LONG
    }

    /// Adds a byte to the last line, if there is room for it.
    #[inline(always)]
    pub(crate) fn byte(&mut self, byte: u8) -> bool {
        let Some(first) = self.bytes.get_mut(*self.length) else { return false };
        *first = byte;
        *self.length += 1;
        true
    }

    /// Adds a piece to the last line, if there is room for it.
    #[inline(always)]
    pub(crate) fn piece(&mut self, chunk: &[u8], piece: Range<usize>) -> bool {
        match self.bytes.get_mut(*self.length..) {
            Some(target) if length(&piece) <= target.len() => {
                *self.length += length(&piece);
                put_block::<BLOCK>(chunk, piece, target);
                true
            }
            _ => false,
        }
    }

    /// Joins a `data` line, if there is room for it.
    #[inline(always)]
    pub(crate) fn line(&mut self, chunk: &[u8], value: Range<usize>) -> bool {
        match self.bytes.get_mut(*self.length..) {
            Some([first, target @ ..]) if length(&value) <= target.len() => {
                *first = LF;
                *self.length += 1 + length(&value);
                put_block::<BLOCK>(chunk, value, target);
                true
            }
            _ => false,
        }
    }
}
