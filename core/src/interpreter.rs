//! The interpreter: lines in, items out.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::ops::Range;

use crate::block::{Block, Joined};
use crate::checked::Checked;
use crate::error::SeedError;
use crate::event::Event;
use crate::event_ranges::EventRanges;
use crate::field::{Field, RetryValue};
use crate::item::{Comment, Item, TooLarge};
use crate::last_event_id::{IdLine, LastEventId};
use crate::line_ends::LineEnds;
use crate::ready::{Place, Ready, Shown, Span};
#[cfg(feature = "alloc")]
use crate::storage::GrowingStorage;
use crate::storage::Storage;
use crate::whole_block::Fields;

/// What the fields of a stream come to ("Interpreting an event stream", HTML standard, 9.2.6).
#[derive(Clone, Debug)]
pub(crate) struct Interpreter<E, I> {
    block: Block<E>,
    ids: LastEventId<I>,
    retry: RetryValue,
    comment_truncated: bool,
    pub(crate) keep_comments: bool,
    pub(crate) advance_past_too_large: bool,
    shown: Shown,
}

/// A block that has to be read line by line.
#[derive(Debug)]
pub(crate) struct NotPlain;

#[cfg(feature = "alloc")]
impl<I: Storage> Interpreter<GrowingStorage, I> {
    /// Moves the data of an event out of the storage, if it lies there.
    pub(crate) fn replace_data(&mut self, ready: Ready, memory: Vec<u8>) -> Option<Vec<u8>> {
        let Shown { data, data_place, .. } = self.shown;
        let is_stored = matches!((ready, data_place), (Ready::Event, Place::EventStorage));
        is_stored.then(|| self.block.replace_stored(data.range().end, memory))
    }
}

impl<E: Storage, I: Storage> Interpreter<E, I> {
    pub(crate) const fn new(event_storage: E, id_storage: I) -> Self {
        Self {
            block: Block::new(event_storage),
            ids: LastEventId::new(id_storage),
            retry: RetryValue::new(),
            comment_truncated: false,
            keep_comments: false,
            advance_past_too_large: false,
            shown: Shown::NOTHING,
        }
    }

    pub(crate) fn seed_last_event_id(&mut self, id: &[u8]) -> Result<(), SeedError> {
        self.ids.seed(id)
    }

    #[inline(always)]
    pub(crate) fn last_event_id(&self) -> &[u8] {
        self.ids.committed()
    }

    /// Whether the block being read says anything so far.
    pub(crate) fn is_in_block(&self) -> bool {
        self.block.has_data()
            || self.block.has_type()
            // A type that did not fit is gone from the buffers, and yet its block has begun.
            || self.block.is_too_large()
            || self.ids.has_pending()
    }

    /// Forgets the block being read.
    pub(crate) fn discard_block(&mut self) {
        self.block.clear();
        self.ids.discard();
    }

    /// Copies what refers to the chunk, before it goes.
    #[inline(always)]
    pub(crate) fn settle(&mut self, chunk: &[u8]) {
        self.block.settle(chunk);
    }

