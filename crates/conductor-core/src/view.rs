//! What people look at: a run's journal, folded into phases, ticks, applications and a verdict. Derived, never stored.

mod law;
mod update;
mod words;
mod workers;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use update::{Fold, Update};

use crate::app::ApplicationId;
use crate::crosscheck::CrossTick;
use crate::figures::FigureWindow;
use crate::layout::LayoutSeen;
use crate::learnt::Hints;
use crate::links::{Link, Shown};
use crate::load::{GeneratorFacts, KpiSample, Latency, Mark};
use crate::mocks::{MockFault, MockProof, MockSight};
use crate::parity;
use crate::phase::{Cause, Ending, Event, Level, Measurement, Phase, State};
use crate::ports::TableCount;
use crate::ramp::{self, Profile};
use crate::requests::NamedWindow;
use crate::responses::ResponseCodes;
use crate::run::{Created, Record, ReplayError, Revision, Run, RunId, Waits};
use crate::saturation::SaturationTick;
use crate::scale::{Baseline, Observed};
use crate::search::Search;
use crate::sizing::Sizing;
use crate::slo;
use crate::verdict::{Facts, Verdict, judge};

/// A run as people look at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// The run.
    pub id: RunId,
    /// The load test's name.
    pub name: String,
    /// Its environment.
    pub environment: String,
    /// Who has asked for the run, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The KPI's name.
    pub kpi: String,
    /// The law that steers.
    #[serde(default)]
    pub algorithm: ramp::Algorithm,
    /// The KPI's target, per minute; the last one where it was changed.
    pub target_per_min: f64,
    /// The line that the KPI shall follow, in seconds since the load began.
    pub profile: Profile,
    /// The search, where the test is one: what was tried and found so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// When the run was created.
    pub created_at: Timestamp,
    /// When its last record was written.
    pub updated_at: Timestamp,
    /// Records of its journal.
    pub revision: Revision,
    /// The phase it is in.
    pub phase: Phase,
    /// The state's name, finer than the phase.
    pub state: String,
    /// What it waits for, while it has not begun for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
    /// The five phases.
    pub phases: Vec<PhaseView>,
    /// When the ramp began.
    pub load_started: Option<Timestamp>,
    /// What generates the load.
    pub generator: Option<GeneratorFacts>,
    /// In what the environment differs from production while load is generated; `None` until that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parity: Option<parity::Report>,
    /// What was found of each mock before the load; empty until then, and where the environment names none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mocks: Vec<MockProof>,
    /// Where load generators, mocks and applications under test were seen to run, in the order of time; empty where nothing tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layout: Vec<LayoutSeen>,
    /// One for each interval measured.
    pub ticks: Vec<Tick>,
    /// What the run changes, application by application; unchanged ones are included.
    pub applications: Vec<ApplicationView>,
    /// What happened, in words.
    pub events: Vec<EventView>,
    /// Rows deleted at the end, by table.
    pub deleted: Vec<TableCount>,
    /// How many workers the target needs, once the load is over; `None` where that could not be learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizing: Option<Sizing>,
    /// Pages that show the run's figures in its time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Why it ended, once it does.
    pub ending: Option<Ending>,
    /// The verdict, once it is over.
    pub verdict: Option<Verdict>,
}

/// One of the five phases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseView {
    /// The phase.
    pub phase: Phase,
    /// When it began; `None` when it has not, or never did.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What went wrong in it.
    pub failure: Option<String>,
}

