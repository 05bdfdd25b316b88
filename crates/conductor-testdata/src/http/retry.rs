//! What may be tried again, and after which pause: as the service says, else twice as long each time, shortened by chance.

use std::time::Duration;

use conductor_core::ports::FailureKind;
use conductor_core::units::Span;
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

/// The bound of the first pause.
const FIRST: Duration = Duration::from_millis(250);
/// The bound of the longest one.
const LONGEST: Duration = Duration::from_secs(15);

/// What a status that is no success means.
pub(super) fn kind(status: StatusCode) -> FailureKind {
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::LOCKED | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            FailureKind::Unavailable
        }
        StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED => FailureKind::Rejected,
        StatusCode::NOT_FOUND | StatusCode::GONE => FailureKind::NotFound,
        status if status.is_server_error() => FailureKind::Unavailable,
        _ => FailureKind::Rejected,
    }
}

/// How long something is tried without success, and with which pauses.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    since: Instant,
    attempts: u32,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), attempts: 0 }
    }

    /// There was some success: the patience is as it was at first.
    pub(super) fn renew(&mut self) {
        *self = Self::new(self.limit);
    }

    /// The pause before the next try, after a try without success: what is asked for, else chance. `None` when there shall be
    /// no other try.
    pub(super) fn pause(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.attempts += 1;
        let pause = asked.unwrap_or_else(|| below(bound(self.attempts)));
        (self.since.elapsed().saturating_add(pause) < self.limit).then_some(pause)
    }

    /// Tries without success and their time, for people.
    pub(super) fn spent(&self) -> String {
        let spent = Duration::from_millis(u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX));
        let times = if self.attempts == 1 { "once".to_owned() } else { format!("{} times", self.attempts) };
        format!("tried {times} within {}", Span::from(spent))
    }
}

/// The bound of the pause before try number `attempt` (the first retry is 1); the pause itself is chance below it.
fn bound(attempt: u32) -> Duration {
    FIRST.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX)).min(LONGEST)
}

/// A pause of chance below a bound.
fn below(bound: Duration) -> Duration {
    bound.mul_f64(rand::random_range(0.0..=1.0))
}

/// How long the service asks to wait: seconds, or a day and time.
pub(super) fn after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &'static str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        after(&headers, "1994-11-06T08:49:30Z".parse().unwrap()).map(|pause| pause.as_secs())
    }

    #[test]
    fn a_service_asks_for_a_pause_in_seconds_or_until_a_time() {
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0), "a time that has passed");
        assert_eq!(asked("soon"), None);
        assert_eq!(after(&HeaderMap::new(), Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn bounds_double_up_to_the_longest() {
        let bounds = [1, 2, 3, 7, 500].map(|attempt| bound(attempt).as_millis());
        assert_eq!(bounds, [250, 500, 1_000, 15_000, 15_000]);
        assert!((0..100).all(|_| below(LONGEST) <= LONGEST));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_where_a_pause_would_and_is_renewed_by_success() {
        let mut patience = Patience::new(Duration::from_secs(10));
        assert!(patience.pause(None).is_some_and(|pause| pause <= FIRST));
        assert_eq!(patience.pause(Some(Duration::from_secs(9))), Some(Duration::from_secs(9)));
        assert_eq!(patience.pause(Some(Duration::from_secs(10))), None);
        assert_eq!(patience.pause(Some(Duration::MAX)), None);
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(patience.pause(None), None);
        assert_eq!(patience.spent(), "tried 5 times within 11s");
        patience.renew();
        assert!(patience.pause(None).is_some());
    }

    #[test]
    fn what_passes_by_is_told_from_what_stays() {
        for (status, expected) in [
            (429, FailureKind::Unavailable),
            (423, FailureKind::Unavailable),
            (500, FailureKind::Unavailable),
            (503, FailureKind::Unavailable),
            (501, FailureKind::Rejected),
            (404, FailureKind::NotFound),
            (403, FailureKind::Rejected),
            (307, FailureKind::Rejected),
        ] {
            assert_eq!(kind(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }
}
