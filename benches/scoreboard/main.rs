//! Ours against everybody's: speed and correctness, side by side in one run.

mod encode;
mod expected;
mod field;
mod markdown;
mod race;
mod row;
mod suite;
mod table;

use std::error::Error;
use std::fs;
use std::path::Path;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::row::Row;
use crate::suite::{Filter, Suite};

/// Measures ours and everybody else's in turns, and shows who is right and how fast.
#[derive(Debug, Parser)]
struct Arguments {
    #[arg(value_parser = PossibleValuesParser::new(Suite::ALL.map(Suite::name).into_iter().chain(["all"])))]
    suite: String,
    #[command(flatten)]
    filter: Filter,
}

#[expect(clippy::print_stdout, reason = "the tables are what this is run for")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    for suite in Suite::ALL {
        if arguments.suite == "all" || arguments.suite == suite.name() {
            let rows = suite.run(&arguments.filter)?;
            println!("## {}\n\n{}", suite.name(), suite.tables(&rows));
            // A part must not pass for the whole.
            if arguments.filter.is_all() {
                write(suite, &rows)?;
            }
        }
    }
    Ok(())
}

/// Writes `target/scoreboard/<suite>.json`.
fn write(suite: Suite, rows: &[Row]) -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/scoreboard");
    fs::create_dir_all(&folder)?;
    let path = folder.join(suite.name()).with_extension("json");
    fs::write(path, serde_json::to_string_pretty(rows)? + "\n")?;
    Ok(())
}
