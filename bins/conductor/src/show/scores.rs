//! The scores of algorithms on models, as a table.

use std::fmt::Write;
use std::time::Duration;

use conductor_sim::{Row, Score};

/// A block for each model with a line for each algorithm, and how long it all took.
pub(crate) fn scores(rows: &[Row], took: Duration) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let mut say = |words: std::fmt::Arguments<'_>| {
        let _ = text.write_fmt(words);
    };
    let mut plant = None;
    for row in rows {
        if plant != Some(&row.plant) {
            let gap = if plant.is_some() { "\n" } else { "" };
            say(format_args!(
                "{gap}{}, {} runs each\n  {:<20}{:>9}{:>9}{:>9}",
                row.plant, row.seeds, "", "rmse", "p95", "worst"
            ));
            for (heading, _) in COLUMNS {
                say(format_args!("{heading:>width$}", width = width(heading)));
            }
            say(format_args!("\n"));
            plant = Some(&row.plant);
        }
        let rmse = row.scores.get(Score::Rmse);
        say(format_args!(
            "  {:<20}{:>9}{:>9}{:>9}",
            row.algorithm,
            figure(rmse.median),
            figure(rmse.p95),
            figure(rmse.worst)
        ));
        for (heading, score) in COLUMNS {
            say(format_args!("{:>width$}", figure(row.scores.get(score).median), width = width(heading)));
        }
        say(format_args!("\n"));
    }
    let runs: u64 = rows.iter().map(|row| row.seeds).sum();
    say(format_args!(
        "\n{runs} runs in {:.1} s; medians but for p95 and worst; every score: --output json\n",
        took.as_secs_f64()
    ));
    text
}

/// What stands in a line after the root mean square error.
const COLUMNS: [(&str, Score); 10] = [
    ("ramp", Score::RmseRamp),
    ("plateau", Score::RmsePlateau),
    ("settle", Score::SettleMin),
    ("overshoot", Score::Overshoot),
    ("mean err", Score::PlateauMeanError),
    ("in 5 %", Score::Inside5Pct),
    ("KPI %", Score::KpiOfSustainable),
    ("users +%", Score::UsersBeyondNeed),
    ("peak +%", Score::PeakUsersBeyondKnee),
    ("churn", Score::Churn),
];

fn width(heading: &str) -> usize {
    heading.chars().count().max(7) + 2
}

/// As many digits as matter.
pub(super) fn figure(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "-".to_owned(),
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_as_many_digits_as_matter() {
        assert_eq!([0.004, 3.321, -12.34, 15911.2, f64::NAN].map(figure), ["0.00", "3.32", "-12.3", "15911", "-"]);
    }
}
