//! Firmware on an emulated board: flash, memory, and instructions.

mod image;
mod visitors;

use std::error::Error;

use emulate::{Emulator, Network, Program};
use serde::Serialize;

use self::image::Image;
use self::visitors::Visitors;

const PEER: &str = "picoserve 0.20";
/// Bytes of the buffers of a connection, in what is measured of both.
const BUFFERS: u32 = 512 + 1024;
/// Bytes of our history.
const HISTORY: u32 = 4096;
/// Connections beyond those of the readers.
const SPARE: u32 = 1;

/// One figure. The fields are those of the JSON file.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) metric: &'static str,
    pub(crate) ours: u32,
    /// The most that it may be; for readers, the least.
    pub(crate) goal: u32,
    /// Nothing where the peer has nothing to compare.
    pub(crate) peer: Option<u32>,
    pub(crate) peer_name: &'static str,
    /// The most that is let pass where the goal is not reached yet.
    #[serde(skip)]
    pub(crate) bound: Option<u32>,
}

/// What is measured.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    /// What else there is to say.
    pub(crate) notes: Vec<String>,
}

impl Row {
    /// Whether ours is as good as it should be.
    pub(crate) fn is_met(&self) -> bool {
        if self.metric.starts_with("readers") {
            self.ours >= self.goal
        } else {
            self.ours <= self.goal
        }
    }

    /// Whether ours is no worse than it may be.
    pub(crate) fn is_bounded(&self) -> bool {
        self.is_met() || self.bound.is_some_and(|bound| self.ours <= bound)
    }

    /// The row of a goal that is not reached yet.
    const fn bounded(self, bound: u32) -> Self {
        Self { bound: Some(bound), ..self }
    }

    /// What the metric means.
    pub(crate) fn explanation(&self) -> &'static str {
        match self.metric {
            "flash_sse" => "flash of the binding and the core, B",
            "flash_demo" => "flash of the dashboard without its page, B",
            "ram_reader" => "RAM a reader beyond its TCP buffers, B",
            "ram_fixed" => "other static RAM beyond the history, B",
            "stack" => "stack at most, B",
            "readers_512_1024" => "readers at once on 64 KiB, TCP buffers of 512 + 1,024 B",
            "readers_256_512" => "the same with 256 + 512 B",
            "instr_publish" => "instructions to publish an event of 64 B",
            "instr_reader" => "instructions to hand it to one more reader",
            _ => "",
        }
    }
}

/// Builds ours and the peer's, and runs them.
///
/// # Errors
///
/// When something cannot be built, or a board does not do what it should.
pub(crate) fn measure() -> Result<Report, Box<dyn Error>> {
    let ours = |name| Program { package: "lm3s6965", name }.build();
    let peer = |name| Program { package: "picoserve-peer", name }.build();
    let baseline = Image::read(&ours("baseline")?)?;
    let flash_beyond = |image: &Image| image.flash.saturating_sub(baseline.flash);

    let dashboard = ours("dashboard")?;
    let crowded = ours("readers-16")?;
    let mut mine = Server::measure(&dashboard, 4)?;
    mine.flash_sse = flash_beyond(&Image::read(&ours("minimal")?)?);
    mine.divide_ram(&Image::read(&crowded)?, 16, HISTORY);

    let mut theirs = Server::measure(&peer("picoserve-dashboard")?, 4)?;
    theirs.flash_sse = flash_beyond(&Image::read(&peer("picoserve-minimal")?)?);
    theirs.divide_ram(&Image::read(&peer("picoserve-readers-3")?)?, 3, 0);

    let mut notes = vec![format!("baseline, which takes TCP only: {} B of flash", baseline.flash)];
    let (readers, spare) = serve(&crowded, 16)?;
    notes.push(format!("16 readers leave {spare} B of RAM that were never used"));
    let (small_readers, spare) = serve(&ours("readers-24")?, 24)?;
    notes.push(format!("24 readers leave {spare} B of RAM that were never used"));
    let counts = Counts::measure(&ours("instructions")?)?;
    notes.push(format!("to wake and poll a reader's task: {} instructions", counts.woken));

    let row =
        |metric, ours, goal, peer| Row { metric, ours, goal, peer, peer_name: PEER, bound: None };
    let compare = |metric, figure: fn(&Server) -> u32, goal| {
        row(metric, figure(&mine), goal, Some(figure(&theirs)))
    };
    let rows = vec![
        compare("flash_sse", |server| server.flash_sse, 5 << 10).bounded(7_800),
        compare("flash_demo", |server| server.flash_demo, 32 << 10),
        compare("ram_reader", |server| server.ram_reader, 768),
        compare("ram_fixed", |server| server.ram_fixed, 5 << 10),
        compare("stack", |server| server.stack, 5 << 10),
        row("readers_512_1024", readers, 16, None),
        row("readers_256_512", small_readers, 24, None),
        row("instr_publish", counts.publish, 300, None),
        row("instr_reader", counts.reader, 150, None),
    ];
    Ok(Report { rows, notes })
}

