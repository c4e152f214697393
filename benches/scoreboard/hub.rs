//! Servers against each other: CPU time, memory, and what becomes of those who do not read.

mod crowd;
mod process;
mod response;
mod row;
mod stalled;

use std::error::Error;
use std::time::Duration;

use benches::servers::Server;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::runtime::Builder;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::sleep;

use self::crowd::Crowd;
use self::process::Process;
use self::row::Goal;
pub(crate) use self::row::Row;
use self::stalled::{Gap, Stalled};

/// Bytes of data of an event, but for those who stall.
const EVENT: usize = 200;
/// Events in flight at once.
const BURST: u64 = 64;
/// One of so many subscribers looks at its events; the others count.
const CHECKED_OF: usize = 25;
/// Those who read while others do not.
const HEALTHY: usize = 20;
/// Bytes of data of an event for those who stall.
const STALLED_EVENT: usize = 2 << 10;
/// After so long, what a server does for a new subscriber is done.
const REST: Duration = Duration::from_millis(300);

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    subscribers: usize,
    /// Turns of each server for the CPU time.
    rounds: usize,
    /// Processes of each server for the memory.
    processes: usize,
    stalled: usize,
    /// Events that are published while they stall.
    stalled_events: u64,
}

impl Scale {
    /// What the goals are stated for.
    pub(crate) const WHOLE: Self = Self {
        subscribers: 1000,
        rounds: 15,
        processes: 3,
        stalled: 100,
        stalled_events: 32 << 10,
    };

    /// Less, to see that it runs.
    pub(crate) const QUICK: Self =
        Self { subscribers: 200, rounds: 3, processes: 1, stalled: 20, stalled_events: 8 << 10 };
}

/// Measures ours and the peer in turns.
///
/// # Errors
///
/// When a server does not do what it should, or this is not Linux.
pub(crate) fn measure(scale: Scale) -> Result<Vec<Row>, Box<dyn Error>> {
    allow_sockets()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let mut rows = Vec::from(cpu(scale).await?);
        rows.extend(idle(scale).await?);
        rows.extend(stalled(scale).await?);
        Ok(rows)
    })
}

/// The CPU time of the server for one event to one subscriber.
async fn cpu(scale: Scale) -> Result<[Row; 2], Box<dyn Error>> {
    let mut servers = Vec::new();
    for server in Server::ALL {
        let process = Process::start(server).await?;
        let crowd = Crowd::connect(process.address(), scale.subscribers, CHECKED_OF).await?;
        servers.push((process, crowd));
    }
    let (mut paced, mut bursts) = ([const { Vec::new() }; 2], [const { Vec::new() }; 2]);
    // The first round is for warming up.
    for round in 0..=scale.rounds {
        for (figures, times, events) in [(&mut paced, 24, 1), (&mut bursts, 4, BURST)] {
            for (figures, (process, crowd)) in figures.iter_mut().zip(&mut servers) {
                let nanoseconds = deliver(process, crowd, times, events).await?;
                if round > 0 {
                    let deliveries = times * events * scale.subscribers as u64;
                    figures.push(nanoseconds as f64 / 1e3 / deliveries as f64);
                }
            }
        }
    }
    let row = |case, figures| Row::new(case, "CPU a delivery, µs", Server::Axum.name(), figures);
    Ok([
        row("one event at a time", paced).with_goal(Goal::RatioAtMost(0.92)),
        row("64 events in flight", bursts).with_goal(Goal::RatioAtMost(0.35)),
    ])
}

/// Has events published and read, so many at a time and the next when everybody has them; returns the
/// nanoseconds of CPU time that the server needed.
async fn deliver(
    process: &mut Process,
    crowd: &Crowd,
    times: u64,
    events: u64,
) -> Result<u64, Box<dyn Error>> {
    let start = process.cpu().await?;
    for _ in 0..times {
        crowd.expect(events);
        process.publish(events, EVENT).await?;
        let lost = crowd.settle().await?;
        if lost > 0 {
            return Err(format!("{lost} events are lost, of {events} to each subscriber").into());
        }
    }
    Ok(process.cpu().await? - start)
}

