//! The load of a run: the bridge between journalled measurements, in wall-clock time, and the control law, in seconds.

use jiff::{SignedDuration, Timestamp};

use super::workers::{Workers, users_ahead};
use super::{Cause, Changes, Ending, Measurement, Retarget};
use crate::failure::{Failure, FailureKind};
use crate::guard::{Drift, DriftPolicy};
use crate::learnt::Hints;
use crate::load::{KpiSample, LoadSetting, Mark};
use crate::mocks::{MockSight, Watch};
use crate::ramp;
use crate::run::Created;
use crate::scale::ScaleStep;
use crate::search::{Search, Sight};
use crate::slo::{Seen, Watches};
use crate::spec::{LoadShape, LoadTestSpec};

/// The load of a run: where its control stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// When the ramp began.
    pub started: Timestamp,
    /// The line that the KPI shall follow, seconds counted from there.
    pub profile: ramp::Profile,
    /// The search that moves the line, where the test is one.
    pub search: Option<Search>,
    /// The number of the last request that has changed it; 0 when none has.
    pub retargeted: u64,
    /// The end of the last window that was measured; the next one begins here.
    pub measured_to: Timestamp,
    /// The scaling of the load workers, where the test lets them be scaled.
    pub workers: Option<Workers>,
    /// The best that was seen of response times and failures.
    watch: ramp::CongestionWatch,
    /// What the control law has learnt.
    pub ramp: ramp::State,
    /// What it says now.
    pub advice: ramp::Advice,
    /// What is known of the mocks.
    pub mocks: Watch,
    /// The objectives, by what was counted so far.
    slos: Watches,
    /// The end of the last window in which requests were counted by name; the next one begins here.
    pub requests_to: Timestamp,
    /// The time that the figures were read of last.
    pub figures_to: Timestamp,
    /// What somebody else has changed since the load began.
    pub drifts: Vec<Drift>,
    /// Those of them that are being put back: nobody has told yet what came of it.
    reverting: Vec<Drift>,
}

impl Load {
    /// The load of a run whose ramp begins now, after one user has produced the KPI. Its mocks were proved with these sights.
    pub fn begin(
        created: &Created,
        changes: &Changes,
        at: Timestamp,
        rehearsal: &KpiSample,
        mocks: &[MockSight],
    ) -> Self {
        let spec = &created.spec;
        let config = config(created, spec.profile());
        let window = window(rehearsal, at);
        let observation = ramp::Observation { at_s: 0.0, users: 1, window, congestion: ramp::Congestion::Unknown };
        let (ramp, advice) = ramp::step(&config, ramp::State::new(&config), &observation);
        let ahead = users_ahead(&advice, &config.profile, 0.0, config.interval_s, config.max_users);
        Self {
            workers: Workers::begin(created, changes, ahead),
            started: at,
            profile: config.profile,
            search: search(spec),
            retargeted: 0,
            measured_to: at,
            watch: ramp::CongestionWatch::default(),
            ramp,
            advice,
            mocks: Watch::begin(&created.mocks, mocks),
            slos: Watches::new(spec, created.baseline.as_ref()),
            requests_to: at,
            figures_to: at,
            drifts: Vec::new(),
            reverting: Vec::new(),
        }
    }

    /// Seconds from the beginning of the load to `time`.
    pub fn seconds(&self, time: Timestamp) -> f64 {
        seconds(self.started, time)
    }

    /// When the load ends, at the latest.
    pub fn ends(&self) -> Timestamp {
        let end_s = self.search.as_ref().map_or(self.profile.end_s(), Search::longest_s);
        let time = SignedDuration::try_from_secs_f64(end_s).unwrap_or(SignedDuration::MAX);
        self.started.saturating_add(time).unwrap_or(Timestamp::MAX)
    }

    /// True when the line has come to its end.
    pub fn is_over(&self, at: Timestamp) -> bool {
        at >= self.ends()
    }

