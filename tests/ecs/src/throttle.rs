//! Token buckets: who asks too often is sent away.

use std::time::{Duration, Instant};

/// How often an operation may be asked for, by the time of the machine, in which clients wait, too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// So many at once.
    pub burst: u32,
    /// And so many a second.
    pub per_second: f64,
}

/// What is left of a rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    tokens: f64,
    at: Instant,
    refused: u32,
}

impl Bucket {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, tokens: f64::from(rate.burst), at: now, refused: 0 }
    }

    /// Takes a token; false when there is none.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let passed: Duration = now.saturating_duration_since(self.at);
        self.at = now;
        self.tokens = (self.tokens + passed.as_secs_f64() * self.rate.per_second).min(f64::from(self.rate.burst));
        let has_one = self.tokens >= 1.0;
        if has_one {
            self.tokens -= 1.0;
        } else {
            self.refused += 1;
        }
        has_one
    }

    /// How many were sent away.
    pub(crate) fn refused(&self) -> u32 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
        let begun = Instant::now();
        let mut bucket = Bucket::new(Rate { burst: 3, per_second: 2.0 }, begun);
        let taken = (0..5).filter(|_| bucket.take(begun)).count();
        assert_eq!((taken, bucket.refused()), (3, 2));
        let later = begun + Duration::from_millis(1000);
        assert_eq!((0..5).filter(|_| bucket.take(later)).count(), 2);
        let much_later = begun + Duration::from_secs(3600);
        assert_eq!((0..5).filter(|_| bucket.take(much_later)).count(), 3, "it holds no more than its burst");
    }
}
