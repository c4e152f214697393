//! The topic `tick`: something to see at once.

use std::time::Duration;

use jiff::Timestamp;
use sansse_tokio::{Event, Hub};
use tokio::time::{MissedTickBehavior, interval};

/// Publishes the time each second, until the hub is closed.
pub(super) async fn run(hub: Hub) {
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        let data = format!("{{\"time\":\"{:.3}\"}}", Timestamp::now());
        let published = Event::new(&data)
            .with_type("tick")
            .is_ok_and(|event| hub.publish("tick", &event).is_ok());
        if !published {
            return;
        }
    }
}
