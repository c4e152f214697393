//! Ways to cut a stream into chunks.

/// One chunk.
#[must_use]
pub fn whole(stream: &[u8]) -> Vec<&[u8]> {
    vec![stream]
}

/// Chunks of `size` bytes, the last one what is left.
#[must_use]
pub fn fixed(stream: &[u8], size: usize) -> Vec<&[u8]> {
    stream.chunks(size).collect()
}

/// Chunks of these lengths, over and over, the last one what is left. A length of 0 is all of the
/// rest.
#[must_use]
pub fn of_lengths<'a>(mut stream: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    for &length in lengths.iter().cycle() {
        let length = if length == 0 { stream.len() } else { stream.len().min(length) };
        let (chunk, rest) = stream.split_at(length);
        chunks.push(chunk);
        stream = rest;
        if stream.is_empty() {
            break;
        }
    }
    chunks
}

/// Two chunks, at every place, the ends included.
pub fn two_way(stream: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    (0..=stream.len()).map(|cut| at(stream, &[cut]))
}

/// Whole, byte by byte, every two-way split, and a few sizes between.
pub fn usual(stream: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    std::iter::once(whole(stream))
        .chain([1, 2, 3, 7, 16].map(|size| fixed(stream, size)))
        .chain(two_way(stream))
}

/// Every way to cut a stream into chunks that are not empty: two to the power of its length less
/// one. For short streams.
pub fn compositions(stream: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let places = stream.len().saturating_sub(1);
    (0..1_usize << places).map(move |cuts| {
        let cuts: Vec<usize> =
            (0..places).filter(|place| cuts >> place & 1 == 1).map(|place| place + 1).collect();
        at(stream, &cuts)
    })
}

/// Chunks that end at the given places, in order.
#[must_use]
pub fn at<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::with_capacity(cuts.len() + 1);
    let mut start = 0;
    for &cut in cuts {
        chunks.push(&stream[start..cut]);
        start = cut;
    }
    chunks.push(&stream[start..]);
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_composition_of_three_bytes() {
        let all: Vec<_> = compositions(b"abc").collect();
        let expected: [&[&[u8]]; 4] =
            [&[b"abc"], &[b"a", b"bc"], &[b"ab", b"c"], &[b"a", b"b", b"c"]];
        assert_eq!(all, expected);
    }

    #[test]
    fn nothing_is_lost() {
        for stream in [b"".as_slice(), b"a", b"abcdefghijklmnopqrs"] {
            for chunks in usual(stream) {
                assert_eq!(chunks.concat(), stream);
            }
        }
        assert_eq!(of_lengths(b"abcdefg", &[1, 2]).concat(), b"abcdefg");
        assert_eq!(of_lengths(b"abcdefg", &[1, 0]), [b"a".as_slice(), b"bcdefg"]);
        assert_eq!(compositions(b"").count(), 1);
        assert_eq!(two_way(b"abc").count(), 4);
    }
}
