//! What there is to measure.

use std::error::Error;

use benches::chunks::Chunks;
use benches::corpus::Corpus;
use benches::peers::encoder::{Encoder, Shape};
use benches::peers::input::Source;
use benches::peers::{self, bounds, ours};
use clap::Args;
use serde::Serialize;

use crate::client;
use crate::encode;
use crate::expected::Expected;
use crate::field::Field;
use crate::firmware;
use crate::hub::{self, Scale};
use crate::row::{self, Row};
use crate::table;

/// A kind of work that ours and others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    /// The core's parser against parsers.
    Parse,
    /// The tokio binding's stream against streams.
    ParseOwned,
    /// [`Parse`](Self::Parse), where ours checks that events are UTF-8, as the others do.
    ParseText,
    /// The core's encoder against encoders.
    Encode,
    /// The tokio binding's hub against servers.
    Hub,
    /// The tokio binding's clients against clients.
    Client,
    /// The embassy binding against a server, on an emulated board.
    Firmware,
}

/// What a suite came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The tables, in Markdown.
    pub(crate) tables: String,
    /// All rows.
    pub(crate) json: String,
    /// The goals that ours has missed.
    pub(crate) missed: Vec<String>,
}

/// What to leave out of a suite.
#[derive(Clone, Debug, Args)]
pub(crate) struct Filter {
    /// Only this corpus, such as `a1`; of the suite `encode`, only this event
    #[arg(long)]
    corpus: Option<String>,
    /// Only these chunks, such as `64B`
    #[arg(long)]
    chunk: Option<String>,
    /// Without the others
    #[arg(long)]
    ours_only: bool,
    /// In the suites `hub` and `client`, fewer subscribers and fewer rounds
    #[arg(long)]
    quick: bool,
}

/// So often everything is raced anew, and the best counts: a machine that others use, too, is slow for
/// seconds, which is as long as a cell of the table takes, and not everybody is slowed alike.
const PASSES: u32 = 3;

impl Suite {
    /// All suites.
    pub(crate) const ALL: [Self; 7] = [
        Self::Parse,
        Self::ParseOwned,
        Self::ParseText,
        Self::Encode,
        Self::Hub,
        Self::Client,
        Self::Firmware,
    ];

    /// What it and its file are called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::ParseOwned => "parse-owned",
            Self::ParseText => "parse-text",
            Self::Encode => "encode",
            Self::Hub => "hub",
            Self::Client => "client",
            Self::Firmware => "firmware",
        }
    }

    /// Measures it.
    ///
    /// # Errors
    ///
    /// When we are wrong.
    pub(crate) fn run(self, filter: &Filter) -> Result<Outcome, Box<dyn Error>> {
        if self == Self::Hub {
            let rows = hub::measure(if filter.quick { Scale::QUICK } else { Scale::WHOLE })?;
            let missed = rows.iter().filter(|row| row.is_met == Some(false));
            let missed = missed.map(|row| format!("{}, {}", row.case, row.metric)).collect();
            return Outcome::new(table::hub(&rows), &rows, missed);
        }
        if self == Self::Client {
            let rows = client::measure(filter.quick)?;
            return Outcome::new(table::client(&rows), &rows, client::missed(&rows));
        }
        if self == Self::Firmware {
            let report = firmware::measure()?;
            let missed = report.rows.iter().filter(|row| !row.is_bounded());
            let missed = missed.map(|row| row.metric.to_owned()).collect();
            return Outcome::new(table::firmware(&report), &report.rows, missed);
        }
        let mut rows = self.race(filter)?;
        for _ in 1..PASSES {
            rows.iter_mut().zip(self.race(filter)?).for_each(|(row, again)| row.keep_best(&again));
        }
        row::compare(&mut rows);
        let tables = match self {
            Self::Encode => table::encode(&rows),
            _ => table::parse(&rows),
        };
        Outcome::new(tables, &rows, Vec::new())
    }

    fn race(self, filter: &Filter) -> Result<Vec<Row>, String> {
        match self {
            Self::Parse => {
                let field = Field::of(Box::<ours::Parser>::default(), peers::parsers());
                parse(filter, field, &Chunks::ALL)
            }
            Self::ParseOwned => {
                let mut field = Field::of(Box::<ours::Stream>::default(), peers::streams());
                field.bound = Some(Box::<bounds::Counted>::default());
                parse(filter, field, &Chunks::ALL)
            }
            Self::ParseText => {
                let mut field = Field::of(Box::<ours::TextParser>::default(), peers::parsers());
                field.bytes = Some(Box::<ours::Parser>::default());
                field.bound = Some(Box::<bounds::Cut>::default());
                // Events that are cut into pieces say nothing new about text.
                parse(filter, field, &Chunks::ALL[..3])
            }
            Self::Encode => encode(filter, Box::<ours::Encoder>::default(), peers::encoders()),
            Self::Hub | Self::Client | Self::Firmware => Ok(Vec::new()),
        }
    }
}

impl Outcome {
    fn new(
        tables: String,
        rows: &[impl Serialize],
        missed: Vec<String>,
    ) -> Result<Self, Box<dyn Error>> {
        Ok(Self { tables, json: serde_json::to_string_pretty(rows)? + "\n", missed })
    }
}

impl Filter {
    /// Whether nothing is left out.
    pub(crate) const fn is_all(&self) -> bool {
        self.corpus.is_none() && self.chunk.is_none() && !self.ours_only && !self.quick
    }

    fn takes(&self, corpus: &str, chunk: &str) -> bool {
        self.corpus.as_deref().is_none_or(|name| name == corpus)
            && self.chunk.as_deref().is_none_or(|name| name == chunk)
    }

    fn peers<T>(&self, peers: Vec<T>) -> Vec<T> {
        if self.ours_only { Vec::new() } else { peers }
    }
}

fn parse(
    filter: &Filter,
    mut field: Field,
    all_chunks: &[(&'static str, Chunks)],
) -> Result<Vec<Row>, String> {
    field.peers = filter.peers(field.peers);
    let mut rows = Vec::new();
    for source in Corpus::all().map(Source::new) {
        let expected = Expected::of(&source.corpus);
        for &(name, chunks) in all_chunks {
            if filter.takes(source.corpus.name, name) {
                rows.push(field.measure(&source, &expected, name, chunks)?);
            }
        }
    }
    Ok(rows)
}

fn encode(
    filter: &Filter,
    mut ours: Box<dyn Encoder>,
    peers: Vec<Box<dyn Encoder>>,
) -> Result<Vec<Row>, String> {
    let mut peers = filter.peers(peers);
    let shapes = Shape::all().into_iter().filter(|shape| filter.takes(shape.name, encode::CHUNK));
    shapes.map(|shape| encode::measure(&shape, &mut *ours, &mut peers)).collect()
}
