//! The goals on targets within reach: the line is followed as closely as counting allows, without knowing anything, and
//! nothing is done that need not be.

use super::{Bound, Goal, Measure, Statistic, check, required};
use crate::score::Score;
use crate::trial::law::Algorithm;

/// Within reach, at sixty a minute or more, and nothing about the system changes.
const STEADY: [&str; 6] = ["nom4200", "nom600", "small60", "huge1e6", "softknee", "dropouts"];
/// Within reach during the ramp and after it, so that the line can be met when the ramp ends.
const REACHABLE: [&str; 14] = [
    "nom4200",
    "nom600",
    "small60",
    "tiny3",
    "huge1e6",
    "drift-40%",
    "qstep-50%",
    "coldcache",
    "startlag",
    "softknee",
    "dropouts",
    "capdrop50",
    "capdrop-cliff",
    "outage5m",
];

pub(super) fn goals() -> Vec<Goal> {
    vec![
        follows_the_line(),
        is_near_perfect_knowledge(),
        is_as_quiet_as_counting_allows(),
        does_not_overshoot(),
        settles_at_once(),
        is_right_on_average(),
        does_not_cry_wolf(),
        leaves_users_alone(),
    ]
}

/// The line is followed several times more closely than by the published rule. That rule's error is mostly systematic,
/// which a better law can avoid, and at few events a minute mostly chance, which no law can: hence ten times as close at
/// 4,200 a minute, five at 600 and two at 60. The worst run is some 1.4 times the median's bound, so that nobody has to
/// run a load test twice for bad luck.
fn follows_the_line() -> Goal {
    let closer = |place, times| check(Score::Rmse, Statistic::Median, &[place], Bound::PublishedOver(times));
    let never = |place, most| check(Score::Rmse, Statistic::Worst, &[place], Bound::AtMost(most));
    required(
        "G1",
        vec![
            closer("nom4200", 10.0),
            closer("nom600", 5.0),
            closer("small60", 2.0),
            never("nom4200", 3.5),
            never("nom600", 5.5),
            never("small60", 16.0),
        ],
    )
}

/// The oracle knows ratio, lag and capacity, so that its error is chance. With the ratio told within 25 % the law comes
/// within 15 % of it, and 30 % at 4,200 a minute, where chance is so small that the first minutes show. Told nothing, it
/// pays for what it must learn first: at 4,200 a minute the first three minutes of the ramp alone are worth half of it.
fn is_near_perfect_knowledge() -> Goal {
    let within =
        |places: &[&'static str], times| check(Score::Rmse, Statistic::Median, places, Bound::TimesOracle(times));
    required(
        "G2",
        vec![
            within(&["nom4200"], 1.3).by(Algorithm::AdaptivePrior),
            within(&["nom600", "small60"], 1.15).by(Algorithm::AdaptivePrior),
            within(&["nom4200"], 1.9),
            within(&["nom600"], 1.35),
            within(&["small60"], 1.2),
        ],
    )
}

/// On the plateau nothing is left to learn, so that the oracle's error is the floor, and steering by noisy counts may add
/// an eighth of it at most. A minute of N independent events scatters by 1/√N; orders of a closed journey scatter by a
/// sixth less, so that even what steering adds must leave the error below that.
fn is_as_quiet_as_counting_allows() -> Goal {
    let places = ["nom4200", "nom600", "small60", "tiny3"];
    let quiet = |bound| check(Score::RmsePlateau, Statistic::Median, &places, bound);
    required("G3", vec![quiet(Bound::TimesOracle(1.12)), quiet(Bound::TimesCounting(0.95))])
}

/// A load test must not push a system beyond what was asked for. The oracle's overshoot is the greatest of ninety
/// chances; 1.5 points more are half a standard deviation at 600 a minute. Where more is unknown 3.5 points are allowed,
/// and nowhere a tenth of what the published rule does.
fn does_not_overshoot() -> Goal {
    let over = |places: &[&'static str], bound| check(Score::Overshoot, Statistic::Median, places, bound);
    required(
        "G4",
        vec![
            over(&["nom4200", "nom600"], Bound::OracleAnd(1.5)),
            over(&STEADY, Bound::OracleAnd(3.5)),
            over(&["nom4200", "nom600"], Bound::PublishedOver(10.0)),
        ],
    )
}

/// A plateau that begins late is a test that must be made longer. The line is met when the ramp ends; in the worst run
/// within seven minutes, except where the ratio itself drifts or is noise.
fn settles_at_once() -> Goal {
    let but_drift: Vec<_> = REACHABLE.into_iter().filter(|place| *place != "drift-40%").collect();
    required(
        "G5",
        vec![
            check(Score::SettleMin, Statistic::Median, &REACHABLE, Bound::AtMost(0.0)),
            check(Score::SettleMin, Statistic::Worst, &but_drift, Bound::AtMost(7.0)),
        ],
    )
}

/// What was asked for is what was tested: benchmark rules ask for 2 % of the nominal load, and counts average out over an
/// hour, so that 0.3 % is what steering may be off. A ratio that falls by 40 %, or a system that warms up, is always
/// followed from behind.
fn is_right_on_average() -> Goal {
    let off = |places: &[&'static str], most| {
        check(Score::PlateauMeanError, Statistic::MedianSize, places, Bound::AtMost(most))
    };
    required("G6", vec![off(&STEADY, 0.3), off(&["drift-40%", "coldcache"], 2.0)])
}

/// An alarm that is mostly false is switched off: one in a hundred runs at most, in every scenario. A true outage of
/// 600 a minute is told from chance with the first empty minute, and lasts when three are empty; a report may be a minute
/// late, so that it is known four minutes after it began, in every run.
fn does_not_cry_wolf() -> Goal {
    let scenarios: Vec<_> =
        [&REACHABLE[..], &["noisyq", "overcap", "overcap-cliff", "overcap2x-4200", "genbound"]].concat();
    required(
        "G7",
        vec![
            check(Score::FalseStallAlarms, Statistic::Mean, &scenarios, Bound::AtMost(0.01)),
            check(Measure::AlarmDelay, Statistic::Worst, &["outage5m"], Bound::AtMost(4.0)),
        ],
    )
}

/// Users who come and go cost journeys that are never finished, and a cold start each. Every user that is needed must be
/// started once; a third more may be moved.
fn leaves_users_alone() -> Goal {
    required("G12", vec![check(Score::Churn, Statistic::Median, &STEADY, Bound::AtMost(1.3))])
}