/// One interval of the load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tick {
    /// When it was measured, in seconds since the ramp began.
    pub at_s: f64,
    /// Start of the KPI's window, in seconds since the ramp began.
    pub from_s: f64,
    /// End of the KPI's window.
    pub to_s: f64,
    /// KPI events in the window; `None` when they could not be counted.
    pub count: Option<u64>,
    /// The KPI, per minute.
    pub kpi_per_min: Option<f64>,
    /// What the KPI should be on the mean of the window, per minute.
    pub set_point_per_min: f64,
    /// Users observed.
    pub users: Option<u64>,
    /// Users asked for from now on.
    pub users_wanted: u64,
    /// Workers of the load generator; `None` when it is one process, or did not answer.
    #[serde(default)]
    pub workers: Option<u32>,
    /// Requests in the window.
    pub requests: u64,
    /// Failed requests in the window.
    pub failures: u64,
    /// Response times of the window.
    pub latency: Option<Latency>,
    /// The window's requests by the status code of their response; `None` where the load generator does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responses: Option<ResponseCodes>,
    /// The busiest worker's CPU in percent of one core.
    pub cpu_percent: Option<f64>,
    /// What a reader of the figures must know.
    pub marks: Vec<Mark>,
    /// What the control law thinks, and why.
    pub advice: Option<ramp::Advice>,
    /// The mocks with what their routes have counted by then, where the environment names some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mocks: Vec<MockSight>,
    /// What a second source has counted; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross: Option<CrossTick>,
    /// The requests that objectives name; `None` where there are none, or they could not be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_by_name: Option<NamedWindow>,
    /// The figures that objectives name; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<FigureWindow>,
    /// How much of what it may have each application used; `None` where the environment does not say how that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saturation: Option<SaturationTick>,
    /// The objectives that are broken by then: over their time, in their minute, or in this window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken_slos: Vec<String>,
}

/// One application before, during and after the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationView {
    /// The application.
    pub application: ApplicationId,
    /// What it was before the first change.
    pub before: Observed,
    /// What it is during the load; of load workers, what was asked for at last.
    pub during: Observed,
    /// What it was when the run looked for the last time; `None` until then, and where the run did not change it.
    #[serde(default)]
    pub after: Option<Observed>,
    /// By what the delivery system knows the deployment of production that the run has deployed; `None` where nothing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_id: Option<String>,
}

impl ApplicationView {
    /// What it is during the load, in words.
    pub fn during(&self) -> String {
        match &self.deploy_id {
            Some(id) => format!("{} (deploy id {id})", self.during),
            None => self.during.to_string(),
        }
    }
}

/// Something that happened, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// When.
    pub at: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// One sentence.
    pub message: String,
}

impl RunView {
    /// The view of a whole journal.
    ///
    /// # Errors
    /// When the journal cannot be replayed.
    pub fn of(id: &RunId, journal: &[Record]) -> Result<Self, ReplayError> {
        Fold::of(id, journal).map(|(fold, _)| fold.view)
    }

    /// The view of a run that was just created.
    pub fn begin(id: &RunId, run: &Run) -> Self {
        let spec = &run.created.spec;
        Self {
            links: links(id, run, None),
            id: id.clone(),
            name: spec.name.clone(),
            environment: spec.environment.clone(),
            by: run.created.by.clone(),
            kpi: spec.kpi.clone(),
            algorithm: spec.load.algorithm,
            target_per_min: spec.target.as_per_minute(),
            profile: spec.profile(),
            search: None,
            created_at: run.created_at,
            updated_at: run.created_at,
            revision: run.revision,
            phase: run.state.phase(),
            state: run.state.name().to_owned(),
            waits: run.created.waits.clone(),
            phases: Phase::PUBLIC.map(PhaseView::pending).to_vec(),
            load_started: None,
            generator: None,
            parity: None,
            mocks: Vec::new(),
            layout: Vec::new(),
            ticks: Vec::new(),
            applications: Vec::new(),
            events: accepted(run),
            deleted: Vec::new(),
            sizing: None,
            ending: None,
            verdict: None,
        }
    }

    /// Takes in the record that brought the run to where it is now, and tells what it has changed.
    pub fn record(&mut self, run: &Run, record: &Record) -> Update {
        let (seen, before) = (self.seen(), self.phase);
        self.revision = record.revision;
        self.updated_at = record.at;
        self.phase = run.state.phase();
        run.state.name().clone_into(&mut self.state);
        self.waits.take_if(|_| !run.is_waiting());
        self.take(run, record);
        if before != self.phase {
            self.move_on(before, record);
        }
        if self.ending.is_none() && run.state.is_tearing_down() {
            self.sizing = Sizing::of(self, run.created.spec.planned_cpu());
        }
        self.ending = run.state.ending().cloned();
        let end = matches!(run.state, State::Finished { .. }).then_some(record.at);
        self.links = links(&self.id, run, end);
        self.verdict = if let State::Finished { ending } = &run.state {
            let facts = Facts::new(&run.created.spec, &self.profile, &self.ticks, ending);
            Some(judge(&Facts {
                guarded: run.guarded.as_ref(),
                layout: &self.layout,
                parity: self.parity.as_ref(),
                baseline: run.created.baseline.as_ref(),
                ..facts
            }))
        } else {
            None
        };
        self.since(&seen)
    }

