//! Counts instructions: what it takes to publish an event of 64 bytes, and to hand it to a reader.
//!
//! The emulator has to have an instruction take a nanosecond.

#![no_std]
#![no_main]

use core::hint::black_box;

use board::time::{self, CYCLES_PER_MICROSECOND};
use cortex_m::interrupt;
use cortex_m_rt::entry;
use embassy_executor::raw::Executor;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use lm3s6965::{Board, console};
use sansse_embassy::{Broadcast, Event, StreamOptions, Subscription};
use static_cell::StaticCell;

/// Bytes of an event, as it stands on the wire.
const EVENT: usize = 64;
/// Publishes until ids have as many digits as in all that is counted.
const WARM_UP: usize = 36 * 36;
const TIMES: u32 = 1000;

static FEED: Broadcast<CriticalSectionRawMutex, 4096, 4> = Broadcast::new();
static OPTIONS: StreamOptions<'static> = StreamOptions::new();

#[entry]
fn main() -> ! {
    let _board = Board::start();
    FEED.start(1_700_000_000);
    for _ in 0..WARM_UP {
        publish();
    }
    let nothing = count(|| ());
    console::say_number(c"publish ", count(publish) - nothing);

    // A reader that is always one event behind.
    let mut reader = FEED.subscribe(None, &OPTIONS).unwrap();
    let mut out = [0; EVENT];
    while reader.fill(&mut out) != Ok(0) {}
    let both = count(|| {
        publish();
        let filled = reader.fill(black_box(&mut out));
        assert!(filled == Ok(EVENT));
    });
    // What any writer to a socket does, who does not know how much there is either.
    let source = [b'x'; EVENT];
    let copy = count(|| out.copy_from_slice(black_box(&source[..])));
    let publish_again = count(publish);
    drop(reader);
    console::say_number(c"reader ", both - publish_again - (copy - nothing));

    // A reader whose task is woken, and looks.
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    let executor = EXECUTOR.init(Executor::new(core::ptr::null_mut()));
    let executor: &'static Executor = executor;
    executor.spawner().spawn(follow(FEED.subscribe(None, &OPTIONS).unwrap()).unwrap());
    let poll = || {
        // SAFETY: this is not called by a task.
        unsafe { executor.poll() }
    };
    poll();
    let all = count(|| {
        publish();
        poll();
    });
    console::say_number(c"woken ", all - both);
    console::end();
}

#[embassy_executor::task]
async fn follow(mut reader: Subscription<'static, CriticalSectionRawMutex, 4096, 4>) {
    let mut out = [0; EVENT];
    loop {
        reader.ready().await;
        while reader.fill(black_box(&mut out)).is_ok_and(|filled| filled == EVENT) {}
    }
}

fn publish() {
    let event =
        Event::new(black_box("{\"celsius\":21.53,\"n\":1234}")).with_type(black_box("reading"));
    let published = event.map(|event| FEED.publish(&event));
    assert!(published.is_ok_and(|published| published.is_ok()));
}

/// Instructions that something takes.
fn count(mut work: impl FnMut()) -> u32 {
    interrupt::free(|_| {
        let start = time::cycles();
        for _ in 0..TIMES {
            work();
        }
        let cycles = time::cycles_since(start);
        // Nanoseconds, which are instructions.
        cycles * (1000 / CYCLES_PER_MICROSECOND) / TIMES
    })
}
