//! Clients against each other, and against the transport that they share.

mod source;

use std::error::Error;
use std::process::Command;

use benches::clients::{Client, Report, Tally};
use serde::Serialize;

use self::source::{Case, Source};

/// Turns of each client, of which the first is for warming up.
const ROUNDS: usize = 12;
/// Less, to see that it runs, and where some need seconds.
const FEW_ROUNDS: usize = 4;
/// How much of the transport's own CPU time ours may take with it.
const MOST_OF_TRANSPORT: f64 = 1.1;
/// How many times ours has to be as fast as all others, where it takes more.
const LEAST_OF_PEERS: f64 = 3.0;

/// What one client needed for one stream: medians.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) case: &'static str,
    pub(crate) client: &'static str,
    pub(crate) is_peer: bool,
    /// CPU time in nanoseconds for an event.
    pub(crate) nanoseconds: f64,
    /// The CPU time of the transport alone, divided into it.
    pub(crate) of_transport: f64,
    /// By how many bytes memory grew at most.
    pub(crate) growth: f64,
}

/// Measures all clients in turns.
///
/// # Errors
///
/// When a client does not read what it should, or this is not Linux.
pub(crate) fn measure(quick: bool) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for case in Case::all(quick) {
        let source = Source::start(&case)?;
        let rounds = if quick || case.is_slow { FEW_ROUNDS } else { ROUNDS };
        let mut reports = Client::ALL.map(|client| (client, Vec::new()));
        for round in 0..rounds {
            for (client, reports) in &mut reports {
                let report = run(*client, &case, &source)?;
                if round > 0 {
                    reports.push(report);
                }
            }
        }
        let transport = median(&reports[0].1, |report| report.cpu);
        rows.extend(reports.iter().map(|(client, reports)| {
            let cpu = median(reports, |report| report.cpu);
            Row {
                case: case.name,
                client: client.name(),
                is_peer: client.is_peer(),
                nanoseconds: cpu / case.expected.events as f64,
                of_transport: cpu / transport,
                growth: median(reports, |report| report.growth),
            }
        }));
    }
    Ok(rows)
}

/// Whether ours costs little beside its transport, or much less than any other, case by case.
pub(crate) fn missed(rows: &[Row]) -> Vec<String> {
    let ours = [Client::Ours, Client::OurStream].map(Client::name);
    let fails = |row: &&Row| {
        let best = rows.iter().filter(|other| other.case == row.case && other.is_peer);
        let best = best.map(|other| other.nanoseconds).fold(f64::INFINITY, f64::min);
        row.of_transport > MOST_OF_TRANSPORT && row.nanoseconds * LEAST_OF_PEERS > best
    };
    let rows = rows.iter().filter(|row| ours.contains(&row.client)).filter(fails);
    rows.map(|row| format!("{}, {}", row.case, row.client)).collect()
}

/// Starts this program again, as a client.
fn run(client: Client, case: &Case, source: &Source) -> Result<Report, Box<dyn Error>> {
    let name = client.name();
    let output = Command::new(std::env::current_exe()?)
        .args(["--client", name, "--url", &source.url()])
        .args(["--events", &case.expected.events.to_string()])
        .output()?;
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let report: Report = serde_json::from_slice(&output.stdout)?;
    let expected = match client {
        Client::Transport => Tally { events: 0, bytes: case.length },
        _ => case.expected,
    };
    if report.tally != expected {
        return Err(format!("{name} has read {:?} instead of {expected:?}", report.tally).into());
    }
    Ok(report)
}

fn median(reports: &[Report], figure: impl Fn(&Report) -> u64) -> f64 {
    let mut figures: Vec<_> = reports.iter().map(figure).collect();
    figures.sort_unstable();
    let middle = figures.len() / 2;
    figures.get(middle).map_or(0.0, |&figure| figure as f64)
}
