//! Judges objectives by the windows of a load, which it sees one by one. Percentiles are never averaged: what is judged together is
//! added up as histograms first.

use std::collections::VecDeque;

use super::figure::FigureWatch;
use super::stretch::{ROUNDING_S, Stretches};
use super::{
    BaselineFigures, FACTOR_WHOLE, Judged, Limit, Metric, PERCENTILE_WHOLE, SHARE_WHOLE, Slo, SloResult, SloStatus,
    Then,
};
use crate::figures::FigureWindow;
use crate::ramp::Profile;
use crate::requests::{NamedWindow, RequestCount};
use crate::spec::{LoadTestSpec, Thresholds};
use crate::view::Tick;

/// Gaps between windows, in seconds, up to which they count as one after the other.
pub(super) const GAP_S: f64 = 1.0;

/// What one measurement tells of objectives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    /// The requests that they name; `None` where none were counted.
    pub requests: Option<&'a NamedWindow>,
    /// The figures that they name; `None` where nobody looked.
    pub figures: Option<&'a FigureWindow>,
}

impl<'a> Seen<'a> {
    /// What a tick tells.
    pub fn of(tick: &'a Tick) -> Self {
        Self { requests: tick.requests_by_name.as_ref(), figures: tick.figures.as_ref() }
    }
}

/// The objectives of a load that is going on.
#[derive(Clone, Debug, PartialEq)]
pub struct Watches(Vec<Watching>);

/// One objective, by what it is judged.
#[derive(Clone, Debug, PartialEq)]
enum Watching {
    Requests(Box<Watch>),
    Figure(Box<FigureWatch>),
}

impl Watching {
    fn new(slo: &Slo, baseline: Option<&BaselineFigures>) -> Self {
        match FigureWatch::new(slo) {
            Some(watch) => Self::Figure(Box::new(watch)),
            None => Self::Requests(Box::new(Watch::new(slo, baseline))),
        }
    }

    fn see(&mut self, seen: Seen<'_>, stretches: &Stretches) {
        match self {
            Self::Requests(watch) => seen.requests.into_iter().for_each(|window| watch.see(window, stretches)),
            Self::Figure(watch) => seen.figures.into_iter().for_each(|window| watch.see(window, stretches)),
        }
    }

    fn slo(&self) -> &Slo {
        match self {
            Self::Requests(watch) => &watch.slo,
            Self::Figure(watch) => &watch.slo,
        }
    }

    fn is_lost(&self, stretches: &Stretches) -> bool {
        match self {
            Self::Requests(watch) => watch.is_lost(stretches),
            Self::Figure(watch) => watch.is_lost(stretches),
        }
    }

    fn is_broken(&self) -> bool {
        match self {
            Self::Requests(watch) => watch.is_broken,
            Self::Figure(watch) => watch.is_broken,
        }
    }

    fn result(self, stretches: &Stretches, thresholds: &Thresholds) -> SloResult {
        match self {
            Self::Requests(watch) => watch.result(stretches, thresholds),
            Self::Figure(watch) => watch.result(stretches, thresholds),
        }
    }
}

impl Watches {
    /// Those of a spec, before the first window.
    pub fn new(spec: &LoadTestSpec, baseline: Option<&BaselineFigures>) -> Self {
        Self(spec.slos.iter().map(|slo| Watching::new(slo, baseline)).collect())
    }

    /// Takes in a measurement of a load that follows this line, and gives the objectives that end the run with it.
    pub fn see(&mut self, seen: Seen<'_>, profile: &Profile, interval_s: f64) -> Vec<&Slo> {
        for watching in &mut self.0 {
            let stretches = Stretches::of(watching.slo().during, profile, interval_s);
            watching.see(seen, &stretches);
        }
        let ended = |watching: &&Watching| {
            let stretches = Stretches::of(watching.slo().during, profile, interval_s);
            watching.slo().then == Then::Abort && watching.is_lost(&stretches)
        };
        self.0.iter().filter(ended).map(Watching::slo).collect()
    }
}

