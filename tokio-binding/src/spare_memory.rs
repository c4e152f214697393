//! The memory of a stream's large events, for those that come after them.

use std::fmt;
use std::sync::{Arc, Weak};

use bytes::Bytes;

use crate::sync::{Mutex, lock};

/// More bytes than this are not kept.
const MOST: usize = 1 << 20;

/// Memory that a large event leaves behind when its last owner drops it.
///
/// To get as much from the system anew for each event takes longer than to fill it.
#[derive(Default)]
pub(crate) struct SpareMemory(Arc<Mutex<Vec<u8>>>);

impl SpareMemory {
    /// What is there; it may be empty.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut lock(&self.0))
    }

    /// Makes bytes whose memory comes back here, if this still exists then.
    pub(crate) fn lend(&self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent { bytes, home: Arc::downgrade(&self.0) })
    }
}

impl fmt::Debug for SpareMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpareMemory").field(&lock(&self.0).capacity()).finish()
    }
}

struct Lent {
    bytes: Vec<u8>,
    home: Weak<Mutex<Vec<u8>>>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.bytes.capacity() > MOST {
            return;
        }
        if let Some(home) = self.home.upgrade() {
            *lock(&home) = std::mem::take(&mut self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_with_its_last_owner() {
        let spare = SpareMemory::default();
        let bytes = spare.lend(vec![7; 1000]);
        let part = bytes.slice(10..20);
        drop(bytes);
        assert_eq!(part, [7; 10][..]);
        assert!(spare.take().is_empty());
        let place = part.as_ptr();
        drop(part);
        let memory = spare.take();
        assert_eq!((memory.len(), memory[10..].as_ptr()), (1000, place));
        assert!(spare.take().is_empty());
    }

    #[test]
    fn no_more_is_kept_than_is_stated() {
        let spare = SpareMemory::default();
        for (length, kept) in [(MOST, MOST), (MOST + 1, 0)] {
            drop(spare.lend(vec![0; length]));
            assert_eq!(spare.take().len(), kept);
        }
        // Of several events the memory of one.
        let both = [spare.lend(vec![1; 10]), spare.lend(vec![2; 20])];
        drop(both);
        assert_eq!(spare.take(), [2; 20]);
        assert!(spare.take().is_empty());
    }

    #[test]
    fn bytes_outlive_their_stream() {
        let spare = SpareMemory::default();
        let bytes = spare.lend(vec![1; 10]);
        drop(spare);
        assert_eq!(bytes, [1; 10][..]);
    }
}
