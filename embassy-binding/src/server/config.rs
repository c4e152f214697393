//! What a server offers, and what it allows.

use embassy_time::Duration;

use crate::stream_options::{StreamOptions, milliseconds};

/// What a server offers, and what it allows its peers. It is meant to be a `static`.
///
/// ```
/// use embassy_time::Duration;
/// use sansse_embassy::server::{Config, Page, Post, Status};
///
/// static PAGES: [Page; 1] = [Page::new("/", "text/html; charset=utf-8", b"<h1>Hello</h1>")];
/// static POSTS: [Post; 1] = [Post::new("/led", |content| match content {
///     b"on" | b"off" => Status::NO_CONTENT,
///     _ => Status::BAD_REQUEST,
/// })];
/// static CONFIG: Config = Config::new()
///     .pages(&PAGES)
///     .posts(&POSTS)
///     .origins(&["https://example.org"])
///     .keep_alive(Duration::from_secs(20));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    pub(super) events: &'a str,
    pub(super) pages: &'a [Page<'a>],
    #[cfg(feature = "post")]
    pub(super) posts: &'a [Post<'a>],
    #[cfg(feature = "cors")]
    pub(super) origins: &'a [&'a str],
    pub(super) stream: StreamOptions<'a>,
    pub(super) head_limit: usize,
    /// Milliseconds, as those behind it.
    pub(super) read_timeout: u32,
    pub(super) write_timeout: u32,
    keep_alive: u32,
    pub(super) pulse: Rhythm,
}

/// When to look after a peer, as follows from the times that it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm {
    /// Milliseconds between two looks: at most half of either time, and a whole part of half the write
    /// timeout.
    pub(super) interval: u32,
    /// Looks in half of the write timeout.
    pub(super) looks: u16,
    /// Looks without anything sent, after the last of which the silence would be too long before the
    /// next.
    pub(super) silent_looks: u16,
}

impl Rhythm {
    const fn new(write_timeout: u32, keep_alive: u32) -> Self {
        let keep_alive = if keep_alive == 0 { 1 } else { keep_alive };
        let looks = at_most_u16(write_timeout.div_ceil(keep_alive));
        let looks = if looks == 0 { 1 } else { looks };
        let interval = write_timeout / 2 / looks as u32;
        let interval = if interval == 0 { 1 } else { interval };
        let silent_looks = at_most_u16((keep_alive / interval).saturating_sub(1));
        Self { interval, looks, silent_looks }
    }
}

const fn at_most_u16(number: u32) -> u16 {
    #[expect(clippy::cast_possible_truncation, reason = "it is compared before")]
    if number > u16::MAX as u32 { u16::MAX } else { number as u16 }
}

impl Default for Config<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Config<'a> {
    /// Events at `/events` and nothing else; heads of 8 KiB within 5 s, 10 s to take something, a sign
    /// of life every 15 s.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            events: "/events",
            pages: &[],
            #[cfg(feature = "post")]
            posts: &[],
            #[cfg(feature = "cors")]
            origins: &[],
            stream: StreamOptions::new(),
            head_limit: 8192,
            read_timeout: 5000,
            write_timeout: 10_000,
            keep_alive: 15_000,
            pulse: Rhythm::new(10_000, 15_000),
        }
    }

    /// The path of the event stream.
    #[must_use]
    pub const fn events(mut self, path: &'a str) -> Self {
        self.events = path;
        self
    }

    /// Pages and other files.
    #[must_use]
    pub const fn pages(mut self, pages: &'a [Page<'a>]) -> Self {
        self.pages = pages;
        self
    }

    /// What may be sent to the device, by its own pages and by what is no browser. Posts of pages of other
    /// origins are refused, as browsers carry them out without asking; so are those of its own, where
    /// the name and port that it is called by have more than 40 bytes.
    #[cfg(feature = "post")]
    #[must_use]
    pub const fn posts(mut self, posts: &'a [Post<'a>]) -> Self {
        self.posts = posts;
        self
    }

    /// The origins whose pages may read the stream and post, too, each as browsers write it:
    /// `https://example.org`, with a port only where it is not the scheme's own.
    #[cfg(feature = "cors")]
    #[must_use]
    pub const fn origins(mut self, origins: &'a [&'a str]) -> Self {
        self.origins = origins;
        self
    }

    /// What readers are told beside the events.
    #[must_use]
    pub const fn stream(mut self, options: StreamOptions<'a>) -> Self {
        self.stream = options;
        self
    }

    /// The most bytes that the head of a request may have. Its length costs no memory; of one line of
    /// it, 96 bytes are looked at.
    #[must_use]
    pub const fn head_limit(mut self, bytes: usize) -> Self {
        self.head_limit = bytes;
        self
    }

    /// How long a peer may take for its request, all of it.
    #[must_use]
    pub const fn read_timeout(mut self, time: Duration) -> Self {
        self.read_timeout = milliseconds(time);
        self
    }

    /// How long a peer may take nothing. One that is stuck, or that has vanished while something was on
    /// its way to it, is cut after at least half of this and at most all of it.
    #[must_use]
    pub const fn write_timeout(mut self, time: Duration) -> Self {
        self.write_timeout = milliseconds(time);
        self.pulse = Rhythm::new(self.write_timeout, self.keep_alive);
        self
    }

    /// The longest silence of a stream: a comment is sent before it is over, which also shows whether
    /// the peer is still there.
    #[must_use]
    pub const fn keep_alive(mut self, time: Duration) -> Self {
        self.keep_alive = milliseconds(time);
        self.pulse = Rhythm::new(self.write_timeout, self.keep_alive);
        self
    }
}

