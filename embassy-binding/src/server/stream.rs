//! A stream of events, to its end.

use embassy_futures::select::{Either3, select3};
use embassy_sync::blocking_mutex::raw::RawMutex;
use embassy_time::{Duration, Timer};
use sansse::http::RequestFields;

use super::answer::{Answer, Content};
use super::config::Config;
use super::error::ServeError;
use super::within;
use crate::broadcast::Broadcast;
use crate::connection::Connection;
use crate::subscription::Subscription;

/// Answers with the stream, or with a time to come back where there is no place for it (law 15).
pub(super) async fn serve<'a, C, M, const BYTES: usize, const READERS: usize>(
    connection: &mut C,
    broadcast: &'a Broadcast<M, BYTES, READERS>,
    config: &'a Config<'a>,
    mut head: Answer<'a>,
    fields: &RequestFields,
) -> Result<(), ServeError<C::Error>>
where
    C: Connection,
    M: RawMutex,
{
    match broadcast.subscribe(fields.last_event_id(), &config.stream) {
        Ok(subscription) => {
            head.send(connection, config).await?;
            follow(connection, subscription, config).await
        }
        Err(_) => {
            debug!("a reader is to come back");
            head.content = Content::ComeBack(broadcast.come_back(&config.stream));
            head.send(connection, config).await
        }
    }
}

/// Writes the stream until the log closes, or the peer goes or is cut.
async fn follow<C, M, const BYTES: usize, const READERS: usize>(
    connection: &mut C,
    mut subscription: Subscription<'_, M, BYTES, READERS>,
    config: &Config<'_>,
) -> Result<(), ServeError<C::Error>>
where
    C: Connection,
    M: RawMutex,
{
    let mut pulse = Pulse::new(config);
    while !subscription.is_ended() {
        let gone = connection.receive(|bytes| (bytes.len(), ()));
        match select3(subscription.ready(), gone, &mut pulse.timer).await {
            Either3::First(()) => {
                let part = connection.send(|out| match subscription.fill(out) {
                    Ok(filled) => (filled, Ok(filled)),
                    Err(overtaken) => (0, Err(overtaken)),
                });
                let part = within(config.write_timeout, part).await.ok_or(ServeError::Stuck)??;
                pulse.sent(part.map_err(|_| ServeError::Overtaken)?);
            }
            // What it may say after its request is of no interest; that it has gone is.
            Either3::Second(received) => {
                if received?.is_none() {
                    break;
                }
            }
            Either3::Third(()) => {
                if pulse.is_lost(connection.unacknowledged()) {
                    return Err(ServeError::Stuck);
                }
                if pulse.is_silent() {
                    subscription.keep_alive();
                }
            }
        }
    }
    Ok(())
}

/// Looks twice in each timeout after a peer, which takes no clock where events are sent.
struct Pulse {
    timer: Timer,
    interval: Duration,
    /// How often to look before a sign of life is due.
    patience: u32,
    /// How often it was silent so far.
    silence: u32,
    /// Bytes that were sent, modulo 2³².
    sent: u32,
    /// As many as the peer had when it was last looked after, if there were more on the way.
    mark: Option<u32>,
}

impl Pulse {
    fn new(config: &Config<'_>) -> Self {
        let interval = config.keep_alive.min(config.write_timeout) / 2;
        let interval = interval.max(Duration::from_millis(1));
        let patience = config.keep_alive.as_ticks() / interval.as_ticks();
        let patience = u32::try_from(patience).unwrap_or(u32::MAX).saturating_sub(1);
        let timer = Timer::after(interval);
        Self { timer, interval, patience, silence: 0, sent: 0, mark: None }
    }

    /// So many bytes have been sent.
    fn sent(&mut self, length: usize) {
        self.silence = 0;
        self.sent = self.sent.wrapping_add(u32::try_from(length).unwrap_or(u32::MAX));
    }

    /// The time to look has come. So many bytes are on the way: whether it is so long that none has
    /// arrived.
    fn is_lost(&mut self, unacknowledged: usize) -> bool {
        self.timer = Timer::after(self.interval);
        let on_the_way = u32::try_from(unacknowledged).unwrap_or(u32::MAX);
        let arrived = self.sent.wrapping_sub(on_the_way);
        let mark = (on_the_way > 0).then_some(arrived);
        let is_lost = mark.is_some() && self.mark == mark;
        self.mark = mark;
        is_lost
    }

    /// Whether it is time for a sign of life.
    fn is_silent(&mut self) -> bool {
        self.silence += 1;
        self.silence >= self.patience
    }
}
