//! How fast calls are sent: one after the other for each kind of operation, in the order in which they were wanted, and slower
//! while AWS says that they are too many.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use tokio::sync::Mutex as Turn;
use tokio::time::{Instant, sleep, sleep_until};

use crate::settings::Rates;

/// The slowest that a rate becomes while AWS refuses.
const SLOWEST: f64 = 16.0;
/// What a call that was let through takes from a slower pace.
const EASE: f64 = 0.9;
/// The longest pause before the first repetition, doubled with each.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause of all.
const LONGEST: Duration = Duration::from_secs(20);

/// The kinds of operations, each with a rate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Register,
    Update,
    Tag,
    Describe,
    Definitions,
    Autoscaling,
}

/// Lets calls go at their rates.
#[derive(Debug)]
pub(crate) struct Pace {
    lanes: [Lane; 6],
}

#[derive(Debug)]
struct Lane {
    interval: Duration,
    /// When the next call may go. Whoever waits for it has the lock, and the lock is given in the order of asking.
    next: Turn<Option<Instant>>,
    /// By how much slower than its rate it goes.
    slower: Mutex<f64>,
}

impl Pace {
    pub(crate) fn new(rates: &Rates) -> Self {
        let lane = |rate: f64| Lane {
            interval: Duration::from_secs_f64(1.0 / rate),
            next: Turn::default(),
            slower: Mutex::new(1.0),
        };
        Self { lanes: rates.all().map(|(_, rate)| lane(rate)) }
    }

    /// Waits until a call may go. What a write is decided by is read after this, not before.
    pub(crate) async fn turn(&self, operation: Operation) {
        let lane = self.lane(operation);
        let mut next = lane.next.lock().await;
        if let Some(at) = *next {
            sleep_until(at).await;
        }
        *next = Some(Instant::now() + lane.interval.mul_f64(lane.slower()));
    }

    /// AWS has refused a call as one too many.
    pub(crate) fn throttled(&self, operation: Operation) {
        self.lane(operation).set(|slower| (slower * 2.0).min(SLOWEST));
    }

    /// AWS has let a call through.
    pub(crate) fn let_through(&self, operation: Operation) {
        self.lane(operation).set(|slower| (slower * EASE).max(1.0));
    }

    fn lane(&self, operation: Operation) -> &Lane {
        let position = match operation {
            Operation::Register => 0,
            Operation::Update => 1,
            Operation::Tag => 2,
            Operation::Describe => 3,
            Operation::Definitions => 4,
            Operation::Autoscaling => 5,
        };
        &self.lanes[position]
    }
}

impl Lane {
    fn slower(&self) -> f64 {
        *self.slower.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(f64) -> f64) {
        let mut slower = self.slower.lock().unwrap_or_else(PoisonError::into_inner);
        *slower = change(*slower);
    }
}

/// Waits before a call is sent again, with full jitter: anything up to twice as long as before the last time.
pub(crate) async fn pause(attempt: u32) {
    let most = PAUSE.saturating_mul(1 << attempt.min(8)).min(LONGEST);
    let part: f64 = rand::rng().random();
    sleep(most.mul_f64(part)).await;
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_go_in_the_order_of_asking_and_at_their_rate() {
        let pace = Pace::new(&Rates::default());
        let begun = Instant::now();
        let turn = async |number: u32| {
            pace.turn(Operation::Update).await;
            (number, begun.elapsed().as_millis())
        };
        let gone = join_all([turn(0), turn(1), turn(2)]).await;
        assert_eq!(gone, [(0, 0), (1, 500), (2, 1000)]);
        let other = Instant::now();
        pace.turn(Operation::Register).await;
        assert_eq!(other.elapsed(), Duration::ZERO, "each kind has a rate of its own");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_waiting_holds_nobody_up() {
        let pace = Pace::new(&Rates::default());
        let begun = Instant::now();
        pace.turn(Operation::Register).await;
        let given_up = tokio::time::timeout(Duration::from_millis(300), pace.turn(Operation::Register)).await;
        assert!(given_up.is_err());
        pace.turn(Operation::Register).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_slower_while_it_is_refused_and_recovers() {
        let pace = Pace::new(&Rates::default());
        let gap = async || {
            pace.turn(Operation::Update).await;
            let begun = Instant::now();
            pace.turn(Operation::Update).await;
            begun.elapsed().as_millis()
        };
        assert_eq!(gap().await, 500);
        pace.throttled(Operation::Update);
        pace.throttled(Operation::Update);
        assert_eq!(gap().await, 2000);
        (0..20).for_each(|_| pace.throttled(Operation::Update));
        assert_eq!(gap().await, 8000, "never slower than a sixteenth");
        (0..40).for_each(|_| pace.let_through(Operation::Update));
        assert_eq!(gap().await, 500);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_are_bounded() {
        for attempt in [0, 3, 40] {
            let begun = Instant::now();
            pause(attempt).await;
            assert!(
                begun.elapsed() <= PAUSE.saturating_mul(1 << attempt.min(8)).min(LONGEST) + Duration::from_millis(1)
            );
        }
    }
}
