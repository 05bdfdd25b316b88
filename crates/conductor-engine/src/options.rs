//! How patient and how busy the engine is. What a run shall do is in its spec, not here.

use std::time::Duration;

/// The engine's settings; the defaults suit clusters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EngineOptions {
    /// Applications that are rolled out or scaled at the same time, at least 1. Most of that time is waiting, so it is many;
    /// how many calls a platform gets at once is its adapter's to limit.
    pub concurrency: usize,
    /// How calls that failed transiently are tried again.
    pub retry: Retry,
    /// How long others are kept from changing the applications after a conductor's last sign of life.
    pub freeze: Duration,
    /// Pause between two sweeps of the test data, for rows that are written late.
    pub settle: Duration,
    /// Time between two looks for requests of other processes: to stop, or to go for another target.
    pub request_poll: Duration,
    /// Time between two looks at the KPI while rehearsing.
    pub rehearsal_poll: Duration,
    /// Longest wait for one answer while load is measured.
    pub answer: Duration,
    /// Longest wait after the load's end for the last window to be complete.
    pub last_window: Duration,
    /// Time between two looks at a run of another process.
    pub watch_poll: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            concurrency: 4096,
            retry: Retry::default(),
            freeze: Duration::from_secs(15 * 60),
            settle: Duration::from_secs(2),
            request_poll: Duration::from_millis(500),
            rehearsal_poll: Duration::from_secs(1),
            answer: Duration::from_secs(20),
            last_window: Duration::from_secs(15),
            watch_poll: Duration::from_millis(500),
        }
    }
}

/// How calls that failed transiently are tried again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// The first pause; every further one is twice as long, each shortened by chance to half of it at most.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// How long a call is tried before anything is changed, when somebody waits for the answer.
    pub check_patience: Duration,
    /// How long a call is tried on the way there.
    pub patience: Duration,
    /// How long a call is tried on the way back, where giving up leaves something dirty.
    pub teardown_patience: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(15),
            check_patience: Duration::from_secs(5),
            patience: Duration::from_secs(60),
            teardown_patience: Duration::from_secs(300),
        }
    }
}

impl Retry {
    /// The pause before try number `attempt` (the first retry is 1), shortened by chance so that many do not meet.
    pub(crate) fn pause(&self, attempt: u32) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
        doubled.min(self.longest).mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let retry = Retry::default();
        for (attempt, full) in [(1, 500), (2, 1_000), (3, 2_000), (9, 15_000), (500, 15_000)] {
            let pause = retry.pause(attempt).as_millis();
            assert!((full / 2..=full).contains(&pause), "attempt {attempt}: {pause} ms");
        }
    }
}
