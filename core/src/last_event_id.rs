//! The last event ID: the one committed, the one its block has set, and the one being received.

use core::ops::Range;

use memchr::memchr;

use crate::error::SeedError;
use crate::line;
use crate::line_ends::LineEnds;
use crate::storage::sealed::Storage;
use crate::storage::{length, put, put_block};

/// Bytes that a short id is looked at and copied in: all at once, which needs no loop.
const BLOCK: usize = 16;

/// What an `id` line came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdLine {
    Set,
    /// It holds U+0000: the standard has it ignored.
    Ignored,
    TooLong,
}

/// Three ids in one storage of three equal banks, of which each plays one role at a time; taking an
/// id over is a swap of roles and no copy.
///
/// Three are needed: an id counts only once its block has ended, and an `id` line counts only once
/// it has ended without a U+0000.
#[derive(Clone, Debug)]
pub(crate) struct LastEventId<S> {
    storage: S,
    /// Bytes of the storage that each bank has.
    stride: usize,
    committed: Bank,
    pending: Bank,
    incoming: Bank,
    has_pending: bool,
    has_nul: bool,
    too_long: bool,
}

/// An id's place in the storage.
#[derive(Clone, Copy, Debug)]
struct Bank {
    index: usize,
    start: usize,
    length: usize,
}

impl Bank {
    const fn new(index: usize) -> Self {
        Self { index, start: 0, length: 0 }
    }

    #[inline(always)]
    fn range(self) -> Range<usize> {
        self.start..self.start + self.length
    }
}

impl<S: Storage> LastEventId<S> {
    pub(crate) const fn new(storage: S) -> Self {
        Self {
            storage,
            stride: 0,
            committed: Bank::new(0),
            pending: Bank::new(1),
            incoming: Bank::new(2),
            has_pending: false,
            has_nul: false,
            too_long: false,
        }
    }

    /// The longest id that fits, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.storage.limit() / 3
    }

    #[inline(always)]
    pub(crate) fn committed(&self) -> &[u8] {
        // Many streams have no ids at all.
        if self.committed.length == 0 { b"" } else { &self.storage.bytes()[self.committed.range()] }
    }

    /// The id set by the last block that carried one, committed or not.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.storage.bytes()[self.pending.range()]
    }

    pub(crate) const fn has_pending(&self) -> bool {
        self.has_pending
    }

    /// Bytes of the id that the current block carries.
    #[inline(always)]
    pub(crate) const fn pending_len(&self) -> usize {
        if self.has_pending { self.pending.length } else { 0 }
    }

    pub(crate) fn seed(&mut self, id: &[u8]) -> Result<(), SeedError> {
        if line::has_end(id) || has_zero(id) {
            return Err(SeedError::NotAnId);
        }
        if !self.reserve(id.len()) {
            return Err(SeedError::TooLong { limit: self.limit() });
        }
        self.committed.length = id.len();
        put(id, self.storage.bytes_mut(), self.committed.start);
        Ok(())
    }

    /// A whole `id` line, its value at `value` in `chunk`.
    pub(crate) fn line(&mut self, chunk: &[u8], value: Range<usize>) -> IdLine {
        self.open();
        if !LineEnds::CHEAP {
            self.push(&chunk[value]);
        } else if self.accepts(chunk, value.clone()) {
            self.put(self.incoming, chunk, value.clone());
            self.incoming.length = length(&value);
        } else {
            self.has_nul = has_zero(&chunk[value]);
            self.too_long = !self.has_nul;
        }
        self.close()
    }

    /// Whether a value is an id that fits. Room for it is made.
    #[inline(always)]
    pub(crate) fn accepts(&mut self, chunk: &[u8], value: Range<usize>) -> bool {
        if !self.reserve(length(&value)) {
            return false;
        }
        match chunk[value.start..].first_chunk() {
            // A NUL behind the value costs a second look.
            Some(block) if length(&value) <= BLOCK && !has_nul(block) => true,
            _ => !has_zero(&chunk[value]),
        }
    }

    /// The id of a block that has ended, which was accepted.
    #[inline(always)]
    pub(crate) fn replace(&mut self, chunk: &[u8], id: Range<usize>) {
        self.put(self.committed, chunk, id.clone());
        self.committed.length = length(&id);
    }

    /// Copies an id that was accepted.
    #[inline(always)]
    fn put(&mut self, bank: Bank, chunk: &[u8], id: Range<usize>) {
        let place = bank.start..bank.start + self.stride;
        put_block::<BLOCK>(chunk, id, &mut self.storage.bytes_mut()[place]);
    }

    /// Begins an `id` line; its value follows in pieces.
    pub(crate) fn open(&mut self) {
        self.incoming.length = 0;
        self.has_nul = false;
        self.too_long = false;
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.has_nul = self.has_nul || has_zero(piece);
        if self.has_nul || self.too_long {
            return;
        }
        let length = self.incoming.length + piece.len();
        if !self.reserve(length) {
            self.too_long = true;
            return;
        }
        let place = self.incoming.range().end;
        put(piece, self.storage.bytes_mut(), place);
        self.incoming.length = length;
    }

    pub(crate) fn close(&mut self) -> IdLine {
        if self.has_nul {
            return IdLine::Ignored;
        }
        if self.too_long {
            return IdLine::TooLong;
        }
        core::mem::swap(&mut self.pending, &mut self.incoming);
        self.has_pending = true;
        IdLine::Set
    }

    /// The block has ended: its id, if it had one, is the last event ID.
    #[inline(always)]
    pub(crate) fn commit(&mut self) {
        if self.has_pending {
            core::mem::swap(&mut self.committed, &mut self.pending);
            self.has_pending = false;
        }
    }

    /// Forgets the id of the block, which did not count. Its bytes stay in place.
    pub(crate) fn discard(&mut self) {
        self.has_pending = false;
    }

    /// Makes each bank at least `needed` bytes long, within the limit.
    #[inline(always)]
    fn reserve(&mut self, needed: usize) -> bool {
        needed <= self.stride || self.widen(needed)
    }

    #[inline(never)]
    fn widen(&mut self, needed: usize) -> bool {
        if needed > self.limit() || !self.storage.grow(needed.saturating_mul(3)) {
            return false;
        }
        self.stride = self.storage.bytes().len() / 3;
        let banks = [&mut self.committed, &mut self.pending, &mut self.incoming];
        if S::GROWS {
            // From the back, so that no bank is written over before it has moved.
            for index in (0..3).rev() {
                for bank in banks.iter().filter(|bank| bank.index == index) {
                    let start = index * self.stride;
                    self.storage.bytes_mut().copy_within(bank.range(), start);
                }
            }
        }
        for bank in banks {
            bank.start = bank.index * self.stride;
        }
        true
    }
}

fn has_zero(bytes: &[u8]) -> bool {
    if LineEnds::CHEAP { memchr(0, bytes).is_some() } else { !bytes.iter().all(|&byte| byte > 0) }
}

/// Whether any of the bytes is 0, looked at all at once.
#[inline(always)]
fn has_nul(bytes: &[u8; BLOCK]) -> bool {
    const LOW: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().any(|&word| {
        let word = u64::from_ne_bytes(word);
        word.wrapping_sub(LOW) & !word & HIGH != 0
    })
}
