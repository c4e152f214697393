//! Why a connection had to be cut.

use core::fmt;

use super::session::Failure;

/// Why a connection had to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ServeError<E> {
    /// The peer broke it.
    Connection(E),
    /// The peer closed it before its request was whole.
    Closed,
    /// The peer took nothing for as long as the write timeout.
    Stuck,
    /// The log ran over an event of which the peer had got a part.
    Overtaken,
}

impl<E> From<Failure> for ServeError<E> {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Closed => Self::Closed,
            Failure::Stuck => Self::Stuck,
            Failure::Overtaken => Self::Overtaken,
        }
    }
}

impl<E: fmt::Display> fmt::Display for ServeError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => write!(f, "the connection broke: {error}"),
            Self::Closed => f.write_str("the peer closed the connection before its request ended"),
            Self::Stuck => f.write_str("the peer took nothing within the write timeout"),
            Self::Overtaken => {
                f.write_str("the peer read slower than events came: keep more history")
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for ServeError<E> {}
