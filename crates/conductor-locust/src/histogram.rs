//! Response times of a window, from the plugin's buckets.

use std::collections::BTreeMap;

use conductor_core::load::Latency;

/// How many requests took so many milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    buckets: BTreeMap<u64, u64>,
}

impl Histogram {
    /// Adds buckets of one row in one second.
    pub(crate) fn add(&mut self, buckets: &BTreeMap<u64, u64>) {
        for (value, count) in buckets {
            *self.buckets.entry(*value).or_default() += count;
        }
    }

    /// Mean and percentiles; `None` without requests. Buckets are at most 5 % off.
    pub(crate) fn latency(&self) -> Option<Latency> {
        let count: u64 = self.buckets.values().sum();
        if count == 0 {
            return None;
        }
        let sum: f64 = self.buckets.iter().map(|(value, count)| *value as f64 * *count as f64).sum();
        Some(Latency {
            mean_ms: sum / count as f64,
            p50_ms: self.quantile(count, 0.50),
            p95_ms: self.quantile(count, 0.95),
            p99_ms: self.quantile(count, 0.99),
        })
    }

    fn quantile(&self, count: u64, quantile: f64) -> f64 {
        let wanted = (count as f64 * quantile).ceil() as u64;
        let mut seen = 0;
        let mut reached = 0;
        for (value, in_bucket) in &self.buckets {
            reached = *value;
            seen += in_bucket;
            if seen >= wanted {
                break;
            }
        }
        reached as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_all_requests_and_not_of_the_seconds() {
        let mut histogram = Histogram::default();
        histogram.add(&BTreeMap::from([(10, 90)]));
        histogram.add(&BTreeMap::from([(10, 4), (500, 5), (900, 1)]));
        let latency = histogram.latency().unwrap();
        assert_eq!((latency.p50_ms, latency.p95_ms, latency.p99_ms), (10.0, 500.0, 500.0));
        assert!((latency.mean_ms - (940.0 + 2500.0 + 900.0) / 100.0).abs() < 1e-9);
    }

    #[test]
    fn no_requests_have_no_response_time() {
        assert_eq!(Histogram::default().latency(), None);
    }
}
