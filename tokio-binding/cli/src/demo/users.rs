//! Who is connected: a registry of users, each with the connections of all tabs.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};
use http_body_util::Either;
use sansse_tokio::{
    Admitted, Endpoint, EndpointLimits, Event, Hub, Presence, Refusal, Retry, Start, StreamRequest,
};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::open_streams::{MOST_STREAMS, is_name};
use super::visit::Visit;
use crate::failure::Failure;
use crate::serve::routes::{Body, nothing};
use crate::serve::target::pairs;

/// The topic of the list, and that of who comes and goes.
const TOPICS: [&str; 2] = ["users", "presence"];
const PAUSE: Duration = Duration::from_secs(5);
/// Most connections of one user.
const MOST_OF_A_USER: usize = 32;

/// The demo under `/demo/users`.
#[derive(Clone, Debug)]
pub(super) struct Users {
    hub: Hub,
    endpoint: Endpoint,
    opened: Arc<Notify>,
}

impl Users {
    /// Starts to tell who is connected, while somebody is.
    pub(super) fn start(
        endpoint: impl FnOnce(Hub) -> Result<Endpoint, Failure>,
    ) -> Result<Self, Failure> {
        let retry = Retry::new(Duration::from_secs(1)).spread(Duration::from_millis(500));
        let hub = Hub::builder().topic_history(1, 256 << 10).retry(retry).build();
        let presence = Presence::spawn(&hub, TOPICS[1])
            .map_err(|problem| Failure::new(format!("cannot start a demo: {problem}")))?;
        let opened = Arc::new(Notify::new());
        tokio::spawn(publish(hub.clone(), presence.clone(), Arc::clone(&opened)));
        let limits = EndpointLimits::new().connections(MOST_STREAMS).per_user(MOST_OF_A_USER);
        let endpoint = endpoint(hub.clone())?
            .limits(limits)
            .presence(presence)
            .admission(|request| ready(admit(&request)));
        Ok(Self { hub, endpoint, opened })
    }

    pub(super) async fn answer(&self, visit: &Visit<'_>) -> Response<Body> {
        match visit.path {
            "" => visit.page(include_str!("../../pages/demo/users.html")),
            "events" => {
                let request = self.endpoint.request(visit.head, TOPICS).address(visit.peer);
                // A list from before tells nobody anything.
                let response = request.start(Start::Live).answer().await;
                self.opened.notify_one();
                response.map(Either::Left)
            }
            _ => nothing(),
        }
    }

    pub(super) async fn shutdown(&self, deadline: Duration) {
        self.hub.shutdown(deadline).await;
    }
}

/// `?user=NAME` says who it is. Where it matters, a session would.
fn admit(request: &StreamRequest) -> Result<Admitted, Refusal> {
    let user = pairs(&request.head.uri).find(|(name, _)| name == "user");
    match user {
        Some((_, user)) if is_name(&user) => Ok(Admitted::new().user(&*user)),
        _ => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "who is it? Name a user: ?user={id}, 32 characters at most.",
        )),
    }
}

/// Publishes the list of users and how many connections each has, every few seconds while there are
/// any. `opened` is told after each new one, so that nothing runs until then.
async fn publish(hub: Hub, presence: Presence, opened: Arc<Notify>) {
    let mut times = interval(PAUSE);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        opened.notified().await;
        while hub.subscribers() > 0 {
            times.tick().await;
            let connections = |user: &String| presence.connections(user).len();
            let users = presence.users();
            let users = users
                .iter()
                .map(|user| json!({"user": user, "connections": connections(user)}))
                .collect::<Value>();
            if hub.publish(TOPICS[0], &Event::new(&users.to_string())).is_err() {
                return;
            }
        }
    }
}
