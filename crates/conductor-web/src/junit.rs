//! The results of a run as JUnit's XML, which build servers read: a suite with a case for each level, objective and check.
//!
//! Of the many dialects it is the one that Jenkins, GitLab and GitHub's reporters agree on: `testsuites`, `testsuite` with its
//! counts, `properties`, `testcase` with at most one of `failure`, `error` and `skipped`, and `system-out`.

use std::borrow::Cow;
use std::fmt::Write;

use conductor_core::slo::SloStatus;
use conductor_core::verdict::{Hold, Outcome, VerdictCause, rules};
use conductor_core::view::RunView;

use crate::page::headline;
use crate::text::{clock, number};

/// Codes of causes that a level or an objective tells already.
const TOLD_BY_OTHERS: [&str; 2] = ["target_not_held", "slo_breached"];

/// What became of a case.
enum Became {
    Passed,
    /// The run was valid, and the system did not do what was asked.
    Failed(String, String),
    /// Nothing can be said of the system.
    Broken(String, String),
    /// It did not come to that.
    Skipped(String),
}

struct Case {
    class: &'static str,
    name: String,
    seconds: f64,
    became: Became,
}

impl Case {
    fn new(class: &'static str, name: impl Into<String>, became: Became) -> Self {
        Self { class, name: name.into(), seconds: 0.0, became }
    }
}

/// The results of a run as JUnit's XML. A run that goes on has the one case that it has not ended.
pub fn junit(view: &RunView) -> String {
    let cases = cases(view);
    let count = |is: fn(&Became) -> bool| cases.iter().filter(|case| is(&case.became)).count();
    let failures = count(|became| matches!(became, Became::Failed(..)));
    let errors = count(|became| matches!(became, Became::Broken(..)));
    let skipped = count(|became| matches!(became, Became::Skipped(_)));
    let seconds = view.updated_at.duration_since(view.created_at).as_secs_f64().max(0.0);
    let (name, tests) = (escaped(&view.name), cases.len());
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    push(&mut xml, format_args!("<testsuites name=\"{name}\" {counts} time=\"{seconds:.3}\">\n"));
    push(
        &mut xml,
        format_args!(
            "  <testsuite name=\"{name}\" {counts} skipped=\"{skipped}\" time=\"{seconds:.3}\" timestamp=\"{}\" hostname=\"{}\">\n",
            view.created_at.strftime("%Y-%m-%dT%H:%M:%S"),
            escaped(&view.environment)
        ),
    );
    xml.push_str("    <properties>\n");
    for (name, value) in properties(view) {
        push(&mut xml, format_args!("      <property name=\"{}\" value=\"{}\"/>\n", escaped(&name), escaped(&value)));
    }
    xml.push_str("    </properties>\n");
    for case in &cases {
        write_case(&mut xml, &view.name, case);
    }
    push(&mut xml, format_args!("    <system-out>{}</system-out>\n", escaped(&told(view))));
    xml.push_str("    <system-err/>\n  </testsuite>\n</testsuites>\n");
    xml
}

fn cases(view: &RunView) -> Vec<Case> {
    let Some(verdict) = &view.verdict else {
        return vec![Case::new("run", "ended", Became::Skipped(headline(view)))];
    };
    let by_code = |code: &str, outcome: Outcome| {
        verdict.causes.iter().find(|cause| cause.code == code && cause.outcome == outcome)
    };
    let mut cases: Vec<Case> = verdict.holds.iter().map(|hold| level(view, hold, &verdict.causes)).collect();
    cases.extend(verdict.slos.iter().map(|slo| {
        let told = || {
            let figure = |value: Option<f64>| crate::text::figure(value.unwrap_or_default(), Some(&slo.unit));
            format!("observed {}, of a limit of {}", figure(slo.observed), figure(slo.limit))
        };
        let became = match slo.status {
            SloStatus::Met | SloStatus::NearMiss => Became::Passed,
            // It was wanted that the run does not fail for it.
            SloStatus::Breached if slo.only_alerts() => Became::Passed,
            SloStatus::Breached => Became::Failed("slo_breached".to_owned(), told()),
            SloStatus::Unmeasured => Became::Skipped("too little was measured to tell".to_owned()),
        };
        Case::new("objectives", slo.slo.clone(), became)
    }));
    let mut known: Vec<&str> = Vec::new();
    for rule in rules().filter(|rule| rule.outcome == Outcome::Invalid) {
        if known.contains(&rule.code) {
            continue;
        }
        known.push(rule.code);
        let became = by_code(rule.code, Outcome::Invalid).map_or(Became::Passed, broken);
        cases.push(Case::new("validity", rule.code, became));
    }
    for cause in &verdict.causes {
        let class = match cause.outcome {
            Outcome::Invalid if known.contains(&cause.code.as_str()) => continue,
            Outcome::Failed if TOLD_BY_OTHERS.contains(&cause.code.as_str()) => continue,
            Outcome::Passed | Outcome::Warned => continue,
            Outcome::Invalid => "validity",
            Outcome::Failed | Outcome::Cancelled => "run",
        };
        let became = match cause.outcome {
            Outcome::Invalid => broken(cause),
            Outcome::Cancelled => Became::Skipped(cause.message.clone()),
            Outcome::Passed | Outcome::Warned | Outcome::Failed => failed(cause),
        };
        cases.push(Case::new(class, cause.code.clone(), became));
    }
    let restored = if verdict.restored {
        Became::Passed
    } else {
        let failures = view.ending.iter().flat_map(|ending| &ending.teardown_failures);
        let failures: Vec<String> = failures.map(ToString::to_string).collect();
        Became::Failed("restore_incomplete".to_owned(), failures.join("\n"))
    };
    cases.push(Case::new("restore", "everything is as it was before", restored));
    cases
}

