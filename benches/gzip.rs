//! How small the gzip runs that readers share are, and how long one takes: made alone, after the
//! event before it, and with one window for a run of events.

mod settings;

use std::hint::black_box;
use std::io::Write as _;
use std::ops::Range;

use benches::corpus::Corpus;
use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;
use flate2::{Compress, Compression, FlushCompress};

/// How many events a batch has.
const BATCH: usize = 16;

/// How many events share a window, where they do.
const WINDOW: usize = 64;

fn main() {
    let mut criterion = settings::criterion();
    for corpus in [Corpus::a1(), Corpus::a2(), Corpus::a3(), Corpus::c(), Corpus::f()] {
        let mut group = criterion.benchmark_group(format!("gzip/{}", corpus.name));
        let events = ranges(corpus.blocks().map(<[u8]>::len));
        let sizes: Vec<_> =
            events.chunks(BATCH).map(|batch| batch.iter().map(Range::len).sum()).collect();
        let batches = ranges(sizes.into_iter());
        let plain = &*corpus.stream;

        for level in [1, 3, 6] {
            let mut zlib = Compress::new(Compression::new(level), false);
            runs(&mut group, &format!("{level}: alone"), &events, |at| {
                zlib.reset();
                run(&mut zlib, &plain[events[at].clone()])
            });
            runs(&mut group, &format!("{level}: after the one before"), &events, |at| {
                zlib.reset();
                if let Some(before) = at.checked_sub(1) {
                    let set = zlib.set_dictionary(&plain[events[before].clone()]);
                    assert!(set.is_ok());
                }
                run(&mut zlib, &plain[events[at].clone()])
            });
            runs(&mut group, &format!("{level}: {BATCH} in one run"), &batches, |at| {
                zlib.reset();
                run(&mut zlib, &plain[batches[at].clone()])
            });
            runs(&mut group, &format!("{level}: one window for {WINDOW}"), &events, |at| {
                if at.is_multiple_of(WINDOW) {
                    zlib.reset();
                }
                run(&mut zlib, &plain[events[at].clone()])
            });
        }
        checksum(&mut group, plain, &events);
        group.finish();
    }
    criterion.final_summary();
}

/// What each reader of shared bytes takes.
fn checksum(group: &mut BenchmarkGroup<'_, WallTime>, plain: &[u8], events: &[Range<usize>]) {
    let mut cycle = events.iter().cycle();
    let mut checksum = 0;
    group.bench_function("checksum", |bencher| {
        bencher.iter(|| {
            let event = cycle.next().cloned().unwrap_or_default();
            let mut hasher = crc32fast::Hasher::new_with_initial(checksum);
            hasher.update(black_box(&plain[event]));
            checksum = hasher.finalize();
        });
    });
}

/// Says what the runs come to, and measures one of them. `compress` makes the run with a number and
/// gives its length in bytes.
fn runs(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    plain: &[Range<usize>],
    mut compress: impl FnMut(usize) -> usize,
) {
    let length: usize = plain.iter().map(Range::len).sum();
    let compressed: usize = (0..plain.len()).map(&mut compress).sum();
    let (length, compressed, count) = (length as f64, compressed as f64, plain.len() as f64);
    let _ = writeln!(
        std::io::stdout().lock(),
        "{name}: {:.1} of {:.1} B, ratio {:.2}",
        compressed / count,
        length / count,
        length / compressed,
    );
    let mut cycle = (0..plain.len()).cycle();
    group.bench_function(name, |bencher| {
        bencher.iter(|| compress(cycle.next().unwrap_or_default()));
    });
}

/// Where pieces of these lengths lie that follow one another.
fn ranges(lengths: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut end = 0;
    let range = |length| {
        let start = end;
        end += length;
        start..end
    };
    lengths.map(range).collect()
}

fn run(zlib: &mut Compress, plain: &[u8]) -> usize {
    let mut output = Vec::with_capacity(plain.len() + plain.len() / 8 + 64);
    let done = zlib.compress_vec(plain, &mut output, FlushCompress::Sync);
    assert!(done.is_ok() && output.len() < output.capacity());
    output.len()
}
