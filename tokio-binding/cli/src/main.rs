//! `sansse`: serve, read, relay, publish, decode and encode Server-Sent Events.

mod client;
mod decode;
mod demo;
mod encode;
mod failure;
mod json_line;
mod output;
mod printable;
mod publish;
mod relay;
mod runtime;
mod serve;
mod signal;
mod source;
mod tail;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  sansse                                                   serve on http://127.0.0.1:8080/
  sansse tail http://127.0.0.1:8080/topics/news            print events as they come
  sansse relay http://127.0.0.1:8080/topics/news --topic news --listen 127.0.0.1:8081
                                                           serve its events to many more
  sansse pub http://127.0.0.1:8080/topics/news 'hello'     publish one event
  sansse decode --all < stream.txt                         show what a stream says, as JSON lines
  sansse encode < events.jsonl > stream.txt                the way back";

const EXIT_CODES: &str = "\
Exit codes:
  0  done; also when Ctrl-C, SIGTERM or whoever reads the output ended it
  1  failed; one line on standard error says why and what to do
  2  the command line is wrong; one line on standard error says how";

/// Serve, read, relay, publish, decode and encode Server-Sent Events.
///
/// Without a command, it serves with the defaults of `serve`.
#[derive(Debug, Parser)]
#[command(name = "sansse", version, after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
struct CommandLine {
    /// How much to log to standard error [default: info for serve, relay and tail, warn for the others]
    #[arg(
        long,
        global = true,
        env = "SANSSE_LOG",
        value_name = "LEVEL",
        value_parser = PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"])
            .try_map(|level| level.parse::<LevelFilter>())
    )]
    log: Option<LevelFilter>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a hub of topics over HTTP, and a page to look at it
    Serve(serve::Options),
    /// Print the events of a URL as they come
    Tail(tail::Options),
    /// Serve the events of one URL to many readers, over one connection
    Relay(relay::Options),
    /// Publish events to a topic of a server
    #[command(name = "pub")]
    Publish(publish::Options),
    /// Read an event stream and print it as JSON lines
    Decode(decode::Options),
    /// Read JSON lines, as `decode` prints them, and write an event stream
    Encode(encode::Options),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<(), Failure> {
    let mut line = CommandLine::try_parse()?;
    let command = match line.command.take() {
        Some(command) => command,
        None => serve_by_default()?,
    };
    start_logging(&command, line.log);
    match command {
        Command::Serve(options) => runtime::run(serve::run(options)),
        Command::Relay(options) => runtime::run(relay::run(options)),
        Command::Tail(options) => runtime::run_until_stopped(|stop| tail::run(options, stop)),
        Command::Publish(options) => runtime::run_until_stopped(|stop| publish::run(options, stop)),
        Command::Decode(options) => decode::run(&options),
        Command::Encode(options) => encode::run(&options),
    }
}

/// What `sansse serve` would be, with nothing else said.
fn serve_by_default() -> Result<Command, Failure> {
    let line = CommandLine::try_parse_from(["sansse", "serve"].map(OsString::from))?;
    line.command.ok_or_else(|| Failure::new("say which command: see `sansse --help`"))
}

fn start_logging(command: &Command, level: Option<LevelFilter>) {
    let usual = match command {
        Command::Serve(_) | Command::Relay(_) | Command::Tail(_) => LevelFilter::INFO,
        _ => LevelFilter::WARN,
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(level.unwrap_or(usual))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    match command {
        Command::Serve(_) | Command::Relay(_) => log.init(),
        // What people look at while it runs.
        _ => log.without_time().with_target(false).init(),
    }
}
