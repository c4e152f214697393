//! How a reader's bytes go on the wire: as they are, or as gzip.

use bytes::{Bytes, BytesMut};
#[cfg(feature = "gzip")]
use http::{HeaderMap, HeaderValue, header};
#[cfg(feature = "gzip")]
use sansse::http::accepts_gzip;

#[cfg(feature = "gzip")]
use crate::gzip::{Compressor, GzipStream};
use crate::segment::Piece;
#[cfg(feature = "gzip")]
use crate::sse::list;
#[cfg(feature = "gzip")]
use crate::sync::{Mutex, lock};

/// A reader's content coding.
#[derive(Debug, Default)]
pub(crate) enum Coding {
    #[default]
    Identity,
    #[cfg(feature = "gzip")]
    Gzip(Gzip),
}

impl Coding {
    /// What `Content-Encoding` says.
    pub(crate) const fn name(&self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            #[cfg(feature = "gzip")]
            Self::Gzip(_) => Some("gzip"),
        }
    }

    /// Bytes for this reader alone.
    pub(crate) fn private(&mut self, bytes: Bytes) -> Bytes {
        match self {
            Self::Identity => bytes,
            #[cfg(feature = "gzip")]
            Self::Gzip(gzip) => gzip.private(&bytes),
        }
    }

    /// Events that all readers share: one piece stays shared; several become one frame, so that they
    /// are one write.
    pub(crate) fn events(&mut self, pieces: &[Piece]) -> Bytes {
        match self {
            Self::Identity => join(pieces.iter().map(Piece::bytes)),
            #[cfg(feature = "gzip")]
            Self::Gzip(gzip) => gzip.events(pieces),
        }
    }

    /// What comes behind everything, once.
    pub(crate) fn end(&mut self) -> Option<Bytes> {
        match self {
            Self::Identity => None,
            #[cfg(feature = "gzip")]
            Self::Gzip(gzip) => gzip.end(),
        }
    }

    /// Whether nothing comes behind what has been made.
    pub(crate) const fn is_at_end(&self) -> bool {
        match self {
            Self::Identity => true,
            #[cfg(feature = "gzip")]
            Self::Gzip(gzip) => gzip.ended,
        }
    }

    /// Whether pieces have to know what came before them.
    pub(crate) const fn looks_back(&self) -> bool {
        match self {
            Self::Identity => false,
            #[cfg(feature = "gzip")]
            Self::Gzip(_) => true,
        }
    }
}

/// A reader's gzip stream.
#[cfg(feature = "gzip")]
#[derive(Debug)]
pub(crate) struct Gzip {
    stream: GzipStream,
    compressor: std::sync::Arc<Mutex<Compressor>>,
    begun: bool,
    ended: bool,
    /// The sequence of the event whose bytes were the last ones sent.
    follows: Option<u64>,
}

#[cfg(feature = "gzip")]
impl Gzip {
    pub(crate) const fn new(compressor: std::sync::Arc<Mutex<Compressor>>) -> Self {
        Self { stream: GzipStream::new(), compressor, begun: false, ended: false, follows: None }
    }

    /// Says in the head of an answer what a stream's coding depends on and which it is, for a request with
    /// these headers; returns whether it is gzip.
    pub(crate) fn agree(request: &HeaderMap, answer: &mut HeaderMap) -> bool {
        // A cache between must not give it to others.
        answer.append(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
        let is_gzip = accepts_gzip(&list(request, header::ACCEPT_ENCODING));
        if is_gzip {
            answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        is_gzip
    }

    fn private(&mut self, plain: &[u8]) -> Bytes {
        self.follows = None;
        let run = self.stream.private(plain);
        self.begin(run)
    }

    fn events(&mut self, pieces: &[Piece]) -> Bytes {
        let mut runs = Vec::new();
        for piece in pieces {
            for event in piece.events() {
                let is_next = self.follows.is_some() && self.follows == event.sequence_before();
                runs.push(event.gzip(is_next, || lock(&self.compressor)));
                self.stream.shared(&event.bytes());
                self.follows = Some(event.sequence());
            }
        }
        self.begin(join(runs.into_iter()))
    }

    fn end(&mut self) -> Option<Bytes> {
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        let end = self.stream.finish();
        Some(self.begin(end))
    }

    /// Puts the head of the format before the first bytes.
    fn begin(&mut self, bytes: Bytes) -> Bytes {
        if std::mem::replace(&mut self.begun, true) {
            return bytes;
        }
        join([GzipStream::OPENING, bytes].into_iter())
    }
}

fn join(mut parts: impl ExactSizeIterator<Item = Bytes>) -> Bytes {
    if parts.len() == 1 {
        return parts.next().unwrap_or_default();
    }
    let parts: Vec<Bytes> = parts.collect();
    let mut frame = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    for part in parts {
        frame.extend_from_slice(&part);
    }
    frame.freeze()
}