/// What the windows of a run say of each of its objectives.
pub fn results(
    spec: &LoadTestSpec,
    baseline: Option<&BaselineFigures>,
    profile: &Profile,
    ticks: &[Tick],
) -> Vec<SloResult> {
    let of = |slo: &Slo| {
        let stretches = Stretches::of(slo.during, profile, spec.interval.as_secs_f64());
        let mut watching = Watching::new(slo, baseline);
        ticks.iter().for_each(|tick| watching.see(Seen::of(tick), &stretches));
        watching.result(&stretches, &spec.verdict)
    };
    spec.slos.iter().map(of).collect()
}

/// The objectives that the last measurement of a run breaks: those over or for a time by the windows up to it, those of minutes by
/// its minute so far, and the others by itself.
pub fn broken_now(
    spec: &LoadTestSpec,
    baseline: Option<&BaselineFigures>,
    profile: &Profile,
    ticks: &[Tick],
    seen: Seen<'_>,
) -> Vec<String> {
    let broken = |slo: &&Slo| {
        let is_figure = slo.query().is_some();
        let times = |seen: Seen<'_>| match is_figure {
            false => seen.requests.map(|window| (window.from_s, window.to_s)),
            true => seen.figures.map(|window| (window.from_s, window.to_s)),
        };
        let Some((from_s, _)) = times(seen) else { return false };
        let stretches = Stretches::of(slo.during, profile, spec.interval.as_secs_f64());
        let reach_s = match slo.judged {
            Judged::Whole => 0.0,
            Judged::Over(time) | Judged::For(time) => time.as_secs_f64() + 2.0 * ROUNDING_S,
            Judged::Minutes(_) => 60.0,
        };
        let mut watching = Watching::new(slo, baseline);
        let before = ticks.iter().rev().map(Seen::of);
        let near = before.take_while(|past| times(*past).is_some_and(|(_, to_s)| to_s > from_s - reach_s));
        near.collect::<Vec<_>>().into_iter().rev().for_each(|past| watching.see(past, &stretches));
        watching.see(seen, &stretches);
        watching.is_broken()
    };
    spec.slos.iter().filter(broken).map(ToString::to_string).collect()
}

/// Counts of some time.
#[derive(Clone, Debug, Default, PartialEq)]
struct Counted {
    from_s: f64,
    to_s: f64,
    stretch: usize,
    count: RequestCount,
}

impl Counted {
    fn add(&mut self, other: &Self) {
        self.to_s = other.to_s;
        self.count.add(&other.count);
    }
}

/// One objective, and what is known of it so far.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Watch {
    pub(super) slo: Slo,
    limit: Option<f64>,
    /// The last windows, as far back as an `over` reaches.
    trailing: VecDeque<Counted>,
    /// The minute that is not over yet, by its number.
    minute: Option<(i64, Counted)>,
    whole: RequestCount,
    measured_s: f64,
    judged: u64,
    broken: u64,
    worst: Option<f64>,
    first_broken: Option<(f64, f64)>,
    burn_rate: Option<f64>,
    /// Whether the last window broke it.
    is_broken: bool,
}

impl Watch {
    pub(super) fn new(slo: &Slo, baseline: Option<&BaselineFigures>) -> Self {
        let limit = match slo.limit {
            Limit::Time(micros) => Some(micros as f64 / 1_000.0),
            Limit::Share(share) => Some(f64::from(share) * 100.0 / f64::from(SHARE_WHOLE)),
            Limit::Baseline(factor) => baseline
                .and_then(|run| run.figure(slo))
                .map(|figure| figure * f64::from(factor) / f64::from(FACTOR_WHOLE)),
            // Of a figure, which no request has.
            Limit::Number(_) => None,
        };
        Self {
            slo: slo.clone(),
            limit,
            trailing: VecDeque::new(),
            minute: None,
            whole: RequestCount::default(),
            measured_s: 0.0,
            judged: 0,
            broken: 0,
            worst: None,
            first_broken: None,
            burn_rate: None,
            is_broken: false,
        }
    }

