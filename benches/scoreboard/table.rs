//! Rows as Markdown.

use crate::client;
use crate::firmware;
use crate::hub;
use crate::markdown::Table;
use crate::row::Row;

/// The tables of a suite of parsers.
pub(crate) fn parse(rows: &[Row]) -> String {
    let in_16_kib: Vec<_> = rows.iter().filter(|row| row.chunk == "16KiB").cloned().collect();
    format!(
        "{}\nMB/s of all, in chunks of 16 KiB:\n\n{}\nWho is right:\n\n{}",
        parsers(rows),
        everybody(&in_16_kib, |_, speed| number(Some(speed), 0)),
        correctness(rows)
    )
}

/// The tables of the suite of encoders.
pub(crate) fn encode(rows: &[Row]) -> String {
    let nanoseconds = |row: &Row, speed| row.ours_ns.map(|ns| ns * row.ours / speed);
    format!(
        "{}\nNanoseconds of all:\n\n{}\nWho is right:\n\n{}",
        encoders(rows),
        everybody(rows, |row, speed| number(nanoseconds(row, speed), 1)),
        correctness(rows)
    )
}

/// The table of the suite of servers.
pub(crate) fn hub(rows: &[hub::Row]) -> String {
    let peer = rows.first().map_or("peer", |row| row.peer_name);
    let mut table =
        Table::new(&["", "", "ours", "of rounds", peer, "of rounds", "ratio", "goal", ""]);
    for row in rows {
        let figure = |figure: f64| number(Some(figure), row.decimals());
        let range = |[least, most]: [f64; 2]| {
            if least < most {
                format!("{} to {}", figure(least), figure(most))
            } else {
                String::new()
            }
        };
        table.line(&[
            row.case.into(),
            row.metric.into(),
            figure(row.ours),
            range(row.ours_range),
            figure(row.peer),
            range(row.peer_range),
            number(row.ratio, 2),
            row.goal.map_or_else(none, |goal| goal.to_string()),
            row.is_met.map_or("", |is_met| if is_met { "met" } else { "MISSED" }).into(),
        ]);
    }
    table.into_text()
}

/// The table of the suite of clients.
pub(crate) fn client(rows: &[client::Row]) -> String {
    let heads = ["", "", "CPU an event, ns", "of the transport's", "memory, MB"];
    let mut table = Table::new(&heads);
    for row in rows {
        table.line(&[
            row.case.into(),
            row.client.into(),
            number(Some(row.nanoseconds), 0),
            number(Some(row.of_transport), 2),
            number(Some(row.growth / 1e6), 1),
        ]);
    }
    table.into_text()
}

/// The table of the suite of firmware.
pub(crate) fn firmware(report: &firmware::Report) -> String {
    let peer = report.rows.first().map_or("peer", |row| row.peer_name);
    let mut table = Table::new(&["", "ours", "goal", peer, ""]);
    for row in &report.rows {
        let bound = if row.metric.starts_with("readers") { "≥" } else { "≤" };
        table.line(&[
            row.explanation().into(),
            row.ours.to_string(),
            format!("{bound} {}", row.goal),
            row.peer.map_or_else(none, |peer| peer.to_string()),
            match row.bound {
                _ if row.is_met() => "met".into(),
                Some(bound) => format!("MISSED, bound {bound}"),
                None => "MISSED".into(),
            },
        ]);
    }
    report.notes.iter().fold(table.into_text() + "\n", |text, note| text + "- " + note + "\n")
}

fn parsers(rows: &[Row]) -> String {
    let text = rows.iter().any(|row| row.bytes.is_some());
    let mut heads = vec!["corpus", "chunk", "ours, MB/s", "best right peer, MB/s", "its name"];
    heads.extend(["ratio", "memcpy, MB/s", "newlines, MB/s"]);
    if text {
        heads.extend(["ours as bytes, MB/s", "time as text / as bytes"]);
    }
    let bound = rows.iter().any(|row| row.bound.is_some());
    if bound {
        heads.extend(["bound, MB/s", "time / of the bound"]);
    }
    let mut table = Table::new(&heads);
    for row in rows {
        let mut cells = vec![row.corpus.into(), row.chunk.into(), number(Some(row.ours), 0)];
        cells.extend([number(row.peer, 0), name(row.peer_name), number(row.ratio, 2)]);
        cells.extend([number(Some(row.memcpy), 0), number(row.newlines, 0)]);
        if text {
            cells.extend([number(row.bytes, 0), number(row.time_ratio, 2)]);
        }
        if bound {
            cells.extend([number(row.bound, 0), number(row.bound_ratio, 2)]);
        }
        table.line(&cells);
    }
    table.into_text()
}

fn encoders(rows: &[Row]) -> String {
    let mut table = Table::new(&[
        "event",
        "ours, ns",
        "best right peer, ns",
        "its name",
        "ratio",
        "ours, MB/s",
        "memcpy, MB/s",
    ]);
    for row in rows {
        table.line(&[
            row.corpus.into(),
            number(row.ours_ns, 1),
            number(row.peer_ns, 1),
            name(row.peer_name),
            number(row.ratio, 2),
            number(Some(row.ours), 0),
            number(Some(row.memcpy), 0),
        ]);
    }
    table.into_text()
}

/// A line for each implementation and each bound, a column for each row.
fn everybody(rows: &[Row], figure: impl Fn(&Row, f64) -> String) -> String {
    let mut heads = vec![""];
    heads.extend(rows.iter().map(|row| row.corpus));
    let mut table = Table::new(&heads);
    let mut line = |name: &str, speed: &dyn Fn(&Row) -> Option<f64>| {
        let figures = rows.iter().map(|row| speed(row).map_or_else(none, |mb_s| figure(row, mb_s)));
        table.line(&[name.into()].into_iter().chain(figures).collect::<Vec<_>>());
    };
    line("ours", &|row| Some(row.ours));
    for (place, name) in peers(rows).enumerate() {
        line(name, &|row| Some(row.peers[place].mb_s));
    }
    line("memcpy", &|row| Some(row.memcpy));
    if rows.iter().any(|row| row.newlines.is_some()) {
        line("newlines", &|row| row.newlines);
    }
    table.into_text()
}

/// A line for each peer.
fn correctness(rows: &[Row]) -> String {
    let mut table = Table::new(&["", &format!("right, of {}", rows.len()), "wrong"]);
    for (place, name) in peers(rows).enumerate() {
        let wrong = rows.iter().filter(|row| !row.peers[place].right);
        let wrong: Vec<_> = wrong.map(|row| format!("{}/{}", row.corpus, row.chunk)).collect();
        let right = rows.len() - wrong.len();
        table.line(&[name.into(), right.to_string(), wrong.join(", ")]);
    }
    table.into_text()
}

/// The peers, who stand in the same order in each row.
fn peers(rows: &[Row]) -> impl Iterator<Item = &'static str> {
    rows.iter().take(1).flat_map(|row| row.peers.iter().map(|peer| peer.name))
}

fn number(number: Option<f64>, decimals: usize) -> String {
    number.map_or_else(none, |number| format!("{number:.decimals$}"))
}

fn name(name: Option<&str>) -> String {
    name.map_or_else(none, Into::into)
}

fn none() -> String {
    "–".into()
}
