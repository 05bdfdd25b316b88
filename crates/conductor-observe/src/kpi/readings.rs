//! Readings of one number, one after the other, and what they make of a window. Pure: times are arguments.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use conductor_core::load::{KpiSample, Mark};
use jiff::Timestamp;

use super::{NumberKind, Per};

/// Most readings kept: half a day of one every 15 seconds.
const KEPT: usize = 2880;

/// The readings so far. They are lost with the conductor's process; counting then begins anew.
#[derive(Debug, Default)]
pub(super) struct Readings {
    kept: Mutex<VecDeque<Reading>>,
}

/// The number at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) at: Timestamp,
    pub(super) value: f64,
}

impl Readings {
    /// Takes in a reading, and gives the window from `since` to it. The window is empty when there was no reading before to
    /// compare with. Of a counter that went down it is not known how far it had come: that window has no count.
    pub(super) fn window(&self, since: Timestamp, now: Reading, kind: NumberKind, per: Per) -> KpiSample {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, count, marks) = match kind {
            NumberKind::Counter => counted(&mut kept, since, now),
            NumberKind::Rate => rated(&kept, since, now, per),
        };
        kept.push_back(now);
        if kept.len() > KEPT {
            kept.pop_front();
        }
        sample(from, now.at, count, marks)
    }
}

/// A sample of a source that knows nothing of requests.
pub(super) fn sample(from: Timestamp, to: Timestamp, count: Option<u64>, marks: Vec<Mark>) -> KpiSample {
    KpiSample { from, to, count, requests: 0, failures: 0, latency: None, responses: None, marks }
}

fn counted(kept: &mut VecDeque<Reading>, since: Timestamp, now: Reading) -> (Timestamp, Option<u64>, Vec<Mark>) {
    if let Some(last) = kept.back().copied().filter(|last| now.value < last.value) {
        kept.clear();
        return (last.at.max(since.min(now.at)), None, vec![Mark::CounterReset]);
    }
    match kept.iter().find(|reading| reading.at >= since) {
        Some(start) => (start.at, Some((now.value - start.value).round() as u64), Vec::new()),
        None => (now.at, Some(0), Vec::new()),
    }
}

/// The mean of a rate between two readings is taken to be the mean of both.
fn rated(kept: &VecDeque<Reading>, since: Timestamp, now: Reading, per: Per) -> (Timestamp, Option<u64>, Vec<Mark>) {
    let inside: Vec<Reading> = kept.iter().copied().filter(|reading| reading.at >= since).chain([now]).collect();
    let events: f64 = inside
        .windows(2)
        .map(|pair| {
            let seconds = pair[1].at.duration_since(pair[0].at).as_secs_f64();
            (pair[0].value + pair[1].value) / 2.0 * seconds / per.seconds()
        })
        .sum();
    (inside[0].at, Some(events.round() as u64), vec![Mark::Approximate])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn told(readings: &Readings, since: i64, second: i64, value: f64, kind: NumberKind) -> (i64, i64, Option<u64>) {
        let sample = readings.window(at(since), Reading { at: at(second), value }, kind, Per::Minute);
        (sample.from.as_second(), sample.to.as_second(), sample.count)
    }

    #[test]
    fn a_counter_gives_the_difference_and_begins_with_an_empty_window() {
        let readings = Readings::default();
        let told = |since, second, value| told(&readings, since, second, value, NumberKind::Counter);
        assert_eq!(told(90, 100, 500.0), (100, 100, Some(0)), "what was before is nobody's");
        assert_eq!(told(100, 110, 507.0), (100, 110, Some(7)));
        assert_eq!(told(100, 120, 520.0), (100, 120, Some(20)), "the last window was lost, and is in this one");
    }

    #[test]
    fn a_counter_that_went_down_is_unknown_and_then_goes_on() {
        let readings = Readings::default();
        let told = |since, second, value| told(&readings, since, second, value, NumberKind::Counter);
        told(90, 100, 500.0);
        assert_eq!(told(100, 110, 3.0), (100, 110, None), "never negative, and not 3 either");
        assert_eq!(told(110, 120, 10.0), (110, 120, Some(7)));
    }

    #[test]
    fn a_rate_is_summed_over_its_time() {
        let readings = Readings::default();
        let told = |since, second, value| told(&readings, since, second, value, NumberKind::Rate);
        assert_eq!(told(90, 100, 600.0), (100, 100, Some(0)));
        assert_eq!(told(100, 130, 1200.0), (100, 130, Some(450)), "900/min for half a minute");
        assert_eq!(told(130, 160, 0.0), (130, 160, Some(300)));
    }
}
