//! What a run made of its condition, from the conductor's own record of it.

use std::fmt;

use serde_json::Value;

use super::conditions::Condition;
use super::{PLATEAU_S, RAMP_UP_S, TARGET_PER_MIN};

/// The figures of one run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figures {
    condition: &'static str,
    law: String,
    /// Root mean square of the windows' distance from the line, as a share of the target.
    window_error: f64,
    /// The same for whole minutes.
    minute_error: f64,
    /// The plateau's mean against the target, as a share of it.
    plateau_error: f64,
    /// Orders in the plateau's minutes, but for those beyond, against what could be served of the line; a share of it.
    served: f64,
    /// The most users at one time.
    most_users: u64,
    /// Users and orders a minute of the limit that was found last.
    knee: Option<(f64, f64)>,
    verdict: String,
}

/// One window that was counted.
struct Window {
    from_s: f64,
    to_s: f64,
    count: f64,
}

impl Figures {
    pub(super) fn of(condition: &Condition, law: &str, view: &Value) -> Result<Self, String> {
        let ticks = view["ticks"].as_array().ok_or("the run has no ticks")?;
        let windows: Vec<Window> = ticks.iter().filter_map(window).collect();
        if windows.is_empty() {
            return Err(format!("nothing was counted in {} under {law}", condition.name));
        }
        let knees = ticks.iter().rev().map(|tick| &tick["advice"]["knee"]);
        let knee = knees
            .filter(|knee| knee.is_object())
            .find_map(|knee| Some((knee["users"].as_f64()?, knee["kpiPerMin"].as_f64()?)));
        let plateau: Vec<&Window> = windows.iter().filter(|window| middle(window) >= RAMP_UP_S).collect();
        let counted: f64 = plateau.iter().map(|window| window.count).sum();
        let line_of: f64 = plateau.iter().map(|window| orders(window, line)).sum();
        let minutes = minutes(&windows);
        // Orders beyond the line do not make up for those that are missing.
        let servable = |second: f64| line(second).min(condition.capacity_per_min(second));
        let full = minutes.iter().filter(|minute| middle(minute) >= RAMP_UP_S);
        let (served, could) = full.fold((0.0, 0.0), |(served, could), minute| {
            let orders = orders(minute, servable);
            (served + minute.count.min(orders), could + orders)
        });
        Ok(Self {
            condition: condition.name,
            law: law.to_owned(),
            window_error: root_mean_square(windows.iter().map(distance)),
            minute_error: root_mean_square(minutes.iter().map(distance)),
            plateau_error: counted / line_of - 1.0,
            served: served / could,
            most_users: ticks.iter().filter_map(|tick| tick["users"].as_u64()).max().unwrap_or_default(),
            knee,
            verdict: view["verdict"]["outcome"].as_str().unwrap_or("?").to_owned(),
        })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let signed = |share: f64| format!("{:+.1} %", share * 100.0);
        let knee = self.knee.map_or_else(|| "-".to_owned(), |(users, kpi)| format!("{users:.0} = {kpi:.0}/min"));
        write!(
            f,
            "{:<22} {:<10} {:>9} {:>9} {:>9} {:>9} {:>6} {:>16}  {}",
            self.condition,
            self.law,
            percent(self.window_error),
            percent(self.minute_error),
            signed(self.plateau_error),
            percent(self.served),
            self.most_users,
            knee,
            self.verdict
        )
    }
}

/// All runs, with what the columns are.
pub(super) fn table(rows: &[Figures]) -> String {
    let mut text = format!(
        "{:<22} {:<10} {:>9} {:>9} {:>9} {:>9} {:>6} {:>16}  {}\n",
        "condition", "law", "rms 10 s", "rms 60 s", "plateau", "served", "users", "limit found", "verdict"
    );
    for row in rows {
        text.push_str(&format!("{row}\n"));
    }
    text + "\nrms: root mean square of the distance from the line, in percent of the target, over windows of 10 s and over\n\
        whole minutes; plateau: its mean against the target; served: orders up to what could be served of the line, minute by minute;\n\
        users: the most at one time; limit found: users and orders a minute.\n"
}

fn window(tick: &Value) -> Option<Window> {
    let (from_s, to_s) = (tick["fromS"].as_f64()?, tick["toS"].as_f64()?);
    let count = tick["count"].as_f64().filter(|_| to_s > from_s)?;
    Some(Window { from_s, to_s, count })
}

