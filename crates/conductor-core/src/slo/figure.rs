//! Judges objectives of Prometheus' figures by what was read of them at each measurement. Such a figure is of a moment, and two of
//! them cannot be added up: it is judged whether it was beyond its limit at every measurement over some time.

use std::collections::VecDeque;

use super::stretch::{ROUNDING_S, Stretches};
use super::watch::{GAP_S, minutes_status};
use super::{Bound, Judged, Limit, NUMBER_WHOLE, SHARE_WHOLE, Slo, SloResult, SloStatus};
use crate::figures::FigureWindow;
use crate::spec::Thresholds;

/// A figure at the end of the time since the measurement before.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment {
    from_s: f64,
    to_s: f64,
    stretch: usize,
    value: f64,
}

/// One objective of a figure, and what is known of it so far.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FigureWatch {
    pub(super) slo: Slo,
    query: String,
    limit: f64,
    /// The last moments without a gap, as far back as a `for` reaches.
    trailing: VecDeque<Moment>,
    /// The minute that is not over yet, by its number, with its worst moment.
    minute: Option<(i64, Moment)>,
    measured_s: f64,
    /// How long it has been beyond its limit by now, where a `for` has not come to its end.
    beyond_s: f64,
    /// Whether it is not known what was before that.
    is_blind: bool,
    judged: u64,
    broken: u64,
    worst: Option<f64>,
    first_broken: Option<(f64, f64)>,
    /// Whether the last moment broke it.
    pub(super) is_broken: bool,
}

impl FigureWatch {
    /// Of an objective that has a query; `None` for all others.
    pub(super) fn new(slo: &Slo) -> Option<Self> {
        let query = slo.query()?.to_owned();
        let Limit::Number(number) = slo.limit else { return None };
        Some(Self {
            slo: slo.clone(),
            query,
            limit: number as f64 / f64::from(NUMBER_WHOLE),
            trailing: VecDeque::new(),
            minute: None,
            measured_s: 0.0,
            beyond_s: 0.0,
            is_blind: false,
            judged: 0,
            broken: 0,
            worst: None,
            first_broken: None,
            is_broken: false,
        })
    }

    /// Takes in what was read at one measurement.
    pub(super) fn see(&mut self, window: &FigureWindow, stretches: &Stretches) {
        self.is_broken = false;
        let Some(value) = window.readings.get(&self.query).and_then(|reading| reading.value) else {
            // Whether it was beyond its limit then is not known.
            self.trailing.clear();
            self.lose_sight();
            return;
        };
        let seconds = stretches.overlap_s(window.from_s, window.to_s);
        let Some(stretch) = stretches.around(window.from_s, window.to_s) else {
            self.trailing.clear();
            self.settle();
            self.measured_s += seconds;
            self.close_minute();
            return;
        };
        let moment = Moment { from_s: window.from_s, to_s: window.to_s, stretch, value };
        match self.slo.judged {
            Judged::Minutes(_) => {
                self.measured_s += seconds;
                self.in_its_minute(moment);
            }
            Judged::For(time) => {
                self.weigh(moment, seconds);
                self.at(moment, time.as_secs_f64());
            }
            // Requests alone are added up.
            Judged::Whole | Judged::Over(_) => {}
        }
    }

    /// True when it cannot be met any more, whatever comes.
    pub(super) fn is_lost(&self, stretches: &Stretches) -> bool {
        match self.slo.judged {
            Judged::For(_) => self.broken > 0,
            Judged::Minutes(share) => self.broken > stretches.bad_minutes(share).floor() as u64,
            Judged::Whole | Judged::Over(_) => false,
        }
    }

    /// What is known by now, with the minute that is not over.
    pub(super) fn result(mut self, stretches: &Stretches, thresholds: &Thresholds) -> SloResult {
        self.close_minute();
        self.settle();
        let whole_s = stretches.seconds();
        let measured = if whole_s > 0.0 { (self.measured_s / whole_s).min(1.0) } else { 0.0 };
        let (observed, limit, unit, budget_spent) = match self.slo.judged {
            Judged::Minutes(share) => {
                let good = (self.judged - self.broken) as f64 * 100.0 / self.judged as f64;
                let wanted = f64::from(share) * 100.0 / f64::from(SHARE_WHOLE);
                let spent = Some(self.broken as f64 / stretches.bad_minutes(share)).filter(|spent| spent.is_finite());
                (Some(good).filter(|_| self.judged > 0), wanted, "%", spent)
            }
            Judged::Whole | Judged::Over(_) | Judged::For(_) => (self.worst, self.limit, "", None),
        };
        let status = match (observed, self.slo.judged) {
            (None, _) => SloStatus::Unmeasured,
            (Some(_), Judged::Minutes(_)) => minutes_status(self.is_lost(stretches), budget_spent, thresholds),
            (Some(observed), _) if !self.slo.bound.keeps(observed, limit) => SloStatus::Breached,
            (Some(observed), _) if self.is_near(observed, thresholds) => SloStatus::NearMiss,
            (Some(_), _) => SloStatus::Met,
        };
        let too_little = status != SloStatus::Breached && measured < 1.0 - thresholds.unmeasured_share;
        SloResult {
            slo: self.slo.to_string(),
            status: if too_little { SloStatus::Unmeasured } else { status },
            observed,
            limit: Some(limit),
            unit: unit.to_owned(),
            judged: self.judged,
            broken: self.broken,
            measured,
            first_broken: self.first_broken,
            budget_spent,
            burn_rate: None,
        }
    }

