//! What a server does that misbehaves on purpose, written down connection by connection.

use std::time::Duration;

use bytes::Bytes;

/// One connection, as a server has it.
#[derive(Clone, Debug)]
pub enum Connection {
    /// There is none: the client is refused.
    Refused,
    /// The request is read, then this is done, and then the connection is closed.
    Steps(Vec<Step>),
}

/// What a server does next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends bytes. `{a}` and `{b}` in them are the authorities of the two origins.
    Send(Bytes),
    /// Sends bytes one by one, with a pause behind each.
    Trickle(Bytes, Duration),
    /// Sends the same again and again, until it has been so many bytes.
    Flood(Bytes, u64),
    /// Does nothing for a while, or until the client leaves.
    Wait(Duration),
    /// Reads another request on the same connection.
    NextRequest,
    /// Closes the sending side only, and waits until the client leaves.
    HalfClose,
    /// Ends the connection with a reset.
    Reset,
    /// Waits until the client leaves.
    Hold,
}

impl Connection {
    /// A connection on which these steps are done.
    #[must_use]
    pub fn of(steps: impl Into<Vec<Step>>) -> Self {
        Self::Steps(steps.into())
    }

    /// A connection that is closed behind these bytes.
    #[must_use]
    pub fn sending(bytes: impl Into<Bytes>) -> Self {
        Self::of([Step::Send(bytes.into())])
    }

    /// A stream, known to end where it ends. It is of HTTP/1.1, in chunks.
    #[must_use]
    pub fn stream(events: impl AsRef<[u8]>) -> Self {
        Self::sending([STREAM_HEAD, &chunk(events), LAST_CHUNK].concat())
    }

    /// A stream that stays open until the client leaves.
    #[must_use]
    pub fn open(events: impl AsRef<[u8]>) -> Self {
        Self::of([open(events), Step::Hold])
    }

    /// A stream that is cut: its last chunk never comes.
    #[must_use]
    pub fn cut(events: impl AsRef<[u8]>) -> Self {
        Self::of([open(events)])
    }

    /// An answer with a status, headers and a body.
    #[must_use]
    pub fn answer(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
        Self::sending([head.as_bytes(), body].concat())
    }

    /// A redirect to a location.
    #[must_use]
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::answer(&format!("{status} Elsewhere"), &[&format!("location: {location}")], "")
    }

    /// The answer that ends an event source for good.
    #[must_use]
    pub fn no_content() -> Self {
        Self::sending("HTTP/1.1 204 No Content\r\n\r\n")
    }
}

/// The head of a stream whose body comes in chunks.
pub const STREAM_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// What says that a body in chunks is whole.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Sends bytes.
#[must_use]
pub fn send(bytes: impl Into<Bytes>) -> Step {
    Step::Send(bytes.into())
}

/// Sends the head of a stream and some of it.
#[must_use]
pub fn open(events: impl AsRef<[u8]>) -> Step {
    send([STREAM_HEAD, &chunk(events)].concat())
}

/// Sends more of a stream.
#[must_use]
pub fn more(events: impl AsRef<[u8]>) -> Step {
    send(chunk(events))
}

/// A chunk of a body; none where it is empty, which would be its end.
#[must_use]
pub fn chunk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    if bytes.is_empty() {
        return Vec::new();
    }
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
