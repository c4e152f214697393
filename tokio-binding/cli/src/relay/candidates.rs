//! From which of the readers' ids to ask the upstream.

use std::cmp::Reverse;
use std::collections::HashMap;

use sansse_tokio::EventId;

/// Ids in the order in which they are tried.
///
/// Which of them is the oldest is known of this library's own ids alone, and of those only within an
/// epoch: there the smallest number is. Of others it is likely that the shortest is, and of equally
/// long ones the first in the alphabet, as it is of numbers and of times. Whether that was right, the
/// replay shows. Where there are several epochs, that of most readers comes first.
pub(super) fn order(ids: &HashMap<String, usize>) -> Vec<&str> {
    let mut families: HashMap<Option<u64>, usize> = HashMap::new();
    for (id, readers) in ids {
        *families.entry(epoch(id)).or_default() += readers;
    }
    let mut order: Vec<&str> = ids.keys().map(String::as_str).collect();
    order.sort_by_key(|id| {
        let epoch = epoch(id);
        // Within an epoch, the longer number is the larger one.
        (Reverse(families.get(&epoch).copied()), epoch, id.len(), *id)
    });
    order
}

fn epoch(id: &str) -> Option<u64> {
    EventId::parse(id.as_bytes()).ok().map(|id| id.epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(ids: &[(&str, usize)]) -> Vec<String> {
        let ids = ids.iter().map(|&(id, readers)| (id.to_owned(), readers)).collect();
        order(&ids).into_iter().map(Into::into).collect()
    }

    #[test]
    fn the_oldest_comes_first_as_far_as_that_can_be_known() {
        assert_eq!(ordered(&[("10", 1), ("9", 1), ("100", 1)]), ["9", "10", "100"]);
        assert_eq!(ordered(&[("z-10", 1), ("z-z", 1), ("z-2", 1)]), ["z-2", "z-z", "z-10"]);
        let dates = [("2024-02-01", 1), ("2023-12-31", 1)];
        assert_eq!(ordered(&dates), ["2023-12-31", "2024-02-01"]);
        // Those of a run of which nobody else knows anything do not come before the others.
        let epochs = [("y-1", 1), ("z-9", 2), ("z-8", 2), ("other", 1)];
        assert_eq!(ordered(&epochs)[..2], ["z-8", "z-9"]);
        assert_eq!(ordered(&[("y-9", 3), ("z-8", 2), ("z-9", 2)])[0], "z-8");
    }
}
