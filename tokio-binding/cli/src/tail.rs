//! `sansse tail`: the events of a URL, as they come, for as long as one likes.
//!
//! It reconnects as [`ReconnectPolicy::persistent`] does: after whatever may pass, and not after an
//! answer that says no.

use std::time::Duration;

use clap::Args;
use futures_util::{FutureExt as _, StreamExt as _};
use reqwest::header::HeaderValue;
use reqwest::{Method, Url};
use sansse_tokio::{
    CloseReason, Disconnect, Event, EventSource, EventSourceError, Item, OwnedEvent,
    ReconnectPolicy, StreamEnd, Update,
};

use crate::client::{self, Reason, RequestOptions, StreamRequest};
use crate::failure::Failure;
use crate::json_line::JsonLine;
use crate::output::{self, Output};
use crate::printable::Printable;
use crate::runtime::Stop;
use crate::serve::limits::seconds;

const EXAMPLES: &str = "\
Examples:
  sansse tail http://127.0.0.1:8080/topics/news
  sansse tail http://127.0.0.1:8080/topics/news --json | jq -r .data
  sansse tail https://example.org/v1/chat --no-reconnect -H 'Authorization: Bearer …' \\
      -H 'Content-Type: application/json' --body @question.json

An event is shown as `[id] type: data`, without what it has not; further lines of its data are
indented. How the connection is doing is told on standard error; --log warn tells less of it, and
--log off nothing.

When the stream ends or breaks, or the server is not there, or answers 408, 425, 429 or 5xx, it
connects again and goes on behind the last event: after the time that the server asks for, or 3 s, and
longer while that fails, up to 30 s or so. Any other answer that is no event stream ends it, and so
does 204, with exit code 0 where there has been a stream.";

/// What `sansse tail` can be told.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The event stream, such as `http://127.0.0.1:8080/topics/news`
    #[arg(value_parser = client::parse_url)]
    url: Url,

    /// Print JSON lines, as `decode` does
    #[arg(long)]
    json: bool,

    /// Ask for the events after the one with this id
    #[arg(long, value_name = "ID", value_parser = parse_id)]
    last_event_id: Option<HeaderValue>,

    #[command(flatten)]
    request: RequestOptions,

    /// The method of the request [default: GET, or POST where there is a body]
    #[arg(long)]
    method: Option<Method>,

    /// The body of the request, which is sent with each reconnect: a text, `@FILE`, or `-` for
    /// standard input. Say what it is with -H 'Content-Type: …'
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    body: Option<String>,

    /// Take the stream for dead when not a byte has come for so long; comments count. Without it the
    /// network tells when the server has gone
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    idle_timeout: Option<Duration>,

    /// Give up after so many retries of a failed attempt, in a row. A stream without an event that lasted
    /// less than a minute is one, too
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..u32::MAX.into()))]
    max_retries: Option<u32>,

    /// End when the stream does, or when there is none
    #[arg(long, conflicts_with = "max_retries")]
    no_reconnect: bool,
}

/// Reads an id from the command line; an empty one is none.
fn parse_id(text: &str) -> Result<HeaderValue, &'static str> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| "an id holds no control characters: give it as the stream carried it")
}

impl Options {
    fn connect(&self) -> Result<EventSource, Failure> {
        let body = self.body.as_deref().map(client::read_body).transpose()?;
        let method = match (&self.method, &body) {
            (Some(method), _) => method.clone(),
            (None, Some(_)) => Method::POST,
            (None, None) => Method::GET,
        };
        let body = body.unwrap_or_default();
        let Self { url, request: options, idle_timeout, .. } = self;
        let request = StreamRequest { url, method, body, options, idle_timeout: *idle_timeout };
        request.connect(|builder| {
            let id = self.last_event_id.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
            builder.policy(self.policy()).last_event_id(id).advance_past_too_large()
        })
    }

    fn policy(&self) -> ReconnectPolicy {
        match (self.no_reconnect, self.max_retries) {
            (true, _) => ReconnectPolicy::once(),
            (false, None) => ReconnectPolicy::persistent(),
            // The first failure is none of a retry.
            (false, Some(retries)) => ReconnectPolicy::persistent().attempts(retries + 1),
        }
    }
}

/// Prints events until there are no more, or nobody reads them.
pub(crate) async fn run(options: Options, mut stop: Stop) -> Result<(), Failure> {
    let mut tail = Tail::new(&options)?;
    tokio::select! {
        ended = tail.follow() => ended,
        () = output::is_of_no_use() => Ok(()),
        () = stop.requested() => Ok(()),
    }
}

