//! By what a run is judged, as it is written in a load test and as it holds.

use serde::{Deserialize, Serialize};

use super::validate::Findings;
use crate::sizing::LIMIT_CPU;

const FIELD: &str = "spec.verdict";

/// By what the run is judged; see `docs/verdict.md`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerdictDocument {
    /// How far the mean of a hold may be from its level, up to 50%; `5%` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_tolerance: Option<String>,
    /// How far a window may be from the level where chance alone does not explain more, up to 100%; `10%` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_tolerance: Option<String>,
    /// The share of a hold's windows that must be within the tolerance, from 50% to 100%; `90%` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_share: Option<String>,
    /// The share of a hold that may be without samples, up to 50%; `10%` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmeasured_share: Option<String>,
    /// The share of a hold in which the load generator may be at its limit, up to 50%; `10%` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_bound_share: Option<String>,
    /// The CPU of the busiest load worker, of one core, above which it is at its limit, from 10% to 90%; `90%` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_cpu: Option<String>,
    /// By how much the users that run may fall short of those that were asked for, up to 50%; `10%` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users_short: Option<String>,
    /// How much of a tolerance may be used up before the run is warned of, from 50% to 100%; `80%` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near_miss: Option<String>,
    /// What differences from production of severity `error` that nobody has waived make of the run: `invalid` (when absent)
    /// makes it invalid, `warn` warns of them, and `report` only tells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["invalid", "warn", "report", null])))]
    pub parity: Option<String>,
    /// What it makes of the run that load generators or mocks run on nodes of the applications under test: `invalid` (when
    /// absent) makes it invalid, `warn` warns of it, as a cluster of one node needs, and `ignore` only tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["invalid", "warn", "ignore", null])))]
    pub shared_nodes: Option<String>,
}

/// By what a run is judged. Shares are numbers from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// How far the mean of a hold may be from its level, as a share of it.
    pub mean_tolerance: f64,
    /// How far a window may be from the level, as a share of it, where chance alone does not explain more.
    pub window_tolerance: f64,
    /// The share of a hold's windows that must be within the tolerance.
    pub window_share: f64,
    /// The share of a hold that may be without samples.
    pub unmeasured_share: f64,
    /// The share of a hold in which the generator may be at its limit.
    pub generator_bound_share: f64,
    /// The CPU of the busiest load worker above which it is at its limit, percent of one core.
    pub generator_cpu: f64,
    /// By what share the users that run may fall short of those that were asked for.
    pub users_short: f64,
    /// The share of a tolerance that may be used up before the run is warned of.
    pub near_miss: f64,
    /// What unwaived differences from production of severity `error` make of the run.
    pub parity: ParityRule,
    /// What load generators or mocks on nodes of the applications under test make of the run.
    pub shared_nodes: SharedNodesRule,
}

/// What differences from production of severity `error` that nobody has waived make of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParityRule {
    /// The run is invalid: what was measured is not what production would show.
    #[default]
    Invalid,
    /// The run is warned of.
    Warn,
    /// They are told, and nothing follows from them.
    Report,
}

/// What load generators or mocks on nodes of the applications under test make of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SharedNodesRule {
    /// The run is invalid: what was measured is not the applications alone.
    #[default]
    Invalid,
    /// The run is warned of.
    Warn,
    /// It is told while the run goes on, and nothing follows from it.
    Ignore,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            mean_tolerance: 0.05,
            window_tolerance: 0.10,
            window_share: 0.90,
            unmeasured_share: 0.10,
            generator_bound_share: 0.10,
            generator_cpu: LIMIT_CPU,
            users_short: 0.10,
            near_miss: 0.80,
            parity: ParityRule::Invalid,
            shared_nodes: SharedNodesRule::Invalid,
        }
    }
}

