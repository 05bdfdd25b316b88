//! That a rollout stays settled: a replica that becomes ready and crashes right after looks settled in between.

use std::time::Duration;

use jiff::Timestamp;

use super::{Progress, between, spoken};

/// Believes that a rollout has settled only when it has been so for a time, with the same replicas all along.
///
/// It sees what it is told: whoever looks less often than replicas flap does not see them flap.
#[derive(Clone, Debug)]
pub(crate) struct Steady {
    hold: Duration,
    since: Option<(Timestamp, u32)>,
}

impl Steady {
    /// How long a rollout stays settled before it is believed, unless somebody knows better.
    pub(crate) const HOLD: Duration = Duration::from_secs(10);

    pub(crate) fn new(hold: Duration) -> Self {
        Self { hold, since: None }
    }

    /// Sees where the rollout stands now, and answers where it stands with the time it must hold.
    pub(crate) fn see(&mut self, now: Timestamp, progress: Progress) -> Progress {
        let Progress::Settled { replicas } = progress else {
            self.since = None;
            return progress;
        };
        let since = match self.since {
            Some((since, same)) if same == replicas && since <= now => since,
            _ => now,
        };
        self.since = Some((since, replicas));
        let held = between(since, now);
        if held >= self.hold {
            return Progress::Settled { replicas };
        }
        Progress::underway(replicas, replicas, Some(format!("for {} of {}", spoken(held), spoken(self.hold))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn underway() -> Progress {
        Progress::underway(2, 3, None)
    }

    fn settled(replicas: u32) -> Progress {
        Progress::Settled { replicas }
    }

    #[test]
    fn settled_is_believed_after_its_time_without_interruption() {
        let failed = || Progress::Failed("quota".to_owned());
        for (name, seen, believed) in [
            ("long enough", vec![(0, settled(3)), (5, settled(3)), (10, settled(3))], true),
            ("two looks are enough", vec![(0, settled(3)), (11, settled(3))], true),
            ("one look is not", vec![(0, settled(3))], false),
            ("a moment too short", vec![(0, settled(3)), (9, settled(3))], false),
            ("underway before", vec![(0, underway()), (9, settled(3)), (11, settled(3))], false),
            ("a flap", vec![(0, settled(3)), (6, underway()), (7, settled(3)), (16, settled(3))], false),
            ("after a flap", vec![(0, settled(3)), (6, underway()), (7, settled(3)), (17, settled(3))], true),
            ("an autoscaler moved it", vec![(0, settled(3)), (6, settled(4)), (12, settled(4))], false),
            ("failed between", vec![(0, settled(3)), (6, failed()), (12, settled(3))], false),
            ("the clock was set back", vec![(100, settled(3)), (50, settled(3)), (59, settled(3))], false),
            ("and went on", vec![(100, settled(3)), (50, settled(3)), (60, settled(3))], true),
        ] {
            let mut steady = Steady::new(Steady::HOLD);
            let answers: Vec<Progress> = seen
                .into_iter()
                .map(|(second, progress)| steady.see(Timestamp::from_second(second).unwrap(), progress))
                .collect();
            let (last, earlier) = answers.split_last().unwrap();
            assert_eq!(matches!(last, Progress::Settled { .. }), believed, "{name}: {last:?}");
            assert!(!earlier.iter().any(|answer| matches!(answer, Progress::Settled { .. })), "{name}");
        }
    }

    #[test]
    fn what_is_not_settled_passes_as_it_is_and_the_time_that_holds_is_told() {
        let mut steady = Steady::new(Duration::from_secs(10));
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(steady.see(at(0), underway()), underway());
        assert_eq!(steady.see(at(1), Progress::Failed("quota".to_owned())), Progress::Failed("quota".to_owned()));
        steady.see(at(2), settled(20));
        let Progress::Underway { ready: 20, wanted: 20, text } = steady.see(at(6), settled(20)) else { panic!() };
        assert_eq!(text, "20 of 20 replicas ready, for 4 s of 10 s");
        assert_eq!(Steady::new(Duration::ZERO).see(at(0), settled(3)), settled(3), "no time to hold");
    }
}
