//! How many instructions the parser and the encoder take for 1,000 events, counted by Valgrind.
//!
//! A count depends on the code and hardly on the machine or on what else it does, so that it can
//! have a limit. These are the limits, at the benchmarks, in instructions an event.

#![expect(missing_docs, unused_qualifications, reason = "what the macros of the harness make")]

use std::hint::black_box;
use std::iter;

use benches::corpus::Corpus;
use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};
use sansse::{Event, Item, Parser};

library_benchmark_group!(
    name = parser,
    benchmarks = [
        parse_1000_events,
        parse_1000_events_in_small_chunks,
        parse_1000_events_in_packets,
        parse_1000_events_as_text,
    ]
);
library_benchmark_group!(name = encoder, benchmarks = encode_1000_events);
main!(config = instructions_only(), library_benchmark_groups = [parser, encoder]);

/// With so many events, a count of 269431 is 269.431 an event.
const EVENTS: u64 = 1000;

/// What a socket gives under load, in bytes.
const CHUNK: usize = 16 * 1024;
/// Less than most events have.
const SMALL_CHUNK: usize = 64;
/// What fits a packet on Ethernet.
const PACKET: usize = 1460;

// An event of `e` comes with 49 comments. `d` has no limit: the C library copies it with one
// instruction, of which Valgrind counts every byte.
#[library_benchmark(setup = in_chunks)]
#[bench::a1(args = [Corpus::a1], config = at_most(267))]
#[bench::a2(args = [Corpus::a2], config = at_most(255))]
#[bench::a3(args = [Corpus::a3], config = at_most(268))]
#[bench::b(args = [Corpus::b], config = at_most(119))]
#[bench::c(args = [Corpus::c], config = at_most(3051))]
#[bench::d(args = [Corpus::d])]
#[bench::e(args = [Corpus::e], config = at_most(2641))]
#[bench::f(args = [Corpus::f], config = at_most(464))]
fn parse_1000_events(given: (&[Vec<u8>], &mut [u8])) -> usize {
    parse(given)
}

#[library_benchmark(setup = in_small_chunks)]
#[bench::a1(args = [Corpus::a1], config = at_most(1106))]
#[bench::a2(args = [Corpus::a2], config = at_most(938))]
#[bench::b(args = [Corpus::b], config = at_most(192))]
#[bench::c(args = [Corpus::c], config = at_most(7587))]
#[bench::e(args = [Corpus::e], config = at_most(3873))]
#[bench::f(args = [Corpus::f], config = at_most(1299))]
fn parse_1000_events_in_small_chunks(given: (&[Vec<u8>], &mut [u8])) -> usize {
    parse(given)
}

#[library_benchmark(setup = in_packets)]
#[bench::a1(args = [Corpus::a1], config = at_most(347))]
#[bench::d(args = [Corpus::d], config = at_most(25711))]
fn parse_1000_events_in_packets(given: (&[Vec<u8>], &mut [u8])) -> usize {
    parse(given)
}

#[inline(always)]
fn parse((chunks, storage): (&[Vec<u8>], &mut [u8])) -> usize {
    let mut parser = Parser::new(storage, [0; 3 * 64]);
    let mut events = 0;
    for chunk in chunks {
        let mut items = parser.feed(black_box(chunk));
        while let Some(item) = items.next() {
            if let Item::Event(event) = item {
                black_box((event.event_type(), event.data(), event.last_event_id()));
                events += 1;
            }
        }
    }
    events
}

// The same as text.
#[library_benchmark(setup = in_chunks)]
#[bench::a1(args = [Corpus::a1], config = at_most(367))]
#[bench::a2(args = [Corpus::a2], config = at_most(348))]
#[bench::a3(args = [Corpus::a3], config = at_most(436))]
#[bench::b(args = [Corpus::b], config = at_most(170))]
#[bench::f(args = [Corpus::f], config = at_most(588))]
fn parse_1000_events_as_text((chunks, storage): (&[Vec<u8>], &mut [u8])) -> usize {
    let mut parser = Parser::new(storage, [0; 3 * 64]);
    let mut events = 0;
    for chunk in chunks {
        let mut items = parser.feed_text(black_box(chunk));
        while let Some(item) = items.next() {
            if let Item::Event(event) = item
                && let Ok(event_type) = event.event_type().to_str()
                && let Ok(data) = event.data().to_str()
                && let Ok(id) = event.last_event_id().to_str()
            {
                black_box((event_type, data, id));
                events += 1;
            }
        }
    }
    events
}

#[library_benchmark]
#[bench::bytes_240(args = [one_line()], config = at_most(249))]
#[bench::lines_20_of_60_bytes(args = [twenty_lines()], config = at_most(2393))]
#[bench::type_id_and_11_bytes(args = [small()], config = at_most(212))]
fn encode_1000_events(event: Event<'static>) {
    let mut slice = [0; 2048];
    for _ in 0..EVENTS {
        let length = black_box(&event).encode_to_slice(black_box(&mut slice));
        assert!(length.is_ok());
    }
}

fn in_chunks(corpus: fn() -> Corpus) -> (&'static [Vec<u8>], &'static mut [u8]) {
    ready(corpus, CHUNK)
}

fn in_small_chunks(corpus: fn() -> Corpus) -> (&'static [Vec<u8>], &'static mut [u8]) {
    ready(corpus, SMALL_CHUNK)
}

fn in_packets(corpus: fn() -> Corpus) -> (&'static [Vec<u8>], &'static mut [u8]) {
    ready(corpus, PACKET)
}

/// The first events of a corpus in chunks, from its start again where it has less of them, and the
/// parser's storage. Both are leaked, so that no measurement has them freed.
fn ready(corpus: fn() -> Corpus, chunk: usize) -> (&'static [Vec<u8>], &'static mut [u8]) {
    let corpus = corpus();
    let mut stream = Vec::new();
    let mut events = 0;
    for block in iter::repeat(&corpus).flat_map(Corpus::blocks) {
        stream.extend_from_slice(block);
        events += u64::from(!block.starts_with(b":"));
        if events == EVENTS {
            break;
        }
    }
    let chunks: Vec<_> = stream.chunks(chunk).map(<[u8]>::to_vec).collect();
    (chunks.leak(), vec![0; 128 * 1024].leak())
}

fn one_line() -> Event<'static> {
    Event::new("x".repeat(232).leak())
}

fn twenty_lines() -> Event<'static> {
    Event::new(vec!["x".repeat(60); 20].join("\n").leak())
}

fn small() -> Event<'static> {
    let event = Event::new("{\"ok\":true}").with_type("tick");
    event.and_then(|event| event.with_id("7f3a-21")).expect("a type and an id of one line")
}

fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions * EVENTS)]);
    LibraryBenchmarkConfig::default().tool(callgrind).clone()
}

fn instructions_only() -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::with_args(["--cache-sim=no"]);
    callgrind.format([EventKind::Ir]);
    LibraryBenchmarkConfig::default().tool(callgrind).clone()
}
