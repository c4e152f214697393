//! What is answered.

use super::config::{Page, Status};
use crate::subscription::write_retry;
use crate::window::Window;

/// An answer, which is written anew for each part of it that goes out.
pub(super) struct Answer<'a> {
    pub(super) status: Status,
    pub(super) is_head: bool,
    pub(super) content: Content<'a>,
    /// The origin that may read it.
    #[cfg(feature = "cors")]
    pub(super) origin: Option<&'a str>,
    /// Whether other origins get another answer.
    #[cfg(feature = "cors")]
    pub(super) varies: bool,
}

/// What is behind the first lines of the head.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    Nothing,
    /// Only what may be asked for,
    Methods(&'static str),
    /// by pages of other origins, too.
    #[cfg(feature = "cors")]
    Preflight,
    Page(&'a Page<'a>),
    /// A stream, which others write.
    Stream,
    /// A stream that only says after how many milliseconds to come back.
    ComeBack(u32),
}

impl Answer<'_> {
    /// Writes it.
    pub(super) fn write(&self, out: &mut Window<'_>) {
        out.write(b"HTTP/1.1 ");
        out.write_number(self.status.0.into());
        // The reason may be empty (RFC 9112, 4).
        out.write(b" \r\nConnection: close");
        #[cfg(feature = "cors")]
        self.write_origin(out);
        let mut length = 0;
        match self.content {
            Content::Stream => return out.write(STREAM_FIELDS),
            Content::ComeBack(time) => {
                out.write(STREAM_FIELDS);
                return write_retry(time, out);
            }
            Content::Page(page) => {
                length = page.content.len();
                out.write(b"\r\nContent-Type: ");
                out.write(page.content_type.as_bytes());
                out.write(b"\r\nCache-Control: no-cache");
                if page.is_gzip {
                    out.write(b"\r\nContent-Encoding: gzip");
                }
            }
            Content::Methods(methods) => {
                out.write(b"\r\nAllow: ");
                out.write(methods.as_bytes());
                #[cfg(feature = "cors")]
                out.write(b", OPTIONS");
            }
            #[cfg(feature = "cors")]
            Content::Preflight => return out.write(b"\r\n\r\n"),
            Content::Nothing => {}
        }
        // Which must not be said where there can be none (RFC 9110, 8.6).
        if self.status != Status::NO_CONTENT {
            out.write(b"\r\nContent-Length: ");
            out.write_number(u32::try_from(length).unwrap_or(u32::MAX));
        }
        out.write(b"\r\n\r\n");
        if let Content::Page(page) = self.content
            && !self.is_head
        {
            out.write(page.content);
        }
    }

    #[cfg(feature = "cors")]
    fn write_origin(&self, out: &mut Window<'_>) {
        if self.varies {
            out.write(b"\r\nVary: Origin");
        }
        if let Some(origin) = self.origin {
            out.write(b"\r\nAccess-Control-Allow-Origin: ");
            out.write(origin.as_bytes());
            if let Content::Preflight = self.content {
                out.write(PREFLIGHT_FIELDS);
            }
        }
    }
}

/// What pages of other origins may do, for as long as browsers remember it.
#[cfg(feature = "cors")]
const PREFLIGHT_FIELDS: &[u8] = b"\r\nAccess-Control-Allow-Methods: GET, HEAD, POST\
    \r\nAccess-Control-Allow-Headers: Last-Event-ID, Cache-Control, Content-Type\
    \r\nAccess-Control-Max-Age: 7200";

/// The rest of the head of a stream, in one piece.
const STREAM_FIELDS: &[u8] = b"\r\nContent-Type: text/event-stream\
    \r\nCache-Control: no-store, no-transform\
    \r\nX-Accel-Buffering: no\r\n\r\n";

#[cfg(test)]
mod tests {
    use sansse::http::{ACCEL_BUFFERING, CACHE_CONTROL, MIME_TYPE};

    use super::*;

    #[test]
    fn a_stream_has_the_fields_that_the_core_names() {
        extern crate std;

        let fields = std::format!(
            "\r\ncontent-type: {MIME_TYPE}\r\ncache-control: {CACHE_CONTROL}\r\n{ACCEL_BUFFERING}: no\r\n\r\n"
        );
        assert!(STREAM_FIELDS.eq_ignore_ascii_case(fields.as_bytes()));
    }
}
