//! The adaptive law against recorded runs: the commands that a reference implementation of the same design gave for the
//! same observations, window by window, in ordinary runs, past the knee and through outages.

use conductor_core::ramp::{Algorithm, Config, Congestion, Mode, Observation, Profile, State, Tuning, Window, step};

/// The settings under which the runs were recorded.
fn config(target_per_min: f64) -> Config {
    Config {
        algorithm: Algorithm::Adaptive,
        profile: Profile::ramp(target_per_min, 1800.0, 3600.0),
        interval_s: 60.0,
        users_per_kpi: None,
        rehearsed_gain: None,
        kpi_lag_s: None,
        max_users: None,
        tuning: Tuning {
            lags: &[0.0, 25.0, 50.0, 75.0, 110.0, 160.0, 220.0, 300.0],
            outlier_sd: 5.0,
            ..Tuning::default()
        },
    }
}

struct Row {
    seen: Observation,
    advised: u64,
    mode: String,
    stalled: bool,
}

fn row(line: &str) -> Row {
    let fields: Vec<&str> = line.split(',').collect();
    let number = |i: usize| fields[i].parse::<f64>().unwrap();
    let at_s = number(0);
    let window = Window { from_s: at_s - 60.0, to_s: at_s, count: number(2) };
    let congestion = match fields[3] {
        "1" => Congestion::Congested,
        "-1" => Congestion::Clear,
        _ => Congestion::Unknown,
    };
    let seen = Observation { at_s, users: number(1) as u64, window: (at_s > 0.0).then_some(window), congestion };
    Row { seen, advised: number(4) as u64, mode: fields[5].to_owned(), stalled: fields[6] == "1" }
}

/// How far the law is from the recording.
fn compare(name: &str, target_per_min: f64) -> Vec<String> {
    let path = format!("{}/tests/recorded/{name}.csv", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let config = config(target_per_min);
    let mut state = State::new(&config);
    let mut differences = Vec::new();
    for row in text.lines().skip(1).map(row) {
        let (next, advice) = step(&config, state, &row.seen);
        state = next;
        let same_mode = row.seen.at_s == 0.0 || advice.mode == Mode::Stalled || advice.mode.to_string() == row.mode;
        let stalled = advice.alarm == Some(conductor_core::ramp::Alarm::Stalled);
        if advice.users.abs_diff(row.advised) > 1 || !same_mode || stalled != row.stalled {
            differences.push(format!(
                "{name} at {} s: {} users in {} (stalled {stalled}), recorded {} in {} (stalled {})",
                row.seen.at_s, advice.users, advice.mode, row.advised, row.mode, row.stalled
            ));
        }
    }
    differences
}

#[test]
fn recorded_runs_are_answered_alike() {
    let runs = [
        ("nom4200", 4200.0),
        ("nom600", 600.0),
        ("small60", 60.0),
        ("tiny3", 3.0),
        ("drift-40", 600.0),
        ("qstep-50", 600.0),
        ("startlag", 120.0),
        ("dropouts", 600.0),
        ("noisyq+congestion", 600.0),
        ("capdrop50", 600.0),
        ("capdrop50-2", 600.0),
        ("capdrop-cliff", 600.0),
        ("overcap", 600.0),
        ("overcap-cliff", 600.0),
        ("overcap-cliff+congestion", 600.0),
        ("overcap2x-4200", 4200.0),
        ("genbound", 600.0),
        ("outage5m", 600.0),
    ];
    let differences: Vec<String> = runs.iter().flat_map(|(name, target)| compare(name, *target)).collect();
    assert!(differences.is_empty(), "{} of them\n{}", differences.len(), differences.join("\n"));
}
