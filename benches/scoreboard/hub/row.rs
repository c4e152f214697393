//! One figure of the suite `hub`.

use std::fmt;

use serde::Serialize;

/// What was measured of ours and of the peer. The fields are those of the JSON file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) case: &'static str,
    pub(crate) metric: &'static str,
    /// The median of ours.
    pub(crate) ours: f64,
    /// The median of the peer.
    pub(crate) peer: f64,
    pub(crate) peer_name: &'static str,
    /// Ours divided by the peer's, where that says something.
    pub(crate) ratio: Option<f64>,
    /// The least and the most of ours.
    pub(crate) ours_range: [f64; 2],
    /// The least and the most of the peer.
    pub(crate) peer_range: [f64; 2],
    pub(crate) goal: Option<Goal>,
    pub(crate) is_met: Option<bool>,
}

/// What ours should reach.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// At most so much of the peer's.
    RatioAtMost(f64),
    /// At most so much.
    AtMost(f64),
    /// So much.
    Exactly(f64),
}

impl Row {
    /// The figures of some rounds.
    pub(crate) fn new(
        case: &'static str,
        metric: &'static str,
        peer_name: &'static str,
        [mut ours, mut peer]: [Vec<f64>; 2],
    ) -> Self {
        let (ours_range, peer_range) = (range(&mut ours), range(&mut peer));
        let [ours, peer] = [ours, peer].map(|sorted| median(&sorted));
        let ratio = (peer > 0.0).then_some(ours / peer);
        let (goal, is_met) = (None, None);
        Self { case, metric, ours, peer, peer_name, ratio, ours_range, peer_range, goal, is_met }
    }

    /// How many decimals its figures have that say something.
    pub(crate) fn decimals(&self) -> usize {
        if self.peer.fract() == 0.0 && self.ours.fract() == 0.0 || self.ours.max(self.peer) >= 100.0
        {
            0
        } else {
            2
        }
    }

    /// The row with what ours should reach.
    pub(crate) fn with_goal(self, goal: Goal) -> Self {
        let is_met = match goal {
            Goal::RatioAtMost(most) => self.ratio.is_some_and(|ratio| ratio <= most),
            Goal::AtMost(most) => self.ours <= most,
            #[expect(clippy::float_cmp, reason = "these are counts")]
            Goal::Exactly(count) => self.ours == count,
        };
        Self { goal: Some(goal), is_met: Some(is_met), ..self }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RatioAtMost(most) => write!(f, "ratio ≤ {most}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::Exactly(count) => write!(f, "{count}"),
        }
    }
}

/// Sorts, and says from where to where.
fn range(figures: &mut [f64]) -> [f64; 2] {
    figures.sort_unstable_by(f64::total_cmp);
    let end = |figure: Option<&f64>| figure.copied().unwrap_or_default();
    [end(figures.first()), end(figures.last())]
}

fn median(sorted: &[f64]) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    f64::midpoint(sorted[last / 2], sorted[last.div_ceil(2)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_its_goal_is_met() {
        let row = Row::new("", "", "", [vec![3.0, 1.0, 2.0], vec![8.0, 2.0]]);
        assert_eq!((row.ours, row.peer, row.ratio), (2.0, 5.0, Some(0.4)));
        assert_eq!((row.ours_range, row.peer_range), ([1.0, 3.0], [2.0, 8.0]));
        let is_met = |goal| row.clone().with_goal(goal).is_met;
        assert_eq!(is_met(Goal::RatioAtMost(0.4)), Some(true));
        assert_eq!(is_met(Goal::RatioAtMost(0.39)), Some(false));
        assert_eq!(is_met(Goal::AtMost(2.0)), Some(true));
        assert_eq!(is_met(Goal::AtMost(1.9)), Some(false));
        assert_eq!(is_met(Goal::Exactly(2.0)), Some(true));
        assert_eq!(is_met(Goal::Exactly(3.0)), Some(false));
    }
}