/// The figures of one server, in bytes.
#[derive(Debug)]
struct Server {
    readers: u32,
    ram: u32,
    flash_sse: u32,
    flash_demo: u32,
    ram_reader: u32,
    ram_fixed: u32,
    stack: u32,
}

impl Server {
    /// Runs a dashboard and visits all of it.
    fn measure(program: &std::path::Path, readers: u32) -> Result<Self, Box<dyn Error>> {
        let image = Image::read(program)?;
        let mut board = Emulator::start(program, &Network::Forwarded(0))?;
        let visitors = Visitors::new(board.address());
        let page = visitors.load_page()?;
        visitors.ask_for_nonsense()?;
        for _ in 0..2 {
            visitors.read_together(readers)?;
        }
        Ok(Self {
            readers,
            ram: image.ram,
            flash_sse: 0,
            flash_demo: image.flash.saturating_sub(page),
            ram_reader: 0,
            ram_fixed: 0,
            stack: image.stack_used(&mut board)?,
        })
    }

    /// Finds what a reader takes, from the same for another number of readers.
    fn divide_ram(&mut self, other: &Image, readers: u32, history: u32) {
        let a_connection = self.ram.abs_diff(other.ram) / self.readers.abs_diff(readers);
        self.ram_reader = a_connection.saturating_sub(BUFFERS);
        let connections = a_connection * (self.readers + SPARE);
        self.ram_fixed = self.ram.saturating_sub(connections + history);
    }
}

/// Has so many read at once, all of whom get every event, and returns how many those were, and the
/// bytes of RAM that were never used.
fn serve(program: &std::path::Path, readers: u32) -> Result<(u32, u32), Box<dyn Error>> {
    let image = Image::read(program)?;
    let mut board = Emulator::start(program, &Network::Forwarded(0))?;
    let visitors = Visitors::new(board.address());
    let served = visitors.read_together(readers)?;
    let spare = image.spare() + image.stack.saturating_sub(image.stack_used(&mut board)?);
    Ok((served, spare))
}

/// What the board counts itself.
#[derive(Debug)]
struct Counts {
    publish: u32,
    reader: u32,
    woken: u32,
}

impl Counts {
    fn measure(program: &std::path::Path) -> Result<Self, Box<dyn Error>> {
        let mut board = Emulator::launch(program, &Network::Forwarded(0), true)?;
        let mut count = |name: &str| {
            let line = board.line()?;
            let number = line.strip_prefix(name).ok_or_else(|| format!("{line}, not {name}"))?;
            number.trim().parse().map_err(Box::<dyn Error>::from)
        };
        Ok(Self { publish: count("publish")?, reader: count("reader")?, woken: count("woken")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_may_be_more_and_all_else_less() {
        let row =
            |metric, ours| Row { metric, ours, goal: 16, peer: None, peer_name: PEER, bound: None };
        assert!(row("readers_512_1024", 17).is_met() && row("readers_512_1024", 16).is_met());
        assert!(!row("readers_512_1024", 15).is_met());
        assert!(
            row("stack", 15).is_met() && row("stack", 16).is_met() && !row("stack", 17).is_met()
        );
        let bounded = |ours| row("stack", ours).bounded(20);
        assert!(bounded(20).is_bounded() && !bounded(20).is_met() && !bounded(21).is_bounded());
    }
}
