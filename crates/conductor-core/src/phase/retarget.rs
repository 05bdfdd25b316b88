//! A changed target while load is generated: the rest of the line is replaced, and what is behind stays.
//!
//! The line goes on from where it is, so that there is no jump; what the control law has learnt is kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ramp::Profile;
use crate::spec::{LoadTestSpec, SpecError, Violation};
use crate::units::{Rate, Span};

/// Longest times that can be asked for, as in a spec.
const LONGEST: Span = Span::minutes(7 * 24 * 60);

/// A changed target. It replaces all that is left of the run's ramp-up and plateau, or of its stages.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retarget {
    /// The KPI to reach and hold from now on.
    pub target: Rate,
    /// Time to reach it, evenly from the present set-point; zero is a step. When absent: as steep as the test's first
    /// ramp, in one interval at least.
    pub within: Option<Span>,
    /// Time to hold it once it is reached. When absent: until the load would have ended before, for one interval at
    /// least.
    pub plateau: Option<Span>,
}

impl fmt::Display for Retarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.target)?;
        if let Some(within) = self.within {
            write!(f, " within {within}")?;
        }
        if let Some(plateau) = self.plateau {
            write!(f, ", held for {plateau}")?;
        }
        Ok(())
    }
}

impl Retarget {
    /// Checks the change against the test it is for.
    ///
    /// # Errors
    /// With every field that makes no sense.
    pub fn check(&self, spec: &LoadTestSpec) -> Result<(), SpecError> {
        let mut violations = Vec::new();
        let mut add = |field: &str, problem: String, expected: &str| {
            violations.push(Violation { field: field.to_owned(), problem, expected: expected.to_owned() });
        };
        for (field, span) in [("within", self.within), ("plateau", self.plateau)] {
            if let Some(span) = span.filter(|span| *span > LONGEST) {
                add(field, format!("{span} is longer than a week"), "at most 168h");
            }
        }
        if let Some(plateau) = self.plateau.filter(|plateau| *plateau < spec.interval) {
            let problem = format!("{plateau} is shorter than the test's interval of {}", spec.interval);
            add("plateau", problem, "at least one interval, or nothing is measured at the target");
        }
        if violations.is_empty() { Ok(()) } else { Err(SpecError { violations }) }
    }

    /// The line from `at_s` seconds of load on, with what was before.
    pub fn applied(&self, spec: &LoadTestSpec, profile: &Profile, at_s: f64) -> Profile {
        let (target, interval_s) = (self.target.as_per_minute(), spec.interval.as_secs_f64());
        let past = profile.until(at_s);
        let way = (target - past.last_per_min()).abs();
        let within_s = self.within.map_or_else(
            || spec.shape.first_slope(spec.target).map_or(0.0, |slope| way / slope).max(interval_s),
            Span::as_secs_f64,
        );
        let reached = past.then(within_s, target);
        let plateau_s =
            self.plateau.map_or_else(|| (profile.end_s() - reached.end_s()).max(interval_s), Span::as_secs_f64);
        reached.then(plateau_s, target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::load_test;

    /// From nothing to 600 a minute in 10 minutes, 20 minutes of plateau.
    fn spec() -> LoadTestSpec {
        load_test("600/min", serde_json::json!({ "rampUp": "10m", "plateau": "20m" }))
    }

    fn change(target: &str, within: Option<&str>, plateau: Option<&str>) -> Retarget {
        let span = |text: &str| text.parse().unwrap();
        Retarget { target: target.parse().unwrap(), within: within.map(span), plateau: plateau.map(span) }
    }

    /// Minutes and rates of the line after the change, from the change on.
    fn rest(change: Retarget, minute: f64) -> Vec<(f64, f64)> {
        let spec = spec();
        let line = change.applied(&spec, &spec.profile(), minute * 60.0);
        let points = line.points().iter().filter(|point| point.at_s >= minute * 60.0);
        points.map(|point| (point.at_s / 60.0, point.per_min)).collect()
    }

    #[test]
    fn the_line_goes_on_from_where_it_is_and_ends_when_it_would_have() {
        assert_eq!(rest(change("900/min", None, None), 15.0), [(15.0, 600.0), (20.0, 900.0), (30.0, 900.0)]);
        assert_eq!(rest(change("300/min", Some("1m"), None), 15.0), [(15.0, 600.0), (16.0, 300.0), (30.0, 300.0)]);
        assert_eq!(rest(change("600/min", None, Some("5m")), 5.0), [(5.0, 300.0), (10.0, 600.0), (15.0, 600.0)]);
    }

    #[test]
    fn a_small_change_takes_an_interval_and_a_late_one_is_held_for_one() {
        assert_eq!(rest(change("610/min", None, None), 29.5), [(29.5, 600.0), (30.5, 610.0), (31.5, 610.0)]);
    }

    #[test]
    fn what_is_behind_stays_as_it_was() {
        let spec = spec();
        let line = change("6000/min", None, None).applied(&spec, &spec.profile(), 720.0);
        for at_s in [0.0, 30.0, 599.0, 719.0, 720.0] {
            assert_eq!(line.at(at_s), spec.profile().at(at_s));
        }
    }

    #[test]
    fn times_that_make_no_sense_are_refused_together() {
        let error = change("6/min", Some("200h"), Some("5s")).check(&spec()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "within: 200h is longer than a week; expected at most 168h\nplateau: 5s is shorter than the test's interval of 1m; expected at least one interval, or nothing is measured at the target"
        );
        assert_eq!(change("6/min", Some("0s"), Some("1m")).check(&spec()), Ok(()));
    }
}