/// A stream, and how its events are shown.
struct Tail<'a> {
    source: EventSource,
    url: &'a Url,
    json: bool,
    output: Output,
    was_open: bool,
}

impl<'a> Tail<'a> {
    fn new(options: &'a Options) -> Result<Self, Failure> {
        let Options { url, json, .. } = options;
        let source = options.connect()?;
        Ok(Self { source, url, json: *json, output: Output::new(), was_open: false })
    }

    async fn follow(&mut self) -> Result<(), Failure> {
        loop {
            // What is printed goes out before anything is waited for.
            let update = match self.source.next().now_or_never() {
                Some(update) => update,
                None => {
                    self.output.flush()?;
                    self.source.next().await
                }
            };
            match update {
                Some(Ok(update)) => self.show(&update)?,
                Some(Err(error)) => return self.end(&error),
                None => break,
            }
        }
        self.output.flush()?;
        if self.source.close_reason() != Some(CloseReason::NoContent) {
            return Ok(());
        }
        let server = client::server(self.url);
        if self.was_open {
            tracing::info!("{server} has nothing more to send");
            return Ok(());
        }
        Err(Failure::new(format!("{server} answered 204 No Content; check the URL")))
    }

    fn show(&mut self, update: &Update) -> Result<(), Failure> {
        match update {
            Update::Event(event) => self.print(event)?,
            Update::TooLarge { last_event_id } => {
                let id = String::from_utf8_lossy(last_event_id);
                if self.json {
                    return self.print_line(&JsonLine::too_large(id));
                }
                tracing::warn!("skipped an event that is too large, id '{}'", Printable(&id));
            }
            Update::IdTooLong => tracing::warn!("dropped an id that is too long"),
            Update::Open(open) => {
                self.was_open = true;
                if open.may_have_gap {
                    tracing::warn!(
                        "the last event ID cannot be sent to the server: events may be missing"
                    );
                }
                tracing::info!("connected to {}", client::server(self.url));
            }
            Update::Disconnected { cause, retry_in } => {
                self.output.flush()?;
                let Reason { what, .. } = Reason::of(self.url, cause, "");
                let seconds = retry_in.as_secs_f64();
                tracing::warn!("disconnected: {}; back in {seconds:.1} s", Printable(&what));
            }
            _ => {}
        }
        Ok(())
    }

    fn print(&mut self, event: &OwnedEvent) -> Result<(), Failure> {
        let event = event.as_event();
        if !self.json {
            return self.output.write(readable(&event).as_bytes());
        }
        JsonLine::of(&Item::Event(event)).map_or(Ok(()), |line| self.print_line(&line))
    }

    fn print_line(&mut self, line: &JsonLine<'_>) -> Result<(), Failure> {
        let mut text = Vec::new();
        line.print(&mut text)?;
        self.output.write(&text)
    }

    /// Ends with an error that may be none.
    fn end(&mut self, error: &EventSourceError) -> Result<(), Failure> {
        self.output.flush()?;
        if let EventSourceError::Failed(cause) = error
            && let Disconnect::Ended(StreamEnd::Unfinished) = **cause
        {
            tracing::warn!("the stream ended in the middle of an event, which is not shown");
            return Ok(());
        }
        let id = self.source.last_event_id().to_string_lossy();
        Err(Reason::of_end(self.url, error, &id).into())
    }
}

/// An event for people: `[id] type: data`, further lines of data indented.
fn readable(event: &Event<'_>) -> String {
    let mut text = String::new();
    if let Some(id) = event.id().filter(|id| !id.is_empty()) {
        text += &format!("[{}] ", Printable(&id.to_string_lossy()));
    }
    if event.event_type() != "message" {
        text += &format!("{}: ", Printable(&event.event_type().to_string_lossy()));
    }
    for (index, line) in event.data().to_string_lossy().split('\n').enumerate() {
        let indent = if index == 0 { "" } else { "    " };
        text += &format!("{indent}{}\n", Printable(line));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_well() {
        let event = Event::new("1\n2\u{1b}").with_type("tick").unwrap().with_id("7").unwrap();
        assert_eq!(readable(&event), "[7] tick: 1\n    2\\u{1b}\n");
        assert_eq!(readable(&Event::new("hello")), "hello\n");
        assert_eq!(readable(&Event::new("").with_id("").unwrap()), "\n");
    }
}
