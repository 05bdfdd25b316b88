//! What is aimed at and not required: where the law is known to be short of what might be reached.

use conductor_core::units::Span;

use super::beyond::OVER;
use super::{Bound, Check, Goal, Measure, Statistic, check};
use crate::score::Score;
use crate::trial::law::Algorithm;

/// Cliffs by response times: 11 and 3, a third above the oracle and what it leaves of the ramp. A halved capacity that is
/// always met with a climb and never with waiting: 8 in 95 % of the runs. A halved ratio followed as fast as by a PID
/// controller, which never asks whether more users are safe: 10. Decisions every 15 s that keep the bounds of G8, G9 and
/// G10 where beyond the knee lies a cliff. No run of 200 that loses a tenth of its KPI to a drift or to noise.
pub(super) fn goal() -> Goal {
    let close = |place, most| {
        check(Score::Rmse, Statistic::Median, &[place], Bound::AtMost(most)).by(Algorithm::AdaptiveCongestion)
    };
    let mut checks = vec![
        close("overcap-cliff", 11.0),
        close("overcap2x-4200", 3.0),
        check(Score::Rmse, Statistic::P95, &["capdrop50"], Bound::AtMost(8.0)),
        check(Score::Rmse, Statistic::Median, &["qstep-50%"], Bound::AtMost(10.0)),
        check(Score::KpiOfSustainable, Statistic::Worst, &["drift-40%", "noisyq"], Bound::AtLeast(90.0)),
    ];
    checks.extend(four_times_a_minute().map(|check| check.every(Span::seconds(15))));
    Goal { name: "S", is_required: false, checks }
}

fn four_times_a_minute() -> [Check; 4] {
    [
        check(Score::KpiOfSustainable, Statistic::Median, &["overcap-cliff"], Bound::AtLeast(88.0)),
        check(Score::KpiOfSustainable, Statistic::Median, &["overcap2x-4200"], Bound::AtLeast(94.0)),
        check(Score::PeakUsersBeyondKnee, Statistic::Worst, &OVER, Bound::AtMost(60.0)),
        check(Measure::LateError, Statistic::Share(5.0), &["capdrop-cliff"], Bound::AtLeast(96.0)),
    ]
}