/// The line, orders a minute.
fn line(second: f64) -> f64 {
    TARGET_PER_MIN * (second / RAMP_UP_S).clamp(0.0, 1.0)
}

/// A window's distance from the line, as a share of the target.
fn distance(window: &Window) -> f64 {
    let seconds = window.to_s - window.from_s;
    let meant = mean(window, line);
    (window.count * 60.0 / seconds - meant) / TARGET_PER_MIN
}

/// The mean of a value over a window, second by second.
fn mean(window: &Window, value: impl Fn(f64) -> f64) -> f64 {
    let parts = (window.to_s - window.from_s).ceil().max(1.0) as u32;
    let step = (window.to_s - window.from_s) / f64::from(parts);
    (0..parts).map(|part| value(window.from_s + (f64::from(part) + 0.5) * step)).sum::<f64>() / f64::from(parts)
}

/// Orders that a rate makes of a window.
fn orders(window: &Window, per_min: impl Fn(f64) -> f64) -> f64 {
    mean(window, per_min) * (window.to_s - window.from_s) / 60.0
}

fn middle(window: &Window) -> f64 {
    (window.from_s + window.to_s) / 2.0
}

/// Whole minutes of load, with windows that lie across an edge counted by their share.
fn minutes(windows: &[Window]) -> Vec<Window> {
    let full = ((RAMP_UP_S + PLATEAU_S) / 60.0) as u32;
    let minute = |number: u32| {
        let (from_s, to_s) = (f64::from(number) * 60.0, f64::from(number + 1) * 60.0);
        let share = |window: &Window| {
            (window.to_s.min(to_s) - window.from_s.max(from_s)).max(0.0) / (window.to_s - window.from_s)
        };
        Window { from_s, to_s, count: windows.iter().map(|window| window.count * share(window)).sum() }
    };
    (0..full).map(minute).collect()
}

fn root_mean_square(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0_f64), |(sum, count), value| (sum + value * value, count + 1.0));
    (sum / count.max(1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::conditions::CONDITIONS;
    use super::*;

    /// A run of which each window holds so many orders a minute.
    fn view(kpi: impl Fn(f64) -> f64) -> Value {
        let tick = |number: u32| {
            let (from, to) = (f64::from(number) * 10.0, f64::from(number + 1) * 10.0);
            let knee = if number == 20 { json!({ "users": 170.2, "kpiPerMin": 1120.0 }) } else { Value::Null };
            json!({ "fromS": from, "toS": to, "count": kpi((from + to) / 2.0) / 6.0, "users": number, "advice": { "knee": knee } })
        };
        json!({ "ticks": (0..30).map(tick).collect::<Vec<_>>(), "verdict": { "outcome": "failed" } })
    }

    #[test]
    fn a_run_on_the_line_has_no_error_and_one_beside_it_has_its_distance() {
        let on = Figures::of(&CONDITIONS[0], "adaptive", &view(line)).unwrap();
        assert!(on.window_error < 1e-9 && on.minute_error < 1e-9 && on.plateau_error.abs() < 1e-9, "{on:?}");
        assert!((on.served - 1.0).abs() < 1e-9, "{on:?}");
        let beside = Figures::of(&CONDITIONS[0], "adaptive", &view(|second| line(second) + 150.0)).unwrap();
        assert!((beside.window_error - 0.1).abs() < 1e-9 && (beside.minute_error - 0.1).abs() < 1e-9, "{beside:?}");
        assert!((beside.plateau_error - 0.1).abs() < 1e-9, "{beside:?}");
        assert!((beside.served - 1.0).abs() < 1e-9, "what is beyond the line is not served better: {beside:?}");
    }

    #[test]
    fn what_could_not_be_served_is_not_held_against_a_law() {
        let below = CONDITIONS.last().unwrap();
        let figures = Figures::of(below, "adaptive", &view(|second| line(second).min(1_125.0))).unwrap();
        assert!((figures.served - 1.0).abs() < 1e-9 && (figures.plateau_error + 0.25).abs() < 1e-9, "{figures:?}");
        assert_eq!((figures.most_users, figures.knee), (29, Some((170.2, 1120.0))));
        assert_eq!(
            figures.to_string(),
            "capacity-below-target  adaptive      22.6 %    22.4 %   -25.0 %   100.0 %     29   170 = 1120/min  failed"
        );
    }

    #[test]
    fn a_run_that_counted_nothing_is_no_result() {
        assert!(Figures::of(&CONDITIONS[0], "adaptive", &json!({ "ticks": [] })).is_err());
    }
}
