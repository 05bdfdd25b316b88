//! The live view: phases, the KPI against its target as a plot, and the figures of the last interval.

use std::io::{self, Stdout};

use conductor_core::phase::Phase;
use conductor_core::view::{PhaseView, RunView};
use conductor_engine::Progress as Workloads;
use conductor_web::law;
use jiff::Timestamp;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Paragraph, Widget, Wrap};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use super::figures::{clock, thousands};
use super::progress::{Progress, rest, state_of};
use super::workloads::{bar, slowest};

/// Lines of the view: phases, plot, figures, what the law thinks, time left.
const HEIGHT: u16 = 19;
/// Letters of the bar that shows how far rollouts and scaling are.
const BAR: usize = 24;

/// A view at the bottom of a terminal, with what happens scrolling by above it.
pub(crate) struct Live {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    progress: Progress,
    workloads: Workloads,
}

impl Live {
    /// Opens the view.
    ///
    /// # Errors
    /// When the terminal does not answer.
    pub(super) fn open() -> io::Result<Self> {
        let options = TerminalOptions { viewport: Viewport::Inline(HEIGHT) };
        let terminal = Terminal::with_options(CrosstermBackend::new(io::stdout()), options)?;
        Ok(Self { terminal, progress: Progress::default(), workloads: Workloads::default() })
    }

    pub(super) fn show(&mut self, view: &RunView) {
        for line in self.progress.told(view) {
            self.say(&line);
        }
        self.draw(view);
    }

    pub(super) fn refresh(&mut self, view: &RunView, workloads: &Workloads) {
        self.workloads = workloads.clone();
        self.draw(view);
    }

    fn draw(&mut self, view: &RunView) {
        let (now, workloads) = (Timestamp::now(), &self.workloads);
        // A terminal that went away must not end the run.
        let _ = self.terminal.draw(|frame| draw(frame, view, workloads, now));
    }

    pub(super) fn say(&mut self, line: &str) {
        let width = self.terminal.size().map_or(80, |size| size.width).max(20);
        for part in broken(&crate::out::harmless(line), usize::from(width)) {
            // As above: the run matters more than its picture.
            let _ = self.terminal.insert_before(1, |buffer| Line::raw(part).render(buffer.area, buffer));
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // The last picture stays; what follows begins below it.
        let _ = self.terminal.show_cursor();
        crate::out::line("");
    }
}

/// A line in parts that fit.
fn broken(line: &str, width: usize) -> Vec<String> {
    let letters: Vec<char> = line.chars().collect();
    letters.chunks(width).map(|part| part.iter().collect()).collect()
}

fn draw(frame: &mut Frame<'_>, view: &RunView, workloads: &Workloads, now: Timestamp) {
    // Nothing is measured while workloads are waited for.
    let [figures, thought] = if workloads.is_over() {
        [figures_line(view), law_line(view)]
    } else {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let waits = slowest(workloads).join("; ");
        match workloads.total {
            0 => [Line::styled(waits, bold), Line::default()],
            _ => [Line::styled(bar(workloads, BAR), bold), Line::raw(waits)],
        }
    };
    let lines = [phase_line(view, now), figures, thought, left_line(view, now)];
    // What a narrow terminal would cut off goes on in a second line.
    let rows = lines.each_ref().map(|line| if line.width() > usize::from(frame.area().width) { 2 } else { 1 });
    let [above, below, law, last] = rows.map(Constraint::Length);
    let [phases, plot, figures, thought, left] =
        Layout::vertical([above, Constraint::Min(6), below, law, last]).areas(frame.area());
    draw_plot(frame, plot, view);
    for (line, area) in lines.into_iter().zip([phases, figures, thought, left]) {
        frame.render_widget(Paragraph::new(line).wrap(Wrap { trim: true }), area);
    }
}

fn phase_line(view: &RunView, now: Timestamp) -> Line<'static> {
    let mut parts = Vec::new();
    for phase in &view.phases {
        let (sign, style) = look(phase, view.phase);
        let time = phase
            .started
            .map(|began| format!(" {}", clock(phase.ended.unwrap_or(now).duration_since(began).as_secs_f64())));
        parts.push(Span::styled(format!("{sign} {}{}   ", phase.phase, time.unwrap_or_default()), style));
    }
    Line::from(parts)
}

