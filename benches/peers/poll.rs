//! Streams and futures whose input is there, without an executor.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_util::Stream;

/// Shows what a stream has, to its end or its first error, where the stream returns it: moving it
/// would cost as much as some parsers need for it, and is no work of theirs.
pub fn for_each<T, E>(
    mut stream: impl Stream<Item = Result<T, E>> + Unpin,
    mut show: impl FnMut(&T),
) {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match Pin::new(&mut stream).poll_next(&mut context) {
            Poll::Ready(Some(Ok(ref item))) => show(item),
            Poll::Ready(Some(Err(_)) | None) => return,
            // Nothing is waited for: it only lets others run.
            Poll::Pending => {}
        }
    }
}

/// What a future comes to.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