fn level(view: &RunView, hold: &Hold, causes: &[VerdictCause]) -> Case {
    let (from, to) = (clock(hold.from_s), clock(hold.to_s));
    let name = format!("{} {}/min from {from} to {to}", view.kpi, number(hold.level_per_min));
    let became = match &hold.figures {
        Some(figures) if figures.is_held() => Became::Passed,
        Some(figures) => {
            let told = format!(
                "a mean of {}/min, and {:.0} % of {} windows close enough",
                number(figures.mean_per_min),
                figures.windows_within * 100.0,
                figures.windows
            );
            let why = causes.iter().filter(|cause| cause.code == "target_not_held").map(words);
            Became::Failed(
                "target_not_held".to_owned(),
                std::iter::once(told).chain(why).collect::<Vec<_>>().join("\n"),
            )
        }
        None => Became::Skipped("it was not measured".to_owned()),
    };
    Case { class: "levels", name, seconds: hold.to_s - hold.from_s, became }
}

fn failed(cause: &VerdictCause) -> Became {
    Became::Failed(cause.code.clone(), words(cause))
}

fn broken(cause: &VerdictCause) -> Became {
    Became::Broken(cause.code.clone(), words(cause))
}

/// A cause with what it rests on and what to do about it, a line each; the first is its sentence.
fn words(cause: &VerdictCause) -> String {
    let evidence = cause.evidence.iter().map(|evidence| format!("  {evidence}"));
    let advice = Some(&cause.advice).filter(|advice| !advice.is_empty()).map(|advice| format!("what to do: {advice}"));
    std::iter::once(cause.message.clone()).chain(evidence).chain(advice).collect::<Vec<_>>().join("\n")
}

fn properties(view: &RunView) -> Vec<(String, String)> {
    let outcome = view.verdict.as_ref().map_or_else(|| "running".to_owned(), |verdict| verdict.outcome.to_string());
    let mut properties = vec![
        ("run".to_owned(), view.id.to_string()),
        ("environment".to_owned(), view.environment.clone()),
        ("outcome".to_owned(), outcome),
        ("kpi".to_owned(), view.kpi.clone()),
        ("targetPerMin".to_owned(), view.target_per_min.to_string()),
    ];
    properties.extend(
        view.applications
            .iter()
            .map(|application| (format!("application.{}", application.application), application.during())),
    );
    properties
}

/// The outcome in words, and what is to be warned of.
fn told(view: &RunView) -> String {
    let warned = view.verdict.iter().flat_map(|verdict| &verdict.causes);
    let warned =
        warned.filter(|cause| cause.outcome == Outcome::Warned).map(|cause| format!("warned: {}", words(cause)));
    std::iter::once(headline(view)).chain(warned).collect::<Vec<_>>().join("\n")
}

fn write_case(xml: &mut String, test: &str, case: &Case) {
    let Case { class, name, seconds, became } = case;
    let (test, name) = (escaped(test), escaped(name));
    push(xml, format_args!("    <testcase classname=\"{test}.{class}\" name=\"{name}\" time=\"{seconds:.3}\""));
    let (element, code, words) = match became {
        Became::Passed => return xml.push_str("/>\n"),
        Became::Skipped(why) => {
            push(xml, format_args!(">\n      <skipped message=\"{}\"/>\n    </testcase>\n", escaped(why)));
            return;
        }
        Became::Failed(code, words) => ("failure", code, words),
        Became::Broken(code, words) => ("error", code, words),
    };
    let message = words.lines().next().unwrap_or_default();
    push(
        xml,
        format_args!(
            ">\n      <{element} type=\"{}\" message=\"{}\">{}</{element}>\n    </testcase>\n",
            escaped(code),
            escaped(message),
            escaped(words)
        ),
    );
}

/// A text that is no markup, without the characters that XML 1.0 has no way to say.
fn escaped(text: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| {
        !matches!(letter, '<' | '>' | '&' | '"' | '\'' | '\u{fffe}' | '\u{ffff}') && !letter.is_control()
    };
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            '\n' => safe.push_str("&#10;"),
            '\t' => safe.push_str("&#9;"),
            letter if is_plain(letter) => safe.push(letter),
            _ => safe.push('\u{fffd}'),
        }
    }
    Cow::Owned(safe)
}

fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = text.write_fmt(part);
}
