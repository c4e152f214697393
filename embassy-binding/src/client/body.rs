//! The content of a response, as it comes.

use sansse::http::{ChunkedDecoder, ChunkedError, Framing};

/// Where in a content a connection is.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Close,
    /// So many bytes are still to come.
    Length(u64),
    Chunked(ChunkedDecoder),
}

impl Body {
    pub(super) const fn new(framing: Framing) -> Self {
        match framing {
            Framing::Close => Self::Close,
            Framing::Length(bytes) => Self::Length(bytes),
            Framing::Chunked => Self::Chunked(ChunkedDecoder::new()),
        }
    }

    /// Takes the framing off some bytes, in place, and returns how many are left at their start.
    pub(super) fn decode(&mut self, bytes: &mut [u8]) -> Result<usize, ChunkedError> {
        match self {
            Self::Close => Ok(bytes.len()),
            Self::Length(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= length as u64;
                Ok(length)
            }
            Self::Chunked(decoder) => {
                let mut end = 0;
                let mut place = 0;
                while place < bytes.len() && !decoder.is_ended() {
                    let mut rest = &bytes[place..];
                    let length = decoder.read(&mut rest)?.map_or(0, <[u8]>::len);
                    place = bytes.len() - rest.len();
                    bytes.copy_within(place - length..place, end);
                    end += length;
                }
                Ok(end)
            }
        }
    }

    /// Whether all of it has come.
    pub(super) fn is_ended(&self) -> bool {
        match self {
            Self::Close => false,
            Self::Length(left) => *left == 0,
            Self::Chunked(decoder) => decoder.is_ended(),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    #[test]
    fn bytes_are_decoded_where_they_lie() {
        let coded = b"1\r\na\r\n3\r\nbcd\r\n2;x\r\nef\r\n0\r\n\r\nrest";
        for length in 1..=coded.len() {
            let mut body = Body::new(Framing::Chunked);
            let mut data = Vec::new();
            for chunk in coded.chunks(length) {
                let mut chunk = chunk.to_vec();
                let decoded = body.decode(&mut chunk).unwrap();
                data.extend_from_slice(&chunk[..decoded]);
            }
            assert_eq!(data, b"abcdef", "{length}");
            assert!(body.is_ended());
        }
        let mut body = Body::new(Framing::Length(3));
        assert_eq!((body.decode(&mut [0; 2]), body.is_ended()), (Ok(2), false));
        assert_eq!((body.decode(&mut [0; 2]), body.is_ended()), (Ok(1), true));
        assert_eq!(body.decode(&mut [0; 2]), Ok(0));
        let mut body = Body::new(Framing::Close);
        assert_eq!((body.decode(&mut [0; 2]), body.is_ended()), (Ok(2), false));
    }
}