fn look(phase: &PhaseView, present: Phase) -> (&'static str, Style) {
    if phase.failure.is_some() {
        ("✘", Style::new().fg(Color::Red))
    } else if phase.ended.is_some() {
        ("✔", Style::new().fg(Color::Green))
    } else if phase.phase == present {
        ("▶", Style::new().add_modifier(Modifier::BOLD))
    } else {
        ("·", Style::new().add_modifier(Modifier::DIM))
    }
}

fn draw_plot(frame: &mut Frame<'_>, area: Rect, view: &RunView) {
    let length = view.profile.end_s();
    let target: Vec<(f64, f64)> = view.profile.points().iter().map(|point| (point.at_s, point.per_min)).collect();
    let kpi: Vec<(f64, f64)> = view.ticks.iter().filter_map(|tick| Some((tick.to_s, tick.kpi_per_min?))).collect();
    let highest = kpi.iter().fold(view.profile.highest(), |highest, (_, kpi)| highest.max(*kpi)) * 1.15;
    let line = |name: &'static str, data, color| {
        let style = Style::new().fg(color);
        Dataset::default().name(name).marker(Marker::Braille).graph_type(GraphType::Line).style(style).data(data)
    };
    let labels = |figures: [f64; 3], text: fn(f64) -> String| figures.map(|figure| Line::raw(text(figure))).to_vec();
    let chart = Chart::new(vec![line("target", &target, Color::DarkGray), line("measured", &kpi, Color::Cyan)])
        .x_axis(Axis::default().bounds([0.0, length]).labels(labels([0.0, length / 2.0, length], clock)))
        .y_axis(
            Axis::default()
                .title(format!("{}/min", view.kpi))
                .bounds([0.0, highest])
                .labels(labels([0.0, highest / 2.0, highest], thousands)),
        );
    frame.render_widget(chart, area);
}

fn figures_line(view: &RunView) -> Line<'static> {
    let text = view.last_tick().map_or_else(
        || format!("target {}/min of {}", thousands(view.target_per_min), view.kpi),
        |tick| {
            let kpi =
                tick.kpi_per_min.map_or_else(|| "not measured".to_owned(), |kpi| format!("{}/min", thousands(kpi)));
            format!("{} {kpi}, {}, {}", view.kpi, state_of(tick), rest(tick))
        },
    );
    Line::styled(text, Style::new().add_modifier(Modifier::BOLD))
}

/// What the control law does and why, and all it has learnt.
fn law_line(view: &RunView) -> Line<'static> {
    let advice = view.last_advice().filter(|_| law::explains(view.algorithm));
    Line::raw(
        advice.map_or_else(String::new, |advice| format!("{}; {}", law::mode(advice), law::learnt(advice, &view.kpi))),
    )
}

fn left_line(view: &RunView, now: Timestamp) -> Line<'static> {
    let text = match view.load_left_s(now) {
        Some(left) => format!("{} of load left; Ctrl-C ends the run in order", clock(left)),
        None => match view.search.as_ref().filter(|_| view.ending.is_none()) {
            Some(search) => {
                let level = thousands(search.level_per_min());
                format!("searching: {level}/min is being tried; Ctrl-C ends the run in order")
            }
            None => format!("{}: {}", view.id, doing(view)),
        },
    };
    Line::styled(text, Style::new().add_modifier(Modifier::DIM))
}