    /// The tick being shown as the present one.
    pub fn last_tick(&self) -> Option<&Tick> {
        self.ticks.last()
    }

    /// What the control law thought at last; `None` before the load.
    pub fn last_advice(&self) -> Option<&ramp::Advice> {
        self.ticks.iter().rev().find_map(|tick| tick.advice.as_ref())
    }

    /// What the control law thought when it last followed or held; what it believes while the system is in trouble says
    /// more of the trouble than of the users. `None` before the first such time.
    pub fn last_sound_advice(&self) -> Option<&ramp::Advice> {
        let advices = self.ticks.iter().rev().filter_map(|tick| tick.advice.as_ref());
        advices.into_iter().find(|advice| match advice.mode {
            ramp::Mode::Track | ramp::Mode::Hold => true,
            ramp::Mode::Boot
            | ramp::Mode::Test
            | ramp::Mode::Drain
            | ramp::Mode::Climb
            | ramp::Mode::Probe
            | ramp::Mode::Stalled => false,
        })
    }

    /// Seconds of load still to come at `now`, `None` while there is no load, and in a search, which ends when it has
    /// found.
    pub fn load_left_s(&self, now: Timestamp) -> Option<f64> {
        let since = now.duration_since(self.load_started?).as_secs_f64();
        (self.phase == Phase::GenerateLoad && self.search.is_none()).then(|| (self.profile.end_s() - since).max(0.0))
    }

    fn take(&mut self, run: &Run, record: &Record) {
        match &record.event {
            Event::PreflightPassed { generator, parity, .. } => {
                self.generator = Some(generator.clone());
                self.parity = parity.as_deref().cloned();
                if let Some(parity) = self.parity.as_ref().filter(|parity| parity.incomparable.is_none()) {
                    let (level, message) = (parity.level(), parity.summary());
                    self.events.push(EventView { at: record.at, level, message });
                }
            }
            Event::BaselineRecorded { .. } => {
                self.applications = applications(&run.state);
                self.compare_versions(run, record.at);
                self.compare_workers(run, record.at);
            }
            Event::MocksProbed { proofs } => self.mocks.clone_from(proofs),
            Event::LayoutSeen(seen) => self.layout.push((**seen).clone()),
            Event::Rehearsed { .. } => {
                self.load_started = Some(record.at);
                self.follow_workers(run, record.at);
            }
            Event::Measured(measurement) => {
                let tick = self.tick(run, record.at, measurement);
                if let Some(advice) = tick.as_ref().and_then(|tick| tick.advice.as_ref()) {
                    let news = law::news(self.last_advice(), advice).into_iter();
                    self.events.extend(news.map(|(level, message)| EventView { at: record.at, level, message }));
                }
                self.ticks.extend(tick);
                self.follow_search(run, record.at);
                self.follow_workers(run, record.at);
            }
            Event::Retargeted { change, .. } => {
                self.target_per_min = change.target.as_per_minute();
                if let Some(load) = run.state.load() {
                    self.profile = load.profile.clone();
                }
            }
            Event::Restored { found, .. } => self.found(found, |_| true),
            Event::Rechecked { found, late, .. } => {
                self.found(found, |name| late.iter().any(|change| change.drift.application == *name));
            }
            Event::PutBackAgain { found, .. } => self.found(found, |name| found.contains_key(name)),
            Event::CleanedUp { deleted, .. } => self.deleted.clone_from(deleted),
            Event::Adopted { .. } => {
                // A way back that it has gone before is gone once more.
                for view in self.phases.iter_mut().filter(|view| view.phase > Phase::GenerateLoad) {
                    *view = PhaseView::pending(view.phase);
                }
            }
            Event::Begun { .. } => {
                self.events.push(EventView::info(record.at, "its turn has come".to_owned()));
                self.events.extend(hints(run, record.at));
            }
            Event::Created(_)
            | Event::Frozen { .. }
            | Event::Drifted { .. }
            | Event::Reverted { .. }
            | Event::NotReverted { .. }
            | Event::Thawed
            | Event::Started
            | Event::Deployed
            | Event::ScaledUp
            | Event::WorkersScaled(_)
            | Event::WorkersNotScaled(_)
            | Event::LoadStopped
            | Event::Failed(_)
            | Event::StopRequested { .. }
            | Event::DeadlineExceeded
            | Event::Abandoned
            | Event::Resumed
            | Event::Noted(_) => {}
        }
        if let Some((level, message)) = words::of(&record.event) {
            self.events.push(EventView { at: record.at, level, message });
        }
        let faults = self.follow_mocks(run, record.at);
        for failure in words::failures(&record.event).into_iter().chain(faults) {
            if let Some(view) = self.phases.iter_mut().find(|view| view.started.is_some() && view.ended.is_none()) {
                view.failure.get_or_insert(failure);
            }
        }
    }

