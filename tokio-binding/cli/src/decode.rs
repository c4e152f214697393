//! `sansse decode`: an event stream in, JSON lines out.

use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use sansse_tokio::{GrowingStorage, Item, Parser};

use crate::failure::Failure;
use crate::json_line::JsonLine;
use crate::output::Output;
use crate::source::{self, Source};

const EXAMPLES: &str = r#"Examples:
  $ printf 'id: 7\ndata: a\r\ndata: b\n\n' | sansse decode
  {"event":"message","data":"a\nb","id":"7"}

  curl -sN http://127.0.0.1:8080/topics/news | sansse decode --all"#;

/// What `sansse decode` can be told.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Print comments, retry lines and dropped ids too, and a last line with what holds at the end
    #[arg(long)]
    all: bool,

    /// Skip events of more than so many bytes (data, type and id together), and say so in a line
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    max_event: usize,

    /// Feed the parser at most so many bytes at a time; the output is the same for every N
    #[arg(
        long,
        value_name = "N",
        default_value_t = source::CAPACITY,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..)
    )]
    chunk_size: usize,

    /// The event stream to read; standard input without it or with `-`
    file: Option<PathBuf>,
}

/// Decodes to the end of the input.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let mut source = Source::open(options.file.as_deref())?;
    let mut output = Output::new();
    let mut decoder = Decoder::new(options);
    loop {
        output.flush()?;
        let read = source.chunk()?;
        if read.is_empty() {
            break;
        }
        for chunk in read.chunks(options.chunk_size) {
            decoder.decode(chunk)?;
            output.write(&decoder.lines)?;
            decoder.lines.clear();
        }
        let length = read.len();
        source.consume(length);
    }
    decoder.end()?;
    output.write(&decoder.lines)?;
    output.flush()
}

/// A parser, and the lines that its items came to.
struct Decoder {
    parser: Parser<GrowingStorage, GrowingStorage>,
    all: bool,
    retry: Option<u64>,
    lines: Vec<u8>,
}

impl Decoder {
    fn new(options: &Options) -> Self {
        // A browser knows no limit: its last event ID is that of an event that is skipped here, too.
        let parser = Parser::growing(options.max_event, options.max_event).advance_past_too_large();
        Self {
            parser: if options.all { parser.keep_comments() } else { parser },
            all: options.all,
            retry: None,
            lines: Vec::new(),
        }
    }

    fn decode(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        let mut items = self.parser.feed(chunk);
        while let Some(item) = items.next() {
            if let Item::Retry(milliseconds) = item {
                self.retry = Some(milliseconds);
            }
            if self.all || matches!(item, Item::Event(_) | Item::TooLarge(_)) {
                JsonLine::of(&item).map_or(Ok(()), |line| line.print(&mut self.lines))?;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.parser.end_stream();
        if self.all {
            let id = self.parser.last_event_id().to_string_lossy();
            JsonLine::end(id, self.retry).print(&mut self.lines)?;
        }
        Ok(())
    }
}
