//! Requests by name in one window of time: how many, how many failed, and how long they took.
//!
//! A load generator tells all rows it knows; of those only what objectives name is kept, so that a journal stays small however many
//! names there are. Response times are kept as histograms: those of windows can be added, percentiles cannot.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many requests took so long: pairs of milliseconds, as the source has rounded them, and requests, in growing order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>")]
pub struct Histogram(Vec<(u64, u64)>);

impl From<Vec<(u64, u64)>> for Histogram {
    fn from(mut pairs: Vec<(u64, u64)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        pairs.retain(|(_, requests)| *requests > 0);
        Self(pairs)
    }
}

impl Histogram {
    /// Takes in the requests of another one.
    pub fn add(&mut self, other: &Self) {
        let mut pairs = std::mem::take(&mut self.0);
        pairs.extend_from_slice(&other.0);
        *self = pairs.into();
    }

    /// The requests in it.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(_, requests)| requests).sum()
    }

    /// Their arithmetic mean in milliseconds; `None` without requests.
    pub fn mean_ms(&self) -> Option<f64> {
        let count = self.count();
        let sum: f64 = self.0.iter().map(|(ms, requests)| *ms as f64 * *requests as f64).sum();
        (count > 0).then(|| sum / count as f64)
    }

    /// The least time, in milliseconds, that `share` of `whole` of the requests did not exceed (nearest rank); `None` without
    /// requests.
    pub fn quantile_ms(&self, share: u32, whole: u32) -> Option<u64> {
        let rank = (u128::from(self.count()) * u128::from(share)).div_ceil(u128::from(whole)).max(1);
        let mut seen = 0;
        let reached = self.0.iter().find(|(_, requests)| {
            seen += u128::from(*requests);
            seen >= rank
        });
        reached.map(|(ms, _)| *ms)
    }
}

/// Requests of one kind in one window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestCount {
    /// Requests, failed ones included.
    pub requests: u64,
    /// Failed requests.
    pub failures: u64,
    /// Response times, those of failed requests included.
    pub times: Histogram,
}

impl RequestCount {
    /// Takes in others.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failures += other.failures;
        self.times.add(&other.times);
    }

    /// The share of requests that failed, in percent; `None` without requests.
    pub fn error_percent(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.failures as f64 * 100.0 / self.requests as f64)
    }
}

/// One row of what a load generator counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRow {
    /// The method, such as `POST`.
    pub method: String,
    /// The name, such as `/orders`.
    pub name: String,
    /// What was counted.
    pub count: RequestCount,
}

impl RequestRow {
    /// Whether it is meant by a name: by its own, or by its method and its name, such as `POST /orders`.
    fn is(&self, name: &str) -> bool {
        self.name == name || name.strip_prefix(&self.method).and_then(|rest| rest.strip_prefix(' ')) == Some(&self.name)
    }
}

/// What a load generator counted in one window, `from` included, `to` excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestWindow {
    /// Start of the window.
    pub from: Timestamp,
    /// End of the window; never later than the data is complete.
    pub to: Timestamp,
    /// Every row it knows.
    pub rows: Vec<RequestRow>,
}

impl RequestWindow {
    /// Keeps what is named; the empty name means all requests.
    pub fn keep<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> NamedRequests {
        let counted = |name: &str| {
            let mut count = RequestCount::default();
            let meant = self.rows.iter().filter(|row| name.is_empty() || row.is(name));
            meant.for_each(|row| count.add(&row.count));
            (name.to_owned(), count)
        };
        NamedRequests { from: self.from, to: self.to, counts: names.into_iter().map(counted).collect() }
    }
}

/// What was counted in one window of the requests that objectives name, as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedRequests {
    /// Start of the window.
    pub from: Timestamp,
    /// End of the window.
    pub to: Timestamp,
    /// By name; the empty one means all requests.
    pub counts: BTreeMap<String, RequestCount>,
}

/// The same with its times in seconds since the load began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedWindow {
    /// Start of the window.
    pub from_s: f64,
    /// End of the window.
    pub to_s: f64,
    /// By name; the empty one means all requests.
    pub counts: BTreeMap<String, RequestCount>,
}

impl NamedRequests {
    /// With its times counted from the beginning of the load.
    pub fn since(&self, started: Timestamp) -> NamedWindow {
        let seconds = |time: Timestamp| time.duration_since(started).as_secs_f64();
        NamedWindow { from_s: seconds(self.from), to_s: seconds(self.to), counts: self.counts.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(method: &str, name: &str, times: &[(u64, u64)], failures: u64) -> RequestRow {
        let times = Histogram::from(times.to_vec());
        let count = RequestCount { requests: times.count(), failures, times };
        RequestRow { method: method.to_owned(), name: name.to_owned(), count }
    }

    #[test]
    fn percentiles_are_those_of_all_requests_and_not_of_the_windows() {
        let mut histogram = Histogram::from(vec![(10, 90)]);
        histogram.add(&Histogram::from(vec![(900, 1), (10, 4), (500, 5)]));
        let percentile = |share| histogram.quantile_ms(share, 100);
        assert_eq!(
            (percentile(50), percentile(94), percentile(95), percentile(99)),
            (Some(10), Some(10), Some(500), Some(500))
        );
        assert_eq!(percentile(100), Some(900));
        assert!((histogram.mean_ms().unwrap() - (940.0 + 2500.0 + 900.0) / 100.0).abs() < 1e-9);
        assert_eq!((Histogram::default().quantile_ms(95, 100), Histogram::default().mean_ms()), (None, None));
    }

    #[test]
    fn only_what_is_named_is_kept_and_a_name_means_every_method_unless_it_has_one() {
        let rows = vec![
            row("GET", "/orders", &[(10, 3)], 0),
            row("POST", "/orders", &[(80, 2)], 1),
            row("GET", "/cart", &[(5, 4)], 0),
        ];
        let window = RequestWindow { from: Timestamp::UNIX_EPOCH, to: Timestamp::UNIX_EPOCH, rows };
        let kept = window.keep(["", "/orders", "POST /orders", "/nowhere"]);
        let requests = |name: &str| kept.counts[name].requests;
        assert_eq!((requests(""), requests("/orders"), requests("POST /orders"), requests("/nowhere")), (9, 5, 2, 0));
        assert_eq!(kept.counts["/orders"].error_percent(), Some(20.0));
        assert_eq!(kept.counts["/nowhere"].error_percent(), None);
        let again: NamedRequests = serde_json::from_value(serde_json::to_value(&kept).unwrap()).unwrap();
        assert_eq!(again, kept);
    }
}