    /// Takes in what applications were found to be after the way back.
    fn found(&mut self, found: &Baseline, is_meant: impl Fn(&ApplicationId) -> bool) {
        for application in self.applications.iter_mut().filter(|one| is_meant(&one.application)) {
            application.after = found.get(&application.application).cloned();
        }
    }

    /// Tells when the versions are others than those whose run the hints are from.
    fn compare_versions(&mut self, run: &Run, at: Timestamp) {
        let Some(learnt) = run.created.learnt.as_ref().filter(|_| run.created.spec.load.learn_from_last_run) else {
            return;
        };
        let others = learnt.other_versions(&self.applications);
        if !others.is_empty() {
            let message = format!("versions are others than in run {}: {}", learnt.run, others.join(", "));
            self.events.push(EventView::info(at, message));
        }
    }

    /// Closes the phase that was left and opens the one that is entered.
    fn move_on(&mut self, before: Phase, record: &Record) {
        for view in &mut self.phases {
            if view.phase == before {
                view.ended.get_or_insert(record.at);
            }
            if view.phase == self.phase {
                view.started.get_or_insert(record.at);
            }
        }
    }

    /// Takes in where a search is, and tells of a trial that is over.
    fn follow_search(&mut self, run: &Run, at: Timestamp) {
        let ended = run.state.ending().and_then(|ending| ending.search.as_deref());
        let Some(search) = run.state.load().and_then(|load| load.search.as_ref()).or(ended) else { return };
        let told = self.search.as_ref().map_or(0, |search| search.trials().len());
        for trial in &search.trials()[told.min(search.trials().len())..] {
            self.events.push(EventView::info(at, trial.to_string()));
        }
        self.search = Some(search.clone());
        if let Some(load) = run.state.load() {
            self.profile.clone_from(&load.profile);
        }
    }

    /// Tells of faults of mocks that were not told before, each once, however long it lasts; and gives them where the run ends
    /// for them.
    fn follow_mocks(&mut self, run: &Run, at: Timestamp) -> Vec<String> {
        let during = run.state.load().map(|load| load.mocks.faults());
        let faults = during.or_else(|| run.state.ending().map(|ending| ending.mock_faults.as_slice()));
        let told = |fault: &MockFault| EventView { at, level: Level::Warning, message: fault.to_string() };
        let messages: Vec<EventView> = faults.unwrap_or_default().iter().map(told).collect();
        let is_new = |event: &EventView| self.events.iter().all(|known| known.message != event.message);
        let news: Vec<EventView> = messages.into_iter().filter(is_new).collect();
        self.events.extend(news);
        let ending = run.state.ending().filter(|ending| ending.cause == Cause::Mocks);
        ending.map_or_else(Vec::new, |ending| ending.mock_faults.iter().map(ToString::to_string).collect())
    }

