//! What callers may use of a server, and how many calls each of them has left.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// What callers may use of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Longest message of a caller, in bytes. Answers have no limit here.
    pub message_bytes: NonZeroUsize,
    /// Most calls at the same time on one connection, watches included.
    pub streams: NonZeroU32,
    /// Most connections at the same time. One more is closed at once.
    pub connections: NonZeroU32,
    /// Calls that one caller may make in a second, for as long as they like.
    pub calls_per_second: NonZeroU32,
    /// Calls that one caller may make at once after a pause.
    pub burst: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        let message_bytes = const { NonZeroUsize::MIN.saturating_add((1 << 20) - 1) };
        Self {
            message_bytes,
            streams: at_least_one(200),
            connections: at_least_one(1000),
            calls_per_second: at_least_one(100),
            burst: at_least_one(200),
        }
    }
}

const fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(number.saturating_sub(1))
}

/// Above so many callers it is looked which of them need no bucket any more.
const LOOK_FROM: usize = 1024;
/// So many callers have buckets at the same time. Beyond that all begin anew, since whoever has so many addresses or names is
/// held back by no bucket, and shall neither take memory nor keep others out.
const MOST: usize = 65_536;

/// The calls that callers have left: each has a bucket of them, which fills with time.
pub(crate) struct Rates<K> {
    per_second: f64,
    burst: f64,
    buckets: Mutex<Buckets<K>>,
}

struct Buckets<K> {
    of: HashMap<K, Bucket>,
    look_from: usize,
}

struct Bucket {
    calls: f64,
    at: Instant,
}

impl<K: Eq + Hash> Rates<K> {
    pub(crate) fn new(limits: &Limits) -> Self {
        let buckets = Mutex::new(Buckets { of: HashMap::new(), look_from: LOOK_FROM });
        Self { per_second: limits.calls_per_second.get().into(), burst: limits.burst.get().into(), buckets }
    }

    /// Takes one call of a caller.
    ///
    /// # Errors
    /// With the time until there is one again.
    pub(crate) fn take(&self, caller: K, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.of.len() >= buckets.look_from {
            // A full bucket is as good as none, so that the callers of the past take no memory.
            buckets.of.retain(|_, bucket| self.filled(bucket, now) < self.burst);
            if buckets.of.len() >= MOST {
                buckets.of.clear();
            }
            buckets.look_from = (2 * buckets.of.len()).clamp(LOOK_FROM, MOST);
        }
        let bucket = buckets.of.entry(caller).or_insert(Bucket { calls: self.burst, at: now });
        *bucket = Bucket { calls: self.filled(bucket, now), at: now };
        if bucket.calls < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.calls) / self.per_second));
        }
        bucket.calls -= 1.0;
        Ok(())
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        self.burst.min(bucket.calls + since * self.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates() -> Rates<u32> {
        Rates::new(&Limits { calls_per_second: at_least_one(10), burst: at_least_one(3), ..Limits::default() })
    }

    #[test]
    fn a_caller_has_a_burst_then_a_rate_and_takes_nothing_from_others() {
        let (rates, begin) = (rates(), Instant::now());
        for _ in 0..3 {
            assert_eq!(rates.take(1, begin), Ok(()));
        }
        assert_eq!(rates.take(1, begin), Err(Duration::from_millis(100)));
        assert_eq!(rates.take(2, begin), Ok(()));
        let later = begin + Duration::from_millis(110);
        assert_eq!(rates.take(1, later), Ok(()));
        assert!(rates.take(1, later).is_err());
        let much_later = begin + Duration::from_secs(3600);
        let taken = (0..10).filter(|_| rates.take(1, much_later).is_ok()).count();
        assert_eq!(taken, 3, "a bucket holds no more than the burst");
    }

    #[test]
    fn callers_of_the_past_take_no_memory() {
        let (rates, begin) = (rates(), Instant::now());
        for second in 0..20 {
            for caller in 0..500 {
                let at = begin + Duration::from_secs(second);
                assert_eq!(rates.take(second as u32 * 500 + caller, at), Ok(()));
            }
        }
        assert!(rates.buckets.lock().unwrap().of.len() <= LOOK_FROM + 500);
    }

    #[test]
    fn many_callers_at_the_same_time_take_no_more_memory_than_there_is_for_them() {
        let (rates, now) = (rates(), Instant::now());
        for caller in 0..200_000 {
            assert_eq!(rates.take(caller, now), Ok(()));
        }
        assert!(rates.buckets.lock().unwrap().of.len() <= MOST);
    }

    #[test]
    fn settings_name_some_of_the_limits_and_none_may_be_zero() {
        let read = |text: &str| serde_json::from_str::<Limits>(text);
        let some = read(r#"{ "callsPerSecond": 7, "messageBytes": 10 }"#).unwrap();
        assert_eq!((some.calls_per_second.get(), some.message_bytes.get()), (7, 10));
        assert_eq!(some.streams, Limits::default().streams);
        assert_eq!(Limits::default().message_bytes.get(), 1 << 20);
        let told = read(r#"{ "connections": 0 }"#).unwrap_err().to_string();
        assert!(told.starts_with("invalid value: integer `0`, expected a nonzero u32"), "{told}");
        let told = read(r#"{ "callsPerMinute": 1 }"#).unwrap_err().to_string();
        assert!(told.starts_with("unknown field `callsPerMinute`, expected one of `messageBytes`"), "{told}");
    }
}
