//! The responses of a run's load by status code: their kinds over time, and how many there were of each code.

use std::collections::BTreeMap;

use conductor_core::responses::{NO_RESPONSE, ResponseCodes};
use conductor_core::view::{RunView, Tick};

use crate::chart::{Chart, Entry};
use crate::charts::{Drawing, line};
use crate::text::{clock, number};

/// Most codes with a row of their own, the most frequent ones.
const MOST_ROWS: usize = 20;

/// A kind of responses.
struct Kind {
    /// The CSS class that colours its line.
    class: &'static str,
    text: &'static str,
    has: fn(u16) -> bool,
}

const KINDS: [Kind; 5] = [
    Kind { class: "succeeded", text: "2xx", has: |code| code / 100 == 2 },
    Kind { class: "elsewhere", text: "1xx, 3xx", has: |code| matches!(code / 100, 1 | 3) },
    Kind { class: "refused", text: "4xx", has: |code| code / 100 == 4 },
    Kind { class: "broken", text: "5xx", has: |code| code / 100 == 5 },
    Kind { class: "none", text: "no response", has: |code| code == NO_RESPONSE },
];

/// A code, or those that have no row of their own.
pub(crate) struct CodeRow {
    pub(crate) code: String,
    pub(crate) count: String,
    pub(crate) share: String,
    /// From the first to the last window that had it.
    pub(crate) when: String,
    pub(crate) class: &'static str,
}

/// How often there was a code, and in which time of the load.
#[derive(Clone, Copy)]
struct Counted {
    code: u16,
    count: u64,
    from_s: f64,
    to_s: f64,
}

/// Each code with its responses, by growing code; empty where the load generator does not tell.
pub(crate) fn totals(view: &RunView) -> ResponseCodes {
    let mut codes = ResponseCodes::default();
    view.ticks.iter().filter_map(|tick| tick.responses.as_ref()).for_each(|window| codes.add_all(window));
    codes
}

/// The chart of kinds over time, without those that there were none of; `None` where nothing tells.
pub(crate) fn chart(view: &RunView, length_s: f64) -> Option<Drawing> {
    let codes = totals(view);
    let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| codes.iter().any(|(code, _)| (kind.has)(code))).collect();
    let lines = kinds.iter().map(|kind| line(view, kind.class, |tick| per_second(tick, kind))).collect();
    (!kinds.is_empty()).then(|| Drawing {
        heading: "responses a second, by status code".to_owned(),
        legend: kinds.iter().map(|kind| Entry::line(kind.class, kind.text)).collect(),
        plot: Chart { title: "Responses by status code", length_s, bands: Vec::new(), lines }.html(),
    })
}

fn per_second(tick: &Tick, kind: &Kind) -> Option<f64> {
    let (codes, seconds) = (tick.responses.as_ref()?, tick.to_s - tick.from_s);
    let count = codes.iter().filter(|(code, _)| (kind.has)(*code)).map(|(_, count)| count).sum::<u64>();
    (seconds > 0.0).then(|| count as f64 / seconds)
}

/// The codes, the most frequent first; none where nothing tells.
pub(crate) fn rows(view: &RunView) -> Vec<CodeRow> {
    let mut counted: BTreeMap<u16, Counted> = BTreeMap::new();
    for tick in &view.ticks {
        for (code, count) in tick.responses.iter().flat_map(ResponseCodes::iter) {
            let first = Counted { code, count: 0, from_s: tick.from_s, to_s: tick.to_s };
            let known = counted.entry(code).or_insert(first);
            *known = Counted { count: known.count + count, to_s: tick.to_s, ..*known };
        }
    }
    let mut counted: Vec<Counted> = counted.into_values().collect();
    counted.sort_by(|a, b| b.count.cmp(&a.count).then(a.code.cmp(&b.code)));
    let total = counted.iter().map(|one| one.count).sum::<u64>();
    let others = counted.split_off(counted.len().min(MOST_ROWS));
    let mut rows: Vec<CodeRow> =
        counted.iter().map(|one| row(word(one.code), is_failure(one.code), *one, total)).collect();
    let together = others.iter().copied().reduce(|a, b| Counted {
        count: a.count + b.count,
        from_s: a.from_s.min(b.from_s),
        to_s: a.to_s.max(b.to_s),
        ..a
    });
    let failed = others.iter().any(|one| is_failure(one.code));
    rows.extend(together.map(|all| row(format!("{} others", others.len()), failed, all, total)));
    rows
}

/// The code as people read it.
fn word(code: u16) -> String {
    if code == NO_RESPONSE { "no response".to_owned() } else { code.to_string() }
}

/// Whether the server is at fault: an answer of 4xx may be what a user expects.
fn is_failure(code: u16) -> bool {
    code == NO_RESPONSE || code / 100 == 5
}

fn row(code: String, is_failure: bool, counted: Counted, total: u64) -> CodeRow {
    let Counted { count, from_s, to_s, .. } = counted;
    let percent = count as f64 * 100.0 / total.max(1) as f64;
    CodeRow {
        code,
        count: number(count as f64),
        share: if percent < 0.01 { "under 0.01 %".to_owned() } else { format!("{percent:.2} %") },
        when: format!("{} – {}", clock(from_s), clock(to_s)),
        class: if is_failure { "warning" } else { "" },
    }
}

#[cfg(test)]
#[path = "responses_tests.rs"]
mod tests;
