//! What others hold of a subscriber: how to wake it, how to end it, and what of it is on its way.

use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;

use crate::metrics::{Metrics, WriteTimer};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use crate::sync::{Mutex, lock};

/// A subscriber, as the hub, its topics and its frames on their way know it.
#[derive(Debug, Default)]
pub(crate) struct Link {
    waker: Mutex<Option<Waker>>,
    ended: AtomicBool,
    /// Bytes and frames handed to the transport and not yet let go by it, and how many frames it has
    /// let go.
    bytes: AtomicUsize,
    frames: AtomicUsize,
    released: AtomicUsize,
    /// Whether the subscriber wants to be woken when a frame is let go.
    blocked: AtomicBool,
    metrics: Metrics,
}

impl Link {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self { metrics, ..Self::default() }
    }

    /// Keeps the waker of who waits now.
    pub(crate) fn wait(&self, waker: &Waker) {
        let mut kept = lock(&self.waker);
        if kept.as_ref().is_none_or(|kept| !kept.will_wake(waker)) {
            let old = kept.replace(waker.clone());
            // Dropping a waker may drop its task and all that hangs on it.
            drop(kept);
            drop(old);
        }
    }

    /// Wakes the subscriber, if it waits.
    pub(crate) fn wake(&self) {
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Has the subscriber end its stream.
    pub(crate) fn end(&self) {
        self.ended.store(true, SeqCst);
        self.wake();
    }

    /// Whether [`end`](Self::end) was called.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(SeqCst)
    }

    /// The same bytes, counted as on their way until the transport drops them.
    pub(crate) fn send(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        self.bytes.fetch_add(bytes.len(), SeqCst);
        self.frames.fetch_add(1, SeqCst);
        let timer = self.metrics.sent(bytes.len(), self.released());
        Bytes::from_owner(OnItsWay { bytes, link: self.clone(), timer })
    }

    /// How many bytes and frames are on their way.
    pub(crate) fn on_their_way(&self) -> (usize, usize) {
        (self.bytes.load(SeqCst), self.frames.load(SeqCst))
    }

    /// How many frames have been let go, ever.
    pub(crate) fn released(&self) -> usize {
        self.released.load(SeqCst)
    }

    /// Has the next release wake the subscriber. Look at what is on its way again afterwards.
    pub(crate) fn wake_on_release(&self, waker: &Waker) {
        self.wait(waker);
        self.blocked.store(true, SeqCst);
    }

    fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, SeqCst);
        self.frames.fetch_sub(1, SeqCst);
        self.released.fetch_add(1, SeqCst);
        if self.blocked.swap(false, SeqCst) {
            self.wake();
        }
    }
}

/// A frame that the transport has and has not let go.
#[derive(Debug)]
struct OnItsWay {
    bytes: Bytes,
    link: Arc<Link>,
    timer: WriteTimer,
}

impl AsRef<[u8]> for OnItsWay {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.link.metrics.written(&self.timer);
        self.link.release(self.bytes.len());
    }
}
