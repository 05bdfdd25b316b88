//! When the next request may begin: so many in a second, and none before a time that the service asked for.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// The pace of all requests of a store.
#[derive(Debug)]
pub(super) struct Pace {
    between: Duration,
    times: Mutex<Times>,
}

#[derive(Debug)]
struct Times {
    /// When the next turn may be.
    next: Instant,
    /// Before this, nobody's turn comes.
    held_until: Instant,
}

impl Pace {
    /// A pace of so many requests in a second, at least one.
    pub(super) fn per_second(requests: u32) -> Self {
        let now = Instant::now();
        Self {
            between: Duration::from_secs(1) / requests.max(1),
            times: Mutex::new(Times { next: now, held_until: now }),
        }
    }

    /// Waits for the turn of one request. Whoever has waited for a turn that is held meanwhile queues up again.
    pub(super) async fn turn(&self) {
        loop {
            let turn = {
                let mut times = self.times.lock().await;
                let turn = times.next.max(Instant::now());
                times.next = turn + self.between;
                turn
            };
            sleep_until(turn).await;
            if turn >= self.times.lock().await.held_until {
                return;
            }
        }
    }

    /// Lets no turn come for so long.
    pub(super) async fn hold(&self, pause: Duration) {
        let mut times = self.times.lock().await;
        times.held_until = times.held_until.max(Instant::now() + pause);
        times.next = times.next.max(times.held_until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_spread_and_held() {
        let (pace, begun) = (Pace::per_second(10), Instant::now());
        for turn in 0..3 {
            pace.turn().await;
            assert_eq!(begun.elapsed(), Duration::from_millis(100 * turn));
        }
        pace.hold(Duration::from_secs(5)).await;
        pace.turn().await;
        assert_eq!(begun.elapsed(), Duration::from_millis(5_200));
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_for_their_turn_are_held_too_and_spread_again() {
        let (pace, begun) = (Pace::per_second(10), Instant::now());
        let turns = (0..4).map(|_| async {
            pace.turn().await;
            begun.elapsed().as_millis()
        });
        let held = async {
            sleep_until(begun + Duration::from_millis(150)).await;
            pace.hold(Duration::from_secs(5)).await;
        };
        let (turns, ()) = futures::future::join(futures::future::join_all(turns), held).await;
        assert_eq!(turns, [0, 100, 5_150, 5_250]);
    }
}
