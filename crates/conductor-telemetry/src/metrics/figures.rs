//! What is told of one run: its last figures, taken from its view.

use conductor_core::load::{Latency, Mark};
use conductor_core::phase::Phase;
use conductor_core::ramp::Mode;
use conductor_core::responses::{NO_RESPONSE, ResponseCodes};
use conductor_core::verdict::Outcome;
use conductor_core::view::{RunView, Tick};
use jiff::Timestamp;

/// Most applications whose saturation is told of a run, the highest first.
const MOST_APPLICATIONS: usize = 10;

/// Most status codes that are told apart of a run, the first ones that it has; those that come later are told together.
const MOST_CODES: usize = 20;

/// All marks of windows: those that no window has are told as zero, so that their first one is an increase.
pub(super) const MARKS: [Mark; 9] = [
    Mark::WorkerLost,
    Mark::WorkerJoined,
    Mark::CounterReset,
    Mark::GeneratorRestarted,
    Mark::GeneratorBound,
    Mark::Approximate,
    Mark::LateRows,
    Mark::ClockSkew,
    Mark::NoKpiRequest,
];

/// The last figures of a run.
#[derive(Clone)]
pub(super) struct Figures {
    pub(super) labels: [(&'static str, String); 3],
    pub(super) phase: Phase,
    /// When its phase began; of what comes before the five phases, when this process first saw it, which is after its turn.
    pub(super) phase_since: Option<Timestamp>,
    pub(super) target: f64,
    pub(super) load: Load,
    /// Since its load began; `None` before.
    pub(super) totals: Option<Totals>,
    pub(super) restore_incomplete: bool,
    pub(super) outcome: Option<Outcome>,
    pub(super) ended: Option<Timestamp>,
}

/// What is so only while load is generated; outside of it nothing is better than what was once.
#[derive(Clone, Default)]
pub(super) struct Load {
    pub(super) set_point: Option<f64>,
    pub(super) kpi: Option<f64>,
    pub(super) users: Option<f64>,
    pub(super) users_wanted: Option<f64>,
    pub(super) workers: Option<f64>,
    /// The busiest worker's, 1 is a core.
    pub(super) cpu: Option<f64>,
    pub(super) latency: Option<Latency>,
    pub(super) mode: Option<Mode>,
    pub(super) saturation: Vec<(String, f64)>,
    /// A second in the last window, by status code; of those that the run has had before, also where there are none now.
    pub(super) responses: Vec<(String, f64)>,
}

/// What only grows.
#[derive(Clone, Copy, Default)]
pub(super) struct Totals {
    pub(super) requests: u64,
    pub(super) failures: u64,
    /// Windows by mark, in the order of [`MARKS`].
    pub(super) marked: [u64; MARKS.len()],
}

impl Figures {
    /// Those of a view, where these were the ones before.
    pub(super) fn of(view: &RunView, before: Option<&Self>) -> Self {
        let labels = [
            ("environment", view.environment.clone()),
            ("load_test", view.name.clone()),
            ("run", view.id.as_str().to_owned()),
        ];
        let last = view.last_tick().filter(|_| view.phase == Phase::GenerateLoad);
        let not_restored = view.verdict.as_ref().is_some_and(|verdict| !verdict.restored);
        let left = view.ending.as_ref().is_some_and(|ending| !ending.teardown_failures.is_empty());
        Self {
            labels,
            phase: view.phase,
            phase_since: phase_since(view, before),
            target: view.target_per_min,
            load: last.map_or_else(Load::default, |last| Load::of(&view.ticks, last)),
            totals: view.load_started.map(|_| Totals::of(&view.ticks)),
            restore_incomplete: not_restored || left,
            outcome: view.verdict.as_ref().map(|verdict| verdict.outcome),
            ended: None,
        }
    }
}

fn phase_since(view: &RunView, before: Option<&Figures>) -> Option<Timestamp> {
    match view.phase {
        Phase::Prepare => before.and_then(|before| before.phase_since).or(Some(view.updated_at)),
        Phase::Deploy | Phase::ScaleUp | Phase::GenerateLoad | Phase::ScaleDown | Phase::CleanUp => {
            view.phases.iter().find(|shown| shown.phase == view.phase).and_then(|shown| shown.started)
        }
        Phase::Finished => None,
    }
}

impl Load {
    fn of(ticks: &[Tick], tick: &Tick) -> Self {
        let highest = tick.saturation.iter().flat_map(|seen| &seen.highest).take(MOST_APPLICATIONS);
        Self {
            set_point: Some(tick.set_point_per_min),
            kpi: tick.kpi_per_min,
            users: tick.users.map(|users| users as f64),
            users_wanted: Some(tick.users_wanted as f64),
            workers: tick.workers.map(f64::from),
            cpu: tick.cpu_percent.map(|percent| percent / 100.0),
            latency: tick.latency,
            mode: tick.advice.as_ref().map(|advice| advice.mode),
            saturation: highest.map(|used| (used.application.to_string(), used.ratio)).collect(),
            responses: responses(ticks, tick),
        }
    }
}

/// The responses of a window a second, by status code. Which codes are told apart stays so for the whole run.
fn responses(ticks: &[Tick], last: &Tick) -> Vec<(String, f64)> {
    let seconds = last.to_s - last.from_s;
    let Some(codes) = last.responses.as_ref().filter(|_| seconds > 0.0) else { return Vec::new() };
    let mut known: Vec<u16> = Vec::new();
    for (code, _) in ticks.iter().filter_map(|tick| tick.responses.as_ref()).flat_map(ResponseCodes::iter) {
        if !known.contains(&code) {
            known.push(code);
        }
    }
    let apart = &known[..known.len().min(MOST_CODES)];
    let word = |code: u16| if code == NO_RESPONSE { "none".to_owned() } else { code.to_string() };
    let mut told: Vec<(String, f64)> =
        apart.iter().map(|code| (word(*code), codes.of(*code) as f64 / seconds)).collect();
    if known.len() > MOST_CODES {
        let others = codes.iter().filter(|(code, _)| !apart.contains(code)).map(|(_, count)| count).sum::<u64>();
        told.push(("other".to_owned(), others as f64 / seconds));
    }
    told
}

impl Totals {
    fn of(ticks: &[Tick]) -> Self {
        let mut totals = Self::default();
        for tick in ticks {
            totals.requests += tick.requests;
            totals.failures += tick.failures;
            for (mark, count) in MARKS.iter().zip(&mut totals.marked) {
                *count += u64::from(tick.marks.contains(mark));
            }
        }
        totals
    }
}
