//! Any bytes as a content in chunks, wherever it is cut: the data is what the slow reader here finds.
//!
//! The input is two bytes and the content: the lengths of two chunks, which repeat.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sansse::http::{ChunkedDecoder, ChunkedError};
use tests::chunking;

/// The most bytes between the data.
const PATIENCE: usize = 8192;

/// The data, and how many bytes are left behind the end; `None` where there is none.
type Decoded = Result<(Vec<u8>, Option<usize>), ChunkedError>;

fuzz_target!(|input: &[u8]| {
    let Some((lengths, content)) = input.split_first_chunk::<2>() else { return };
    let chunks = chunking::of_lengths(content, &lengths.map(usize::from));
    let decoded = decode(&chunks, content.len());
    let expected = decode_slowly(content);
    match (&decoded, &expected) {
        // What breaks a rule may have had data before, which is of no interest then.
        (Err(_), Err(_)) => {}
        _ => assert_eq!(decoded, expected),
    }
});

fn decode(chunks: &[&[u8]], length: usize) -> Decoded {
    let mut decoder = ChunkedDecoder::new();
    let (mut data, mut read) = (Vec::new(), 0);
    for chunk in chunks {
        let mut bytes = *chunk;
        while let Some(part) = decoder.read(&mut bytes)? {
            assert!(!part.is_empty(), "data that is none");
            data.extend_from_slice(part);
        }
        read += chunk.len() - bytes.len();
        if decoder.is_ended() {
            return Ok((data, Some(length - read)));
        }
        assert!(bytes.is_empty(), "bytes left over");
    }
    Ok((data, None))
}

fn decode_slowly(content: &[u8]) -> Decoded {
    let (mut data, mut rest, mut patience) = (Vec::new(), content, PATIENCE);
    loop {
        let Some((line, behind)) = line(rest)? else {
            check_start_of_size(rest, patience)?;
            return Ok((data, None));
        };
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (size, extension) = line.split_at(digits);
        let size = std::str::from_utf8(size).map_err(|_| ChunkedError)?;
        let size = u64::from_str_radix(size, 16).map_err(|_| ChunkedError)?;
        patience = check_extension(extension, patience)?;
        rest = behind;
        if size == 0 {
            break;
        }
        let length = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        let (chunk, behind) = rest.split_at(length);
        data.extend_from_slice(chunk);
        if length as u64 != size {
            return Ok((data, None));
        }
        match behind {
            [] | [b'\r'] => return Ok((data, None)),
            [b'\r', b'\n', behind @ ..] => rest = behind,
            _ => return Err(ChunkedError),
        }
    }
    loop {
        let Some((line, behind)) = line(rest)? else {
            let trailer = rest.strip_suffix(b"\r").unwrap_or(rest);
            check_bytes(trailer, patience)?;
            return Ok((data, None));
        };
        rest = behind;
        if line.is_empty() {
            return Ok((data, Some(rest.len())));
        }
        patience = check_bytes(line, patience)?;
    }
}

/// A line and what is behind it; a CR must be followed by a LF.
fn line(bytes: &[u8]) -> Result<Option<(&[u8], &[u8])>, ChunkedError> {
    let Some(end) = bytes.iter().position(|&byte| byte == b'\r') else { return Ok(None) };
    match &bytes[end + 1..] {
        [] => Ok(None),
        [b'\n', rest @ ..] => Ok(Some((&bytes[..end], rest))),
        _ => Err(ChunkedError),
    }
}

/// What may become the line of a size.
fn check_start_of_size(bytes: &[u8], patience: usize) -> Result<(), ChunkedError> {
    let bytes = bytes.strip_suffix(b"\r").map_or(Ok(bytes), |line| {
        // Without a digit it is none.
        if line.first().is_some_and(u8::is_ascii_hexdigit) { Ok(line) } else { Err(ChunkedError) }
    })?;
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (size, extension) = bytes.split_at(digits);
    if bytes.is_empty() {
        return Ok(());
    }
    let size = std::str::from_utf8(size).map_err(|_| ChunkedError)?;
    u64::from_str_radix(size, 16).map_err(|_| ChunkedError)?;
    check_extension(extension, patience).map(drop)
}

fn check_extension(bytes: &[u8], patience: usize) -> Result<usize, ChunkedError> {
    match bytes {
        [] => Ok(patience),
        [b';' | b' ' | b'\t', rest @ ..] => check_bytes(rest, patience),
        _ => Err(ChunkedError),
    }
}

/// What means nothing must be text, and not too much of it.
fn check_bytes(bytes: &[u8], patience: usize) -> Result<usize, ChunkedError> {
    if bytes.iter().any(|&byte| byte < b' ' && byte != b'\t') {
        return Err(ChunkedError);
    }
    patience.checked_sub(bytes.len()).ok_or(ChunkedError)
}