    fn tick(&self, run: &Run, at: Timestamp, measurement: &Measurement) -> Option<Tick> {
        let started = self.load_started?;
        let seconds = |time: Timestamp| time.duration_since(started).as_secs_f64();
        let advice = run.state.load().map(|load| load.advice.clone());
        let at_s = seconds(at);
        let (sample, generator) = (measurement.sample.as_ref(), measurement.generator.as_ref());
        let (from_s, to_s) = sample.map_or((at_s, at_s), |s| (seconds(s.from), seconds(s.to)));
        let mut marks: Vec<Mark> = sample.iter().flat_map(|s| s.marks.iter().copied()).collect();
        marks.extend(generator.iter().flat_map(|g| g.marks.iter().copied()));
        marks.sort_unstable();
        marks.dedup();
        let users = generator.map(|status| status.users);
        let spec = &run.created.spec;
        let requests_by_name = measurement.requests.as_ref().map(|requests| requests.since(started));
        let figures = measurement.figures.as_ref().map(|figures| figures.since(started));
        let seen = slo::Seen { requests: requests_by_name.as_ref(), figures: figures.as_ref() };
        let broken_slos = slo::broken_now(spec, run.created.baseline.as_ref(), &self.profile, &self.ticks, seen);
        Some(Tick {
            requests_by_name,
            figures,
            saturation: measurement.saturation.as_ref().map(|saturation| saturation.since(started)),
            broken_slos,
            at_s,
            from_s,
            to_s,
            count: sample.and_then(|s| s.count),
            kpi_per_min: sample.and_then(|s| per_minute(s, to_s - from_s)),
            set_point_per_min: self.profile.mean(from_s, to_s),
            users,
            users_wanted: advice.as_ref().map_or(users.unwrap_or_default(), |advice| advice.users),
            workers: generator.and_then(|status| status.workers),
            requests: sample.map_or(0, |s| s.requests),
            failures: sample.map_or(0, |s| s.failures),
            latency: sample.and_then(|s| s.latency),
            responses: sample.and_then(|s| s.responses.clone()),
            cpu_percent: generator.and_then(|status| status.cpu_percent),
            marks,
            advice,
            mocks: measurement.mocks.clone(),
            cross: measurement.cross.as_ref().map(|cross| cross.since(started, at)),
        })
    }
}

impl PhaseView {
    fn pending(phase: Phase) -> Self {
        Self { phase, started: None, ended: None, failure: None }
    }
}

impl EventView {
    fn info(at: Timestamp, message: String) -> Self {
        Self { at, level: Level::Info, message }
    }
}

/// The pages that show a run, from its begin to its end where it is over.
fn links(id: &RunId, run: &Run, to: Option<Timestamp>) -> Vec<Link> {
    let Created { spec, pages, .. } = &run.created;
    let from = run.begun_at.unwrap_or(run.created_at);
    let shown = Shown { run: id, load_test: &spec.name, environment: &spec.environment, from, to };
    pages.iter().map(|page| page.link(&shown)).collect()
}

/// What is said of a run that was just created.
fn accepted(run: &Run) -> Vec<EventView> {
    let Created { spec, by, waits, .. } = &run.created;
    let by = by.as_ref().map_or_else(String::new, |by| format!(", as {by} has asked"));
    let waiting = waits.as_ref().map_or_else(String::new, |waits| format!("; it {waits}"));
    let accepted = EventView::info(run.created_at, format!("load test {} accepted{by}{waiting}", spec.name));
    // What it begins with is known when its turn comes.
    let hints = if waits.is_none() { hints(run, run.created_at) } else { Vec::new() };
    std::iter::once(accepted).chain(hints).collect()
}

/// What the control law of a run that begins knows already.
fn hints(run: &Run, at: Timestamp) -> Vec<EventView> {
    let hints = Hints::of(&run.created).words(&run.created.spec.kpi).into_iter();
    hints.map(|hint| EventView::info(at, format!("the control law begins with {hint}"))).collect()
}

fn per_minute(sample: &KpiSample, seconds: f64) -> Option<f64> {
    let count = sample.count? as f64;
    (seconds > 0.0).then(|| count * 60.0 / seconds)
}

fn applications(state: &State) -> Vec<ApplicationView> {
    let Some(changes) = state.changes() else { return Vec::new() };
    let view = |(application, before): (&ApplicationId, &Observed)| {
        let mut during = before.clone();
        let mut deploy_id = None;
        if let Some(rollout) = changes.plan.rollouts.iter().find(|r| r.application == *application) {
            during.release = rollout.to.clone();
            deploy_id.clone_from(&rollout.deploy_id);
        }
        if let Some(step) = changes.plan.scale_steps.iter().find(|s| s.application == *application) {
            during.allocation = step.to.clone();
        }
        ApplicationView { application: application.clone(), before: before.clone(), during, after: None, deploy_id }
    };
    changes.baseline.iter().map(view).collect()
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
