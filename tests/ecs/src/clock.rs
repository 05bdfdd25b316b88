//! The time of a bed, which tests may hold, turn on and let run faster.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The clock by which tasks start, autoscalers act and descriptions become true. It begins with the time of the machine and runs as
/// fast, until a test says otherwise.
#[derive(Debug)]
pub struct Clock {
    state: Mutex<State>,
    begun: SystemTime,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// What had gone by at the last change.
    before: Duration,
    since: Instant,
    /// Seconds of the bed a second of the machine; none while it is held.
    speed: f64,
}

impl State {
    fn elapsed(self) -> Duration {
        self.before + self.since.elapsed().mul_f64(self.speed)
    }
}

impl Clock {
    pub(crate) fn new() -> Self {
        let state = State { before: Duration::ZERO, since: Instant::now(), speed: 1.0 };
        Self { state: Mutex::new(state), begun: SystemTime::now() }
    }

    /// Holds it: nothing in the bed happens by itself any more.
    pub fn hold(&self) {
        self.run(0.0);
    }

    /// Lets it run so many times as fast as the machine's.
    pub fn run(&self, speed: f64) {
        let mut state = self.state();
        *state = State { before: state.elapsed(), since: Instant::now(), speed: speed.max(0.0) };
    }

    /// Turns it on by a time, be it held or not.
    pub fn advance(&self, time: Duration) {
        self.state().before += time;
    }

    /// What has gone by since the bed was started.
    pub fn elapsed(&self) -> Duration {
        self.state().elapsed()
    }

    /// A moment of the bed as people write it.
    pub(crate) fn at(&self, elapsed: Duration) -> SystemTime {
        self.begun + elapsed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_clock_goes_on_when_it_is_turned_and_by_so_much() {
        let clock = Clock::new();
        clock.hold();
        let held = clock.elapsed();
        assert_eq!(clock.elapsed(), held);
        clock.advance(Duration::from_secs(90));
        assert_eq!(clock.elapsed(), held + Duration::from_secs(90));
        clock.run(1e9);
        assert!(clock.elapsed() > held + Duration::from_secs(90));
    }
}