/// What a run does while there is nothing to measure.
fn doing(view: &RunView) -> String {
    match view.state.as_str() {
        "Waiting" => view.waits.as_ref().map_or_else(|| "waits".to_owned(), ToString::to_string),
        "Accepted" | "Preflight" => "checks, nothing is changed yet".to_owned(),
        "RecordingBaseline" => "records what is there".to_owned(),
        "Freezing" => "keeps others from changing the applications".to_owned(),
        "Deploying" => "rolls out versions".to_owned(),
        "ScalingUp" => "scales up".to_owned(),
        "ProvingMocks" => "proves that the mocks answer what is tagged, and only that".to_owned(),
        "Rehearsing" => format!("one tagged user must produce {} before the ramp begins", view.kpi),
        "StoppingLoad" => "stops all users".to_owned(),
        "ScalingDown" => "puts everything back".to_owned(),
        "Thawing" => "lets others change the applications again".to_owned(),
        "CleaningUp" => "deletes the run's data".to_owned(),
        "Rechecking" => "waits, and looks whether everything stays as it was before".to_owned(),
        "PuttingBackAgain" => "puts back once more what has come back".to_owned(),
        "Finished" => "over".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use conductor_core::ports::Readiness;
    use conductor_core::search::Search;
    use ratatui::backend::TestBackend;
    use serde_json::json;

    use super::*;

    fn view() -> RunView {
        let phase = |name: &str, started: bool, ended: bool| {
            let at = |there: bool, at: &str| if there { json!(at) } else { json!(null) };
            json!({
                "phase": name, "failure": null,
                "started": at(started, "2026-11-24T14:00:00Z"), "ended": at(ended, "2026-11-24T14:00:03Z"),
            })
        };
        let phases = [
            phase("DEPLOY", true, true),
            phase("SCALE_UP", true, true),
            phase("GENERATE_LOAD", true, false),
            phase("SCALE_DOWN", false, false),
            phase("CLEAN_UP", false, false),
        ];
        let tick = json!({
            "atS": 70.0, "fromS": 60.0, "toS": 70.0, "count": 331, "kpiPerMin": 1986.0, "setPointPerMin": 2000.0,
            "users": 300, "usersWanted": 310, "requests": 1000, "failures": 5, "workers": 3, "cpuPercent": 41.6,
            "marks": ["workerLost"],
            "latency": { "meanMs": 200.0, "p50Ms": 190.0, "p95Ms": 260.0, "p99Ms": 400.0 },
            "advice": {
                "users": 310, "spawnRate": 1.0, "setPointPerMin": 2000.0, "alarm": null, "mode": "track",
                "reason": "ratioLearnt", "gain": 6.4, "gainSd": 0.02, "lagS": 9.2, "efficiency": 0.98,
                "knee": { "users": 420.0, "kpiPerMin": 2690.0 },
            },
        });
        serde_json::from_value(json!({
            "id": "shop-1", "name": "shop", "environment": "shop-local", "kpi": "orders", "targetPerMin": 2000.0,
            "profile": [{ "atS": 0.0, "perMin": 0.0 }, { "atS": 60.0, "perMin": 2000.0 }, { "atS": 240.0, "perMin": 2000.0 }],
            "createdAt": "2026-11-24T14:00:00Z",
            "updatedAt": "2026-11-24T14:01:10Z", "revision": 9, "phase": "GENERATE_LOAD", "state": "GeneratingLoad",
            "phases": phases, "loadStarted": "2026-11-24T14:00:10Z", "generator": null, "ticks": [tick],
            "applications": [], "events": [], "deleted": [], "ending": null, "verdict": null,
        }))
        .unwrap()
    }

    #[test]
    fn one_look_tells_phases_figures_and_the_time_left() {
        let mut terminal = Terminal::new(TestBackend::new(110, HEIGHT)).unwrap();
        let now = "2026-11-24T14:01:20Z".parse().unwrap();
        terminal.draw(|frame| draw(frame, &view(), &Workloads::default(), now)).unwrap();
        let screen = terminal.backend().to_string();
        for part in [
            "✔ DEPLOY 0:03   ✔ SCALE_UP 0:03   ▶ GENERATE_LOAD 1:20   · SCALE_DOWN   · CLEAN_UP",
            "orders 1,986/min, target 2,000/min (−0.7 %), users 300 → 310, errors 0.5 %",
            "p95 260 ms, 3 workers at 42 % CPU,",
            "worker lost",
            "track (it is known what users are worth); 0.156 users for one of orders a minute ± 2 %, lag 9.2 s, efficiency",
            "98 %, limit 420 users = 2,690/min",
            "2:50 of load left; Ctrl-C ends the run in order",
            "2,300│orders/min",
        ] {
            assert!(screen.contains(part), "{part} is not in\n{screen}");
        }
    }

    #[test]
    fn while_workloads_are_waited_for_a_bar_tells_how_far_they_are() {
        let mut terminal = Terminal::new(TestBackend::new(110, HEIGHT)).unwrap();
        let wait = |ready| Readiness { ready, wanted: 20, text: format!("{ready} of 20 replicas ready") };
        let waits = [("shop", 17), ("ledger", 3)].map(|(name, ready)| (name.parse().unwrap(), wait(ready))).into();
        let workloads = Workloads { verb: "scaled", total: 6, done: 3, failed: 1, waits };
        let now = "2026-11-24T14:01:20Z".parse().unwrap();
        terminal.draw(|frame| draw(frame, &view(), &workloads, now)).unwrap();
        let screen = terminal.backend().to_string();
        for part in [
            "████████████████░░░░░░░░ 3 of 6 workloads scaled, 1 failed",
            "ledger 3 of 20 replicas ready; shop 17 of 20 replicas ready",
        ] {
            assert!(screen.contains(part), "{part} is not in\n{screen}");
        }
        let workloads = Workloads { total: 0, done: 0, failed: 0, ..workloads };
        terminal.draw(|frame| draw(frame, &view(), &workloads, now)).unwrap();
        let screen = terminal.backend().to_string();
        assert!(screen.contains("ledger 3 of 20") && !screen.contains("workloads"), "{screen}");
    }

    #[test]
    fn a_narrow_terminal_loses_nothing() {
        let mut terminal = Terminal::new(TestBackend::new(60, HEIGHT)).unwrap();
        let now = "2026-11-24T14:01:20Z".parse().unwrap();
        terminal.draw(|frame| draw(frame, &view(), &Workloads::default(), now)).unwrap();
        let screen = terminal.backend().to_string();
        for part in ["· CLEAN_UP", "p95 260 ms", "of load left"] {
            assert!(screen.contains(part), "{part} is not in\n{screen}");
        }
    }

    #[test]
    fn what_a_run_waits_for_is_said_in_words() {
        let mut view = view();
        (view.load_started, view.state) = (None, "Rehearsing".to_owned());
        assert_eq!(doing(&view), "one tagged user must produce orders before the ramp begins");
        let now = "2026-11-24T14:01:20Z".parse().unwrap();
        assert!(left_line(&view, now).to_string().starts_with("shop-1: one tagged user"));
    }

    #[test]
    fn a_search_says_which_level_it_tries() {
        let mut view = view();
        let plan = serde_json::from_value(json!({
            "from": "1200/min", "to": "2000/min", "step": 0.1, "hold": "3m", "rampUp": "5m", "precision": 0.025,
        }));
        view.search = Some(Search::begin(&plan.unwrap(), "1m".parse().unwrap(), None));
        let now = "2026-11-24T14:01:20Z".parse().unwrap();
        let line = left_line(&view, now).to_string();
        assert_eq!(line, "searching: 1,200/min is being tried; Ctrl-C ends the run in order");
    }

    #[test]
    fn long_lines_are_broken_and_nothing_is_lost() {
        assert_eq!(broken("äbcdefg", 3), ["äbc", "def", "g"]);
        assert!(broken("", 3).is_empty());
    }
}
