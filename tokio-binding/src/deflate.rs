//! A deflate encoder (RFC 1951) for short runs of bytes, each compressed once for many readers.
//!
//! zlib and its kin clear tables of 128 KiB before every run that must not refer back, which takes
//! ten times as long as compressing an event of 250 bytes. The table here is small and never
//! cleared, and the codes are those that the format fixes, so that nothing is built for a run.

use std::ops::Range;

/// How far back a run may refer, in bytes.
pub(crate) const WINDOW: usize = 32 * 1024;

/// The longest stored block, in bytes.
const STORED: usize = 0xFFFF;

/// What ends a block with fixed codes.
const END_OF_BLOCK: Code = Code { bits: 0, length: 7 };

/// What a block with fixed codes that is not the last begins with.
const FIXED_BLOCK: Code = Code { bits: 0b010, length: 3 };

/// What a stored block that is not the last begins with.
const STORED_BLOCK: Code = Code { bits: 0, length: 3 };

const SHORTEST: usize = 3;
const LONGEST: usize = 258;

/// The logarithm of how many entries the table has: with 12 it takes 16 KiB, half of a processor's
/// first cache, and finds as much in small events as zlib does.
const TABLE_BITS: u32 = 12;

const LITERALS: [Code; 256] = literals();
/// From [`SHORTEST`] on.
const LENGTHS: [Code; 256] = lengths();

/// The encoder: memory for one run at a time, and no state that a run depends on.
pub(crate) struct Deflate {
    /// Where four bytes with a hash were seen last, counted in all bytes that ever came. What is
    /// found is compared, so an entry may be outdated or wrong.
    places: Box<[u32]>,
    /// The place of the next byte that comes.
    place: u32,
    output: Bits,
}

impl Deflate {
    pub(crate) fn new() -> Self {
        Self {
            places: vec![0; 1 << TABLE_BITS].into_boxed_slice(),
            place: 0,
            output: Bits { bytes: Vec::new(), pending: 0, count: 0 },
        }
    }

    /// Compresses `bytes[start..]` for readers that have decoded `bytes[..start]` last, and nothing
    /// since: with 0, for all readers. Ends at a full byte with all of it readable, and is not the
    /// last block. Never longer than stored blocks are.
    pub(crate) fn run(&mut self, bytes: &[u8], start: usize) -> &[u8] {
        self.output.bytes.clear();
        let plain = bytes.get(start..).unwrap_or_default();
        if plain.is_empty() {
            return &self.output.bytes;
        }
        self.fixed(bytes, start);
        if self.output.bytes.len() > stored_len(plain.len()) {
            self.output.bytes.clear();
            store(plain, &mut self.output.bytes);
        }
        &self.output.bytes
    }

    /// Gives memory back, but for `limit` bytes.
    pub(crate) fn shrink_to(&mut self, limit: usize) {
        self.output.bytes.clear();
        self.output.bytes.shrink_to(limit);
    }

    fn fixed(&mut self, bytes: &[u8], start: usize) {
        self.note(bytes, 0..start);
        self.output.put(FIXED_BLOCK);
        let mut at = start;
        while let Some(word) = word_at(bytes, at) {
            let place = self.place.wrapping_add(offset(at));
            let entry = &mut self.places[hash(word)];
            let distance = place.wrapping_sub(*entry) as usize;
            *entry = place;
            let candidate = at.checked_sub(distance).filter(|_| (1..=WINDOW).contains(&distance));
            if let Some(candidate) = candidate
                && word_at(bytes, candidate) == Some(word)
            {
                let end = bytes.len().min(at + LONGEST);
                let length = common(&bytes[candidate..], &bytes[at..end]);
                self.output.put(LENGTHS[length - SHORTEST]);
                self.output.put(distance_code(distance));
                // Noting all of its places finds hardly more and takes as long as all the rest.
                let end = at + length;
                self.note(bytes, end - 2..end);
                at = end;
            } else {
                self.output.put(LITERALS[usize::from(bytes[at])]);
                at += 1;
            }
        }
        for &byte in &bytes[at..] {
            self.output.put(LITERALS[usize::from(byte)]);
        }
        self.output.put(END_OF_BLOCK);
        self.output.put(STORED_BLOCK);
        self.output.align();
        self.output.bytes.extend_from_slice(&[0, 0, 0xFF, 0xFF]);
        self.place = self.place.wrapping_add(offset(bytes.len()));
    }

    /// Enters places into the table.
    fn note(&mut self, bytes: &[u8], places: Range<usize>) {
        for at in places {
            let Some(word) = word_at(bytes, at) else { break };
            self.places[hash(word)] = self.place.wrapping_add(offset(at));
        }
    }
}