/// A file in flash.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    pub(super) path: &'a str,
    pub(super) content_type: &'a str,
    pub(super) content: &'a [u8],
    pub(super) is_gzip: bool,
}

impl<'a> Page<'a> {
    /// A file as it is.
    #[must_use]
    pub const fn new(path: &'a str, content_type: &'a str, content: &'a [u8]) -> Self {
        Self { path, content_type, content, is_gzip: false }
    }

    /// A file that was compressed by gzip, which takes less flash, and less to send. It is sent so to
    /// all; every browser takes it, curl with `--compressed`.
    #[must_use]
    pub const fn gzip(path: &'a str, content_type: &'a str, content: &'a [u8]) -> Self {
        Self { path, content_type, content, is_gzip: true }
    }
}

/// What may be sent to a path, in at most [96 bytes](Self::LIMIT).
#[cfg(feature = "post")]
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    pub(super) path: &'a str,
    pub(super) take: fn(&[u8]) -> Status,
}

#[cfg(feature = "post")]
impl<'a> Post<'a> {
    /// The most bytes that the content may have.
    pub const LIMIT: usize = super::request::LINE;

    /// Has a function take the content. It must not wait; it can hand the content on by a channel.
    #[must_use]
    pub const fn new(path: &'a str, take: fn(&[u8]) -> Status) -> Self {
        Self { path, take }
    }
}

/// The status of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Status(
    /// Its number.
    pub u16,
);

impl Status {
    /// Done; there is nothing to show.
    pub const NO_CONTENT: Self = Self(204);
    /// The content makes no sense.
    pub const BAD_REQUEST: Self = Self(400);
    /// That may not be done.
    pub const FORBIDDEN: Self = Self(403);
    /// That cannot be done in the state that the device is in.
    pub const CONFLICT: Self = Self(409);
    /// The device failed.
    pub const INTERNAL_SERVER_ERROR: Self = Self(500);
    /// That cannot be done now.
    pub const SERVICE_UNAVAILABLE: Self = Self(503);

    pub(super) const OK: Self = Self(200);
    pub(super) const NOT_FOUND: Self = Self(404);
    pub(super) const METHOD_NOT_ALLOWED: Self = Self(405);
    pub(super) const NOT_ACCEPTABLE: Self = Self(406);
    pub(super) const REQUEST_TIMEOUT: Self = Self(408);
    #[cfg(feature = "post")]
    pub(super) const LENGTH_REQUIRED: Self = Self(411);
    #[cfg(feature = "post")]
    pub(super) const CONTENT_TOO_LARGE: Self = Self(413);
    pub(super) const HEAD_TOO_LARGE: Self = Self(431);
    pub(super) const VERSION_NOT_SUPPORTED: Self = Self(505);
}