    /// The setting that the control law advises now.
    pub fn setting(&self) -> LoadSetting {
        LoadSetting { users: self.advice.users, spawn_rate: self.advice.spawn_rate }
    }

    /// Lets the control law see one measurement and keeps its advice.
    pub(super) fn observe(mut self, created: &Created, at: Timestamp, measurement: &Measurement) -> Self {
        let congestion = self.congestion(measurement.sample.as_ref());
        let observation = ramp::Observation {
            at_s: self.seconds(at),
            users: measurement.generator.as_ref().map_or(self.advice.users, |status| status.users),
            window: measurement.sample.as_ref().and_then(|sample| window(sample, self.started)),
            congestion,
        };
        let measured_to =
            measurement.sample.as_ref().map_or(self.measured_to, |sample| sample.to.max(self.measured_to));
        let profile = self.searched(&observation, measurement).unwrap_or(self.profile);
        let config = config(created, profile);
        let (ramp, advice) = ramp::step(&config, self.ramp, &observation);
        if let Some(workers) = &mut self.workers {
            let ahead = users_ahead(&advice, &config.profile, observation.at_s, config.interval_s, config.max_users);
            workers.see(measurement, ahead);
        }
        Self { profile: config.profile, measured_to, ramp, advice, ..self }
    }

    /// Takes in what objectives name, and gives the failure by which the run ends where one of those wants that.
    pub(super) fn watch_slos(&mut self, spec: &LoadTestSpec, measurement: &Measurement) -> Option<Failure> {
        let (requests, figures) = (measurement.requests.as_ref(), measurement.figures.as_ref());
        self.requests_to = requests.map_or(self.requests_to, |requests| requests.to.max(self.requests_to));
        self.figures_to = figures.map_or(self.figures_to, |figures| figures.to.max(self.figures_to));
        let (requests, figures) =
            (requests.map(|requests| requests.since(self.started)), figures.map(|figures| figures.since(self.started)));
        let seen = Seen { requests: requests.as_ref(), figures: figures.as_ref() };
        let lost = self.slos.see(seen, &self.profile, spec.interval.as_secs_f64());
        let told: Vec<String> = lost.into_iter().map(|slo| format!("\"{slo}\"")).collect();
        (!told.is_empty()).then(|| Failure {
            activity: "keep within the objectives".to_owned(),
            kind: FailureKind::SloBreached,
            message: format!("{} was breached, which ends the run", told.join(" and ")),
        })
    }

    /// Takes in what was seen of the mocks.
    pub(super) fn watch_mocks(&mut self, at: Timestamp, measurement: &Measurement) {
        let counted = measurement.sample.as_ref().and_then(|sample| sample.count).is_some_and(|count| count > 0);
        self.mocks.see(&measurement.mocks, seconds(self.started, at), counted);
    }

    /// Takes in what somebody else has changed; the same again is the same.
    pub(super) fn drifted(&mut self, policy: DriftPolicy, drifts: &[Drift]) {
        for drift in drifts {
            if !self.drifts.iter().any(|known| known.is(drift)) {
                self.drifts.push(Drift { reverted: policy == DriftPolicy::Revert, ..drift.clone() });
            }
            if policy == DriftPolicy::Revert && !self.reverting.iter().any(|known| known.is(drift)) {
                self.reverting.push(drift.clone());
            }
        }
    }

    /// Takes in what was put back.
    pub(super) fn reverted(mut self, drifts: &[Drift]) -> Self {
        self.reverting.retain(|known| !drifts.iter().any(|drift| drift.is(known)));
        self
    }

    /// Takes in what could not be put back.
    pub(super) fn not_reverted(mut self, drifts: &[Drift]) -> Self {
        let is_it = |known: &&mut Drift| drifts.iter().any(|drift| drift.is(known));
        self.drifts.iter_mut().filter(is_it).for_each(|known| known.reverted = false);
        self.reverted(drifts)
    }

