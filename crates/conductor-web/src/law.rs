//! What the control law thinks, in words and figures, for every screen and page.

use conductor_core::ramp::{Advice, Algorithm, Mode};
use conductor_core::units::three_digits;

use crate::text::number;

/// The law's name.
pub fn algorithm(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Adaptive => "adaptive",
        Algorithm::Published => "published",
        Algorithm::PublishedFrozen => "published, frozen after the ramp-up",
    }
}

/// True when the law explains itself; the published rule learns nothing and has no modes.
pub fn explains(algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::Adaptive => true,
        Algorithm::Published | Algorithm::PublishedFrozen => false,
    }
}

/// The mode with its reason.
pub fn mode(advice: &Advice) -> String {
    format!("{} ({})", advice.mode, advice.reason)
}

/// What users are worth, in the unit of the load test's `usersPerKpi`, with its standard deviation.
pub fn gain(advice: &Advice, kpi: &str) -> String {
    if advice.gain <= 0.0 || !advice.gain.is_finite() {
        return "not learnt what users are worth".to_owned();
    }
    let users = three_digits(advice.gain.recip());
    format!("{users} users for one of {kpi} a minute ± {} %", three_digits(advice.gain_sd * 100.0))
}

/// Everything learnt in one line: what users are worth, the lag, the efficiency and the limit, as far as known.
pub fn learnt(advice: &Advice, kpi: &str) -> String {
    let mut parts = vec![gain(advice, kpi), format!("lag {} s", three_digits(advice.lag_s))];
    parts.extend(advice.efficiency.map(|efficiency| format!("efficiency {}", percent(efficiency))));
    parts.extend(
        advice.knee.map(|knee| {
            format!("limit {} users = {}/min", number(knee.users.round()), number(knee.kpi_per_min.round()))
        }),
    );
    parts.join(", ")
}

/// A share in whole percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// What a mode means, for a legend.
pub(crate) fn meaning(mode: Mode) -> &'static str {
    match mode {
        Mode::Boot => "boot: the ratio is being learnt",
        Mode::Track => "track: users follow the line",
        Mode::Test => "test: fewer users, to see why they are worth less",
        Mode::Drain => "drain: past the limit, users are drawn back",
        Mode::Climb => "climb: users come back step by step",
        Mode::Hold => "hold: just under the limit",
        Mode::Probe => "probe: a few more users, to see whether the limit moved",
        Mode::Stalled => "stalled: the KPI is gone",
    }
}

/// True for modes in which users do not simply follow the line.
pub(crate) fn is_marked(mode: Mode) -> bool {
    match mode {
        Mode::Boot | Mode::Track => false,
        Mode::Test | Mode::Drain | Mode::Climb | Mode::Hold | Mode::Probe | Mode::Stalled => true,
    }
}

/// The CSS class that colours a mode's band.
pub(crate) fn class(mode: Mode) -> &'static str {
    match mode {
        Mode::Boot => "mode boot",
        Mode::Track => "mode track",
        Mode::Test => "mode test",
        Mode::Drain => "mode drain",
        Mode::Climb => "mode climb",
        Mode::Hold => "mode hold",
        Mode::Probe => "mode probe",
        Mode::Stalled => "mode stalled",
    }
}

#[cfg(test)]
mod tests {
    use conductor_core::ramp::{Knee, Reason};

    use super::*;

    fn advice() -> Advice {
        Advice {
            users: 300,
            spawn_rate: 1.0,
            set_point_per_min: 2000.0,
            alarm: None,
            mode: Mode::Hold,
            reason: Reason::Drained,
            gain: 6.4,
            gain_sd: 0.021,
            lag_s: 9.25,
            efficiency: Some(0.958),
            knee: Some(Knee { users: 141.6, kpi_per_min: 1899.6 }),
        }
    }

    #[test]
    fn all_that_is_learnt_stands_in_one_line() {
        assert_eq!(mode(&advice()), "hold (the system is well again)");
        assert_eq!(
            learnt(&advice(), "orders"),
            "0.156 users for one of orders a minute ± 2.1 %, lag 9.25 s, efficiency 96 %, limit 142 users = 1,900/min"
        );
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let young = Advice { gain: 0.0, efficiency: None, knee: None, ..advice() };
        assert_eq!(learnt(&young, "orders"), "not learnt what users are worth, lag 9.25 s");
    }
}
