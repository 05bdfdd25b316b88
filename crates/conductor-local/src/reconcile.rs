//! Which replicas to start and to stop. Pure: what is wanted and what there is in, actions out.
//!
//! A rollout runs one replica more than wanted at most, and never has fewer ready ones than wanted if it began so. Where
//! replicas cannot share the port, the old one ends before the new one begins.

/// What shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) version: String,
    pub(crate) replicas: u32,
}

/// A replica, as the decisions see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) number: u64,
    pub(crate) version: String,
    pub(crate) stage: Stage,
}

/// How far a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Starting,
    Ready,
    Stopping,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start one replica of the wanted version.
    Start,
    /// Stop this replica.
    Stop(u64),
}

/// True when exactly the wanted replicas are there, ready.
pub(crate) fn is_settled(wanted: &Wanted, seen: &[Seen]) -> bool {
    seen.len() == wanted.replicas as usize
        && seen.iter().all(|replica| replica.stage == Stage::Ready && replica.version == wanted.version)
}

/// The next actions; none when there is nothing to do but wait.
pub(crate) fn reconcile(wanted: &Wanted, seen: &[Seen], exclusive: bool) -> Vec<Action> {
    let replicas = wanted.replicas as usize;
    let live = || seen.iter().filter(|replica| replica.stage != Stage::Stopping);
    let mut new: Vec<&Seen> = live().filter(|replica| replica.version == wanted.version).collect();
    let mut old: Vec<&Seen> = live().filter(|replica| replica.version != wanted.version).collect();
    new.sort_by_key(|replica| replica.number);
    old.sort_by_key(|replica| replica.number);
    let mut actions: Vec<Action> = new.iter().skip(replicas).map(|replica| Action::Stop(replica.number)).collect();
    new.truncate(replicas);

    let ready = new.iter().filter(|replica| replica.stage == Stage::Ready).count();
    let kept = if exclusive { 0 } else { old.len().min(replicas - ready) };
    // Those that never became ready go first, then the youngest.
    old.sort_by_key(|replica| (replica.stage != Stage::Ready, replica.number));
    actions.extend(old.iter().skip(kept).map(|replica| Action::Stop(replica.number)));

    let room = if exclusive {
        usize::from(seen.is_empty())
    } else if kept == 0 {
        replicas
    } else {
        (replicas + 1).saturating_sub(kept + new.len())
    };
    let starts = (replicas - new.len()).min(room);
    actions.extend(std::iter::repeat_n(Action::Start, starts));
    actions
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Acts until nothing changes, with every replica ready at once; tells the most and the fewest ready on the way.
    fn act(wanted: &Wanted, mut seen: Vec<Seen>, exclusive: bool) -> (Vec<Seen>, usize, usize) {
        let (mut most, mut fewest) = (seen.len(), seen.len());
        let mut next = 100;
        for _ in 0..100 {
            let actions = reconcile(wanted, &seen, exclusive);
            if actions.is_empty() {
                return (seen, most, fewest);
            }
            for action in actions {
                match action {
                    Action::Start => {
                        next += 1;
                        seen.push(Seen { number: next, version: wanted.version.clone(), stage: Stage::Starting });
                    }
                    Action::Stop(number) => seen.retain(|replica| replica.number != number),
                }
            }
            most = most.max(seen.len());
            fewest = fewest.min(seen.iter().filter(|replica| replica.stage == Stage::Ready).count());
            seen.iter_mut().for_each(|replica| replica.stage = Stage::Ready);
        }
        panic!("it never settles");
    }

    fn ready(version: &str, replicas: u64) -> Vec<Seen> {
        (0..replicas).map(|number| Seen { number, version: version.into(), stage: Stage::Ready }).collect()
    }

    fn wanted(version: &str, replicas: u32) -> Wanted {
        Wanted { version: version.into(), replicas }
    }

    #[test]
    fn a_rollout_keeps_every_replica_ready_and_runs_one_more_at_most() {
        for replicas in 1..=4 {
            let (seen, most, fewest) = act(&wanted("v2", replicas), ready("v1", replicas.into()), false);
            assert!(is_settled(&wanted("v2", replicas), &seen));
            assert_eq!((most, fewest), (replicas as usize + 1, replicas as usize), "{replicas} replicas");
        }
    }

    #[test]
    fn an_exclusive_port_is_free_before_the_new_version_takes_it() {
        assert_eq!(reconcile(&wanted("v2", 1), &ready("v1", 1), true), [Action::Stop(0)]);
        let mut stopping = ready("v1", 1);
        stopping[0].stage = Stage::Stopping;
        assert_eq!(reconcile(&wanted("v2", 1), &stopping, true), []);
        assert_eq!(reconcile(&wanted("v2", 1), &[], true), [Action::Start]);
    }

    #[test]
    fn scaling_starts_what_is_missing_and_stops_the_youngest() {
        assert_eq!(reconcile(&wanted("v1", 3), &ready("v1", 1), false), [Action::Start, Action::Start]);
        assert_eq!(reconcile(&wanted("v1", 1), &ready("v1", 3), false), [Action::Stop(1), Action::Stop(2)]);
        assert_eq!(reconcile(&wanted("v1", 0), &ready("v1", 1), true), [Action::Stop(0)]);
    }

    #[test]
    fn every_beginning_ends_where_it_should() {
        for replicas in 0..=3 {
            for (first, second) in [(0, 0), (1, 0), (2, 1), (3, 3), (0, 4)] {
                let mut seen = ready("v1", first);
                let others = ready("v2", second).into_iter();
                seen.extend(others.map(|replica| Seen { number: replica.number + 10, ..replica }));
                let (seen, ..) = act(&wanted("v2", replicas), seen, false);
                assert!(is_settled(&wanted("v2", replicas), &seen), "{first} old, {second} new, {replicas} wanted");
            }
        }
    }

    #[test]
    fn what_is_settled_stays_as_it_is() {
        assert_eq!(reconcile(&wanted("v1", 3), &ready("v1", 3), false), []);
        assert!(!is_settled(&wanted("v1", 2), &ready("v1", 3)));
    }
}