    /// Takes in a window.
    pub(super) fn see(&mut self, window: &NamedWindow, stretches: &Stretches) {
        self.is_broken = false;
        let Some(count) = self.slo.counted_as().and_then(|name| window.counts.get(name)) else { return };
        self.measured_s += stretches.overlap_s(window.from_s, window.to_s);
        if window.to_s <= window.from_s {
            return;
        }
        let Some(stretch) = stretches.around(window.from_s, window.to_s) else {
            self.close_minute();
            return;
        };
        let counted = Counted { from_s: window.from_s, to_s: window.to_s, stretch, count: count.clone() };
        if let (Metric::ErrorRate, Some(rate), Some(limit)) = (&self.slo.metric, count.error_percent(), self.limit) {
            self.burn_rate = Some(self.burn_rate.unwrap_or_default().max(rate / limit)).filter(|rate| rate.is_finite());
        }
        self.whole.add(count);
        match self.slo.judged {
            Judged::Whole => {
                if self.is_beyond(&counted.count) {
                    self.is_broken = true;
                    self.first_broken.get_or_insert((counted.from_s, counted.to_s));
                }
                if self.figure(&counted.count).is_some() {
                    self.judged += 1;
                    self.broken += u64::from(self.is_broken);
                }
            }
            Judged::Over(time) => {
                if let Some(together) = self.last(counted, time.as_secs_f64()) {
                    self.is_broken = self.judge(&together);
                }
            }
            Judged::Minutes(_) => self.in_its_minute(counted),
            // Of figures alone.
            Judged::For(_) => {}
        }
    }

    /// True when it cannot be met any more, whatever comes.
    fn is_lost(&self, stretches: &Stretches) -> bool {
        match self.slo.judged {
            Judged::Whole | Judged::For(_) => false,
            Judged::Over(_) => self.broken > 0,
            Judged::Minutes(share) => self.broken > stretches.bad_minutes(share).floor() as u64,
        }
    }

    /// What is known by now, with the minute that is not over.
    pub(super) fn result(mut self, stretches: &Stretches, thresholds: &Thresholds) -> SloResult {
        self.close_minute();
        let whole_s = stretches.seconds();
        let measured = if whole_s > 0.0 { (self.measured_s / whole_s).min(1.0) } else { 0.0 };
        let (observed, limit) = match self.slo.judged {
            Judged::Whole => (self.figure(&self.whole), self.limit),
            Judged::Over(_) | Judged::For(_) => (self.worst, self.limit),
            Judged::Minutes(share) => {
                let good = (self.judged - self.broken) as f64 * 100.0 / self.judged as f64;
                let wanted = f64::from(share) * 100.0 / f64::from(SHARE_WHOLE);
                (Some(good).filter(|_| self.judged > 0 && self.limit.is_some()), Some(wanted))
            }
        };
        let budget_spent = match self.slo.judged {
            Judged::Minutes(share) => {
                Some(self.broken as f64 / stretches.bad_minutes(share)).filter(|spent| spent.is_finite())
            }
            Judged::Whole if self.slo.has_budget() => observed.zip(limit).map(|(rate, limit)| rate / limit),
            Judged::Whole | Judged::Over(_) | Judged::For(_) => None,
        };
        let status = match (observed, limit) {
            (Some(observed), Some(limit)) => match self.slo.judged {
                Judged::Minutes(_) => minutes_status(self.is_lost(stretches), budget_spent, thresholds),
                Judged::Whole | Judged::Over(_) | Judged::For(_) if observed >= limit => SloStatus::Breached,
                Judged::Whole | Judged::Over(_) | Judged::For(_) if observed >= limit * thresholds.near_miss => {
                    SloStatus::NearMiss
                }
                Judged::Whole | Judged::Over(_) | Judged::For(_) => SloStatus::Met,
            },
            (None, _) | (_, None) => SloStatus::Unmeasured,
        };
        let too_little = status != SloStatus::Breached && measured < 1.0 - thresholds.unmeasured_share;
        SloResult {
            slo: self.slo.to_string(),
            status: if too_little { SloStatus::Unmeasured } else { status },
            observed,
            limit,
            unit: if matches!((&self.slo.metric, self.slo.judged), (Metric::ErrorRate, _) | (_, Judged::Minutes(_))) {
                "%".to_owned()
            } else {
                "ms".to_owned()
            },
            judged: self.judged,
            broken: self.broken,
            measured,
            first_broken: self.first_broken,
            budget_spent,
            burn_rate: self.burn_rate,
        }
    }

