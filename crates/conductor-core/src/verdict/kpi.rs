//! What two counts of the KPI say of each other: that they agree, that one of them is wrong, or that somebody else is
//! there.
//!
//! The two are compared in the windows of the source that steers, as far as those of the other one cover them; a window
//! of the latter that is covered in part counts in proportion. The holds are judged each for itself, and a search in
//! its whole length. Both count the same events, so that chance alone can tell them apart at the edges only; as with a
//! window of a hold, three standard deviations of the count (`3·√N`, Poisson) are allowed all the same where they are
//! more than the tolerance: a handful of events is no evidence.

use super::{Evidence, Hold, Outcome, Rule, VerdictCause};
use crate::crosscheck::{Counts, CrossCheck, CrossTick};
use crate::view::Tick;

pub(super) const FOREIGN_TRAFFIC: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "foreign_traffic",
    when: "of the two sources of the KPI, the one that counts everybody's events has counted more than the run's own, by more \
           than the tolerance of the environment and than chance (3·√N); or, before the load and while the run had no users, the \
           source that steers and counts everybody's has counted more than that share of the target, and than chance",
    evidence: "the difference against what may be, and both rates, in the hold where they are furthest apart; before the load, the \
               step that found it",
    advice: "Find who else uses the environment (other load tests, monitors, people), keep them away, and run it again.",
};
pub(super) const SOURCES_DISAGREE: Rule = Rule {
    outcome: Outcome::Invalid,
    code: "kpi_sources_disagree",
    when: "the two sources of the KPI differ by more than the tolerance of the environment and than chance (3·√N), and foreign \
           traffic does not explain it",
    evidence: "the difference against what may be, and both rates, in the hold where they are furthest apart",
    advice: "Find out which of the two is right: whether both count the same event (accepted or finished, retries, failures), \
             whether their clocks agree, and whether one of them loses events.",
};
pub(super) const CROSS_CHECK_MISSING: Rule = Rule {
    outcome: Outcome::Warned,
    code: "cross_check_missing",
    when: "the second source of the KPI has checked less than 90 % of what was counted, but for the last two windows",
    evidence: "the share that was checked, and why the source did not answer at last",
    advice: "The count of the source that steers stands, unchecked: see that the other one answers during a run.",
};

/// The share of what was counted that the second source may leave unchecked.
const UNCHECKED_SHARE: f64 = 0.10;
/// How far the edges of windows may be apart, in seconds: times are rounded on the way.
const ROUNDING_S: f64 = 0.5;

/// Both counts of one stretch of time.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    from_s: f64,
    to_s: f64,
    steers: f64,
    checks: f64,
    /// Seconds that the source that steers has counted.
    steered_s: f64,
    /// Seconds of these that the other one has counted, too.
    compared_s: f64,
}

/// The reasons that a second count gives, in stretches of the load (from, to, in seconds). Empty where there is none.
pub(super) fn causes(kpi: &str, stretches: &[(f64, f64)], ticks: &[Tick]) -> Vec<VerdictCause> {
    let Some(check) = ticks.iter().find_map(|tick| tick.cross.as_ref()).map(|cross| cross.check.clone()) else {
        return Vec::new();
    };
    let windows: Vec<&CrossTick> =
        ticks.iter().filter_map(|tick| tick.cross.as_ref()).filter(|cross| cross.to_s > cross.from_s).collect();
    let pairs: Vec<Pair> = stretches.iter().map(|&stretch| Pair::of(stretch, ticks, &windows)).collect();
    let worst = pairs
        .iter()
        .filter(|pair| pair.difference().abs() > pair.limit(&check))
        .max_by(|a, b| (a.difference().abs() / a.limit(&check)).total_cmp(&(b.difference().abs() / b.limit(&check))));
    let differ = worst.map(|pair| differ(kpi, &check, pair));
    differ.into_iter().chain(missing(kpi, &check, &pairs, ticks)).collect()
}

/// Where two counts are compared: in the holds, and where there are none, as in a search, everywhere.
pub(super) fn stretches(holds: &[Hold], ticks: &[Tick]) -> Vec<(f64, f64)> {
    match ticks.last().filter(|_| holds.is_empty()) {
        Some(last) => vec![(0.0, last.to_s)],
        None => holds.iter().map(|hold| (hold.from_s, hold.to_s)).collect(),
    }
}

