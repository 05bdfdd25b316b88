//! What response times and failures say of the system: each window against the best that was seen.
//!
//! A load generator that is at its own limit shows no longer response times, so that "clear" never cancels a slow loss
//! of efficiency; the law uses it for sudden ones only.

use serde::{Deserialize, Serialize};

use super::Congestion;

/// Response times this many times the best, and so many seconds longer, speak of congestion.
const SLOW: f64 = 3.0;
const SLOWER_S: f64 = 0.25;
/// Response times within this factor of the best are clear of it.
const CLEAR: f64 = 1.6;
/// Failures beyond the fewest seen that speak of congestion, as a share of requests, and those that are still clear.
const FAILING: f64 = 0.05;
const CLEAR_FAILURES: f64 = 0.02;
/// The best response time is forgotten slowly: it grows by this factor each window.
const FORGETTING: f64 = 1.003;

/// The best that was seen of response times and failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CongestionWatch {
    /// Shortest mean response time, seconds.
    best_s: Option<f64>,
    /// Smallest share of failures.
    fewest: Option<f64>,
}

impl CongestionWatch {
    /// Takes in a window with a mean response time in seconds and a share of failed requests. Where there were no
    /// requests, or the source cannot tell, the answer is [`Congestion::Unknown`] and nothing is learnt.
    pub fn see(&mut self, mean_s: Option<f64>, failed: Option<f64>) -> Congestion {
        let mean_s = mean_s.filter(|mean| mean.is_finite() && *mean >= 0.0);
        let Some((mean_s, failed)) = mean_s.zip(failed.filter(|share| share.is_finite())) else {
            return Congestion::Unknown;
        };
        let best_s = match self.best_s {
            Some(best) if mean_s >= best => best * FORGETTING,
            Some(_) | None => mean_s,
        };
        let fewest = self.fewest.map_or(failed, |fewest| fewest.min(failed));
        (self.best_s, self.fewest) = (Some(best_s), Some(fewest));
        let slow = mean_s > SLOW * best_s && mean_s > best_s + SLOWER_S;
        // What fails from the beginning on is a fault of the test or the system, and no sign of load.
        let usual = if fewest > FAILING { fewest } else { 0.0 };
        if slow || failed > usual + FAILING {
            Congestion::Congested
        } else if mean_s < CLEAR * best_s && failed < usual + CLEAR_FAILURES {
            Congestion::Clear
        } else {
            Congestion::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(windows: &[(f64, f64)]) -> Vec<Congestion> {
        let mut watch = CongestionWatch::default();
        windows.iter().map(|(mean_s, failed)| watch.see(Some(*mean_s), Some(*failed))).collect()
    }

    #[test]
    fn slow_answers_are_congestion_and_answers_as_ever_are_not() {
        let seen = after(&[(1.0, 0.0), (2.2, 0.0), (5.0, 0.0), (1.1, 0.0)]);
        assert_eq!(seen, [Congestion::Clear, Congestion::Unknown, Congestion::Congested, Congestion::Clear]);
    }

    #[test]
    fn answers_of_milliseconds_are_not_congestion_for_being_three_times_as_long() {
        assert_eq!(after(&[(0.002, 0.0), (0.04, 0.0)])[1], Congestion::Unknown);
    }

    #[test]
    fn failures_are_congestion_unless_they_were_there_from_the_beginning() {
        assert_eq!(after(&[(1.0, 0.0), (1.0, 0.08)])[1], Congestion::Congested);
        assert_eq!(after(&[(1.0, 0.08), (1.0, 0.09)])[1], Congestion::Clear);
        assert_eq!(after(&[(1.0, 0.08), (1.0, 0.20)])[1], Congestion::Congested);
    }

    #[test]
    fn a_window_without_requests_says_nothing() {
        let mut watch = CongestionWatch::default();
        assert_eq!(watch.see(None, None), Congestion::Unknown);
        assert_eq!(watch.see(Some(f64::NAN), Some(0.0)), Congestion::Unknown);
        assert_eq!(watch, CongestionWatch::default());
    }
}
