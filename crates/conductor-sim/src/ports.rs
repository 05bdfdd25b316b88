//! The ports of a model world. Each call takes its time, may be struck by a scripted fault, and is logged.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::load::{GeneratorFacts, GeneratorStatus, KpiSample, Latency, LoadSetting, Mark, Tags};
use conductor_core::ports::{
    Deployed, Deployer, FailureKind, KpiSource, LeftBehind, LoadGenerator, PortError, Production, ReleaseSource,
    Scaler, TableCount, TestDataStore, Way,
};
use conductor_core::release::Rollout;
use conductor_core::run::RunId;
use conductor_core::scale::{Observed, ScaleStep};
use jiff::Timestamp;

use crate::calls::CallRecord;
use crate::environment::{Fate, SimEnvironment, World};
use crate::kernel::{Bucket, TICK_NS};
use crate::plant::Call;

impl SimEnvironment {
    /// Makes a call: waits, lets a fault strike, does it, waits for as long as the act says, and answers.
    pub(crate) async fn call<T>(
        &self,
        call: Call,
        subject: &str,
        act: impl FnOnce(&mut World) -> Result<(T, Duration), PortError> + Send,
    ) -> Result<T, PortError>
    where
        T: Send,
    {
        self.clock.sleep(self.delays.call.as_duration()).await;
        let fate = self.arrive(call, subject);
        match fate {
            Fate::Fails(kind) => return Err(struck(call, subject, kind, "the plant says so")),
            Fate::Hangs => std::future::pending().await,
            Fate::Panics => panic!("the plant lets \"{call}\" panic"),
            Fate::Works | Fate::AnswerLost(_) => {}
        }
        let (answer, takes) = act(&mut self.present())?;
        if !takes.is_zero() {
            self.clock.sleep(takes).await;
        }
        match fate {
            Fate::AnswerLost(kind) => Err(struck(call, subject, kind, "the plant loses the answer")),
            Fate::Works | Fate::Fails(_) | Fate::Hangs | Fate::Panics => Ok(answer),
        }
    }

    fn arrive(&self, call: Call, subject: &str) -> Fate {
        let mut world = self.present();
        let (now_ns, load_ns) = (world.now_ns(), world.load_ns());
        let fate = world.script.strike(call, subject, now_ns, load_ns);
        let record = CallRecord { at: self.clock.now(), call, subject: subject.to_owned(), sound: fate == Fate::Works };
        world.calls.push(record);
        fate
    }

    /// The applications as they are, those that exist.
    fn found<T>(world: &World, wanted: &[ApplicationId], field: impl Fn(Observed) -> T) -> BTreeMap<ApplicationId, T> {
        let found = world.observed().into_iter().filter(|(application, _)| wanted.contains(application));
        found.map(|(application, observed)| (application, field(observed))).collect()
    }
}

/// What a look is at.
fn names(applications: &[ApplicationId]) -> String {
    applications.iter().map(ApplicationId::as_str).collect::<Vec<_>>().join(", ")
}

fn struck(call: Call, subject: &str, kind: FailureKind, why: &str) -> PortError {
    PortError::because(kind, format!("could not {}", about(call, subject)), why)
}

fn about(call: Call, subject: &str) -> String {
    if subject.is_empty() { call.to_string() } else { format!("{call} ({subject})") }
}

fn unknown(call: Call, application: &ApplicationId) -> PortError {
    let why = "there is no such application";
    PortError::because(FailureKind::NotFound, format!("could not {}", about(call, application.as_str())), why)
}

fn at_once<T>(answer: T) -> Result<(T, Duration), PortError> {
    Ok((answer, Duration::ZERO))
}

#[async_trait]
impl ReleaseSource for SimEnvironment {
    async fn production(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
        self.call(Call::Production, "", |world| {
            let found = |name: &ApplicationId| Some((name.clone(), world.production(name)?));
            at_once(applications.iter().filter_map(found).collect())
        })
        .await
    }
}

#[async_trait]
impl Deployer for SimEnvironment {
    async fn deployed(&self, applications: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Deployed>, PortError> {
        let deployed = |Observed { release, identity, .. }: Observed| Deployed { release, identity };
        self.call(Call::Deployed, &names(applications), |world| at_once(Self::found(world, applications, deployed)))
            .await
    }

    async fn roll_out(&self, _run: &RunId, rollout: &Rollout, _way: Way) -> Result<(), PortError> {
        let Rollout { application, to, .. } = rollout;
        let takes = self.delays.roll_out.as_duration();
        self.call(Call::RollOut, application.as_str(), |world| {
            let left = world.roll_out(application, to, takes).ok_or_else(|| unknown(Call::RollOut, application))?;
            Ok(((), left))
        })
        .await
    }
}

#[async_trait]
impl Scaler for SimEnvironment {
    async fn allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        let allocation = |observed: Observed| observed.allocation;
        self.call(Call::Allocated, &names(applications), |world| at_once(Self::found(world, applications, allocation)))
            .await
    }

    async fn scale(&self, _run: &RunId, step: &ScaleStep, _way: Way) -> Result<(), PortError> {
        let ScaleStep { application, to, .. } = step;
        let takes = self.delays.scale.as_duration();
        self.call(Call::Scale, application.as_str(), |world| {
            let left = world.scale(application, to, takes).ok_or_else(|| unknown(Call::Scale, application))?;
            Ok(((), left))
        })
        .await
    }

    async fn left_behind(&self, _applications: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        Ok(BTreeMap::new())
    }

