//! What can connect again and again.

use core::fmt;

use embedded_io_async::{Read, Write};

/// What can connect to one server again and again, and carries the bytes of a connection at a time.
#[allow(async_fn_in_trait, reason = "executors of embassy need no `Send`")]
pub trait Connect: Read + Write {
    /// Why no connection was made.
    type ConnectError: fmt::Debug;

    /// Makes a connection, in place of one that there was before.
    ///
    /// # Errors
    ///
    /// When none can be made now.
    async fn connect(&mut self) -> Result<(), Self::ConnectError>;
}

impl<T: Connect> Connect for &mut T {
    type ConnectError = T::ConnectError;

    async fn connect(&mut self) -> Result<(), Self::ConnectError> {
        (**self).connect().await
    }
}
