//! The rate of deletion: never more rows in a second than were allowed.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

/// Keeps deletions from going faster than a rate.
pub(crate) struct Pace {
    rows_per_second: Option<NonZeroU32>,
    /// The time until which what was deleted is paid for.
    paid_until: Instant,
}

impl Pace {
    /// Without a rate nothing waits.
    pub(crate) fn new(rows_per_second: Option<NonZeroU32>) -> Self {
        Self { rows_per_second, paid_until: Instant::now() }
    }

    /// Rows of a batch that is not larger than what a second allows.
    pub(crate) fn at_most(&self, rows: u64) -> u64 {
        self.rows_per_second.map_or(rows, |rate| rows.min(u64::from(rate.get())))
    }

    /// Waits until more may follow these rows. Time in which nothing was deleted is not saved up.
    pub(crate) async fn after(&mut self, rows: u64) {
        let Some(rate) = self.rows_per_second else { return };
        #[allow(clippy::cast_precision_loss, reason = "a batch has far fewer rows than a float can count")]
        let cost = Duration::from_secs_f64(rows as f64 / f64::from(rate.get()));
        self.paid_until = self.paid_until.max(Instant::now()) + cost;
        tokio::time::sleep_until(self.paid_until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rows_take_the_time_that_the_rate_gives_them() {
        let mut pace = Pace::new(NonZeroU32::new(1000));
        assert_eq!((pace.at_most(5000), pace.at_most(7)), (1000, 7));
        let begun = Instant::now();
        for _ in 0..4 {
            pace.after(500).await;
        }
        assert_eq!(begun.elapsed().as_millis(), 2000);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nothing_waits() {
        let mut pace = Pace::new(None);
        let begun = Instant::now();
        pace.after(1_000_000).await;
        assert_eq!((pace.at_most(5000), begun.elapsed()), (5000, Duration::ZERO));
    }
}
