//! `sansse tail`: the events of a URL, as they come.

use clap::Args;
use reqwest::header::{self, HeaderValue};
use reqwest::{Response, StatusCode, Url};
use sansse_tokio::{Event, GrowingStorage, Item, Parser, StreamEnd, default_parser, http};

use crate::client;
use crate::failure::Failure;
use crate::json_line::JsonLine;
use crate::output::Output;
use crate::printable::Printable;
use crate::runtime::Stop;

const EXAMPLES: &str = "\
Examples:
  sansse tail http://127.0.0.1:8080/topics/news
  sansse tail http://127.0.0.1:8080/topics/news --json | jq -r .data

An event is shown as `[id] type: data`, without what it has not; further lines of its data are
indented. It ends when the stream does: take up after the last event with --last-event-id.";

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
}

/// Reads an id from the command line; an empty one is none.
fn parse_id(text: &str) -> Result<HeaderValue, &'static str> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| "an id holds no control characters: give it as the stream carried it")
}

/// Prints events until the stream ends.
pub(crate) async fn run(options: Options, mut stop: Stop) -> Result<(), Failure> {
    tokio::select! {
        ended = follow(&options) => ended,
        () = stop.requested() => Ok(()),
    }
}

async fn follow(options: &Options) -> Result<(), Failure> {
    let url = &options.url;
    let mut response = connect(options).await?;
    let mut reader = Reader::new(options)?;
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => reader.read(&chunk)?,
            Ok(None) => break,
            Err(error) => {
                let (server, cause) = (client::server(url), client::root_cause(&error));
                let id = reader.parser.last_event_id();
                return Err(Failure::new(format!(
                    "{server} cut the stream: {cause}; take it up again with --last-event-id '{id}'"
                )));
            }
        }
    }
    if reader.parser.end_stream() == StreamEnd::Unfinished {
        tracing::warn!("the stream ended in the middle of an event, which is not shown");
    }
    Ok(())
}

/// Asks for the stream, and checks that the answer is one.
async fn connect(options: &Options) -> Result<Response, Failure> {
    let url = &options.url;
    let mut request = client::build(url, |builder| builder)?
        .get(url.clone())
        .header(header::ACCEPT, http::MIME_TYPE)
        .header(header::CACHE_CONTROL, "no-cache");
    if let Some(id) = options.last_event_id.as_ref().filter(|id| !id.is_empty()) {
        request = request.header(http::LAST_EVENT_ID, id);
    }
    let response = request.send().await.map_err(|error| client::no_answer(url, &error))?;
    if response.status() != StatusCode::OK {
        return Err(client::refusal(url, response).await);
    }
    let content_type =
        response.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    if !http::is_event_stream(content_type) {
        let content_type = String::from_utf8_lossy(content_type);
        return Err(Failure::new(format!(
            "the answer is no event stream but of type '{content_type}'; check the path of the URL"
        )));
    }
    Ok(response)
}

/// A parser, and how its events are shown.
struct Reader {
    parser: Parser<GrowingStorage, GrowingStorage>,
    json: bool,
    output: Output,
}

impl Reader {
    fn new(options: &Options) -> Result<Self, Failure> {
        let mut parser = default_parser().advance_past_too_large();
        let id = options.last_event_id.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
        parser
            .seed_last_event_id(id)
            .map_err(|error| Failure::usage(format!("--last-event-id: {error}")))?;
        Ok(Self { parser, json: options.json, output: Output::new() })
    }

    /// Shows the events that end in a chunk.
    fn read(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        let mut text = Vec::new();
        let mut items = self.parser.feed(chunk);
        while let Some(item) = items.next() {
            match &item {
                Item::Event(_) | Item::TooLarge(_) if self.json => {
                    JsonLine::of(&item).map_or(Ok(()), |line| line.print(&mut text))?;
                }
                Item::Event(event) => text.extend(readable(event).into_bytes()),
                Item::TooLarge(event) => {
                    tracing::warn!(id = %event.last_event_id(), "skipped an event that is too large");
                }
                Item::IdTooLong => tracing::warn!("dropped an id that is too long"),
                _ => {}
            }
        }
        self.output.write(&text)?;
        self.output.flush()
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
