//! A block whose lines so far all lie in one chunk and are what most streams consist of.

use core::ops::Range;

use crate::field::Field;

/// Which fields a whole block has had so far, each at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fields(u8);

impl Fields {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const DATA: Self = Self(1);
    pub(crate) const EVENT: Self = Self(2);
    pub(crate) const ID: Self = Self(4);

    #[inline(always)]
    pub(crate) const fn has(self, field: Self) -> bool {
        self.0 & field.0 != 0
    }

    /// What a single one of them is called elsewhere.
    pub(crate) const fn field(self) -> Field {
        match self {
            Self::DATA => Field::Data,
            Self::EVENT => Field::Event,
            _ => Field::Id,
        }
    }

    /// Adds a field.
    #[inline(always)]
    pub(crate) const fn add(&mut self, field: Self) {
        self.0 |= field.0;
    }
}

/// The value of a line that begins with `data:`.
#[inline(always)]
pub(crate) fn data_of(chunk: &[u8], line: &Range<usize>) -> Option<Range<usize>> {
    let start: &[u8; 8] = chunk[line.start..].first_chunk()?;
    (start[..4] == *b"data" && start[4] == b':').then(|| value(line, 5, start[5]))
}

/// The value of a line that begins with `event:`.
#[inline(always)]
pub(crate) fn type_of(chunk: &[u8], line: &Range<usize>) -> Option<Range<usize>> {
    let start: &[u8; 8] = chunk[line.start..].first_chunk()?;
    (start[..4] == *b"even" && start[4..6] == *b"t:").then(|| value(line, 6, start[6]))
}

/// The value of a line that begins with `id:`.
#[inline(always)]
fn id_of(chunk: &[u8], line: &Range<usize>) -> Option<Range<usize>> {
    let start: &[u8; 8] = chunk[line.start..].first_chunk()?;
    (start[..2] == *b"id" && start[2] == b':').then(|| value(line, 3, start[3]))
}

/// The value behind a colon, and behind the space that may follow that.
#[inline(always)]
fn value(line: &Range<usize>, behind_colon: usize, first: u8) -> Range<usize> {
    line.start + behind_colon + usize::from(first == b' ')..line.end
}

/// The field of a line and its value, if it is one that a whole block may have.
#[inline(always)]
pub(crate) fn field_of(chunk: &[u8], line: &Range<usize>) -> Option<(Fields, Range<usize>)> {
    if let Some(value) = data_of(chunk, line) {
        Some((Fields::DATA, value))
    } else if let Some(value) = type_of(chunk, line) {
        Some((Fields::EVENT, value))
    } else {
        id_of(chunk, line).map(|value| (Fields::ID, value))
    }
}
