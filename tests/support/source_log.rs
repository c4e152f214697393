//! What an event source tells, as lines that a test can be read by.

use std::time::Duration;

use futures_util::StreamExt as _;
use sansse_tokio::{Disconnect, EventSource, EventSourceError, RedirectError, StreamEnd, Update};
use tokio::time::timeout;

use crate::scripted::Scripted;

/// Longer than any source waits; what runs on real time has a limit of its own.
const PATIENCE: Duration = Duration::from_secs(10 * 24 * 60 * 60);

/// The next thing that the source tells, as [`line()`] has it; its end as `closed: ` and why.
///
/// # Panics
///
/// When there is none in ten days of the runtime.
pub async fn next(source: &mut EventSource, server: &Scripted) -> String {
    match timeout(PATIENCE, source.next()).await.expect("something to tell in time") {
        Some(update) => line(&update, server),
        None => format!("closed: {:?}", source.close_reason().expect("a closed source")),
    }
}

/// So many lines, or fewer where the source ends before.
pub async fn take(source: &mut EventSource, server: &Scripted, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < count {
        let line = next(source, server).await;
        let is_end = line.starts_with("closed: ");
        lines.push(line);
        if is_end {
            break;
        }
    }
    lines
}

/// One thing that a source tells, in one line.
///
/// # Panics
///
/// At an update that the tests do not know yet.
#[must_use]
pub fn line(update: &Result<Update, EventSourceError>, server: &Scripted) -> String {
    match update {
        Ok(Update::Open(open)) => {
            let gap = if open.may_have_gap { ", may have a gap" } else { "" };
            format!("open {}{gap}", server.name(&open.url.to_string()))
        }
        Ok(Update::Event(event)) => {
            let id = event.last_event_id().to_string();
            let id = if id.is_empty() { id } else { format!("#{id}") };
            format!("{}:{}{id}", event.event_type(), event.data())
        }
        Ok(Update::Comment { text, .. }) => format!(":{}", String::from_utf8_lossy(text)),
        Ok(Update::TooLarge { last_event_id }) => {
            format!("too large #{}", String::from_utf8_lossy(last_event_id))
        }
        Ok(Update::IdTooLong) => "id too long".into(),
        Ok(Update::Disconnected { cause, retry_in }) => {
            format!("{}, back in {}", of_cause(cause, server), retry_in.as_millis())
        }
        Ok(unknown) => panic!("teach the tests this update: {unknown:?}"),
        Err(EventSourceError::Failed(cause)) => format!("failed: {}", of_cause(cause, server)),
        Err(EventSourceError::OutOfAttempts { attempts, cause }) => {
            format!("out of {attempts} attempts: {}", of_cause(cause, server))
        }
        Err(unknown) => panic!("teach the tests this error: {unknown:?}"),
    }
}

fn of_cause(cause: &Disconnect, server: &Scripted) -> String {
    match cause {
        Disconnect::Ended(StreamEnd::Clean) => "ended".into(),
        Disconnect::Ended(StreamEnd::Unfinished) => "ended in mid-event".into(),
        Disconnect::Cut(_) => "cut".into(),
        Disconnect::Unreachable(_) => "unreachable".into(),
        Disconnect::HeadTimeout(_) => "no head".into(),
        Disconnect::IdleTimeout(_) => "idle".into(),
        Disconnect::Refused(refused) => {
            let body = String::from_utf8_lossy(&refused.body);
            format!(
                "{} from {}: {body}",
                refused.status.as_u16(),
                server.name(&refused.url.to_string())
            )
        }
        Disconnect::Redirect(RedirectError::TooMany) => "too many redirects".into(),
        Disconnect::Redirect(RedirectError::NoLocation(status)) => {
            format!("{} to nowhere", status.as_u16())
        }
        Disconnect::Redirect(RedirectError::Location(location)) => {
            format!("redirected to '{}'", server.name(location))
        }
        Disconnect::Provider(error) => format!("no request: {error}"),
        Disconnect::Asked => "asked".into(),
        unknown => panic!("teach the tests this cause: {unknown:?}"),
    }
}
