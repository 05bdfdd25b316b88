//! The requests of a window by name, from the plugin's seconds.
//!
//! Times are rounded to two significant digits where they are counted, as Locust does, so that a percentile is at most 5 % off, and
//! less than half a millisecond below 100 ms.

use std::collections::BTreeMap;

use conductor_core::ports::PortError;
use conductor_core::requests::{Histogram, RequestCount, RequestRow, RequestWindow};
use conductor_core::run::RunId;
use jiff::Timestamp;

use crate::api::Series;
use crate::driver::Locust;
use crate::sampling::{at, whole_second_after};

impl Locust {
    /// The requests of the window that begins at `since`; `None` without the plugin, and where what was counted in it is lost.
    pub(crate) async fn by_name(&self, run: &RunId, since: Timestamp) -> Result<Option<RequestWindow>, PortError> {
        let from = whole_second_after(since);
        match self.api.series(run.as_str(), from as f64).await? {
            Some(series) => window(&series, from),
            None => Ok(None),
        }
    }
}

/// The seconds `from..complete_until`, added up row by row.
fn window(series: &Series, from: i64) -> Result<Option<RequestWindow>, PortError> {
    let to = (series.complete_until.floor() as i64).max(from);
    let start = from as f64;
    let lost = series.boot.at > start || series.counts_from > start || series.histograms_from > start;
    if to > from && lost {
        return Ok(None);
    }
    let mut counts: BTreeMap<usize, RequestCount> = BTreeMap::new();
    for (row, requests, failures, buckets) in series.seconds.iter().flat_map(|second| &second.rows) {
        let times = Histogram::from(buckets.iter().map(|(ms, count)| (*ms, *count)).collect::<Vec<_>>());
        let counted = RequestCount { requests: *requests, failures: *failures, times };
        counts.entry(*row).or_default().add(&counted);
    }
    let named = counts.into_iter().filter_map(|(row, count)| {
        let (method, name) = series.rows.get(row)?.clone();
        Some(RequestRow { method, name, count })
    });
    Ok(Some(RequestWindow { from: at(from)?, to: at(to)?, rows: named.collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(boot: f64, histograms_from: f64) -> Series {
        serde_json::from_value(serde_json::json!({
            "plugin": "1", "boot": {"id": "b", "at": boot}, "active_run": "r-1",
            "now": 1013.0, "complete_until": 1012.4, "counts_from": 0, "histograms_from": histograms_from,
            "rows": [["POST", "/orders"], ["GET", "/cart"]],
            "seconds": [
                {"t": 1010, "kpi": 3, "calls": {}, "rows": [[0, 5, 1, {"10": 4, "200": 1}], [1, 1, 0, {"7": 1}]]},
                {"t": 1011, "kpi": 4, "calls": {}, "rows": [[0, 4, 0, {"10": 4}]]},
            ],
            "marks": [], "orphans": {"last_seen": null},
            "generator": {"state": "running", "user_count": 1, "cpu": 3.0, "workers": []},
        }))
        .unwrap()
    }

    #[test]
    fn a_row_is_added_up_over_the_seconds_of_its_window() {
        let window = window(&series(1.0, 0.0), 1010).unwrap().unwrap();
        assert_eq!((window.from.as_second(), window.to.as_second()), (1010, 1012));
        let kept = window.keep(["/orders", ""]);
        let orders = &kept.counts["/orders"];
        assert_eq!((orders.requests, orders.failures), (9, 1));
        assert_eq!((orders.times.quantile_ms(50, 100), orders.times.quantile_ms(99, 100)), (Some(10), Some(200)));
        assert_eq!(kept.counts[""].requests, 10);
    }

    #[test]
    fn what_is_lost_is_not_told_as_nothing() {
        assert_eq!(window(&series(1010.5, 0.0), 1010).unwrap(), None, "the master is a new one");
        assert_eq!(window(&series(1.0, 1011.0), 1010).unwrap(), None, "the response times of a second are gone");
    }
}
