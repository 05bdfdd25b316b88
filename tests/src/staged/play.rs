//! Playing cases, some at the same time, each to a verdict that is held against the right one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::staged::case::Case;
use crate::staged::scene::Scene;

/// What has become of a case.
#[derive(Clone, Debug)]
pub struct Played {
    /// Its name.
    pub name: &'static str,
    /// What was disturbed, and when.
    pub disturbed: &'static str,
    /// What is right.
    pub expected: String,
    /// What the conductor has said.
    pub got: String,
    /// How long all of it took.
    pub took: Duration,
    /// What else there is to say, where it is not as it should be.
    pub trouble: Option<String>,
}

impl Played {
    /// True when outcome and first reason are the right ones, and everything is as before.
    pub fn is_ok(&self) -> bool {
        self.trouble.is_none()
    }
}

/// Plays cases, so many at the same time, and says what has become of each, in the order of the cases.
pub fn play(cases: &[Case], at_once: usize) -> Vec<Played> {
    let next = AtomicUsize::new(0);
    let played = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once.clamp(1, cases.len().max(1)) {
            scope.spawn(|| {
                while let Some((position, case)) = {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    cases.get(position).map(|case| (position, case))
                } {
                    let one = play_one(case);
                    println!("{} {}: {}", if one.is_ok() { "ok    " } else { "WRONG " }, one.name, one.got);
                    played.lock().unwrap().push((position, one));
                }
            });
        }
    });
    let mut played = played.into_inner().unwrap();
    played.sort_by_key(|(position, _)| *position);
    played.into_iter().map(|(_, one)| one).collect()
}

fn play_one(case: &Case) -> Played {
    let begun = Instant::now();
    let played = catch_unwind(AssertUnwindSafe(|| run(case)));
    let (got, trouble) = played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        ("no verdict".to_owned(), text.or_else(|| Some("it panicked".to_owned())))
    });
    let expected = case.expected.to_string();
    Played { name: case.name, disturbed: case.disturbed, expected, got, took: begun.elapsed(), trouble }
}

/// What the conductor said, and what is wrong.
fn run(case: &Case) -> (String, Option<String>) {
    let scene = Scene::of(case);
    let mut running = scene.start();
    (case.disturb)(&scene, &mut running);
    let ended = running.wait();
    assert_ne!(ended.code, Some(2), "the run was refused: {}", ended.err);
    let view = scene.view();
    let verdict = &view["verdict"];
    let first = verdict["causes"][0]["code"].as_str();
    let outcome = verdict["outcome"].as_str().unwrap_or("no outcome");
    let got = first.map_or_else(|| outcome.to_owned(), |first| format!("{outcome}: {first}"));
    let mut wrong = Vec::new();
    if got != case.expected.to_string() {
        wrong.push(format!("{got} instead of {}", case.expected));
    }
    if verdict["restored"] != true {
        wrong.push("not everything is back".to_owned());
    }
    if scene.users() > 0 {
        wrong.push("users are left".to_owned());
    }
    let again = scene.conductor(&["verdict", "--output", "json"]);
    if serde_json::from_str::<Value>(&again.out).ok().as_ref() != Some(verdict) {
        wrong.push(format!("judged again it is {} {}", again.out, again.err));
    }
    let trouble = format!("{}\n{}\n{}\n{verdict:#}", wrong.join("; "), ended.out, ended.err);
    (got, (!wrong.is_empty()).then_some(trouble))
}