    /// An ending of the load: what was still being put back then was not.
    pub(super) fn ending(&self, cause: Cause) -> Ending {
        let is_underway = |known: &Drift| self.reverting.iter().any(|drift| drift.is(known));
        let ended = |known: &Drift| Drift { reverted: known.reverted && !is_underway(known), ..known.clone() };
        Ending {
            drifts: self.drifts.iter().map(ended).collect(),
            mock_faults: self.mocks.faults().to_vec(),
            ..Ending::because(cause)
        }
    }

    /// The load workers that were asked for and are not there yet.
    pub fn workers_asked(&self) -> Option<&ScaleStep> {
        self.workers.as_ref()?.asked()
    }

    /// Takes in what became of the load workers that were asked for.
    pub(super) fn workers_answered(mut self, done: bool) -> Self {
        if let Some(workers) = &mut self.workers {
            workers.answer(done);
        }
        self
    }

    /// The line from now on, where the search moves it.
    fn searched(&mut self, observation: &ramp::Observation, measurement: &Measurement) -> Option<ramp::Profile> {
        let marks = |marks: &[Mark]| marks.contains(&Mark::GeneratorBound);
        let bound = measurement.sample.as_ref().is_some_and(|sample| marks(&sample.marks))
            || measurement.generator.as_ref().is_some_and(|status| marks(&status.marks))
            || self.advice.alarm == Some(ramp::Alarm::GeneratorShort);
        let sight = Sight {
            at_s: observation.at_s,
            window: observation.window,
            users: observation.users,
            generator_bound: bound,
            advice: &self.advice,
        };
        self.search.as_mut()?.see(&sight, &self.profile)
    }

    /// True when there is nothing left to search for.
    pub(super) fn is_found(&self) -> bool {
        self.search.as_ref().is_some_and(|search| search.end().is_some())
    }

    /// Changes what is left of the line; what the control law has learnt is kept.
    pub(super) fn retarget(&mut self, spec: &LoadTestSpec, at: Timestamp, request: u64, change: &Retarget) {
        self.profile = change.applied(spec, &self.profile, self.seconds(at));
        self.retargeted = request;
    }

    /// What a window's response times and failures say of the system.
    fn congestion(&mut self, sample: Option<&KpiSample>) -> ramp::Congestion {
        let Some(sample) = sample.filter(|sample| sample.requests > 0) else { return ramp::Congestion::Unknown };
        let failed = sample.failures as f64 / sample.requests as f64;
        self.watch.see(sample.latency.map(|latency| latency.mean_ms / 1000.0), Some(failed))
    }
}

/// What was counted, in seconds since the load began.
fn window(sample: &KpiSample, started: Timestamp) -> Option<ramp::Window> {
    let (from_s, to_s) = (seconds(started, sample.from), seconds(started, sample.to));
    let window = ramp::Window { from_s, to_s, count: sample.count? as f64 };
    (window.to_s > window.from_s).then_some(window)
}

fn seconds(started: Timestamp, time: Timestamp) -> f64 {
    time.duration_since(started).as_secs_f64()
}

/// The search of a spec that has one.
fn search(spec: &LoadTestSpec) -> Option<Search> {
    match &spec.shape {
        LoadShape::Search(plan) => Some(Search::begin(plan, spec.interval, spec.limits.max_users)),
        LoadShape::RampUp { .. } | LoadShape::Stages(_) => None,
    }
}

/// What the control law needs to know of a run.
fn config(created: &Created, profile: ramp::Profile) -> ramp::Config {
    let spec = &created.spec;
    let Hints { users_per_kpi, kpi_lag_s } = Hints::of(created);
    ramp::Config {
        users_per_kpi: users_per_kpi.map(|hint| hint.value),
        kpi_lag_s: kpi_lag_s.map(|hint| hint.value),
        max_users: spec.limits.max_users,
        ..ramp::Config::new(spec.load.algorithm, profile, spec.interval.as_secs_f64())
    }
}
