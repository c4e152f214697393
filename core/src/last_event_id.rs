//! The last event ID: the one committed, the one its block has set, and the one being received.

use memchr::memchr;

use crate::error::SeedError;
use crate::line;
use crate::storage::sealed::Storage;

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
    lengths: [usize; 3],
    committed: usize,
    pending: usize,
    incoming: usize,
    has_pending: bool,
    has_nul: bool,
    too_long: bool,
}

impl<S: Storage> LastEventId<S> {
    pub(crate) const fn new(storage: S) -> Self {
        Self {
            storage,
            lengths: [0; 3],
            committed: 0,
            pending: 1,
            incoming: 2,
            has_pending: false,
            has_nul: false,
            too_long: false,
        }
    }

    /// The longest id that fits, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.storage.limit() / 3
    }

    pub(crate) fn committed(&self) -> &[u8] {
        self.bank(self.committed)
    }

    /// The id set by the last block that carried one, committed or not.
    pub(crate) fn pending(&self) -> &[u8] {
        self.bank(self.pending)
    }

    pub(crate) const fn has_pending(&self) -> bool {
        self.has_pending
    }

    /// Bytes of the id that the current block carries.
    pub(crate) const fn pending_len(&self) -> usize {
        if self.has_pending { self.lengths[self.pending] } else { 0 }
    }

    pub(crate) fn seed(&mut self, id: &[u8]) -> Result<(), SeedError> {
        if line::has_end(id) || memchr(0, id).is_some() {
            return Err(SeedError::NotAnId);
        }
        if id.len() > self.limit() || !self.reserve(id.len()) {
            return Err(SeedError::TooLong { limit: self.limit() });
        }
        let start = self.committed * self.stride();
        self.storage.bytes_mut()[start..start + id.len()].copy_from_slice(id);
        self.lengths[self.committed] = id.len();
        Ok(())
    }

    /// A whole `id` line.
    pub(crate) fn line(&mut self, value: &[u8]) -> IdLine {
        self.open();
        self.push(value);
        self.close()
    }

    /// Begins an `id` line; its value follows in pieces.
    pub(crate) fn open(&mut self) {
        self.lengths[self.incoming] = 0;
        self.has_nul = false;
        self.too_long = false;
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.has_nul = self.has_nul || memchr(0, piece).is_some();
        if self.has_nul || self.too_long {
            return;
        }
        let length = self.lengths[self.incoming];
        let end = length + piece.len();
        if end > self.limit() || !self.reserve(end) {
            self.too_long = true;
            return;
        }
        let start = self.incoming * self.stride();
        self.storage.bytes_mut()[start + length..start + end].copy_from_slice(piece);
        self.lengths[self.incoming] = end;
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

    fn stride(&self) -> usize {
        self.storage.bytes().len() / 3
    }

    fn bank(&self, index: usize) -> &[u8] {
        let start = index * self.stride();
        &self.storage.bytes()[start..start + self.lengths[index]]
    }

    /// Makes each bank at least `needed` bytes long.
    fn reserve(&mut self, needed: usize) -> bool {
        let before = self.stride();
        if needed <= before {
            return true;
        }
        if !self.storage.grow(needed.saturating_mul(3)) {
            return false;
        }
        let after = self.stride();
        for index in [2, 1] {
            let start = index * before;
            let source = start..start + self.lengths[index];
            self.storage.bytes_mut().copy_within(source, index * after);
        }
        true
    }
}