    /// A share of a limit says something of a figure that grows towards it from zero, and of no other.
    fn is_near(&self, observed: f64, thresholds: &Thresholds) -> bool {
        self.slo.bound == Bound::Below && self.limit > 0.0 && observed >= self.limit * thresholds.near_miss
    }

    /// Counts the time of a moment as measured, once it is known what it says of a `for`. Within the limit it ends whatever was
    /// beyond it; beyond it that is told by what is around it, which must have been read.
    fn weigh(&mut self, moment: Moment, seconds: f64) {
        match self.trailing.back() {
            Some(last) if last.stretch != moment.stretch => self.settle(),
            Some(last) if !follows(last, &moment) => self.lose_sight(),
            Some(_) | None => {}
        }
        if self.slo.bound.keeps(moment.value, self.limit) {
            self.settle();
            self.measured_s += seconds;
        } else {
            self.beyond_s += seconds;
        }
    }

    /// What was beyond the limit is over, and was no longer so than it was seen.
    fn settle(&mut self) {
        if !self.is_blind {
            self.measured_s += self.beyond_s;
        }
        (self.beyond_s, self.is_blind) = (0.0, false);
    }

    /// From here on it is not known how it was.
    fn lose_sight(&mut self) {
        (self.beyond_s, self.is_blind) = (0.0, true);
    }

    /// Judges the time up to a moment, once there is so much of it without a gap. Its figure is the one that was kept throughout:
    /// the best of all its moments.
    fn at(&mut self, moment: Moment, time_s: f64) {
        if !self.trailing.back().is_some_and(|last| follows(last, &moment)) {
            self.trailing.clear();
        }
        self.trailing.push_back(moment);
        let reaches = |first: &Moment| moment.to_s - first.to_s >= time_s - 2.0 * ROUNDING_S;
        while self.trailing.get(1).is_some_and(reaches) {
            self.trailing.pop_front();
        }
        let Some(first) = self.trailing.front().filter(|first| reaches(first)) else { return };
        let from_s = if time_s > 0.0 { first.to_s } else { first.from_s };
        let bound = self.slo.bound;
        let kept = self.trailing.iter().map(|moment| moment.value).reduce(|a, b| bound.better(a, b));
        if let Some(kept) = kept {
            self.judge(kept, from_s, moment.to_s);
            self.is_broken = !bound.keeps(kept, self.limit);
        }
    }

    fn judge(&mut self, figure: f64, from_s: f64, to_s: f64) {
        self.judged += 1;
        self.worst = Some(self.worst.map_or(figure, |worst| self.slo.bound.worse(worst, figure)));
        if !self.slo.bound.keeps(figure, self.limit) {
            self.broken += 1;
            self.first_broken.get_or_insert((from_s, to_s));
        }
    }

    /// Adds a moment to the minute in which the middle of its time lies; the one before is over then.
    fn in_its_minute(&mut self, moment: Moment) {
        let number = (f64::midpoint(moment.from_s, moment.to_s) / 60.0).floor() as i64;
        if self.minute.as_ref().is_some_and(|(minute, past)| *minute != number || past.stretch != moment.stretch) {
            self.close_minute();
        }
        let minute = match self.minute.take() {
            Some((_, past)) => {
                Moment { from_s: past.from_s, value: self.slo.bound.worse(past.value, moment.value), ..moment }
            }
            None => moment,
        };
        self.is_broken = !self.slo.bound.keeps(minute.value, self.limit);
        self.minute = Some((number, minute));
    }

    fn close_minute(&mut self) {
        if let Some((_, minute)) = self.minute.take() {
            self.judge(minute.value, minute.from_s, minute.to_s);
        }
    }
}

/// Whether there is no gap between two moments.
fn follows(last: &Moment, moment: &Moment) -> bool {
    last.stretch == moment.stretch && (moment.from_s - last.to_s).abs() <= GAP_S
}
