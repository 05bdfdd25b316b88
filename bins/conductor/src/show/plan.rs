//! A plan in words: what a run would change, with what, and how long each step may take.

use std::fmt::Write;

use conductor_core::guard::Pause;
use conductor_core::layout::LayoutSight;
use conductor_engine::{PlanReport, WorkersPlan};

use super::parity;

/// A plan in words.
pub(crate) fn plan(report: &PlanReport, kpi: &str) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let mut line = |words: String| {
        let _ = writeln!(text, "{words}");
    };
    line("would deploy".to_owned());
    for rollout in &report.plan.rollouts {
        let by = report.deployed_by.get(&rollout.application);
        line(format!("  {rollout}{}", by.map_or_else(String::new, |by| format!(", by {by}"))));
    }
    if report.plan.rollouts.is_empty() {
        line("  nothing: every wanted version runs already".to_owned());
    }
    line("would scale".to_owned());
    for step in &report.plan.scale_steps {
        line(format!("  {step}"));
    }
    if report.plan.scale_steps.is_empty() {
        line("  nothing: every application has its allocation already".to_owned());
    }
    pauses(&report.pauses).into_iter().for_each(&mut line);
    for shortage in &report.shortages {
        let word = if shortage.is_final { "cannot" } else { "may not" };
        line(format!("{word} find room: {shortage}"));
    }
    parity::lines(&report.parity).into_iter().for_each(&mut line);
    report.layout.iter().flat_map(LayoutSight::troubles).for_each(&mut line);
    line(format!("would generate load with {}; {}", report.generator.version, report.generator.counting));
    let hints = report.hints.words(kpi);
    for hint in &hints {
        line(format!("would tell the control law {hint}"));
    }
    if hints.is_empty() {
        line("would tell the control law nothing: it learns while it steers".to_owned());
    }
    if let Some(WorkersPlan { application, replicas, most, target_cpu }) = &report.load_workers {
        line(format!(
            "would scale load workers while it does: {application} from {replicas} to at most {most} replicas, planned \
             for {target_cpu} % CPU each"
        ));
    }
    if let Some(sizing) = &report.sizing {
        line(format!("workers: {}", conductor_web::sizing::words(sizing)));
    }
    line("would scale down to".to_owned());
    for (application, observed) in &report.baseline {
        line(format!("  {application}: {observed}"));
    }
    line("would delete the run's rows in".to_owned());
    for rows in &report.test_data {
        line(format!("  {}/{}: {} rows now", rows.store, rows.table, rows.rows));
    }
    // Of rows that are not counted in time there is a note.
    if report.test_data.is_empty() && report.test_data_remarks.is_empty() {
        line("  nothing: the environment declares no test data".to_owned());
    }
    for remark in &report.test_data_remarks {
        line(format!("  note: {remark}"));
    }
    line("time limits".to_owned());
    for deadline in &report.deadlines {
        line(format!("  {:<21} {:>8}  then {}", deadline.activity, deadline.limit.to_string(), deadline.then));
    }
    text
}

/// What would stand still, and what does already; nothing where nothing acts by itself.
fn pauses(all: &[Pause]) -> Vec<String> {
    let (paused, left): (Vec<&Pause>, Vec<&Pause>) = all.iter().partition(|pause| pause.is_for_a_run());
    let titled = [("would pause", paused), ("would leave as it is", left)];
    let told = titled.into_iter().filter(|(_, pauses)| !pauses.is_empty()).flat_map(|(title, pauses)| {
        let lines = pauses.into_iter().map(|pause| format!("  {pause}"));
        std::iter::once(title.to_owned()).chain(lines)
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use conductor_core::guard::Standing;

    use super::*;

    #[test]
    fn what_stands_still_is_told_apart_from_what_does_so_already() {
        let pause = |name: &str, standing| Pause {
            name: name.to_owned(),
            applications: vec!["shop".parse().unwrap()],
            others: Some(0),
            setting: "suspend: true".to_owned(),
            standing,
        };
        let all = [pause("HelmRelease gitops/a", Standing::Left), pause("HelmRelease gitops/b", Standing::Acts)];
        assert_eq!(
            pauses(&all),
            [
                "would pause",
                "  HelmRelease gitops/b of shop (suspend: true)",
                "would leave as it is",
                "  HelmRelease gitops/a of shop, which stands still already",
            ]
        );
        assert_eq!(pauses(&[]), [""; 0]);
    }
}
