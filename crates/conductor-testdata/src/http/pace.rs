//! When the next request may begin: so many in a second, and none before a time that the service asked for.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// The pace of all requests of a store.
#[derive(Debug)]
pub(super) struct Pace {
    between: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// A pace of so many requests in a second, at least one.
    pub(super) fn per_second(requests: u32) -> Self {
        Self { between: Duration::from_secs(1) / requests.max(1), next: Mutex::new(Instant::now()) }
    }

    /// Waits for the turn of one request.
    pub(super) async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().await;
            let turn = (*next).max(Instant::now());
            *next = turn + self.between;
            turn
        };
        sleep_until(turn).await;
    }

    /// Lets no turn come for so long.
    pub(super) async fn hold(&self, pause: Duration) {
        let mut next = self.next.lock().await;
        *next = (*next).max(Instant::now() + pause);
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
}
