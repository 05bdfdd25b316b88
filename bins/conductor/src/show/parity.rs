//! In what an environment differs from production, application by application, no longer than people read.

use conductor_core::parity::{Difference, Report, Severity, WaiverState};

/// Differences of one application that are shown.
const OF_ONE: usize = 12;
/// Differences that are shown of all together.
const OF_ALL: usize = 60;

/// The report, line by line.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec!["differs from production in".to_owned()];
    if let Some(why) = &report.incomparable {
        lines.push(format!("  nothing is compared: {why}"));
        return lines;
    }
    let (mut shown, mut of_one) = (0, 0);
    for (position, difference) in report.differences.iter().enumerate() {
        if position.checked_sub(1).is_none_or(|last| report.differences[last].application != difference.application) {
            of_one = 0;
        }
        if shown == OF_ALL || of_one == OF_ONE {
            continue;
        }
        if of_one == 0 {
            lines.push(format!("  {}", subject(difference)));
        }
        lines.push(format!("    {}{difference}", weight(difference)));
        (shown, of_one) = (shown + 1, of_one + 1);
    }
    let more = report.differences.len() - shown;
    if more > 0 {
        lines.push(format!("  {more} more, which --output json has"));
    }
    if report.differences.is_empty() && report.applications > 0 {
        let plural = if report.applications == 1 { "" } else { "s" };
        lines.push(format!("  nothing that is compared, in {} application{plural}", report.applications));
    }
    let stale = report.waivers.iter().filter(|judged| judged.state != WaiverState::Applied);
    lines.extend(stale.map(|judged| format!("  {judged}")));
    lines.extend(report.notes.iter().map(|note| format!("  not known: {note}")));
    lines
}

fn subject(difference: &Difference) -> String {
    difference.application.as_ref().map_or_else(|| "the cluster".to_owned(), ToString::to_string)
}

fn weight(difference: &Difference) -> &'static str {
    match difference.severity {
        Severity::Info => "(minor) ",
        Severity::Warn => "",
        Severity::Error => "(error) ",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn difference(application: Option<&str>, aspect: &str, severity: &str) -> Value {
        let mut one = json!({ "aspect": aspect, "production": "a", "test": "b", "severity": severity });
        if let Some(application) = application {
            one["application"] = json!(application);
        }
        one
    }

    fn shown(differences: &[Value], fields: &Value) -> String {
        let mut report = json!({ "applications": 2, "differences": differences, "waivers": [], "notes": [] });
        for (name, value) in fields.as_object().unwrap() {
            report[name] = value.clone();
        }
        lines(&serde_json::from_value(report).unwrap()).join("\n")
    }

    #[test]
    fn differences_are_told_below_their_subject() {
        let waiver = json!({ "aspect": "env.X", "reason": "not used", "until": "2026-01-31" });
        let mut waived = difference(Some("shop"), "env.X", "warn");
        waived["container"] = json!("main");
        waived["waived"] = waiver.clone();
        let all = [
            difference(None, "cluster.version", "info"),
            waived,
            difference(Some("shop"), "replicas", "warn"),
            difference(Some("search"), "existence", "error"),
        ];
        let waivers = json!([
            { "waiver": waiver, "state": "expired", "differences": 1 },
            { "waiver": waiver, "state": "applied", "differences": 1 },
        ]);
        assert_eq!(
            shown(&all, &json!({ "waivers": waivers, "notes": ["could not list nodes"] })),
            "differs from production in
  the cluster
    (minor) cluster.version: production a, test b
  shop
    env.X of main: production a, test b; waived until 2026-01-31: not used
    replicas: production a, test b
  search
    (error) existence: production a, test b
  waiver of env.X until 2026-01-31 (not used) has expired and waives nothing
  not known: could not list nodes"
        );
    }

    #[test]
    fn no_differences_are_told_as_such() {
        let none = json!({});
        assert_eq!(shown(&[], &none), "differs from production in\n  nothing that is compared, in 2 applications");
        assert_eq!(
            shown(&[], &json!({ "applications": 0, "incomparable": "nobody knows it" })),
            "differs from production in\n  nothing is compared: nobody knows it"
        );
        let unread = shown(&[], &json!({ "applications": 0, "notes": ["refused"] }));
        assert_eq!(unread, "differs from production in\n  not known: refused");
    }

    #[test]
    fn many_differences_are_cut_for_each_application_and_for_all() {
        let of = |name: &str, count: usize| -> Vec<Value> {
            (0..count).map(|number| difference(Some(name), &format!("env.V{number}"), "warn")).collect()
        };
        let two = [of("a", 20), of("b", 2)].concat();
        let text = shown(&two, &json!({}));
        assert_eq!((text.lines().count(), text.contains("  8 more, which --output json has")), (18, true), "{text}");
        let many: Vec<Value> = (0..40).flat_map(|number| of(&format!("app-{number}"), 3)).collect();
        let text = shown(&many, &json!({}));
        assert_eq!((text.lines().count(), text.contains("  60 more, which")), (82, true), "{text}");
    }
}
