//! A search as it is written, and what makes it valid. How one goes is in [`crate::search`].

use serde::{Deserialize, Serialize};

use super::validate::Findings;
use crate::search::{LONGEST_RECOVERY_S, LONGEST_RISE_INTERVALS, MOST_FIRST_HOLDS, MOST_HOLDS};
use crate::units::{Rate, Span};

const FIELD: &str = "spec.search";
const DEFAULT_RAMP_UP: Span = Span::minutes(5);
const DEFAULT_HOLD: Span = Span::minutes(3);
const DEFAULT_STEP: f64 = 0.10;

/// A search for the highest KPI that the system sustains.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SearchDocument {
    /// The first level, such as `1200/min`; the system should sustain it.
    pub from: String,
    /// The highest level, such as `20000/min`; the test's target when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How much higher each next level is, such as `10%` (default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// How long each level is held, `3m` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// Time from the first user to the first level, `5m` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp_up: Option<String>,
    /// How near the highest level that is sustained and the lowest that is not shall be, such as `2%`; a quarter of the
    /// step when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
}

/// A valid search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchPlan {
    /// The first level.
    pub from: Rate,
    /// The highest level.
    pub to: Rate,
    /// How much higher each next level is, as a share.
    pub step: f64,
    /// How long each level is held.
    pub hold: Span,
    /// Time from the first user to the first level.
    pub ramp_up: Span,
    /// How near the highest level that is sustained and the lowest that is not shall be, as a share.
    pub precision: f64,
}

impl SearchPlan {
    /// The longest it can take where every window can be measured.
    pub fn longest(&self, interval: Span) -> Span {
        let steps = (self.to.as_per_minute() / self.from.as_per_minute()).ln() / self.step.ln_1p();
        let climbs = steps.ceil().max(0.0) + 1.0;
        let halvings = (self.step.ln_1p() / self.precision.ln_1p()).log2().ceil().max(0.0);
        let interval_s = interval.as_secs_f64();
        let trial_s = f64::from(MOST_HOLDS) * self.hold.as_secs_f64() + (LONGEST_RISE_INTERVALS + 1.0) * interval_s;
        let first_s = self.ramp_up.as_secs_f64() + f64::from(MOST_FIRST_HOLDS) * self.hold.as_secs_f64();
        let seconds = first_s + (climbs + halvings) * trial_s + (halvings + 1.0) * LONGEST_RECOVERY_S;
        Span::from(std::time::Duration::try_from_secs_f64(seconds.ceil()).unwrap_or(std::time::Duration::MAX))
    }
}

/// A search and the target that goes with it, which is its highest level.
pub(super) fn plan(found: &mut Findings, document: &SearchDocument, target: Option<Rate>) -> Option<SearchPlan> {
    let field = |name: &str| format!("{FIELD}.{name}");
    let from = found.parse::<Rate>(&field("from"), &document.from);
    let to = match &document.to {
        Some(to) => found.parse(&field("to"), to),
        None => {
            if target.is_none() && !found.has("spec.kpi.target") {
                found.add(
                    &field("to"),
                    "it is missing, and so is spec.kpi.target",
                    "the highest rate to try, here or there",
                );
            }
            target
        }
    };
    let step = share(found, &field("step"), document.step.as_ref(), DEFAULT_STEP);
    let hold = found.span(&field("hold"), document.hold.as_ref(), DEFAULT_HOLD);
    let ramp_up = found.span(&field("rampUp"), document.ramp_up.as_ref(), DEFAULT_RAMP_UP);
    let precision =
        share(found, &field("precision"), document.precision.as_ref(), rounded(step.unwrap_or(DEFAULT_STEP) / 4.0));
    let (from, to, step, precision) = (from?, to?, step?, precision?);
    if from >= to {
        found.add(&field("from"), format!("{from} is not below {to}"), "a level below the highest one (search.to)");
    }
    if precision > step {
        let problem = format!("{} is more than the step of {}", percent(precision), percent(step));
        found.add(&field("precision"), problem, "at most the step");
    }
    Some(SearchPlan { from, to, step, hold, ramp_up, precision })
}

/// How a valid search is written.
pub(super) fn written(plan: &SearchPlan) -> SearchDocument {
    SearchDocument {
        from: plan.from.to_string(),
        to: Some(plan.to.to_string()),
        step: Some(percent(plan.step)),
        hold: Some(plan.hold.to_string()),
        ramp_up: Some(plan.ramp_up.to_string()),
        precision: Some(percent(plan.precision)),
    }
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 1e8).round() / 1e6)
}

fn share(found: &mut Findings, field: &str, text: Option<&String>, absent: f64) -> Option<f64> {
    let Some(text) = text else { return Some(absent) };
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let sound = number.filter(|percent| (0.01..=100.0).contains(percent));
    if sound.is_none() {
        found.add(field, format!("\"{text}\" is not a share from 0.01% to 100%"), "percent such as 10%");
    }
    sound.map(|percent| rounded(percent / 100.0))
}

/// A share as it is written back, so that it reads as the same.
fn rounded(share: f64) -> f64 {
    (share * 1e8).round() / 1e8
}
