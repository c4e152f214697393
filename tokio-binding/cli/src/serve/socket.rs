//! A socket that does not wait for its peer for ever.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::activity::Activity;
use super::limits::Limits;
use super::metrics;

/// A byte stream that tells when it hears something, and fails once its peer has taken no byte for
/// too long while there was one to write. The timer is made when a peer stalls, so that those that
/// do not pay nothing.
#[derive(Debug)]
pub(super) struct Socket<S> {
    inner: S,
    activity: Activity,
    write_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Socket<S> {
    pub(super) const fn new(inner: S, activity: Activity, write_timeout: Duration) -> Self {
        Self { inner, activity, write_timeout, stalled: None }
    }

    /// Watches the time of an attempt to write.
    fn watch<T>(
        &mut self,
        attempt: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(result) = attempt {
            self.stalled = None;
            return Poll::Ready(result.inspect_err(count_vanished));
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(self.write_timeout)));
        std::task::ready!(stalled.as_mut().poll(cx));
        metrics::timeout("write");
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes no bytes")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = std::task::ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        if buf.filled().len() > before {
            self.activity.heard();
        }
        Poll::Ready(result.inspect_err(count_vanished))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.watch(attempt, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.watch(attempt, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// The system gave up on the peer: it acknowledges nothing.
fn count_vanished(error: &io::Error) {
    if error.kind() == io::ErrorKind::TimedOut {
        metrics::timeout("ping");
    }
}

/// Has events sent at once, and a peer that is gone without a word noticed.
pub(super) fn prepare(socket: &TcpStream, peer: SocketAddr, limits: &Limits) {
    let set = || {
        socket.set_nodelay(true)?;
        let socket = SockRef::from(socket);
        socket.set_tcp_keepalive(&keep_alive(limits))?;
        // What was sent and is not acknowledged keeps TCP from asking, so this has its own limit.
        // It is the later one: a peer that merely does not read is cut by the socket's own timer.
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(limits.write_timeout + limits.ping_interval))?;
        io::Result::Ok(())
    };
    if let Err(error) = set() {
        tracing::debug!(%peer, %error, "cannot set the options of a socket");
    }
}

/// Asks four times, the last time when the write timeout is over.
fn keep_alive(limits: &Limits) -> TcpKeepalive {
    let at_least_a_second = |time: Duration| time.max(Duration::from_secs(1));
    let keep_alive = TcpKeepalive::new().with_time(at_least_a_second(limits.ping_interval));
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    let keep_alive =
        keep_alive.with_interval(at_least_a_second(limits.write_timeout / 3)).with_retries(3);
    keep_alive
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_cut_and_a_slow_one_is_not() {
        let (ours, mut theirs) = duplex(4);
        let mut socket = Socket::new(ours, Activity::new(), SECOND);
        let slow = async {
            for _ in 0..8 {
                sleep(SECOND * 3 / 4).await;
                theirs.read_u8().await.unwrap();
            }
            theirs
        };
        let start = Instant::now();
        let (written, theirs) = tokio::join!(socket.write_all(b"0123456789ab"), slow);
        written.unwrap();
        assert_eq!(start.elapsed(), SECOND * 6);

        let error = socket.write_all(b"c").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), SECOND * 7);
        drop(theirs);
    }

    #[tokio::test]
    async fn the_system_watches_a_silent_peer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = listener.local_addr().unwrap();
        let socket = TcpStream::connect(peer).await.unwrap();
        let limits = Limits {
            max_connections: 1,
            max_head: 1,
            read_timeout: SECOND,
            idle_timeout: SECOND,
            write_timeout: SECOND * 30,
            drain_timeout: SECOND,
            ping_interval: SECOND * 20,
        };
        prepare(&socket, peer, &limits);
        assert!(socket.nodelay().unwrap());
        let options = SockRef::from(&socket);
        assert!(options.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(options.tcp_keepalive_time().unwrap(), SECOND * 20);
            assert_eq!(options.tcp_keepalive_interval().unwrap(), SECOND * 10);
            assert_eq!(options.tcp_keepalive_retries().unwrap(), 3);
            assert_eq!(options.tcp_user_timeout().unwrap(), Some(SECOND * 50));
        }
    }
}
