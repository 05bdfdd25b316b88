//! The results of a run as Markdown, in the dialect of GitHub and GitLab: what is to be seen of it in a pull request.

use std::fmt::Write;

use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;

use crate::causes::CauseRow;
use crate::page::{application_row, figures, headline};
use crate::text::moment;
use crate::{holds, links, slos};

/// The results of a run as Markdown.
pub fn markdown(view: &RunView) -> String {
    let (sign, outcome) = match view.verdict.as_ref().map(|verdict| verdict.outcome) {
        Some(Outcome::Passed) => ("✅", "passed"),
        Some(Outcome::Warned) => ("⚠️", "warned"),
        Some(Outcome::Failed) => ("❌", "failed"),
        Some(Outcome::Cancelled) => ("⏹️", "cancelled"),
        Some(Outcome::Invalid) => ("❔", "invalid"),
        None => ("⏳", "running"),
    };
    let mut text = format!("## {sign} {}: {outcome}\n\n{}\n", plain(&view.name), plain(&headline(view)));
    let figures = figures(view).into_iter().map(|figure| [figure.label.to_owned(), figure.value, figure.note]);
    table(&mut text, ["", "", ""], figures);
    for cause in view.verdict.iter().flat_map(|verdict| &verdict.causes).map(CauseRow::of) {
        push(&mut text, format_args!("\n**{}**: {} ({})\n", cause.outcome, plain(&cause.message), code(&cause.code)));
        for evidence in &cause.evidence {
            let told = [&evidence.what, &evidence.figure, &evidence.of];
            let told: Vec<String> = told.into_iter().filter(|part| !part.is_empty()).map(|part| plain(part)).collect();
            push(&mut text, format_args!("\n- {}", told.join(", ")));
        }
        if !cause.evidence.is_empty() {
            text.push('\n');
        }
        if !cause.advice.is_empty() {
            push(&mut text, format_args!("\n> What to do: {}\n", plain(&cause.advice)));
        }
    }
    let levels = holds::rows(view).into_iter();
    let levels =
        levels.map(|hold| [hold.when, hold.level, hold.mean, hold.error, hold.windows, hold.result.to_owned()]);
    table(&mut text, ["hold", "level", "mean", "off by", "windows close enough", "result"], levels);
    let trials = holds::trials(view).into_iter();
    let trials = trials.map(|trial| [trial.level, trial.mean, trial.users, trial.result.to_owned()]);
    table(&mut text, ["level tried", "mean, ± for 95 %", "users", "result"], trials);
    let objectives = slos::rows(view).into_iter().map(|row| [row.slo, row.status, row.observed, row.limit, row.broken]);
    table(&mut text, ["objective", "result", "observed", "limit", "broken"], objectives);
    let applications = view.applications.iter().map(|application| application_row(view, application));
    let applications = applications.map(|row| [row.name, row.before, row.during, row.after]);
    table(&mut text, ["application", "before", "during the load", "after"], applications);
    push(
        &mut text,
        format_args!(
            "\nrun {} in {}, {}\n",
            code(&view.id.to_string()),
            plain(&view.environment),
            moment(view.created_at)
        ),
    );
    let links = links::of(view).into_iter().map(|link| format!("[{}](<{}>)", plain(&link.title), address(&link.url)));
    let links = links.collect::<Vec<_>>();
    if !links.is_empty() {
        push(&mut text, format_args!("\n{}\n", links.join(" · ")));
    }
    text
}

/// An address between angle brackets, which nothing in it can end.
fn address(url: &str) -> String {
    url.replace('<', "%3C").replace('>', "%3E").replace(|letter: char| letter.is_control() || letter == ' ', "%20")
}

/// A table, where it has rows.
fn table<const N: usize>(text: &mut String, heads: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    push(text, format_args!("\n| {} |\n|{}\n", heads.join(" | "), "---|".repeat(N)));
    for row in rows {
        push(text, format_args!("| {} |\n", row.map(|cell| plain(&cell)).join(" | ")));
    }
}

/// A text that is neither markup nor a mention of somebody, on one line.
fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => safe.extend(['\\', letter]),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // With what has no width between them, an at sign and a name are nobody's.
            '@' => safe.push_str("@\u{200b}"),
            letter if letter.is_whitespace() => safe.push(' '),
            letter if letter.is_control() => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

/// A name between marks of code, which nothing in it can end.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace(char::is_control, " "))
}

fn push(text: &mut String, part: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = text.write_fmt(part);
}
