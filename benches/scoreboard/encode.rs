//! Encoders against each other.

use std::hint::black_box;

use benches::peers::encoder::{Encoder, Shape};

use crate::expected;
use crate::race::{self, Participant};
use crate::row::{Peer, Row};

/// What the rows say for the kind of chunks.
pub(crate) const CHUNK: &str = "event";

/// Measures one event.
///
/// # Errors
///
/// When our encoder is wrong.
pub(crate) fn measure(
    shape: &Shape,
    ours: &mut dyn Encoder,
    peers: &mut [Box<dyn Encoder>],
) -> Result<Row, String> {
    let digest = expected::digest_of(shape);
    let is_right =
        |encoder: &mut dyn Encoder| expected::digest_of_wire(&encoder.encode(shape)) == digest;
    if !is_right(ours) {
        return Err(format!("we are wrong on {}", shape.name));
    }
    let right: Vec<_> = peers.iter_mut().map(|peer| is_right(&mut **peer)).collect();
    let names: Vec<_> = peers.iter().map(|peer| peer.name()).collect();

    let wire = ours.encode(shape);
    let mut copy = vec![0; wire.len()];
    let mut participants: Vec<Participant<'_>> = vec![
        race::repeat(|| {
            copy.copy_from_slice(black_box(&wire));
            black_box(&mut copy);
        }),
        Box::new(|times| ours.time(shape, times)),
    ];
    for peer in peers {
        participants.push(Box::new(|times| peer.time(shape, times)));
    }
    let seconds = race::run(&mut participants);
    let speed = |seconds: f64| wire.len() as f64 / seconds / 1e6;
    let peers = names.into_iter().zip(&seconds[2..]).zip(right);
    Ok(Row {
        memcpy: speed(seconds[0]),
        ours_ns: Some(seconds[1] * 1e9),
        peers: peers
            .map(|((name, &seconds), right)| Peer { name, mb_s: speed(seconds), right })
            .collect(),
        ..Row::new(shape.name, CHUNK, digest, speed(seconds[1]))
    })
}
