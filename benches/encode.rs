//! How fast the encoder writes an event into a slice.

mod settings;

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput};
use sansse::{Encoder, Event, SliceSink};

fn main() {
    let mut criterion = settings::criterion();
    let one_line = "x".repeat(232);
    let lines = vec!["x".repeat(60); 20].join("\n");
    whole(&mut criterion, "240B", &Event::new(&one_line));
    whole(&mut criterion, "20x60B", &Event::new(&lines));
    let small =
        Event::new("{\"ok\":true}").with_type("tick").and_then(|event| event.with_id("7f3a-21"));
    if let Ok(small) = small {
        whole(&mut criterion, "type+id+11B", &small);
    }
    formatted(&mut criterion);
    criterion.final_summary();
}

/// An event whose data is there.
fn whole(criterion: &mut Criterion, name: &str, event: &Event<'_>) {
    let mut group = criterion.benchmark_group("encode");
    let mut slice = [0; 2048];
    group.throughput(Throughput::Bytes(event.encoded_len() as u64));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let length = black_box(event).encode_to_slice(black_box(&mut slice));
            assert!(length.is_ok());
        });
    });
}

/// An event whose data is formatted in place.
fn formatted(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    let mut slice = [0; 2048];
    group.throughput(Throughput::Elements(1));
    group.bench_function("formatted", |bencher| {
        bencher.iter(|| {
            let mut sink = SliceSink::new(black_box(&mut slice));
            let (sensor, celsius) = (black_box(17), black_box(21.5_f32));
            let encoded = Encoder::new(&mut sink)
                .data_with(|data| write!(data, "{{\"sensor\":{sensor},\"celsius\":{celsius:.1}}}"));
            assert!(encoded.is_ok());
        });
    });
}