    async fn let_go(&self, _run: &RunId, _applications: &[ApplicationId]) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl LoadGenerator for SimEnvironment {
    async fn check(&self) -> Result<GeneratorFacts, PortError> {
        self.call(Call::Check, "", |world| {
            let users = world.kernel.running();
            if users > 0 {
                let act = format!("the load generator is busy: it runs {users} users");
                return Err(PortError::new(FailureKind::Rejected, act));
            }
            at_once(GeneratorFacts {
                version: format!("conductor-sim {}", env!("CARGO_PKG_VERSION")),
                workers: Some(world.workers()),
                counting: "KPI events are counted in event time".to_owned(),
                by_name: false,
            })
        })
        .await
    }

    async fn set(&self, tags: &Tags, setting: &LoadSetting) -> Result<(), PortError> {
        self.call(Call::Set, tags.run.as_str(), |world| {
            if let Some(other) = world.kernel.other_run(&tags.run) {
                let users = world.kernel.running();
                let act = format!("the load generator runs {users} users of run {other}; it takes one run at a time");
                return Err(PortError::new(FailureKind::Rejected, act));
            }
            world.set_load(&tags.run, setting);
            at_once(())
        })
        .await
    }

    async fn status(&self) -> Result<GeneratorStatus, PortError> {
        self.call(Call::Status, "", |world| {
            let kernel = &world.kernel;
            let marks = if kernel.is_bound() { vec![Mark::GeneratorBound] } else { Vec::new() };
            at_once(GeneratorStatus {
                users: kernel.running(),
                workers: Some(world.workers()),
                cpu_percent: Some(kernel.cpu_percent()),
                marks,
            })
        })
        .await
    }

    async fn stop(&self, run: &RunId) -> Result<(), PortError> {
        let takes = self.delays.stop.as_duration();
        self.call(Call::Stop, run.as_str(), |world| {
            if world.kernel.other_run(run).is_some() {
                return at_once(());
            }
            let takes = if world.kernel.running() > 0 { takes } else { Duration::ZERO };
            world.kernel.stop();
            Ok(((), takes))
        })
        .await
    }
}

#[async_trait]
impl KpiSource for SimEnvironment {
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError> {
        let delay_ns = self.measurement.report_delay.as_duration().as_nanos() as i128;
        self.call(Call::Sample, run.as_str(), |world| at_once(sample(world, run, since, delay_ns))).await
    }
}

/// What happened after `since`, as far as it is known.
fn sample(world: &mut World, run: &RunId, since: Timestamp, delay_ns: i128) -> KpiSample {
    let known_ticks = ((world.now_ns() - delay_ns) / TICK_NS).max(0);
    let to = world.time_of(known_ticks).max(since);
    let since_ns = world.since_origin(since);
    let end_ns = |bucket: &Bucket| (i128::from(bucket.tick) + 1) * TICK_NS;
    let buckets = world.kernel.traces(run).map(|traces| traces.buckets.as_slice()).unwrap_or_default();
    let first = buckets.partition_point(|bucket| end_ns(bucket) <= since_ns);
    let last = buckets.partition_point(|bucket| end_ns(bucket) <= known_ticks * TICK_NS).max(first);
    let window = &buckets[first..last];
    let sum = |value: fn(&Bucket) -> u64| window.iter().map(value).sum::<u64>();
    let requests = sum(|bucket| bucket.requests);
    let waited: f64 = window.iter().map(|bucket| bucket.response_ms * bucket.requests as f64).sum();
    let mut marks: Vec<Mark> = window.iter().filter_map(|bucket| bucket.mark).collect();
    marks.sort_unstable();
    marks.dedup();
    let (count, failures) = (sum(|bucket| bucket.count), sum(|bucket| bucket.failures));
    let lost = world.script.samples_lost(world.now_ns(), world.load_ns());
    KpiSample {
        from: since,
        to,
        count: if lost { None } else { world.told(count) },
        requests,
        failures,
        latency: (requests > 0).then(|| latency(waited / requests as f64)),
        responses: (requests > 0)
            .then(|| [(200, requests.saturating_sub(failures)), (500, failures)].into_iter().collect()),
        marks,
    }
}

/// Response times that are spread exponentially around their mean.
fn latency(mean_ms: f64) -> Latency {
    let percentile = |share: f64| -mean_ms * (1.0 - share).ln();
    Latency { mean_ms, p50_ms: percentile(0.5), p95_ms: percentile(0.95), p99_ms: percentile(0.99) }
}

/// A store of test data in a model world.
pub(crate) struct Store {
    pub(crate) environment: SimEnvironment,
    pub(crate) position: usize,
    pub(crate) name: String,
}

impl Store {
    fn tables(&self, world: &World, run: &RunId) -> Vec<TableCount> {
        let rows = world.kernel.rows(run, self.position);
        rows.into_iter().map(|(table, rows)| TableCount { table, rows }).collect()
    }
}

#[async_trait]
impl TestDataStore for Store {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn count(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        self.environment.call(Call::Count, &self.name, |world| at_once(self.tables(world, run))).await
    }

    async fn delete(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        self.environment
            .call(Call::Delete, &self.name, |world| {
                let deleted = self.tables(world, run);
                world.kernel.delete(run, self.position);
                at_once(deleted)
            })
            .await
    }

    async fn check(&self) -> Result<Vec<String>, PortError> {
        self.environment.call(Call::Count, &self.name, |_| at_once(Vec::new())).await
    }
}
