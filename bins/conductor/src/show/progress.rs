//! Progress line by line: what is new in a view since the last one.

use conductor_core::phase::{Level, Phase};
use conductor_core::view::{EventView, RunView, Tick};
use conductor_web::law;

use super::figures::{clock, error_percent, signed_percent, thousands, time_of_day};
use super::workloads::Lines;

/// What was told already.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    phase: Option<Phase>,
    events: usize,
    ticks: usize,
    workloads: Lines,
}

impl Progress {
    /// The lines that are new in a view.
    pub(super) fn lines(&mut self, view: &RunView) -> Vec<String> {
        let mut lines = self.told(view);
        lines.extend(view.ticks.iter().skip(self.ticks).map(|tick| measured(view, tick)));
        self.ticks = view.ticks.len();
        lines
    }

    /// What is new of how far rollouts and scaling are.
    pub(super) fn waits(&mut self, workloads: &conductor_engine::Progress) -> Option<String> {
        self.workloads.line(jiff::Timestamp::now(), workloads)
    }

    /// The new lines without the measurements, which a live view shows as a plot.
    pub(super) fn told(&mut self, view: &RunView) -> Vec<String> {
        let mut lines: Vec<String> = view.events.iter().skip(self.events).map(happened).collect();
        self.events = view.events.len();
        if self.phase != Some(view.phase) {
            self.phase = Some(view.phase);
            if view.phase != Phase::Finished {
                lines.push(format!("{}  == {}", time_of_day(view.updated_at), view.phase));
            }
        }
        lines
    }
}

fn happened(event: &EventView) -> String {
    let sign = match event.level {
        Level::Info => " ",
        Level::Warning => "!",
    };
    format!("{} {sign} {}", time_of_day(event.at), event.message)
}

fn measured(view: &RunView, tick: &Tick) -> String {
    let kpi = match tick.kpi_per_min {
        Some(kpi) => format!("{} {}/min", view.kpi, thousands(kpi)),
        None => format!("{} not measured", view.kpi),
    };
    let thought = thought(view, tick).map_or_else(String::new, |words| format!("; {words}"));
    format!("{}   {}  {kpi}, {}{thought}", clock(tick.at_s), state_of(tick), rest(tick))
}

/// What the control law thinks: its mode, and all it has learnt. Why it is in that mode is told when it goes there.
fn thought(view: &RunView, tick: &Tick) -> Option<String> {
    let advice = tick.advice.as_ref().filter(|_| law::explains(view.algorithm))?;
    Some(format!("{}: {}", advice.mode, law::learnt(advice, &view.kpi)))
}

/// How far the KPI is from where it should be.
pub(super) fn state_of(tick: &Tick) -> String {
    let deviation = tick.kpi_per_min.filter(|_| tick.set_point_per_min > 0.0);
    let deviation = deviation.map(|kpi| format!(" ({})", signed_percent(kpi / tick.set_point_per_min - 1.0)));
    format!("target {}/min{}", thousands(tick.set_point_per_min), deviation.unwrap_or_default())
}

/// Users, errors, response times, the load workers with the busiest one's CPU, and what a reader of the figures must know.
pub(super) fn rest(tick: &Tick) -> String {
    let users = tick.users.map_or_else(|| "?".to_owned(), |users| users.to_string());
    let errors = error_percent(tick.requests, tick.failures);
    let p95 = tick.latency.map_or_else(String::new, |latency| format!(", p95 {:.0} ms", latency.p95_ms));
    let cpu = tick.cpu_percent.map_or_else(String::new, |cpu| format!(" at {cpu:.0} % CPU"));
    let workers = tick.workers.map_or_else(String::new, |workers| {
        let plural = if workers == 1 { "" } else { "s" };
        format!(", {workers} worker{plural}{cpu}")
    });
    let marks: String = tick.marks.iter().map(|mark| format!(", {mark}")).collect();
    format!("users {users} → {}, errors {errors:.1} %{p95}{workers}{marks}", tick.users_wanted)
}
