//! Prints `docs/ramp-scores.md`: what the control law and its peers score on the built-in models, and the goals.
//!
//! `cargo run --release -p conductor-sim --example scores > docs/ramp-scores.md`

use std::ops::Range;
use std::time::{Duration, Instant};

use conductor_core::units::Span;
use conductor_sim::{Algorithm, GoalTrials, Outcome, Row, Score, Spread, Trials, judge, scenarios, table};

/// Seeds that no parameter was chosen by.
const SEEDS: Range<u64> = 980_000..980_200;
const HELD_OUT: Range<u64> = 980_000..980_300;

const COMMAND: &str = "cargo run --release -p conductor-sim --example scores > docs/ramp-scores.md";

fn main() {
    let begun = Instant::now();
    let (minute, took) = timed(|| rows(&Algorithm::ALL, 60));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("# What the control law scores\n");
    println!(
        "Written by `{COMMAND}`; change nothing here by hand. The scores are defined in [ramp.md](ramp.md#scores), the models in"
    );
    println!("[simulate.md](simulate.md#built-in-models). {} seeds from {} on, the same", SEEDS.count(), SEEDS.start);
    println!(
        "for every algorithm, by which no parameter of the law was chosen. Decisions every 60 s unless said otherwise.\n"
    );
    println!(
        "*published* is the better of the two readings of Zalando's rule, figure by figure. *fixed* and *PID* were told the true"
    );
    println!(
        "ratio of users to KPI, *oracle* everything; *adaptive* is the conductor's law, told nothing; *+prior* knows the ratio"
    );
    println!("within 25 %, *+congestion* sees response times and failures, *+both* has both.\n");
    println!("## Error against the achievable line\n");
    part(&format!("conductor simulate --plant all --algorithm all --score {}", options()), took);
    errors(&minute);
    println!("\n## The other scores, law by law\n");
    println!("Of the same runs, medians unless said otherwise.\n");
    beside_peers(&minute);
    println!("\n## Every score of the law\n");
    println!("Of the same runs, `adaptive`, medians; `p95` and `worst` are of `rmse`.\n");
    every_score(&minute);
    println!("\n## Shorter intervals\n");
    let laws = [Algorithm::Adaptive, Algorithm::AdaptiveBoth, Algorithm::Published, Algorithm::PublishedFrozen];
    let ((half, quarter), took) = timed(|| (rows(&laws, 30), rows(&laws, 15)));
    let list = "--algorithm adaptive,adaptive+both,published,published-frozen";
    part(&format!("conductor simulate --plant all {list} --tick 15s --score {}`, and `30s", options()), took);
    intervals(&minute, &half, &quarter);
    println!("\n## Goals\n");
    let (outcomes, took) = timed(|| judge(&GoalTrials { seeds: SEEDS, held_out: HELD_OUT }));
    part(&format!("conductor simulate --goals {}", options()), took);
    goals(&outcomes);
    println!("\nAll of this took {:.0} s on {cores} cores, after the build.", begun.elapsed().as_secs_f64());
}

fn options() -> String {
    format!("--seeds {} --first-seed {}", SEEDS.count(), SEEDS.start)
}

fn part(command: &str, took: Duration) {
    println!("`{command}`: {:.0} s.\n", took.as_secs_f64());
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    (work(), begun.elapsed())
}

fn rows(algorithms: &[Algorithm], tick_s: u64) -> Vec<Row> {
    table(&scenarios(), algorithms, &Trials { seeds: SEEDS, tick: Span::seconds(tick_s) })
}

fn names() -> Vec<String> {
    scenarios().into_iter().map(|plant| plant.name).collect()
}

fn spread(rows: &[Row], plant: &str, algorithm: Algorithm, score: Score) -> Spread {
    let row = rows.iter().find(|row| row.plant == plant && row.algorithm == algorithm);
    let nothing = Spread { median: f64::NAN, p95: f64::NAN, worst: f64::NAN, mean: f64::NAN };
    row.map_or(nothing, |row| row.scores.get(score))
}

/// A median; of the published rule's two readings the better one.
fn median(rows: &[Row], plant: &str, algorithm: Algorithm, score: Score) -> f64 {
    let of = |algorithm| spread(rows, plant, algorithm, score).median;
    let better = |one: f64, other: f64| match score.is_better_when_greater() {
        true => one.max(other),
        false if one.abs() <= other.abs() => one,
        false => other,
    };
    let found = of(algorithm);
    if algorithm == Algorithm::Published { better(found, of(Algorithm::PublishedFrozen)) } else { found }
}

fn errors(rows: &[Row]) {
    const PEERS: [Algorithm; 5] =
        [Algorithm::Published, Algorithm::Fixed, Algorithm::Pid, Algorithm::TstFeedback, Algorithm::GoalBased];
    const HINTED: [Algorithm; 4] =
        [Algorithm::AdaptivePrior, Algorithm::AdaptiveCongestion, Algorithm::AdaptiveBoth, Algorithm::Oracle];
    println!("`rmse`, % of the target: medians, of the law also (p95; worst of {}).\n", SEEDS.count());
    println!(
        "| model | published | fixed | PID | tst-feedback | goal-based | **adaptive** (p95; worst) | +prior | +congestion | +both | oracle |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for name in names() {
        let cells = |algorithms: &[Algorithm]| -> Vec<String> {
            algorithms.iter().map(|algorithm| figure(median(rows, &name, *algorithm, Score::Rmse))).collect()
        };
        let own = spread(rows, &name, Algorithm::Adaptive, Score::Rmse);
        let own = format!("**{}** ({}; {})", figure(own.median), figure(own.p95), figure(own.worst));
        println!("| {name} | {} | {own} | {} |", cells(&PEERS).join(" | "), cells(&HINTED).join(" | "));
    }
}

