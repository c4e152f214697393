//! How often the streams of the suite `parse-owned` allocate memory, ours and everybody else's. What
//! makes a buffer longer counts, too.
//!
//! This is a program of its own since counting makes allocation slower, and those who allocate most
//! would look the worse.

mod markdown;

use benches::chunks::Chunks;
use benches::corpus::Corpus;
use benches::peers::input::Source;
use benches::peers::reader::Reader;
use benches::peers::{self, ours};

use crate::markdown::Table;

#[expect(clippy::print_stdout, reason = "the tables are what this is run for")]
fn main() {
    let sources = Corpus::all().map(Source::new);
    let mut readers = peers::streams();
    readers.insert(0, Box::<ours::Stream>::default());
    for (name, chunks) in Chunks::ALL {
        // In chunks of one byte some take half a minute.
        if chunks != Chunks::Bytes(1) {
            println!(
                "Allocations an event, chunks of {name}:\n\n{}",
                table(&sources, chunks, &mut readers)
            );
        }
    }
}

fn table(sources: &[Source], chunks: Chunks, readers: &mut [Box<dyn Reader>]) -> String {
    let inputs: Vec<_> = sources.iter().map(|source| source.cut(chunks)).collect();
    let mut heads = vec![""];
    heads.extend(sources.iter().map(|source| source.corpus.name));
    let mut table = Table::new(&heads);
    // Some peers miss events. Ours do not: the scoreboard would not take them.
    let events: Vec<_> = inputs.iter().map(|input| readers[0].digest(input).events).collect();
    for reader in readers {
        let mut cells = vec![reader.name().to_string()];
        for (input, &events) in inputs.iter().zip(&events) {
            let counted = allocation_counter::measure(|| reader.consume(input));
            cells.push(format!("{:.2}", counted.count_total as f64 / events as f64));
        }
        table.line(&cells);
    }
    table.into_text()
}
