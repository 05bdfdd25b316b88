//! How many replicas each ReplicaSet gets.

/// The replicas of one ReplicaSet, as they are wanted and as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) wanted: i32,
    pub(super) available: i32,
}

/// How many replicas the newest and the stable version shall have in the end, of so many, by a weight of a hundred. One more
/// than there shall be is there where that is closer to the weight.
pub(super) fn ends(replicas: i32, weight: i32) -> (i32, i32) {
    if weight >= 100 || replicas == 0 {
        return (replicas, 0);
    }
    if weight <= 0 {
        return (0, replicas);
    }
    let options = [replicas, replicas + 1].into_iter().flat_map(|total| {
        let floor = replicas * weight / 100;
        let ceiling = floor + i32::from(replicas * weight % 100 != 0);
        [(ceiling, total), (floor, total)]
    });
    let is_allowed = |(newest, total): &(i32, i32)| *newest > 0 && *newest < *total;
    let distance = |(newest, total): &(i32, i32)| (newest * 100 - weight * total).abs() * 1000 / total;
    let best = options.filter(is_allowed).min_by_key(distance);
    best.map_or((1, replicas), |(newest, total)| (newest, total - newest))
}

/// The next step there for the newest and the stable version, beside older ones: some more than there shall be for a while,
/// and hardly fewer available.
pub(super) fn step(
    replicas: i32,
    [newest, stable, older]: [Count; 3],
    (to_newest, to_stable): (i32, i32),
) -> (i32, i32) {
    let surge = (replicas + 3) / 4;
    let fewest = replicas - replicas / 4;
    let mut room = (replicas + surge - newest.wanted - stable.wanted - older.wanted).max(0);
    let mut up = |wanted: i32, to: i32| {
        let more = (to - wanted).clamp(0, room);
        room -= more;
        wanted + more
    };
    let (mut next_stable, mut next_newest) = (up(stable.wanted, to_stable), up(newest.wanted, to_newest));
    if older.wanted == 0 {
        // What is not available yet, and goes, makes nothing worse.
        let mut spare = (newest.available + stable.available - fewest).max(0);
        let mut down = |count: Count, next: i32, to: i32| {
            let unavailable = (count.wanted - count.available).max(0);
            let fewer = (count.wanted - to).clamp(0, spare + unavailable);
            spare -= (fewer - unavailable).max(0);
            if fewer > 0 { count.wanted - fewer } else { next }
        };
        next_newest = down(newest, next_newest, to_newest);
        next_stable = down(stable, next_stable, to_stable);
    }
    (next_newest, next_stable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_the_share_that_comes_closest() {
        for (replicas, weight, expected) in [
            (4, 100, (4, 0)),
            (4, 0, (0, 4)),
            (4, 25, (1, 3)),
            (4, 50, (2, 2)),
            (10, 10, (1, 9)),
            (2, 20, (1, 2)),
            (1, 5, (1, 1)),
            (0, 50, (0, 0)),
        ] {
            assert_eq!(ends(replicas, weight), expected, "{weight} of {replicas}");
        }
    }

    #[test]
    fn newer_replicas_come_first_and_older_ones_go_when_they_are_there() {
        let count = |wanted, available| Count { wanted, available };
        for (counts, to, expected) in [
            ([count(0, 0), count(4, 4), count(0, 0)], (4, 0), (1, 3)),
            ([count(1, 0), count(3, 3), count(0, 0)], (4, 0), (2, 3)),
            ([count(2, 2), count(3, 3), count(0, 0)], (4, 0), (2, 1)),
            ([count(4, 4), count(0, 0), count(1, 1)], (4, 0), (4, 0)),
            ([count(4, 0), count(0, 0), count(0, 0)], (2, 0), (2, 0)),
        ] {
            assert_eq!(step(4, counts, to), expected, "{counts:?}");
        }
    }
}
