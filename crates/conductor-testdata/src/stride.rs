//! How much goes in one batch: as much as takes the time that a batch shall take, and no more rows than were asked for.

use std::time::Duration;

/// The time a batch shall take: short enough that nobody waits long for a row, long enough to be worth its transaction.
const BATCH_TIME: Duration = Duration::from_millis(50);
/// What the first batch has.
const FIRST: u64 = 4;

/// The size of the next batch, in pages or rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stride {
    size: u64,
    most: u64,
    rows: u64,
}

impl Stride {
    /// Batches with `rows` at most, where one unit has up to `rows_per_unit`.
    pub(crate) fn new(rows: u64, rows_per_unit: u64) -> Self {
        let most = (rows / rows_per_unit.max(1)).max(1);
        Self { size: FIRST.min(most), most, rows }
    }

    pub(crate) const fn size(self) -> u64 {
        self.size
    }

    /// Learns from a batch: never more than twice as much in the next one, never less than half.
    pub(crate) fn learn(&mut self, took: Duration, deleted: u64) {
        let doubled = self.size.saturating_mul(2);
        let by_time = match took.as_micros() {
            0 => u128::from(doubled),
            took => u128::from(self.size) * BATCH_TIME.as_micros() / took,
        };
        // A unit may have had more rows than were known of: those of other tables that belong to it.
        let by_rows = u128::from(self.size) * u128::from(self.rows) / u128::from(deleted.max(1));
        let wanted = u64::try_from(by_time.min(by_rows)).unwrap_or(doubled);
        self.size = wanted.clamp((self.size / 2).max(1), doubled).min(self.most);
    }

    /// Less at a time, since something was in the way. False where there is no less.
    pub(crate) fn shrink(&mut self) -> bool {
        let smaller = (self.size / 4).max(1);
        let is_smaller = smaller < self.size;
        self.size = smaller;
        is_smaller
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(mut stride: Stride, batches: u32, per_unit: Duration, rows_per_unit: u64) -> u64 {
        for _ in 0..batches {
            let size = u32::try_from(stride.size()).unwrap();
            stride.learn(per_unit * size, stride.size() * rows_per_unit);
        }
        stride.size()
    }

    #[test]
    fn batches_grow_to_the_time_they_shall_take_and_shrink_when_the_database_gets_slower() {
        let mut stride = Stride::new(1_000_000, 50);
        assert_eq!(after(stride, 20, Duration::from_micros(500), 50), 100);
        stride.size = 100;
        assert_eq!(after(stride, 20, Duration::from_millis(10), 50), 5);
        assert_eq!(after(stride, 1, Duration::from_secs(10), 50), 50, "not by more than half at once");
    }

    #[test]
    fn no_batch_has_more_rows_than_were_asked_for() {
        assert_eq!(after(Stride::new(1000, 100), 20, Duration::from_micros(1), 100), 10);
        assert_eq!(Stride::new(10, 291).size(), 1);
        let children = after(Stride::new(1000, 1), 20, Duration::from_micros(1), 25);
        assert_eq!(children, 40, "rows of other tables count");
    }

    #[test]
    fn what_is_in_the_way_makes_batches_small() {
        let mut stride = Stride::new(10_000, 1);
        stride.size = 9;
        assert_eq!((stride.shrink(), stride.size()), (true, 2));
        assert_eq!((stride.shrink(), stride.size()), (true, 1));
        assert_eq!((stride.shrink(), stride.size()), (false, 1));
    }
}
