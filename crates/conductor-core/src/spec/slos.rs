//! The objectives of a load test, checked against the rest of it.

use super::LoadShape;
use super::validate::Findings;
use crate::run::RunId;
use crate::slo::{During, Judged, Limit, Slo};
use crate::units::Span;

/// The most objectives that a load test may have.
const MOST_SLOS: usize = 50;

/// What a document says.
pub(super) fn slos(
    found: &mut Findings,
    written: &[String],
    baseline: Option<&str>,
    shape: Option<&LoadShape>,
    interval: Span,
) -> Vec<Slo> {
    if written.len() > MOST_SLOS {
        found.add("spec.slos", format!("{} objectives are too many", written.len()), format!("at most {MOST_SLOS}"));
        return Vec::new();
    }
    let mut slos: Vec<Slo> = Vec::with_capacity(written.len());
    for (position, text) in written.iter().enumerate() {
        let field = format!("spec.slos[{position}]");
        let slo: Slo = match text.parse() {
            Ok(slo) => slo,
            Err(error) => {
                let error: crate::slo::SloError = error;
                found.add(&field, error.pointed(), error.expected);
                continue;
            }
        };
        if let Some((problem, expected)) = unfit(&slo, baseline, shape, interval) {
            found.add(&field, problem, expected);
        } else if slos.contains(&slo) {
            found.add(&field, format!("\"{slo}\" is listed twice"), "each objective once");
        }
        slos.push(slo);
    }
    slos
}

/// What does not go with the rest of the test, and what would be right.
fn unfit(
    slo: &Slo,
    baseline: Option<&str>,
    shape: Option<&LoadShape>,
    interval: Span,
) -> Option<(String, &'static str)> {
    if matches!(slo.limit, Limit::Baseline(_)) && baseline.is_none() {
        let problem = format!("\"{slo}\" is relative to a baseline, and there is none");
        return Some((problem, "the id of a run in spec.baseline"));
    }
    let is_search = matches!(shape, Some(LoadShape::Search(_)));
    if is_search && (slo.during != During::Load || matches!(slo.judged, Judged::Minutes(_))) {
        let problem = format!("\"{slo}\" is of a part of the load, and a search has none that is known before");
        return Some((problem, "during load, and no share of minutes"));
    }
    match slo.judged {
        Judged::Over(time) if time < interval => {
            let problem = format!("\"{slo}\" is over less than the interval of {interval} in which is measured");
            Some((problem, "spec.interval or longer"))
        }
        Judged::For(time) if !time.is_zero() && time < interval => {
            let problem = format!("\"{slo}\" is for less than the interval of {interval} in which is measured");
            Some((problem, "spec.interval or longer, or no \"for\""))
        }
        Judged::Minutes(_) if interval > Span::minutes(1) => {
            let problem = format!("\"{slo}\" is of minutes, and {interval} are measured together");
            Some((problem, "a spec.interval of 60s or less"))
        }
        Judged::Whole | Judged::Over(_) | Judged::For(_) | Judged::Minutes(_) => None,
    }
}

/// The run that a document names as the baseline.
pub(super) fn baseline(found: &mut Findings, written: Option<&str>) -> Option<RunId> {
    let text = written?;
    let run = text.parse().ok();
    if run.is_none() {
        found.add(
            "spec.baseline",
            format!("\"{text}\" is not the id of a run"),
            "the id of a run, as `conductor list` shows it",
        );
    }
    run
}