/// What a document says.
pub(super) fn thresholds(found: &mut Findings, document: Option<&VerdictDocument>) -> Thresholds {
    let absent = Thresholds::default();
    let Some(document) = document else { return absent };
    let mut percent = |name: &str, text: &Option<String>, least: f64, most: f64, absent: f64| {
        let Some(text) = text else { return absent };
        let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        let sound = number.filter(|percent| (least..=most).contains(percent));
        if sound.is_none() {
            let problem = format!("\"{text}\" is not a share from {least}% to {most}%");
            found.add(
                &format!("{FIELD}.{name}"),
                problem,
                format!("percent such as {absent}% (which it is when absent)"),
            );
        }
        sound.unwrap_or(absent)
    };
    let mut share = |name: &str, text: &Option<String>, least: f64, most: f64, absent: f64| {
        percent(name, text, least, most, absent * 100.0) / 100.0
    };
    let thresholds = Thresholds {
        mean_tolerance: share("meanTolerance", &document.mean_tolerance, 0.1, 50.0, absent.mean_tolerance),
        window_tolerance: share("windowTolerance", &document.window_tolerance, 0.1, 100.0, absent.window_tolerance),
        window_share: share("windowShare", &document.window_share, 50.0, 100.0, absent.window_share),
        unmeasured_share: share("unmeasuredShare", &document.unmeasured_share, 0.0, 50.0, absent.unmeasured_share),
        generator_bound_share: share(
            "generatorBoundShare",
            &document.generator_bound_share,
            0.0,
            50.0,
            absent.generator_bound_share,
        ),
        users_short: share("usersShort", &document.users_short, 1.0, 50.0, absent.users_short),
        near_miss: share("nearMiss", &document.near_miss, 50.0, 100.0, absent.near_miss),
        generator_cpu: percent("generatorCpu", &document.generator_cpu, 10.0, LIMIT_CPU, absent.generator_cpu),
        parity: absent.parity,
        shared_nodes: absent.shared_nodes,
    };
    Thresholds {
        parity: parity(found, document.parity.as_deref()),
        shared_nodes: shared_nodes(found, document.shared_nodes.as_deref()),
        ..thresholds
    }
}

fn shared_nodes(found: &mut Findings, text: Option<&str>) -> SharedNodesRule {
    match text {
        None | Some("invalid") => SharedNodesRule::Invalid,
        Some("warn") => SharedNodesRule::Warn,
        Some("ignore") => SharedNodesRule::Ignore,
        Some(other) => {
            let problem = format!("\"{other}\" is not what shared nodes make of a run");
            found.add(&format!("{FIELD}.sharedNodes"), problem, "invalid (when absent), warn or ignore");
            SharedNodesRule::Invalid
        }
    }
}

fn parity(found: &mut Findings, text: Option<&str>) -> ParityRule {
    match text {
        None | Some("invalid") => ParityRule::Invalid,
        Some("warn") => ParityRule::Warn,
        Some("report") => ParityRule::Report,
        Some(other) => {
            let problem = format!("\"{other}\" is not what differences from production make of a run");
            found.add(&format!("{FIELD}.parity"), problem, "invalid (when absent), warn or report");
            ParityRule::Invalid
        }
    }
}

/// How valid thresholds are written: those that are as when absent are left out, so that documents of before there was a
/// choice stay as they were.
pub(super) fn written(thresholds: Thresholds) -> Option<VerdictDocument> {
    let absent = Thresholds::default();
    if thresholds == absent {
        return None;
    }
    let percent = |value: f64, absent: f64| (value != absent).then(|| format!("{value}%"));
    let share = |value: f64, absent: f64| (value != absent).then(|| format!("{}%", percent_of(value)));
    Some(VerdictDocument {
        mean_tolerance: share(thresholds.mean_tolerance, absent.mean_tolerance),
        window_tolerance: share(thresholds.window_tolerance, absent.window_tolerance),
        window_share: share(thresholds.window_share, absent.window_share),
        unmeasured_share: share(thresholds.unmeasured_share, absent.unmeasured_share),
        generator_bound_share: share(thresholds.generator_bound_share, absent.generator_bound_share),
        generator_cpu: percent(thresholds.generator_cpu, absent.generator_cpu),
        users_short: share(thresholds.users_short, absent.users_short),
        near_miss: share(thresholds.near_miss, absent.near_miss),
        parity: match thresholds.parity {
            ParityRule::Invalid => None,
            ParityRule::Warn => Some("warn".to_owned()),
            ParityRule::Report => Some("report".to_owned()),
        },
        shared_nodes: match thresholds.shared_nodes {
            SharedNodesRule::Invalid => None,
            SharedNodesRule::Warn => Some("warn".to_owned()),
            SharedNodesRule::Ignore => Some("ignore".to_owned()),
        },
    })
}

/// A percent figure that gives the same share again when it is read.
fn percent_of(share: f64) -> f64 {
    let rounded = (share * 1e6).round() / 1e4;
    if rounded / 100.0 == share { rounded } else { share * 100.0 }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
