//! What is answered.

use super::config::{Config, Page, Status};
use super::request::{Content, Request};
use crate::window::{Window, decimal};

impl Request<'_> {
    /// Writes the answer. It is written anew for each part of it that goes out.
    pub(super) fn write_answer(&self, config: &Config<'_>, out: &mut Window<'_>) {
        // Only what is said of a page has it in it.
        let page = self.head.route.page.unwrap_or(&NO_PAGE);
        let text = match self.content {
            // Which must not name a length where there can be no content (RFC 9110, 8.6).
            Content::Nothing if self.status == Status::NO_CONTENT => END,
            Content::Nothing => NOTHING,
            Content::Methods => METHODS,
            Content::Stream => STREAM,
            Content::Page => PAGE,
            #[cfg(feature = "cors")]
            Content::Preflight => END,
        };
        let length = u32::try_from(page.content.len()).unwrap_or(u32::MAX);
        let (mut status_digits, mut length_digits) = ([0; 10], [0; 10]);
        let parts = [
            decimal(self.status.0.into(), &mut status_digits),
            page.content_type.as_bytes(),
            if page.is_gzip { GZIP } else { b"" },
            decimal(length, &mut length_digits),
            if self.is_head() { b"" } else { page.content },
            self.head.route.methods().as_bytes(),
        ];
        out.write_parts(START, &parts);
        #[cfg(feature = "cors")]
        self.write_origin(config, out);
        let _ = config;
        out.write_parts(text, &parts);
    }

    #[cfg(feature = "cors")]
    fn write_origin(&self, config: &Config<'_>, out: &mut Window<'_>) {
        if !config.origins.is_empty() {
            out.write(b"\r\nVary: Origin");
        }
        if let Some(origin) = self.head.origin.allowed(config) {
            out.write(b"\r\nAccess-Control-Allow-Origin: ");
            out.write(origin.as_bytes());
            if self.content == Content::Preflight {
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

static NO_PAGE: Page<'static> = Page::new("", "", b"");

/// Before all else. The reason may be empty (RFC 9112, 4).
const START: &[u8] = b"HTTP/1.1 \x00 \r\nConnection: close";
const GZIP: &[u8] = b"\r\nContent-Encoding: gzip";
const PAGE: &[u8] = b"\r\nContent-Type: \x01\r\nCache-Control: no-cache\x02\
    \r\nContent-Length: \x03\r\n\r\n\x04";
#[cfg(not(feature = "cors"))]
const METHODS: &[u8] = b"\r\nAllow: \x05\r\nContent-Length: 0\r\n\r\n";
#[cfg(feature = "cors")]
const METHODS: &[u8] = b"\r\nAllow: \x05, OPTIONS\r\nContent-Length: 0\r\n\r\n";
const NOTHING: &[u8] = METHODS.split_at(METHODS.len() - "\r\nContent-Length: 0\r\n\r\n".len()).1;
const END: &[u8] = METHODS.split_at(METHODS.len() - "\r\n\r\n".len()).1;

/// The rest of the head of a stream, in one piece.
const STREAM: &[u8] = b"\r\nContent-Type: text/event-stream\
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
        assert!(STREAM.eq_ignore_ascii_case(fields.as_bytes()));
    }
}
