//! Parsers against each other.

use std::hint::black_box;
use std::time::{Duration, Instant};

use benches::chunks::Chunks;
use benches::peers::input::{Input, Source};
use benches::peers::reader::Reader;

use crate::expected::Expected;
use crate::race::{self, Participant};
use crate::row::{Peer, Row};

/// Whoever needs so long for one pass is not asked again.
const PATIENCE: Duration = Duration::from_millis(500);

/// Who takes part in a suite.
pub(crate) struct Field {
    /// The parser to measure.
    pub(crate) ours: Box<dyn Reader>,
    /// One without a check for UTF-8, where that check is the question.
    pub(crate) bytes: Option<Box<dyn Reader>>,
    /// One that does no more than what cannot be left out.
    pub(crate) bound: Option<Box<dyn Reader>>,
    pub(crate) peers: Vec<Box<dyn Reader>>,
}

impl Field {
    /// Ours against others.
    pub(crate) fn of(ours: Box<dyn Reader>, peers: Vec<Box<dyn Reader>>) -> Self {
        Self { ours, bytes: None, bound: None, peers }
    }

    /// Measures one cell.
    ///
    /// # Errors
    ///
    /// When a parser of ours is wrong.
    pub(crate) fn measure(
        &mut self,
        source: &Source,
        expected: &Expected,
        chunk: &'static str,
        chunks: Chunks,
    ) -> Result<Row, String> {
        let input = &source.cut(chunks);
        let corpus = &source.corpus;
        let (has_bytes, has_bound) = (self.bytes.is_some(), self.bound.is_some());
        let count = 1 + usize::from(has_bytes) + usize::from(has_bound);
        let mut right = Vec::new();
        let mut participants = vec![copying(input), counting_lines(input)];
        let own = [&mut self.ours].into_iter().chain(&mut self.bytes).chain(&mut self.bound);
        for reader in own.chain(&mut self.peers) {
            let start = Instant::now();
            right.push(reader.digest(input) == expected.with(reader.id()));
            let time = start.elapsed();
            participants.push(if time < PATIENCE {
                race::repeat(|| reader.consume(black_box(input)))
            } else {
                Box::new(move |passes| time * passes)
            });
        }
        if right[..count].contains(&false) {
            return Err(format!("we are wrong on {} in chunks of {chunk}", corpus.name));
        }
        let seconds = race::run(&mut participants);
        drop(participants);

        let speeds: Vec<_> =
            seconds.iter().map(|seconds| corpus.stream.len() as f64 / seconds / 1e6).collect();
        let (memcpy, newlines, ours) = (speeds[0], speeds[1], &speeds[2..][..count]);
        let bytes = ours.get(1).copied().filter(|_| has_bytes);
        let bound = ours.last().copied().filter(|_| has_bound);
        let peers = self.peers.iter().zip(&speeds[2 + count..]).zip(&right[count..]);
        Ok(Row {
            memcpy,
            newlines: Some(newlines),
            bytes,
            bound,
            peers: peers
                .map(|((peer, &mb_s), &right)| Peer { name: peer.name(), mb_s, right })
                .collect(),
            ..Row::new(corpus.name, chunk, expected.with(self.ours.id()), ours[0])
        })
    }
}

/// The most that anybody can reach who keeps the stream.
fn copying(input: &Input) -> Participant<'_> {
    let mut copy = vec![0; input.slices.iter().map(|chunk| chunk.len()).sum()];
    race::repeat(move || {
        let mut rest = copy.as_mut_slice();
        for chunk in &*input.slices {
            let (start, behind) = rest.split_at_mut(chunk.len());
            start.copy_from_slice(black_box(chunk));
            rest = behind;
        }
        black_box(&mut copy);
    })
}

/// The most that anybody can reach who looks for lines.
fn counting_lines(input: &Input) -> Participant<'_> {
    race::repeat(move || {
        for chunk in &*input.slices {
            black_box(memchr::memchr_iter(b'\n', black_box(chunk)).count());
        }
    })
}