    /// The figure of some requests; `None` where they are too few for it.
    pub(super) fn figure(&self, count: &RequestCount) -> Option<f64> {
        match &self.slo.metric {
            Metric::Percentile(percentile) if count.times.count() < percentile.fewest() => None,
            Metric::Percentile(percentile) => {
                count.times.quantile_ms(percentile.0, PERCENTILE_WHOLE).map(|ms| ms as f64)
            }
            Metric::Mean => count.times.mean_ms(),
            Metric::ErrorRate => count.error_percent(),
            Metric::Prometheus(_) => None,
        }
    }

    /// The figure of everything that was seen in its part of the load.
    pub(super) fn of_whole(&self) -> Option<f64> {
        self.figure(&self.whole)
    }

    fn is_beyond(&self, count: &RequestCount) -> bool {
        self.figure(count).zip(self.limit).is_some_and(|(figure, limit)| figure >= limit)
    }

    /// Judges some time, and tells whether it was bad.
    fn judge(&mut self, counted: &Counted) -> bool {
        let Some(figure) = self.figure(&counted.count) else { return false };
        self.judged += 1;
        self.worst = Some(self.worst.map_or(figure, |worst| worst.max(figure)));
        let is_beyond = self.is_beyond(&counted.count);
        if is_beyond {
            self.broken += 1;
            self.first_broken.get_or_insert((counted.from_s, counted.to_s));
        }
        is_beyond
    }

    /// The last windows that make up so much time with this one, if there is so much without a gap.
    fn last(&mut self, counted: Counted, time_s: f64) -> Option<Counted> {
        let follows = |last: &Counted| last.stretch == counted.stretch && (counted.from_s - last.to_s).abs() <= GAP_S;
        if !self.trailing.back().is_some_and(follows) {
            self.trailing.clear();
        }
        self.trailing.push_back(counted);
        let reaches = |first: &Counted, last: &Counted| last.to_s - first.from_s >= time_s - 2.0 * ROUNDING_S;
        let last = self.trailing.back()?.clone();
        while self.trailing.get(1).is_some_and(|second| reaches(second, &last)) {
            self.trailing.pop_front();
        }
        let mut together = self.trailing.front().filter(|first| reaches(first, &last))?.clone();
        self.trailing.iter().skip(1).for_each(|one| together.add(one));
        Some(together)
    }

    /// Adds a window to the minute in which its middle lies; the one before is over then.
    fn in_its_minute(&mut self, counted: Counted) {
        let number = (f64::midpoint(counted.from_s, counted.to_s) / 60.0).floor() as i64;
        if self.minute.as_ref().is_some_and(|(minute, past)| *minute != number || past.stretch != counted.stretch) {
            self.close_minute();
        }
        match &mut self.minute {
            Some((_, minute)) => minute.add(&counted),
            None => self.minute = Some((number, counted)),
        }
        let minute = self.minute.as_ref().map(|(_, minute)| minute.count.clone());
        self.is_broken = minute.is_some_and(|count| self.is_beyond(&count));
    }

    fn close_minute(&mut self) {
        if let Some((_, minute)) = self.minute.take() {
            self.judge(&minute);
        }
    }
}

/// What an objective of minutes has come to, by how much of its budget of bad ones is spent.
pub(super) fn minutes_status(is_lost: bool, budget_spent: Option<f64>, thresholds: &Thresholds) -> SloStatus {
    if is_lost {
        return SloStatus::Breached;
    }
    let is_near = budget_spent.is_some_and(|spent| spent >= thresholds.near_miss);
    if is_near { SloStatus::NearMiss } else { SloStatus::Met }
}
