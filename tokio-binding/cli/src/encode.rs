//! `sansse encode`: JSON lines in, an event stream out.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::Args;
use sansse_tokio::{EncodeError, Encoder, Event, FieldError};

use crate::failure::Failure;
use crate::json_line::{EventLine, JsonLine};
use crate::output::Output;
use crate::source::Source;

const EXAMPLES: &str = r#"Examples:
  $ echo '{"event":"tick","data":"a\nb","id":"7"}' | sansse encode
  event: tick
  id: 7
  data: a
  data: b

  sansse decode --all < stream.txt | sansse encode > the-same-in-short.txt

`event` and `id` may be left out: the type is then `message`, and the id stays as it is.
The other objects are {"comment":"…"}, {"retry":MILLISECONDS} and the last line of `decode --all`."#;

/// What `sansse encode` can be told.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The JSON lines to read; standard input without it or with `-`
    file: Option<PathBuf>,
}

/// Encodes to the end of the input.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let mut source = Source::open(options.file.as_deref())?;
    let mut output = Output::new();
    let mut encoding = Encoding::default();
    let mut line = Vec::new();
    for number in 1_u64.. {
        if !source.has_line() {
            output.flush()?;
        }
        if !source.next_line(&mut line)? {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let wire = JsonLine::parse(&line).and_then(|line| encoding.encode(&line));
        output.write(wire.map_err(|problem| Failure::new(format!("line {number}: {problem}")))?)?;
    }
    output.flush()
}

/// The id that readers of the stream hold by now, and the block that was encoded last.
#[derive(Debug, Default)]
struct Encoding {
    last_event_id: String,
    wire: Vec<u8>,
}

impl Encoding {
    /// The bytes of one line, or what is wrong with it.
    fn encode(&mut self, line: &JsonLine<'_>) -> Result<&[u8], String> {
        self.wire.clear();
        match line {
            JsonLine::Event(event) => self.event(event).map_err(|error| error.to_string())?,
            JsonLine::Comment(comment) if comment.truncated => {
                return Err(
                    "the end of this comment is lost: decode with a larger --max-event".into()
                );
            }
            JsonLine::Comment(comment) => Encoder::new(&mut self.wire)
                .comment(&comment.comment)
                .map_err(|error: EncodeError<Infallible>| error.to_string())?,
            JsonLine::Retry(retry) => {
                let Ok(()) = Encoder::new(&mut self.wire).retry(retry.retry);
            }
            JsonLine::TooLarge(_) => {
                return Err("this event is lost: decode with a larger --max-event".into());
            }
            JsonLine::IdTooLong(_) => {
                return Err("this id is lost: decode with a larger --max-event".into());
            }
            JsonLine::End(end) => self.position(&end.id).map_err(|error| error.to_string())?,
        }
        Ok(&self.wire)
    }

    /// An event, with an `id` line only where the id is a new one.
    fn event(&mut self, line: &EventLine<'_>) -> Result<(), FieldError> {
        let id = line.id.as_deref().filter(|&id| id != self.last_event_id);
        let event_type = line.event.as_deref().unwrap_or_default();
        // Unlike the checks for senders, this takes every id that a stream can have carried.
        let event =
            Event::from_parts(line.data.as_bytes(), event_type.as_bytes(), id.map(str::as_bytes))?;
        let Ok(()) = event.encode(&mut self.wire);
        if let Some(id) = id {
            self.last_event_id = id.into();
        }
        Ok(())
    }

    /// A block that holds only an id, where the stream ended with one.
    fn position(&mut self, id: &str) -> Result<(), EncodeError<Infallible>> {
        if id == self.last_event_id {
            return Ok(());
        }
        Encoder::new(&mut self.wire).received_id(id.as_bytes())?;
        self.last_event_id = id.into();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(lines: &[&str]) -> String {
        let mut encoding = Encoding::default();
        let mut wire = String::new();
        for line in lines {
            let line = JsonLine::parse(line.as_bytes()).unwrap();
            wire.push_str(std::str::from_utf8(encoding.encode(&line).unwrap()).unwrap());
        }
        wire
    }

    #[test]
    fn an_id_is_written_only_when_it_changes() {
        let wire = encode(&[
            r#"{"data":"a","id":""}"#,
            r#"{"data":"b","id":"1"}"#,
            r#"{"data":"c","id":"1"}"#,
            r#"{"data":"d"}"#,
            r#"{"data":"e","id":""}"#,
            r#"{"data":"f","id":" 7 "}"#,
        ]);
        assert_eq!(
            wire,
            "data: a\n\nid: 1\ndata: b\n\ndata: c\n\ndata: d\n\nid: \ndata: e\n\nid:  7 \ndata: f\n\n"
        );
    }

    #[test]
    fn the_end_is_written_only_where_it_says_something() {
        assert_eq!(encode(&[r#"{"end":true,"id":"","retry":null}"#]), "");
        assert_eq!(
            encode(&[r#"{"data":"a","id":"1"}"#, r#"{"end":true,"id":"1","retry":5}"#]),
            "id: 1\ndata: a\n\n"
        );
        assert_eq!(encode(&[r#"{"end":true,"id":" 2","retry":null}"#]), "id:  2\n\n");
        // Another stream may follow.
        assert_eq!(
            encode(&[
                r#"{"data":"a","id":"1"}"#,
                r#"{"end":true,"id":"2","retry":null}"#,
                r#"{"data":"b","id":"1"}"#,
            ]),
            "id: 1\ndata: a\n\nid: 2\n\nid: 1\ndata: b\n\n"
        );
    }

    #[test]
    fn fields_cannot_be_forged() {
        for line in [
            r#"{"data":"","event":"a\nb"}"#,
            r#"{"data":"","id":"a\rb"}"#,
            r#"{"data":"","id":"a\u0000b"}"#,
            r#"{"comment":"a\nb"}"#,
            r#"{"end":true,"id":"a\nb","retry":null}"#,
        ] {
            let line = JsonLine::parse(line.as_bytes()).unwrap();
            assert!(Encoding::default().encode(&line).is_err(), "{line:?}");
        }
    }
}