fn beside_peers(rows: &[Row]) {
    const LAWS: [Algorithm; 6] = [
        Algorithm::Published,
        Algorithm::TstFeedback,
        Algorithm::Pid,
        Algorithm::Adaptive,
        Algorithm::AdaptiveCongestion,
        Algorithm::Oracle,
    ];
    const STEADY: [&str; 4] = ["nom4200", "nom600", "small60", "tiny3"];
    const ON_TIME: [&str; 5] = ["nom4200", "nom600", "drift-40%", "coldcache", "startlag"];
    const OVER: [&str; 3] = ["overcap", "overcap-cliff", "overcap2x-4200"];
    const PARTS: [(Score, &[&str]); 9] = [
        (Score::Overshoot, &["nom4200", "nom600"]),
        (Score::SettleMin, &ON_TIME),
        (Score::SettleMin, &["overcap", "overcap2x-4200", "genbound"]),
        (Score::PlateauMeanError, &["nom4200", "nom600", "drift-40%"]),
        (Score::Inside5Pct, &STEADY),
        (Score::KpiOfSustainable, &OVER),
        (Score::UsersBeyondNeed, &OVER),
        (Score::PeakUsersBeyondKnee, &OVER),
        (Score::Churn, &["nom600", "overcap"]),
    ];
    println!("| score | models | published | tst-feedback | PID | **adaptive** | +congestion | oracle |");
    println!("|---|---|---|---|---|---|---|---|");
    let line = |heading: &str, places: &[&str], of: &dyn Fn(&str, Algorithm) -> f64| {
        let cells = LAWS.map(|law| places.iter().map(|place| figure(of(place, law))).collect::<Vec<_>>().join(" / "));
        println!("| {heading} | {} | {} |", places.join(" / "), cells.join(" | "));
    };
    for (score, places) in PARTS {
        line(&format!("`{}`", score.name()), places, &|place, law| median(rows, place, law, score));
    }
    let peak = Score::PeakUsersBeyondKnee;
    line(&format!("`{}`, worst", peak.name()), &OVER, &|place, law| spread(rows, place, law, peak).worst);
    let alarms = Score::FalseStallAlarms;
    let alarmed = ["nom4200", "nom600", "small60", "coldcache", "startlag"];
    line(&format!("`{}`, mean", alarms.name()), &alarmed, &|place, law| spread(rows, place, law, alarms).mean);
}

fn every_score(rows: &[Row]) {
    let others = &Score::ALL[1..];
    let heads: Vec<String> = others.iter().map(|score| format!("`{}`", score.name())).collect();
    println!("| model | `rmse` | p95 | worst | {} |", heads.join(" | "));
    println!("|---|---|---|---|{}", "---|".repeat(others.len()));
    for name in names() {
        let of = |score| spread(rows, &name, Algorithm::Adaptive, score);
        let medians: Vec<String> = others.iter().map(|score| figure(of(*score).median)).collect();
        let rmse = of(Score::Rmse);
        let (median, p95, worst) = (figure(rmse.median), figure(rmse.p95), figure(rmse.worst));
        println!("| {name} | {median} | {p95} | {worst} | {} |", medians.join(" | "));
    }
}

fn intervals(minute: &[Row], half: &[Row], quarter: &[Row]) {
    println!("`rmse` on windows of a minute, % of the target: medians, of the law also (p95; worst).\n");
    println!("| model | adaptive 60 s | 30 s | 15 s | +both 60 s | 30 s | 15 s | published 60 s | 15 s |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for name in names() {
        let own = |rows: &[Row], law| {
            let rmse = spread(rows, &name, law, Score::Rmse);
            format!("{} ({}; {})", figure(rmse.median), figure(rmse.p95), figure(rmse.worst))
        };
        let all = |law| [minute, half, quarter].map(|rows| own(rows, law)).join(" | ");
        let published = [minute, quarter].map(|rows| figure(median(rows, &name, Algorithm::Published, Score::Rmse)));
        let (told_nothing, told) = (all(Algorithm::Adaptive), all(Algorithm::AdaptiveBoth));
        println!("| {name} | {told_nothing} | {told} | {} |", published.join(" | "));
    }
}

fn goals(outcomes: &[Outcome]) {
    println!(
        "O is the oracle's median, Z the published rule's with the better reading of each seed, N the KPI events of a minute. Where"
    );
    println!(
        "several models are checked, the one nearest to its bound, or furthest beyond it, is named. G11 is judged on {}",
        HELD_OUT.count()
    );
    println!("[plants drawn by chance](simulate.md#goals), and S is aimed at: neither is required.\n");
    println!("| goal | measured | algorithm | where | bound | | reached | | |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for outcome in outcomes {
        let Outcome { goal, measured, algorithm, place, places, bound, limit, reached, reached_as, .. } = outcome;
        let place = if *places == 1 { place.clone() } else { format!("{place} of {places}") };
        let met = match (outcome.is_met, outcome.is_required) {
            (true, _) => "met",
            (false, true) => "**missed**",
            (false, false) => "not met",
        };
        let (limit, reached) = (figure(*limit), figure(*reached));
        println!(
            "| {goal} | {measured} | {algorithm} | {place} | {bound} | {limit} | {reached} | {reached_as} | {met} |"
        );
    }
    let required = || outcomes.iter().filter(|outcome| outcome.is_required);
    println!("\n{} of {} required are met.", required().filter(|outcome| outcome.is_met).count(), required().count());
}

/// As many digits as matter.
fn figure(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "–".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size < 0.005 => "0".to_owned(),
        _ => format!("{value:.2}"),
    }
}
