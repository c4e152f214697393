//! How fast the parser reads each corpus, in chunks of several sizes.

mod settings;

use std::hint::black_box;

use benches::chunks::Chunks;
use benches::corpus::Corpus;
use criterion::{BenchmarkId, Throughput};
use sansse::{Item, Parser};

fn main() {
    let mut criterion = settings::criterion();
    let mut group = criterion.benchmark_group("parse");
    let mut storage = vec![0; 128 * 1024];
    for corpus in Corpus::all() {
        group.throughput(Throughput::Bytes(corpus.stream.len() as u64));
        for (name, chunks) in Chunks::ALL {
            let id = BenchmarkId::new(corpus.name, name);
            let chunks = chunks.of(&corpus);
            group.bench_function(id, |bencher| bencher.iter(|| parse(&chunks, &mut storage)));
        }
    }
    group.finish();
    criterion.final_summary();
}

/// Parses a stream, in storage of the caller's; returns the bytes of data in it.
fn parse(chunks: &[&[u8]], storage: &mut [u8]) -> usize {
    let mut parser = Parser::new(storage, [0; 3 * 64]);
    let mut length = 0;
    for chunk in chunks {
        let mut items = parser.feed(black_box(chunk));
        while let Some(item) = items.next() {
            if let Item::Event(event) = black_box(item) {
                length += event.data().len();
            }
        }
    }
    length
}