/// How long `length` bytes are in stored blocks.
const fn stored_len(length: usize) -> usize {
    length + length.div_ceil(STORED) * 5
}

/// Appends `plain` in stored blocks that are not the last (RFC 1951, 3.2.4), uncompressed.
pub(crate) fn store(plain: &[u8], output: &mut Vec<u8>) {
    output.reserve(stored_len(plain.len()));
    for piece in plain.chunks(STORED) {
        let [low, high, ..] = piece.len().to_le_bytes();
        output.extend_from_slice(&[0, low, high, !low, !high]);
        output.extend_from_slice(piece);
    }
}

/// Bits on their way into bytes, the lowest first.
struct Bits {
    bytes: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Bits {
    #[inline]
    fn put(&mut self, code: Code) {
        self.pending |= u64::from(code.bits) << self.count;
        self.count += code.length;
        if self.count >= u32::BITS {
            let [first, second, third, fourth, ..] = self.pending.to_le_bytes();
            self.bytes.extend_from_slice(&[first, second, third, fourth]);
            self.pending >>= u32::BITS;
            self.count -= u32::BITS;
        }
    }

    /// Fills the last byte up with zeros.
    fn align(&mut self) {
        let [bytes @ .., _, _, _, _] = self.pending.to_le_bytes();
        let whole = self.count.div_ceil(u8::BITS) as usize;
        self.bytes.extend_from_slice(&bytes[..whole]);
        self.pending = 0;
        self.count = 0;
    }
}

/// A code as it is written, its extra bits with it. Codes go in from their highest bit, all else
/// from its lowest, so the codes here are reversed.
#[derive(Clone, Copy)]
struct Code {
    bits: u32,
    length: u32,
}

impl Code {
    const fn reversed(code: u32, length: u32) -> Self {
        Self { bits: code.reverse_bits() >> (u32::BITS - length), length }
    }

