//! How many events a window has, from the raw samples of counters. Pure.
//!
//! PromQL's `increase()` is not used: it stretches what lies between the first and the last sample of a window to the
//! window's edges, so that the windows of a run do not add up to what was counted. Here a counter is a line through its
//! samples, and a window has what the line rises in it: consecutive windows add up exactly, whenever they were asked for.
//!
//! * A sample below the one before is a reset: it counts from zero.
//! * A series that begins while others of the same query were scraped already begins at zero, with its first sample: it
//!   is a new process, or a label's first event. One that begins alone has a past that nobody knows: the window begins
//!   with it.
//! * Between two samples further apart than [`SILENT`] scrapes the counter stood still and then jumped: so what a window
//!   in between had been answered stays true.
//! * A window ends where every series that is still scraped has a sample: what is later is not complete.

use std::time::Duration;

/// Scrapes without a sample after which a series is not scraped any more.
pub(super) const SILENT: f64 = 3.0;

/// A sample: when it was taken, in seconds, and the counter.
pub(super) type Point = (f64, f64);

/// What the samples say of the time after `since`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Increase {
    /// Where the window begins, in seconds.
    pub(super) from: f64,
    /// Where it ends; never before `from`.
    pub(super) to: f64,
    /// Events in it.
    pub(super) events: f64,
    /// A counter went down in it.
    pub(super) reset: bool,
    /// Scrapes are missing in it.
    pub(super) gap: bool,
}

/// Why there is no window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unknown {
    /// There is no sample at all.
    NoSample,
    /// No series is scraped any more: the newest sample is so old, in seconds.
    Silent(f64),
}

/// The increase of all series from `since` to where they are complete, as seen at `now`.
pub(super) fn increase(series: &[Vec<Point>], since: f64, now: f64) -> Result<Increase, Unknown> {
    let series: Vec<&Vec<Point>> = series.iter().filter(|points| !points.is_empty()).collect();
    let newest = series.iter().filter_map(|points| points.last()).map(|point| point.0).reduce(f64::max);
    let newest = newest.ok_or(Unknown::NoSample)?;
    let interval = interval(&series).unwrap_or(DEFAULT_INTERVAL.as_secs_f64());
    let silent = SILENT * interval;
    if now - newest > silent {
        return Err(Unknown::Silent(now - newest));
    }
    let ends = series.iter().filter_map(|points| points.last()).map(|point| point.0);
    let complete = ends.filter(|end| newest - end <= silent).fold(newest, f64::min);
    let first = series.iter().filter_map(|points| points.first()).map(|point| point.0).fold(f64::INFINITY, f64::min);
    let from = since.max(first);
    let to = complete.max(from);
    let lines = series.iter().map(|points| Line::of(points, first, silent));
    let mut whole = Increase { from, to, events: 0.0, reset: false, gap: false };
    for line in lines {
        whole.events += line.at(to) - line.at(from);
        whole.reset |= line.resets.iter().any(|time| *time > from && *time <= to);
        whole.gap |= line.gaps.iter().any(|(begins, ends)| *ends > from && *begins < to);
    }
    Ok(whole)
}

/// The scrape interval of Prometheus, unless it is told otherwise.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// The time between two scrapes: the median over all series.
fn interval(series: &[&Vec<Point>]) -> Option<f64> {
    let mut gaps: Vec<f64> =
        series.iter().flat_map(|points| points.windows(2).map(|pair| pair[1].0 - pair[0].0)).collect();
    gaps.sort_by(f64::total_cmp);
    gaps.get(gaps.len() / 2).copied().filter(|gap| *gap > 0.0)
}

/// How far a counter has come over time, without its resets.
struct Line {
    points: Vec<Point>,
    resets: Vec<f64>,
    gaps: Vec<(f64, f64)>,
}

impl Line {
    fn of(samples: &[Point], first: f64, silent: f64) -> Self {
        let mut line = Self { points: Vec::with_capacity(samples.len() + 1), resets: Vec::new(), gaps: Vec::new() };
        let (begins, value) = samples[0];
        // Two points at one time are a jump.
        if begins > first {
            line.points.push((begins, 0.0));
            line.points.push((begins, value));
        } else {
            line.points.push((begins, 0.0));
        }
        for pair in samples.windows(2) {
            let ((before, old), (time, new)) = (pair[0], pair[1]);
            let height = line.points.last().map_or(0.0, |point| point.1);
            if new < old {
                line.resets.push(time);
            }
            if time - before > silent {
                line.gaps.push((before, time));
                line.points.push((time, height));
            }
            line.points.push((time, height + if new < old { new } else { new - old }));
        }
        line
    }

    /// Its height at a time; of a jump, the height after it.
    fn at(&self, time: f64) -> f64 {
        let after = self.points.partition_point(|point| point.0 <= time);
        let Some(&(start, low)) = after.checked_sub(1).and_then(|before| self.points.get(before)) else { return 0.0 };
        match self.points.get(after) {
            Some(&(end, high)) => low + (high - low) * (time - start) / (end - start),
            None => low,
        }
    }
}

#[cfg(test)]
#[path = "increase_tests.rs"]
mod tests;
