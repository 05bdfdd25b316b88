//! The published table of errors stays true of every built-in model: a law that has become worse on one of them is a
//! regression, whether or not a goal is set there.
//!
//! Sixteen of the seeds behind `docs/ramp-scores.md` are run again. They are fixed, so that chance plays no part; a law that was
//! changed on purpose has its table written anew.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use conductor_sim::{Algorithm, Score, Trials, scenarios, table};

const SCORES: &str = include_str!("../../../docs/ramp-scores.md");
/// How much greater than the table's the median of sixteen runs may be, for there are fewer of them, and in points.
const GREATER: f64 = 1.2;
const POINTS: f64 = 0.2;

/// What the table says of the adaptive law on a model: the median error, and that of nineteen runs in twenty, percent.
fn published(model: &str) -> (f64, f64) {
    let begins = format!("| {model} |");
    let row =
        SCORES.lines().find(|line| line.starts_with(&begins)).unwrap_or_else(|| panic!("{model} is not in the table"));
    let (median, rest) = row.split_once("**").unwrap().1.split_once("** (").unwrap();
    (median.parse().unwrap(), rest.split_once(';').unwrap().0.parse().unwrap())
}

#[test]
fn no_model_is_steered_worse_than_the_table_says() {
    let plants = scenarios();
    let trials = Trials { seeds: 980_000..980_016, tick: "60s".parse().unwrap() };
    let worse: Vec<String> = table(&plants, &[Algorithm::Adaptive], &trials)
        .into_iter()
        .filter_map(|row| {
            let (found, (told, p95)) = (row.scores.get(Score::Rmse).median, published(&row.plant));
            // Where runs go either well or badly, the median of few may be one of the bad.
            let most = (GREATER * told + POINTS).max(p95);
            (found > most).then(|| format!("{}: {found:.2} %, {told} % in the table", row.plant))
        })
        .collect();
    assert!(worse.is_empty(), "{}", worse.join("\n"));
    assert!(plants.len() >= 19, "{}", plants.len());
}
