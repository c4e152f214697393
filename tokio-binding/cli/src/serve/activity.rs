//! What a connection is about, as far as time limits go.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Version;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::sync::watch;
use tokio::time::timeout;

/// The state of one connection, shared by its socket, which hears bytes, and its requests.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<watch::Sender<State>>);

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The rest of a head. A new connection owes one.
    Head,
    /// Nothing: a request is being answered.
    Answering,
    /// The next request, of which no byte has come.
    Idle,
}

#[derive(Debug)]
struct State {
    requests: usize,
    owes_head: bool,
    /// That of the first request.
    version: Option<Version>,
}

impl Activity {
    /// That of a connection from which nothing has been heard.
    pub(super) fn new() -> Self {
        let state = State { requests: 0, owes_head: true, version: None };
        Self(Arc::new(watch::Sender::new(state)))
    }

    /// Some bytes came.
    pub(super) fn heard(&self) {
        self.0.send_if_modified(|state| {
            // On HTTP/2 a byte need not begin a request.
            let begins_head =
                state.phase() == Phase::Idle && state.version != Some(Version::HTTP_2);
            state.owes_head |= begins_head;
            begins_head
        });
    }

    /// The head of a request came. Until the returned value is dropped, it is being answered.
    pub(super) fn begin(&self, version: Version) -> Answering {
        self.0.send_if_modified(|state| {
            state.requests += 1;
            state.owes_head = false;
            state.version = Some(version);
            state.requests == 1
        });
        Answering(self.clone())
    }

    /// Resolves when the head of a request has come, be it answered or not.
    pub(super) async fn begun(&self) {
        // The sender is here, so that there is something to wait for.
        let _ = self.0.subscribe().wait_for(|state| state.version.is_some()).await;
    }

    /// Resolves when the connection has taken too long, with what it took too long for.
    pub(super) async fn overdue(&self, head: Duration, idle: Duration) -> Phase {
        let mut states = self.0.subscribe();
        loop {
            let phase = states.borrow_and_update().phase();
            let limit = match phase {
                Phase::Head => head,
                Phase::Idle => idle,
                Phase::Answering => Duration::MAX,
            };
            if timeout(limit, states.changed()).await.is_err() {
                return phase;
            }
        }
    }
}

impl State {
    const fn phase(&self) -> Phase {
        match (self.requests, self.owes_head) {
            (0, true) => Phase::Head,
            (0, false) => Phase::Idle,
            _ => Phase::Answering,
        }
    }
}

/// A request while it is being answered.
#[derive(Debug)]
pub(super) struct Answering(Activity);

impl Answering {
    /// Binds it to the body of the answer, so that it ends with that.
    pub(super) const fn until_end_of<B>(self, body: B) -> Answer<B> {
        Answer { body, _request: self }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.send_if_modified(|state| {
            state.requests -= 1;
            state.requests == 0
        });
    }
}

pin_project! {
    /// The body of an answer.
    #[derive(Debug)]
    pub(super) struct Answer<B> {
        #[pin]
        body: B,
        _request: Answering,
    }
}

impl<B: Body> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const HEAD: Duration = Duration::from_secs(1);
    const IDLE: Duration = Duration::from_secs(10);

    /// What is overdue, and after how many seconds.
    async fn overdue(activity: &Activity) -> (Phase, u64) {
        let start = Instant::now();
        let phase = timeout(Duration::from_secs(1000), activity.overdue(HEAD, IDLE)).await;
        (phase.unwrap_or(Phase::Answering), start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn phases_of_http_1() {
        let activity = Activity::new();
        assert_eq!(overdue(&activity).await, (Phase::Head, 1));
        activity.heard();
        let request = activity.begin(Version::HTTP_11);
        assert_eq!(overdue(&activity).await, (Phase::Answering, 1000));
        activity.heard();
        drop(request);
        assert_eq!(overdue(&activity).await, (Phase::Idle, 10));
        activity.heard();
        assert_eq!(overdue(&activity).await, (Phase::Head, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_of_http_2_begin_no_head() {
        let activity = Activity::new();
        let requests = [activity.begin(Version::HTTP_2), activity.begin(Version::HTTP_2)];
        for request in requests {
            assert_eq!(overdue(&activity).await, (Phase::Answering, 1000));
            drop(request);
        }
        activity.heard();
        assert_eq!(overdue(&activity).await, (Phase::Idle, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn each_byte_does_not_give_more_time_for_a_head_but_each_request_does() {
        let activity = Activity::new();
        let trickle = async {
            loop {
                tokio::time::sleep(HEAD / 4).await;
                activity.heard();
            }
        };
        tokio::select! {
            phase = overdue(&activity) => assert_eq!(phase, (Phase::Head, 1)),
            () = trickle => {}
        }
        let requests = async {
            for _ in 0..3 {
                drop(activity.begin(Version::HTTP_11));
                tokio::time::sleep(IDLE / 2).await;
                activity.heard();
            }
            drop(activity.begin(Version::HTTP_11));
            std::future::pending::<()>().await;
        };
        tokio::select! {
            phase = overdue(&activity) => assert_eq!(phase, (Phase::Idle, 25)),
            () = requests => {}
        }
    }
}
