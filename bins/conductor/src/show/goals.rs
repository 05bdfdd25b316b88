//! The control law's goals, as a table.

use std::fmt::Write;
use std::time::Duration;

use conductor_sim::Outcome;

use super::scores::figure;

/// A line for each thing that is checked, and how long it all took.
pub(crate) fn goals(outcomes: &[Outcome], took: Duration) -> String {
    let mut text = format!(
        "{:<5}{:<50}{:<21}{:<24}{:<14}{:>9}{:>9}  {:<13}\n",
        "goal", "measured", "algorithm", "where", "bound", "", "reached", ""
    );
    // Writing to a string does not fail.
    for outcome in outcomes {
        let Outcome { goal, measured, algorithm, bound, limit, reached, reached_as, .. } = outcome;
        let met = match (outcome.is_met, outcome.is_required) {
            (true, _) => "met",
            (false, true) => "MISSED",
            (false, false) => "not met",
        };
        let _ = writeln!(
            text,
            "{goal:<5}{measured:<50}{algorithm:<21}{:<24}{bound:<14}{:>9}{:>9}  {reached_as:<13}{met}",
            place(outcome),
            figure(*limit),
            figure(*reached),
        );
    }
    let missed = outcomes.iter().filter(|outcome| outcome.is_required && !outcome.is_met).count();
    let required = outcomes.iter().filter(|outcome| outcome.is_required).count();
    let _ = writeln!(
        text,
        "\n{} of {required} required are met; O is the oracle, Z the published rule, N the events of a minute; \
         of several places the one nearest to its bound; {:.1} s",
        required - missed,
        took.as_secs_f64()
    );
    text
}

fn place(outcome: &Outcome) -> String {
    if outcome.places == 1 { outcome.place.clone() } else { format!("{} of {}", outcome.place, outcome.places) }
}

#[cfg(test)]
mod tests {
    use conductor_sim::{GoalTrials, judge};

    use super::*;

    #[test]
    fn what_is_missed_is_loud_where_it_is_required() {
        let mut outcomes = judge(&GoalTrials { seeds: 1..2, held_out: 1..3 });
        outcomes.truncate(2);
        (outcomes[0].is_met, outcomes[1].is_met) = (false, false);
        outcomes[1].is_required = false;
        let text = goals(&outcomes, Duration::from_millis(1500));
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[1].starts_with("G1   rmse, median") && lines[1].ends_with("MISSED"), "{text}");
        assert!(lines[2].ends_with("not met") && text.contains("0 of 1 required are met") && text.contains("1.5 s"));
    }
}
