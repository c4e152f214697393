//! What is answered.

use sansse::Encoder;
use sansse::http::{CACHE_CONTROL, MIME_TYPE};

use super::config::{Config, Page, Status};
use super::error::ServeError;
use super::within;
use crate::connection::Connection;
use crate::window::Window;

/// An answer, which is written anew for each part of it that goes out.
#[derive(Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) status: Status,
    /// The methods that there are, if the peer is to be told.
    pub(super) allow: &'static str,
    /// The origin that may read it.
    pub(super) origin: Option<&'a str>,
    /// Whether other origins get another answer.
    pub(super) varies: bool,
    pub(super) is_head: bool,
    pub(super) is_preflight: bool,
    pub(super) content: Content<'a>,
}

/// What is behind the head.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    Nothing,
    Page(&'a Page<'a>),
    /// A stream, which others write.
    Stream,
    /// A stream that only says after how many milliseconds to come back.
    ComeBack(u32),
}

impl<'a> Answer<'a> {
    pub(super) const fn new(status: Status) -> Self {
        Self {
            status,
            allow: "",
            origin: None,
            varies: false,
            is_head: false,
            is_preflight: false,
            content: Content::Nothing,
        }
    }

    /// Sends the answer.
    pub(super) async fn send<C: Connection>(
        &self,
        connection: &mut C,
        config: &Config<'_>,
    ) -> Result<(), ServeError<C::Error>> {
        let mut sent = 0;
        loop {
            let part = connection.send(|out| {
                let mut window = Window::new(out, sent);
                self.write(&mut window);
                (window.filled(), (window.filled(), window.is_cut()))
            });
            let part = within(config.write_timeout, part).await;
            let (filled, is_cut) = part.ok_or(ServeError::Stuck)??;
            if !is_cut {
                return Ok(());
            }
            sent += filled;
        }
    }

    fn write(&self, out: &mut Window<'_>) {
        out.write(b"HTTP/1.1 ");
        out.write(self.status.0.as_bytes());
        out.write(b"\r\nConnection: close");
        if self.varies {
            field(out, "Vary", "Origin");
        }
        if let Some(origin) = self.origin {
            field(out, "Access-Control-Allow-Origin", origin);
            if self.is_preflight {
                field(out, "Access-Control-Allow-Methods", "GET, HEAD, POST");
                let headers = "Last-Event-ID, Cache-Control, Content-Type";
                field(out, "Access-Control-Allow-Headers", headers);
                field(out, "Access-Control-Max-Age", "7200");
            }
        }
        if !self.allow.is_empty() {
            field(out, "Allow", self.allow);
        }
        match self.content {
            Content::Page(page) => {
                field(out, "Content-Type", page.content_type);
                if page.is_gzip {
                    field(out, "Content-Encoding", "gzip");
                }
                field(out, "Cache-Control", "no-cache");
                length(out, page.content.len());
                if !self.is_head {
                    out.write(page.content);
                }
            }
            Content::Stream | Content::ComeBack(_) => {
                field(out, "Content-Type", MIME_TYPE);
                field(out, "Cache-Control", CACHE_CONTROL);
                field(out, "X-Accel-Buffering", "no");
                out.write(b"\r\n\r\n");
                if let Content::ComeBack(time) = self.content {
                    let Ok(()) = Encoder::new(out).retry(time.into());
                }
            }
            // It must not say how long nothing is (RFC 9110, 8.6).
            Content::Nothing if self.status == Status::NO_CONTENT => out.write(b"\r\n\r\n"),
            Content::Nothing => length(out, 0),
        }
    }
}

/// Begins a line with a field.
fn field(out: &mut Window<'_>, name: &str, value: &str) {
    out.write(b"\r\n");
    out.write(name.as_bytes());
    out.write(b": ");
    out.write(value.as_bytes());
}

/// Ends a head whose content has so many bytes.
fn length(out: &mut Window<'_>, mut length: usize) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b"0123456789"[length % 10];
        length /= 10;
        if length == 0 {
            break;
        }
    }
    out.write(b"\r\nContent-Length: ");
    out.write(&digits[start..]);
    out.write(b"\r\n\r\n");
}