/// The memory of the server for one subscriber.
async fn idle(scale: Scale) -> Result<[Row; 2], Box<dyn Error>> {
    let (mut idle, mut used) = ([const { Vec::new() }; 2], [const { Vec::new() }; 2]);
    for _ in 0..scale.processes {
        for (server, (idle, used)) in Server::ALL.into_iter().zip(idle.iter_mut().zip(&mut used)) {
            let mut process = Process::start(server).await?;
            // What the first event to the first subscriber takes is not any later one's.
            let first = Crowd::connect(process.address(), 1, 1).await?;
            deliver(&mut process, &first, 1, 1).await?;
            drop(first);
            sleep(REST).await;
            let start = process.resident().await?;
            let crowd = Crowd::connect(process.address(), scale.subscribers, CHECKED_OF).await?;
            sleep(REST).await;
            let a_subscriber =
                |now: u64| now.saturating_sub(start) as f64 / scale.subscribers as f64;
            idle.push(a_subscriber(process.resident().await?));
            deliver(&mut process, &crowd, 4, BURST).await?;
            sleep(REST).await;
            used.push(a_subscriber(process.resident().await?));
        }
    }
    let row =
        |case, figures| Row::new(case, "memory a subscriber, B", Server::Axum.name(), figures);
    Ok([row("idle", idle).with_goal(Goal::RatioAtMost(0.67)), row("after bursts", used)])
}

/// What happens where some do not read.
async fn stalled(scale: Scale) -> Result<[Row; 4], Box<dyn Error>> {
    let mut outcomes = Vec::new();
    for server in Server::ALL {
        outcomes.push(Outcome::of(server, scale).await?);
    }
    let row = |metric, figure: fn(&Outcome) -> f64| {
        let figures = [vec![figure(&outcomes[0])], vec![figure(&outcomes[1])]];
        Row::new("clients that never read", metric, Server::Axum.name(), figures)
    };
    Ok([
        row("growth, MB", |outcome| outcome.growth).with_goal(Goal::AtMost(16.0)),
        row("told of their gap", |outcome| outcome.told)
            .with_goal(Goal::Exactly(scale.stalled as f64)),
        row("not told", |outcome| outcome.silent).with_goal(Goal::Exactly(0.0)),
        row("events lost by others", |outcome| outcome.lost).with_goal(Goal::Exactly(0.0)),
    ])
}

/// What became of a server with clients that never read.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    /// In millions of bytes.
    growth: f64,
    told: f64,
    silent: f64,
    lost: f64,
}

impl Outcome {
    async fn of(server: Server, scale: Scale) -> Result<Self, Box<dyn Error>> {
        let mut process = Process::start(server).await?;
        let crowd = Crowd::connect(process.address(), HEALTHY, 1).await?;
        let mut stalled = Vec::new();
        for _ in 0..scale.stalled {
            stalled.push(Stalled::connect(process.address(), 0).await?);
        }
        sleep(REST).await;
        let start = process.resident().await?;
        let (mut published, mut most, mut lost) = (0, start, 0);
        // The pace is that of those who read.
        while published < scale.stalled_events {
            crowd.expect(BURST);
            published = process.publish(BURST, STALLED_EVENT).await?;
            lost += crowd.settle().await?;
            most = most.max(process.resident().await?);
        }
        let mut readers = JoinSet::new();
        for client in stalled {
            readers.spawn_local(client.read_past(published));
        }
        // Whoever was told may be waiting at the head of the log, so that there has to be more.
        let mut gaps = Vec::new();
        while !readers.is_empty() {
            crowd.expect(1);
            process.publish(1, STALLED_EVENT).await?;
            lost += crowd.settle().await?;
            sleep(REST).await;
            while let Some(gap) = readers.try_join_next() {
                gaps.push(gap??);
            }
        }
        let count = |wanted| gaps.iter().filter(|&&gap| gap == wanted).count() as f64;
        Ok(Self {
            growth: (most - start) as f64 / 1e6,
            told: count(Gap::Told),
            silent: count(Gap::Silent),
            lost: lost as f64,
        })
    }
}

/// Both the servers, which inherit it, and this process need one file for each subscriber.
fn allow_sockets() -> Result<(), Box<dyn Error>> {
    let mut limit = getrlimit(Resource::Nofile);
    let needed = 4096;
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = Some(limit.maximum.map_or(needed, |maximum| maximum.min(needed)));
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok(())
}
