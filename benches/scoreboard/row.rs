//! One cell of the scoreboard: one corpus in one kind of chunks.

use benches::peers::reader::Digest;
use serde::Serialize;

/// What was measured, in millions of bytes a second. The fields are those of the JSON files.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Row {
    pub(crate) corpus: &'static str,
    pub(crate) chunk: &'static str,
    /// Our speed.
    pub(crate) ours: f64,
    /// The speed of the fastest of those peers that are right in all rows.
    pub(crate) peer: Option<f64>,
    pub(crate) peer_name: Option<&'static str>,
    /// Our speed divided by that.
    pub(crate) ratio: Option<f64>,
    /// How many events there are.
    pub(crate) events: u64,
    /// What our events sum up to, see [`Digest`].
    pub(crate) checksum: String,
    /// The speed of copying.
    pub(crate) memcpy: f64,
    /// The speed of counting line feeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) newlines: Option<f64>,
    /// Our speed without the check for UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<f64>,
    /// Our time with the check divided by the time without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_ratio: Option<f64>,
    /// The speed of doing no more than what cannot be left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bound: Option<f64>,
    /// Our time divided by that of the bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bound_ratio: Option<f64>,
    /// Our nanoseconds for an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ours_ns: Option<f64>,
    /// The nanoseconds of that peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer_ns: Option<f64>,
    pub(crate) peers: Vec<Peer>,
}

/// What one of the others did in a cell.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) mb_s: f64,
    /// Whether its events are those that the standard has.
    pub(crate) right: bool,
}

impl Row {
    /// A row that says nothing of others yet.
    pub(crate) fn new(
        corpus: &'static str,
        chunk: &'static str,
        digest: Digest,
        ours: f64,
    ) -> Self {
        let Digest { events, checksum } = digest;
        let checksum = format!("{checksum:016x}");
        Self { corpus, chunk, ours, events, checksum, ..Self::default() }
    }

    /// Takes over what was faster when the same was measured again.
    pub(crate) fn keep_best(&mut self, again: &Self) {
        fn best(a: Option<f64>, b: Option<f64>) -> Option<f64> {
            a.zip(b).map(|(a, b)| a.max(b))
        }
        self.ours = self.ours.max(again.ours);
        self.memcpy = self.memcpy.max(again.memcpy);
        self.newlines = best(self.newlines, again.newlines);
        self.bytes = best(self.bytes, again.bytes);
        self.bound = best(self.bound, again.bound);
        self.ours_ns = self.ours_ns.zip(again.ours_ns).map(|(a, b)| a.min(b));
        for (peer, again) in self.peers.iter_mut().zip(&again.peers) {
            peer.mb_s = peer.mb_s.max(again.mb_s);
        }
    }
}

/// Compares us in each row with the bound and with the fastest of those peers that are right in all rows.
pub(crate) fn compare(rows: &mut [Row]) {
    let peers = rows.iter().flat_map(|row| &row.peers);
    let wrong: Vec<_> = peers.filter(|peer| !peer.right).map(|peer| peer.name).collect();
    for row in rows {
        row.time_ratio = row.bytes.map(|bytes| bytes / row.ours);
        row.bound_ratio = row.bound.map(|bound| bound / row.ours);
        let right = row.peers.iter().filter(|peer| !wrong.contains(&peer.name));
        let Some(fastest) = right.max_by(|a, b| a.mb_s.total_cmp(&b.mb_s)) else { continue };
        let ratio = row.ours / fastest.mb_s;
        row.peer = Some(fastest.mb_s);
        row.peer_name = Some(fastest.name);
        row.ratio = Some(ratio);
        row.peer_ns = row.ours_ns.map(|ns| ns * ratio);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_all_passes_counts() {
        let row = |ours, bound, ns, theirs| Row {
            ours,
            bound: Some(bound),
            ours_ns: Some(ns),
            peers: vec![Peer { name: "peer", mb_s: theirs, right: true }],
            ..Row::default()
        };
        let mut first = row(30.0, 40.0, 5.0, 10.0);
        first.keep_best(&row(20.0, 60.0, 4.0, 15.0));
        compare(std::slice::from_mut(&mut first));
        assert_eq!((first.ours, first.ours_ns, first.bytes), (30.0, Some(4.0), None));
        assert_eq!((first.ratio, first.bound_ratio), (Some(2.0), Some(2.0)));
    }

    #[test]
    fn who_is_wrong_once_is_nowhere_the_best() {
        let peer = |name, mb_s, right| Peer { name, mb_s, right };
        let row = |peers| Row { peers, ours: 30.0, ours_ns: Some(5.0), ..Row::default() };
        let mut rows = [
            row(vec![peer("fast", 20.0, true), peer("slow", 10.0, true)]),
            row(vec![peer("fast", 20.0, false), peer("slow", 10.0, true)]),
        ];
        compare(&mut rows);
        for row in rows {
            assert_eq!((row.peer_name, row.peer), (Some("slow"), Some(10.0)));
            assert_eq!((row.ratio, row.peer_ns), (Some(3.0), Some(15.0)));
        }
    }
}