impl Pair {
    fn of((from_s, to_s): (f64, f64), ticks: &[Tick], windows: &[&CrossTick]) -> Self {
        let mut pair = Self { from_s, to_s, ..Self::default() };
        for tick in ticks {
            let inside = tick.from_s >= from_s - ROUNDING_S && tick.to_s <= to_s + ROUNDING_S;
            let Some(count) = tick.count.filter(|_| inside && tick.to_s > tick.from_s) else { continue };
            let length = tick.to_s - tick.from_s;
            pair.steered_s += length;
            let (mut covered, mut checks) = (0.0, 0.0);
            for window in windows {
                let overlap = (window.to_s.min(tick.to_s) - window.from_s.max(tick.from_s)).max(0.0);
                if let Some(counted) = window.count.filter(|_| overlap > 0.0) {
                    covered += overlap;
                    checks += counted as f64 * overlap / (window.to_s - window.from_s);
                }
            }
            if covered >= length - ROUNDING_S.min(length / 2.0) {
                pair.compared_s += length;
                pair.steers += count as f64;
                pair.checks += checks * length / covered;
            }
        }
        pair
    }

    fn difference(&self) -> f64 {
        self.checks - self.steers
    }

    /// How many events the two may be apart.
    fn limit(&self, check: &CrossCheck) -> f64 {
        (check.tolerance * self.steers).max(3.0 * self.steers.max(self.checks).max(1.0).sqrt())
    }

    fn per_min(&self, events: f64) -> f64 {
        events * 60.0 / self.compared_s
    }
}

fn differ(kpi: &str, check: &CrossCheck, pair: &Pair) -> VerdictCause {
    let (steers, checks) = (&check.steers, &check.checks);
    // Who counts everybody's events and counts more than the one who does not has seen somebody else.
    let foreign = match (steers.counts, checks.counts) {
        (Counts::Run, Counts::Everybody) => pair.difference() > 0.0,
        (Counts::Everybody, Counts::Run) => pair.difference() < 0.0,
        (Counts::Run, Counts::Run) | (Counts::Everybody, Counts::Everybody) => false,
    };
    let percent = 100.0 * pair.difference() / pair.steers.max(1.0);
    let allowed = 100.0 * pair.limit(check) / pair.steers.max(1.0);
    let figures = format!(
        "{} has counted {:.0} of {kpi}, and {} {:.0} in the same time ({percent:+.1} %, {allowed:.1} % may be)",
        steers.name, pair.steers, checks.name, pair.checks
    );
    let (rule, message) = if foreign {
        (FOREIGN_TRAFFIC, format!("somebody else has made {kpi} while the load ran: {figures}"))
    } else {
        (SOURCES_DISAGREE, format!("the two sources of the KPI disagree: {figures}"))
    };
    let (from, to) = (pair.from_s, pair.to_s);
    let figure = |events: f64, source: &str| {
        Evidence::figure(format!("mean of {kpi}"), pair.per_min(events), "/min", source).during(from, to)
    };
    let evidence = vec![
        Evidence::figure("difference of the counts", percent.abs(), "%", "both sources of the KPI")
            .against(allowed)
            .during(from, to),
        figure(pair.steers, &steers.name),
        figure(pair.checks, &checks.name),
    ];
    rule.because(message, evidence)
}

/// That the source that checks has said too little.
fn missing(kpi: &str, check: &CrossCheck, pairs: &[Pair], ticks: &[Tick]) -> Option<VerdictCause> {
    let (steered, compared) =
        pairs.iter().fold((0.0, 0.0), |(all, compared), pair| (all + pair.steered_s, compared + pair.compared_s));
    let share = if steered > 0.0 { compared / steered } else { return None };
    if share >= 1.0 - UNCHECKED_SHARE - share_of_last_window(pairs, ticks) {
        return None;
    }
    let name = &check.checks.name;
    let told = ticks.iter().rev().filter_map(|tick| tick.cross.as_ref()).find_map(|cross| cross.failure.clone());
    let why = told.as_ref().map_or_else(String::new, |failure| format!("; at last: {failure}"));
    let percent = 100.0 * share;
    let message = format!("{name} could check only {percent:.0} % of the count of {kpi}{why}");
    let mut evidence = vec![
        Evidence::figure("share of the count that was checked", percent, "%", name)
            .against(100.0 * (1.0 - UNCHECKED_SHARE)),
    ];
    evidence.extend(told.map(|failure| Evidence::fact(failure, name)));
    Some(CROSS_CHECK_MISSING.because(message, evidence))
}

/// What a source that is later than the one that steers cannot cover at the end of the load: two windows.
fn share_of_last_window(pairs: &[Pair], ticks: &[Tick]) -> f64 {
    let longest = ticks.iter().map(|tick| tick.to_s - tick.from_s).fold(0.0, f64::max);
    let steered: f64 = pairs.iter().map(|pair| pair.steered_s).sum();
    2.0 * longest / steered
}

#[cfg(test)]
#[path = "kpi_tests.rs"]
mod tests;