    const fn with_extra(self, bits: u32, length: u32) -> Self {
        Self { bits: self.bits | bits << self.length, length: self.length + length }
    }
}

/// Section 3.2.6.
const fn literals() -> [Code; 256] {
    let mut codes = [END_OF_BLOCK; 256];
    let mut literal = 0_u32;
    while literal < 256 {
        codes[literal as usize] = if literal < 144 {
            Code::reversed(0b0011_0000 + literal, 8)
        } else {
            Code::reversed(0b1_1001_0000 + literal - 144, 9)
        };
        literal += 1;
    }
    codes
}

/// Sections 3.2.5 and 3.2.6.
const fn lengths() -> [Code; 256] {
    let mut codes = [END_OF_BLOCK; 256];
    let mut index = 0_u32;
    while index < 255 {
        let (symbol, extra) = if index < 8 {
            (index, 0)
        } else {
            let extra = index.ilog2() - 2;
            (extra * 4 + (index >> extra), extra)
        };
        // The symbols of lengths begin with 257.
        let code = if symbol < 23 {
            Code::reversed(symbol + 1, 7)
        } else {
            Code::reversed(0b1100_0000 + symbol - 23, 8)
        };
        codes[index as usize] = code.with_extra(index & ((1 << extra) - 1), extra);
        index += 1;
    }
    // The longest has a symbol of its own, 285.
    codes[255] = Code::reversed(0b1100_0101, 8);
    codes
}

/// Section 3.2.5; of distances from 1 to [`WINDOW`].
#[inline]
fn distance_code(distance: usize) -> Code {
    let index = offset(distance) - 1;
    if index < 4 {
        return Code::reversed(index, 5);
    }
    let extra = index.ilog2() - 1;
    Code::reversed(extra * 2 + (index >> extra), 5).with_extra(index & ((1 << extra) - 1), extra)
}

/// A place as the table holds it; wraps around.
#[expect(clippy::cast_possible_truncation, reason = "what the table says is compared")]
const fn offset(at: usize) -> u32 {
    at as u32
}

#[inline]
fn word_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

#[inline]
fn hash(word: u32) -> usize {
    (word.wrapping_mul(0x9E37_79B1) >> (u32::BITS - TABLE_BITS)) as usize
}

/// How many bytes both begin with; at most the length of `new`, the later of the two.
#[inline]
fn common(old: &[u8], new: &[u8]) -> usize {
    let (old_words, old_rest) = old[..new.len()].as_chunks::<8>();
    let (new_words, new_rest) = new.as_chunks::<8>();
    let mut length = 0;
    for (old, new) in old_words.iter().zip(new_words) {
        let difference = u64::from_le_bytes(*old) ^ u64::from_le_bytes(*new);
        if difference != 0 {
            return length + (difference.trailing_zeros() / u8::BITS) as usize;
        }
        length += 8;
    }
    length + old_rest.iter().zip(new_rest).take_while(|(old, new)| old == new).count()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::write::DeflateDecoder;

    use super::*;

    /// What a reader decodes that is sent `before` alone and then a run that refers back to it.
    #[track_caller]
    fn decoded(deflate: &mut Deflate, before: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut decoder = DeflateDecoder::new(Vec::new());
        let bytes = [before, plain].concat();
        let mut sent = deflate.run(before, 0).to_vec();
        sent.extend_from_slice(deflate.run(&bytes, before.len()));
        decoder.write_all(&sent).and_then(|()| decoder.flush()).expect("it decodes");
        decoder.get_ref()[before.len()..].to_vec()
    }

    /// Bytes in which nothing is found twice.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[test]
    fn every_length_of_a_match() {
        let (mut deflate, noise) = (Deflate::new(), noise(2000));
        for length in (1..=600).chain([1031, 1032, 1033]) {
            let plain = [&noise[7..7 + length], b"!"].concat();
            assert_eq!(decoded(&mut deflate, &noise, &plain), plain, "{length}");
            if length > 20 {
                let bytes = [&*noise, &plain].concat();
                let run = deflate.run(&bytes, noise.len());
                assert!(run.len() < 22, "{length}: {} bytes, so it was not found", run.len());
            }
        }
    }

    #[test]
    fn every_kind_of_distance() {
        let (mut deflate, noise) = (Deflate::new(), noise(40));
        let powers = (0..15).flat_map(|power| [1 << power, (1 << power) + (1 << power) / 2]);
        let distances = powers.flat_map(|distance| [distance - 1, distance, distance + 1]);
        for distance in distances.chain([WINDOW - 1, WINDOW, WINDOW + 1, WINDOW + 99]) {
            // Dots take only one entry of the table, so that the noise is found over all of them.
            let mut before = noise.clone();
            before.resize(distance.max(noise.len()), b'.');
            let plain: Vec<u8> =
                before[before.len() - distance..].iter().take(40).copied().collect();
            assert_eq!(decoded(&mut deflate, &before, &plain), plain, "{distance}");
            if distance >= 40 {
                let bytes = [&*before, &plain].concat();
                let found = deflate.run(&bytes, before.len()).len() < 30;
                assert_eq!(found, distance <= WINDOW, "{distance}");
            }
        }
    }

    #[test]
    fn every_byte_and_every_run_of_it() {
        let mut deflate = Deflate::new();
        let all: Vec<u8> = (0..=u8::MAX).collect();
        assert_eq!(decoded(&mut deflate, b"", &all), all);
        for length in [1, 2, 3, 4, 5, 100, 300, 70_000] {
            let plain = vec![b'x'; length];
            assert_eq!(decoded(&mut deflate, b"", &plain), plain, "{length}");
        }
    }

    #[test]
    fn never_longer_than_stored_blocks() {
        let (mut deflate, noise) = (Deflate::new(), noise(200_000));
        for length in [0, 1, 9, 100, STORED - 1, STORED, STORED + 1, 2 * STORED, 200_000] {
            let plain = &noise[..length];
            assert_eq!(deflate.run(plain, 0).len(), stored_len(length), "{length}");
            assert_eq!(decoded(&mut deflate, b"", plain), plain, "{length}");
        }
    }

    /// The table keeps places of earlier runs, and those wrap around.
    #[test]
    fn outdated_places_do_no_harm() {
        let (mut deflate, noise) = (Deflate::new(), noise(3000));
        for place in [0, 1, u32::MAX, u32::MAX - 5, u32::MAX - 2000] {
            for entry in [0, 1, 2, 1000, u32::MAX, u32::MAX - 1, u32::MAX - 1000] {
                deflate.places.fill(entry);
                deflate.place = place;
                let plain = [&noise[5..200], &noise[1000..1300], &noise[5..200]].concat();
                assert_eq!(decoded(&mut deflate, &noise[..1100], &plain), plain);
            }
        }
    }

    #[test]
    fn a_run_without_bytes_before_it_refers_to_nothing() {
        let mut deflate = Deflate::new();
        let event = b"data: {\"celsius\":21.5,\"sensor\":\"kitchen\"}\n\n";
        let first = deflate.run(event, 0).to_vec();
        assert_eq!(deflate.run(event, 0), first);
        let linked = deflate.run(&[*event, *event].concat(), event.len()).to_vec();
        assert!(linked.len() < first.len() / 3, "{} of {} bytes", linked.len(), first.len());
    }
}