    /// Lends the item that was come to last. Parts of it may lie in what was checked.
    #[inline(always)]
    pub(crate) fn item<'a>(
        &'a self,
        chunk: &'a [u8],
        ready: Ready,
        checked: Option<&'a Checked<'a>>,
    ) -> Item<'a> {
        let shown = &self.shown;
        let in_chunk = |span: Span| &chunk[span.range()];
        let placed = |span: Span, place| self.placed(chunk, span, place);
        // The most frequent kind, before the compiler makes a table of the others.
        if LineEnds::CHEAP
            && let Ready::Data = ready
        {
            let id = self.ids.committed();
            return Item::Event(Event::found(in_chunk(shown.data), b"", id, false, checked));
        }
        match ready {
            Ready::Typed if LineEnds::CHEAP => {
                let (data, event_type) = (in_chunk(shown.data), in_chunk(shown.event_type));
                let id = self.ids.committed();
                Item::Event(Event::found(data, event_type, id, false, checked))
            }
            Ready::Identified if LineEnds::CHEAP => {
                let (data, event_type) = (in_chunk(shown.data), in_chunk(shown.event_type));
                let id = in_chunk(shown.id);
                Item::Event(Event::found(data, event_type, id, true, checked))
            }
            Ready::Data | Ready::Typed | Ready::Identified | Ready::Event => {
                Item::Event(Event::found(
                    placed(shown.data, shown.data_place),
                    placed(shown.event_type, shown.type_place),
                    self.ids.committed(),
                    shown.carries_id,
                    checked,
                ))
            }
            Ready::TooLarge => Item::TooLarge(TooLarge::new(self.ids.committed())),
            Ready::HeldBack => Item::TooLarge(TooLarge::new(self.ids.pending())),
            Ready::Retry => Item::Retry(self.retry.milliseconds()),
            Ready::Comment => Item::Comment(Comment::new(
                placed(shown.data, shown.data_place),
                self.comment_truncated,
            )),
            Ready::IdTooLong => Item::IdTooLong,
        }
    }

    /// Where the event that was come to last lies, if all of it is in the chunk.
    #[inline(always)]
    pub(crate) fn event_ranges(&self, ready: Ready) -> Option<EventRanges> {
        let shown = &self.shown;
        // The most frequent kind, before the compiler makes a table of the others.
        if LineEnds::CHEAP
            && let Ready::Data = ready
        {
            return Some(EventRanges { data: shown.data.range(), event_type: 0..0, id: None });
        }
        let (event_type, id) = match ready {
            Ready::Data => (Span::EMPTY, None),
            Ready::Typed => (shown.event_type, None),
            Ready::Identified => (shown.event_type, Some(shown.id.range())),
            Ready::Event if shown.is_in_chunk() => (shown.event_type, None),
            _ => return None,
        };
        Some(EventRanges { data: shown.data.range(), event_type: event_type.range(), id })
    }

    /// The data of a whole block.
    #[inline(always)]
    pub(crate) fn whole_data(&mut self, value: Range<usize>) {
        self.shown.data = value.into();
    }

    /// The event type of a whole block.
    #[inline(always)]
    pub(crate) fn whole_type(&mut self, value: Range<usize>) {
        self.shown.event_type = value.into();
    }

    #[inline(never)]
    fn placed<'a>(&'a self, chunk: &'a [u8], span: Span, place: Place) -> &'a [u8] {
        let bytes = match place {
            Place::Chunk => chunk,
            Place::EventStorage => self.block.stored(),
        };
        bytes.get(span.range()).unwrap_or_default()
    }

    /// A field of a whole block. `false` where it cannot be one of a whole block.
    #[inline(always)]
    pub(crate) fn whole_field(&mut self, chunk: &[u8], field: Fields, value: Range<usize>) -> bool {
        match field {
            Fields::DATA => self.whole_data(value),
            Fields::EVENT => self.whole_type(value),
            _ => {
                self.shown.id = value.clone().into();
                return self.ids.accepts(chunk, value);
            }
        }
        true
    }

    /// Whether an event must fit whose block has this length on the wire.
    #[inline(always)]
    pub(crate) fn fits(&self, length: usize) -> bool {
        length <= self.block.limit()
    }

    /// A whole block of these fields and of `length` bytes ends, at its blank line. Nothing has
    /// changed where it is refused.
    #[inline(always)]
    pub(crate) fn end_whole_block(
        &mut self,
        chunk: &[u8],
        fields: Fields,
        length: usize,
    ) -> Result<Option<Ready>, NotPlain> {
        // More than the size of the event, and known without a sum.
        if length > self.block.limit() {
            return Err(NotPlain);
        }
        if fields.has(Fields::ID) {
            self.ids.replace(chunk, self.shown.id.range());
            if !fields.has(Fields::EVENT) {
                self.shown.event_type = Span::EMPTY;
            }
        }
        Ok(match fields {
            _ if !fields.has(Fields::DATA) => None,
            // It has gone straight through or been refused; without this arm, counts rise elsewhere.
            Fields::DATA => Some(Ready::Data),
            _ if fields.has(Fields::ID) => Some(Ready::Identified),
            _ => Some(Ready::Typed),
        })
    }

    /// Takes over a whole block that goes on in a way of its own.
    pub(crate) fn begin(&mut self, chunk: &[u8], fields: Fields) {
        if fields.has(Fields::EVENT) {
            self.block.type_line(self.shown.event_type.range(), 0);
        }
        if fields.has(Fields::ID) {
            self.ids.line(chunk, self.shown.id.range());
            self.block.check_size(self.ids.pending_len());
        }
        if fields.has(Fields::DATA) {
            self.block.data_line(chunk, self.shown.data.range(), self.ids.pending_len());
        }
    }

    /// The data of the block, where it lies in the storage, to join more lines to.
    #[inline(always)]
    pub(crate) fn joined_data(&mut self) -> Option<Joined<'_>> {
        self.block.joined(self.ids.pending_len())
    }

    /// A line that lies in the chunk as a whole, without its end.
    #[inline]
    pub(crate) fn whole_line(&mut self, chunk: &[u8], line: Range<usize>) -> Option<Ready> {
        let (field, offset) = Field::of_line(&chunk[line.clone()])?;
        let value = line.start + offset..line.end;
        match field {
            Field::Data => {
                self.data_line(chunk, value);
                None
            }
            Field::Event => {
                self.block.type_line(value, self.ids.pending_len());
                None
            }
            Field::Id => {
                let outcome = self.ids.line(chunk, value);
                self.end_id(outcome)
            }
            Field::Comment if !self.keep_comments => None,
            Field::Retry | Field::Comment => {
                // What is received comes to lie behind the data, in the storage.
                self.block.settle(chunk);
                self.open(field);
                self.push(field, &chunk[value]);
                self.close(field)
            }
        }
    }

    /// A `data` line that lies in the chunk as a whole.
    #[inline(always)]
    pub(crate) fn data_line(&mut self, chunk: &[u8], value: Range<usize>) {
        self.block.data_line(chunk, value, self.ids.pending_len());
    }

    /// The value of a field begins; it comes in pieces.
    pub(crate) fn open(&mut self, field: Field) {
        match field {
            Field::Data => self.block.open_data(self.ids.pending_len()),
            Field::Event => self.block.open_type(),
            Field::Id => self.ids.open(),
            Field::Retry => self.retry = RetryValue::new(),
            Field::Comment => {
                self.block.open_comment();
                self.comment_truncated = false;
            }
        }
    }

    /// A piece of a `data` value.
    #[inline(always)]
    pub(crate) fn push_data(&mut self, chunk: &[u8], piece: Range<usize>) {
        if !self.joined_data().is_some_and(|mut data| data.piece(chunk, piece.clone())) {
            self.push(Field::Data, &chunk[piece]);
        }
    }

    /// A chunk in which no line ends, where there is room for it behind data that is long already. Returns
    /// whether that is so.
    #[inline(always)]
    pub(crate) fn join_long_data(&mut self, chunk: &[u8]) -> bool {
        self.joined_data().is_some_and(|mut data| {
            data.is_long() && LineEnds::are_none_in(chunk) && data.piece(chunk, 0..chunk.len())
        })
    }

    /// One more byte of a `data` value.
    #[inline(always)]
    pub(crate) fn push_data_byte(&mut self, byte: u8) {
        if !self.joined_data().is_some_and(|mut data| data.byte(byte)) {
            self.push(Field::Data, &[byte]);
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, field: Field, piece: &[u8]) {
        let id = self.ids.pending_len();
        match field {
            Field::Data => self.block.push_data(piece, id),
            Field::Event => self.block.push_type(piece, id),
            Field::Id => self.ids.push(piece),
            Field::Retry => self.retry.push(piece),
            Field::Comment => {
                // What follows a cut must not be joined to what stands before it.
                if !self.comment_truncated {
                    self.comment_truncated = !self.block.push_comment(piece, id);
                }
            }
        }
    }

    /// The value has ended, and its line.
    pub(crate) fn close(&mut self, field: Field) -> Option<Ready> {
        match field {
            Field::Data => None,
            Field::Event => {
                self.block.close_type();
                None
            }
            Field::Id => {
                let outcome = self.ids.close();
                self.end_id(outcome)
            }
            Field::Retry => self.retry.is_valid().then_some(Ready::Retry),
            Field::Comment => {
                self.shown.data = self.block.incoming_span();
                self.shown.data_place = Place::EventStorage;
                self.block.close_comment();
                Some(Ready::Comment)
            }
        }
    }

    /// A blank line: "dispatch the event".
    #[inline]
    pub(crate) fn end_block(&mut self) -> Option<Ready> {
        let carries_id = self.ids.has_pending();
        let ready = if !self.block.has_data() {
            None
        } else if !self.block.is_too_large() {
            (self.shown.data, self.shown.data_place) = self.block.data_span();
            (self.shown.event_type, self.shown.type_place) = self.block.type_span();
            self.shown.carries_id = carries_id;
            Some(Ready::Event)
        } else if self.advance_past_too_large || !carries_id {
            Some(Ready::TooLarge)
        } else {
            self.ids.discard();
            Some(Ready::HeldBack)
        };
        self.ids.commit();
        self.block.clear();
        ready
    }

    fn end_id(&mut self, outcome: IdLine) -> Option<Ready> {
        match outcome {
            IdLine::Set => {
                self.block.check_size(self.ids.pending_len());
                None
            }
            IdLine::Ignored => None,
            IdLine::TooLong => Some(Ready::IdTooLong),
        }
    }
}
