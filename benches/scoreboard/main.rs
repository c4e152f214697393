//! Ours against everybody's: speed and correctness, side by side in one run.

mod client;
mod encode;
mod expected;
mod field;
mod firmware;
mod hub;
mod markdown;
mod race;
mod row;
mod suite;
mod table;

use std::error::Error;
use std::fs;
use std::path::Path;

use benches::clients::Client;
use benches::servers::Server;
use clap::Parser;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use crate::suite::{Filter, Suite};

/// Measures ours and everybody else's in turns, and shows who is right and how fast.
#[derive(Debug, Parser)]
struct Arguments {
    #[arg(
        required_unless_present_any = ["serve", "client"],
        value_parser = PossibleValuesParser::new(Suite::ALL.map(Suite::name).into_iter().chain(["all"]))
    )]
    suite: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// Fail where ours misses a goal
    #[arg(long)]
    check: bool,
    /// Be a server of the suite `hub`
    #[arg(
        long,
        hide = true,
        value_parser = PossibleValuesParser::new(Server::ALL.map(Server::name))
            .try_map(|name| Server::named(&name).ok_or("no server"))
    )]
    serve: Option<Server>,
    /// Be a client of the suite `client`
    #[arg(
        long,
        hide = true,
        requires_all = ["url", "events"],
        value_parser = PossibleValuesParser::new(Client::ALL.map(Client::name))
            .try_map(|name| Client::named(&name).ok_or("no client"))
    )]
    client: Option<Client>,
    #[arg(long, hide = true)]
    url: Option<String>,
    #[arg(long, hide = true)]
    events: Option<u64>,
}

#[expect(clippy::print_stdout, reason = "the tables are what this is run for")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(server) = arguments.serve {
        return server.run();
    }
    if let (Some(client), Some(url), Some(events)) =
        (arguments.client, &arguments.url, arguments.events)
    {
        return client.run(url, events);
    }
    let mut missed = Vec::new();
    for suite in Suite::ALL {
        if arguments.suite.as_deref().is_some_and(|name| name == "all" || name == suite.name()) {
            let outcome = suite.run(&arguments.filter)?;
            println!("## {}\n\n{}", suite.name(), outcome.tables);
            // A part must not pass for the whole.
            if arguments.filter.is_all() {
                write(suite, &outcome.json)?;
            }
            missed.extend(outcome.missed);
        }
    }
    if arguments.check && !missed.is_empty() {
        return Err(format!("missed: {}", missed.join("; ")).into());
    }
    Ok(())
}

/// Writes `target/scoreboard/<suite>.json`.
fn write(suite: Suite, json: &str) -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/scoreboard");
    fs::create_dir_all(&folder)?;
    let path = folder.join(suite.name()).with_extension("json");
    fs::write(path, json)?;
    Ok(())
}
