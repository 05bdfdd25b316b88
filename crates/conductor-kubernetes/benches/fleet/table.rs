//! The tables.

use std::fmt::Write;

use crate::conductor::Memory;
use crate::fleet::Fleet;
use crate::wave::Wave;

/// The floor, the conductor, one that has read nothing, and the floor again; each there and back.
pub(crate) struct Round {
    pub(crate) floor: [[Wave; 2]; 2],
    pub(crate) ours: [Wave; 2],
    pub(crate) anew: [Wave; 2],
    pub(crate) memory: Memory,
    pub(crate) requests: f64,
}

impl Round {
    /// A figure of the floor, on average.
    fn floor(&self, way: usize, of: impl Fn(&Wave) -> f64) -> f64 {
        let [before, after] = &self.floor;
        of(&before[way]).midpoint(of(&after[way]))
    }
}

/// What was measured while nobody acted but who is measured.
pub(crate) struct Mutating {
    pub(crate) rounds: Vec<Round>,
    /// By how many processes there are at the same time.
    pub(crate) kubectl: Vec<(usize, [Wave; 2])>,
}

/// All figures of the writes.
pub(crate) fn mutating(fleet: &Fleet, Mutating { rounds, kubectl }: &Mutating) -> String {
    let size = fleet.places.len();
    let each =
        |of: &dyn Fn(&Round, usize) -> f64| [0, 1].map(|way| rounds.iter().map(|round| of(round, way)).collect());
    let ours: [Vec<f64>; 2] = each(&|round, way| round.ours[way].seconds);
    let against = |other: &[Wave; 2]| [0, 1].map(|way| vec![other[way].seconds / median(&ours[way])]);
    let mut text = format!(
        "\nwriting to {size} Deployments in {} namespaces, controllers standing still\n\
         median of {} rounds (lowest to highest)                             {:>22} {:>22}\n",
        fleet.namespaces.len(),
        rounds.len(),
        "there",
        "back"
    );
    let mut row = |name: &str, unit: &str, [there, back]: [Vec<f64>; 2]| {
        let _ = writeln!(text, "{name:<68} {:>22} {:>22}  {unit}", shown(&there), shown(&back));
    };
    let seconds = |waves: &[Wave; 2]| waves.map(|wave| vec![wave.seconds]);
    row("the floor: bare patches, 16 at the same time", "s", each(&|round, way| round.floor(way, time)));
    row("conductor", "s", ours.clone());
    row("conductor that has read nothing before", "s", each(&|round, way| round.anew[way].seconds));
    for (processes, waves) in kubectl {
        row(&format!("kubectl scale --all, a process a namespace, {processes} at the same time"), "s", seconds(waves));
    }
    let ratio = |what: fn(&Wave) -> f64, of: &dyn Fn(&Round) -> &[Wave; 2]| {
        each(&|round, way| what(&of(round)[way]) / round.floor(way, what))
    };
    row("conductor / floor of the same round", "times", ratio(time, &|round| &round.ours));
    row("conductor / floor of the same round, processor time of all", "times", ratio(processor, &|round| &round.ours));
    row("conductor that has read nothing / floor of the same round", "times", ratio(time, &|round| &round.anew));
    for (processes, waves) in kubectl {
        row(&format!("kubectl, {processes} at the same time / conductor"), "times", against(waves));
    }
    for (name, of) in SIDES {
        row(&format!("{name}: write requests for each"), "requests", each(&|round, way| of(round)[way].writes_each));
        let server = each(&|round, way| of(round)[way].usage.server * 1000.0 / size as f64);
        row(&format!("{name}: processor time of API server and etcd for each"), "ms", server);
        let own = each(&|round, way| of(round)[way].usage.own * 1000.0 / size as f64);
        row(&format!("{name}: processor time of this process for each"), "ms", own);
    }
    let mut single = |name: &str, unit: &str, of: &dyn Fn(&Round) -> f64| {
        let all: Vec<f64> = rounds.iter().map(of).collect();
        let _ = writeln!(text, "{name:<68} {:>45}  {unit}", shown(&all));
    };
    single("conductor: requests of every kind, there and back, for each", "requests", &|round| {
        round.requests / size as f64
    });
    // Later rounds begin with what the allocator has kept of the first.
    let [before, most] = rounds[0].memory;
    let _ = writeln!(text, "{:<68} {before:>45.2}  MB", "this process before the conductor, first round");
    let _ = writeln!(text, "{:<68} {most:>45.2}  MB", "this process at most, with the conductor there and back");
    text
}

fn time(wave: &Wave) -> f64 {
    wave.seconds
}

/// Of whoever writes, of the API server and of its store: on a machine that others use, too, it says more than the time.
fn processor(wave: &Wave) -> f64 {
    wave.usage.own + wave.usage.server
}

type Side = (&'static str, fn(&Round) -> &[Wave; 2]);
/// Who writes.
const SIDES: [Side; 3] = [
    ("floor", |round| &round.floor[0]),
    ("conductor", |round| &round.ours),
    ("conductor that has read nothing", |round| &round.anew),
];

/// Names with seconds.
pub(crate) fn live(times: &[(&'static str, f64)]) -> String {
    let mut text = "\neverything alive\n".to_owned();
    for (name, seconds) in times {
        let _ = writeln!(text, "{name:<68} {seconds:>45.2}  s");
    }
    text
}

/// The one in the middle.
fn median(all: &[f64]) -> f64 {
    let mut sorted = all.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn shown(all: &[f64]) -> String {
    let (lowest, highest) = all.iter().fold((f64::MAX, f64::MIN), |(low, high), one| (low.min(*one), high.max(*one)));
    let median = median(all);
    if all.len() == 1 { format!("{median:.2}") } else { format!("{median:.2} ({lowest:.2} to {highest:.2})") }
}
