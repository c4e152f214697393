//! Why a client has given up.

use core::fmt;

use sansse::http::HeadError;

/// Why a client has given up, as the standard has it (9.2.2). What it lacks of a connection, it does not
/// give up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ClientError {
    /// The server said 204: never come back.
    Stop,
    /// The server answered with this status.
    Status(u16),
    /// The server answered, but with no event stream.
    Type,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop => f.write_str("the server asks not to come back"),
            Self::Status(status) => write!(f, "the server answered {status}: is this the stream?"),
            Self::Type => f.write_str("the server's answer is no event stream: is this its path?"),
        }
    }
}

impl core::error::Error for ClientError {}

/// Why an attempt failed.
pub(super) enum Failure {
    /// Another may do better.
    Passing,
    Final(ClientError),
}

impl From<HeadError> for Failure {
    fn from(_: HeadError) -> Self {
        Self::Passing
    }
}
