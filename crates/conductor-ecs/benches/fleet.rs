//! How long many services take there and back, beside what the limits of calls alone would take.
//!
//! `cargo bench -p conductor-ecs --bench fleet -- --services 40` (200 when nothing is said), at the default rates. The bed keeps them,
//! too: it sends away what comes faster. The benchmark fails where a way takes more than 1.2 times as long as the calls that it needs
//! must take, and where a call was sent away.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on shall say so")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::ports::{Deployed, Deployer, EnvironmentGuard, PortError, Scaler, Way};
use conductor_core::release::Rollout;
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;
use conductor_ecs::{EcsEnvironment, EcsSettings, Rates};
use conductor_ecs_bed::{EcsBed, Rate, ServiceMade, User};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// How many services there are when nothing is said.
const USUAL: u32 = 200;
/// How much longer a way may take than the calls that it needs.
const MOST: f64 = 1.2;
/// Seconds of its rate that the bed lets come at once: looks before the writes put them closer together. AWS lets more.
const BURST: f64 = 5.0;
/// How often that many services are looked at, in milliseconds: fewer are looked at more often, so that the wait for the last of them has
/// the same share.
const POLL: u32 = 10_000;

/// What is done to all services at the same time, and the calls that each of them needs for it, by what limits them. Reads are not
/// among them: they limit nothing, for one answers many.
struct Act {
    name: &'static str,
    needs: &'static [(&'static str, f64)],
}

const DEPLOY: Act = Act { name: "deploy", needs: &[("register", 1.0), ("tag", 1.0), ("update", 1.0)] };
const SCALE: Act = Act { name: "scale", needs: &[("tag", 1.0), ("update", 1.0)] };
const PUT_BACK: Act = Act { name: "put back", needs: &[("update", 2.0)] };
const LET_GO: Act = Act { name: "let go", needs: &[("tag", 1.0)] };

/// How long something took, and how long it must take, in seconds.
#[derive(Clone, Copy)]
struct Took {
    seconds: f64,
    limit: f64,
}

/// Which rate limits which operations.
fn lanes(rates: &Rates) -> [(&'static str, f64, &'static [&'static str]); 6] {
    [
        ("register", rates.register, &["RegisterTaskDefinition"]),
        ("update", rates.update, &["UpdateService"]),
        ("tag", rates.tag, &["TagResource", "UntagResource"]),
        ("describe", rates.describe, &["DescribeServices", "DescribeClusters"]),
        ("definitions", rates.definitions, &["DescribeTaskDefinition", "ListTaskDefinitions"]),
        ("autoscaling", rates.autoscaling, &["DescribeScalableTargets", "RegisterScalableTarget"]),
    ]
}

impl Act {
    fn limit(&self, services: usize, rates: &Rates) -> f64 {
        let each = self.needs.iter().map(|(needed, calls)| {
            let rate = lanes(rates).iter().find(|(name, ..)| name == needed).unwrap().1;
            services as f64 * calls / rate
        });
        each.fold(0.0, f64::max)
    }
}

impl Took {
    /// Tells it, and whether it took too long.
    fn told(self, name: &str) -> bool {
        let ratio = self.seconds / self.limit;
        println!("| {name} | {:.1} s | {:.1} s | {ratio:.2} |", self.seconds, self.limit);
        ratio > MOST
    }

    fn and(self, other: Self) -> Self {
        Self { seconds: self.seconds + other.seconds, limit: self.limit + other.limit }
    }
}

/// Services, and what a run makes of them.
struct Fleet {
    bed: EcsBed,
    rates: Rates,
    conductor: EcsEnvironment,
    run: RunId,
    names: Vec<ApplicationId>,
    deployed: BTreeMap<ApplicationId, Deployed>,
    allocated: BTreeMap<ApplicationId, Allocation>,
}

impl Fleet {
    async fn make(services: u32) -> Self {
        let bed = EcsBed::start().await.unwrap_or_else(|error| panic!("{error}"));
        bed.make_cluster("fleet").await.unwrap();
        let names: Vec<String> = (0..services).map(|number| format!("app-{number}")).collect();
        for name in &names {
            bed.make_service(ServiceMade::new("fleet", name, &format!("{name}:v1"), 1)).await.unwrap();
        }
        let account = json!({ "region": bed.region(), "endpoint": bed.endpoint(), "profile": User::Conductor.profile(),
            "credentialsFile": EcsBed::credentials_file() });
        let applications: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
        let poll = format!("{}ms", (POLL * services / USUAL).clamp(1000, POLL));
        let settings = json!({ "cluster": "fleet", "account": account, "applications": applications, "poll": poll });
        let settings: EcsSettings = serde_json::from_value(settings).unwrap();
        let rates = settings.rates;
        for (_, rate, operations) in lanes(&rates) {
            let kept = Rate { burst: (rate * BURST).ceil() as u32, per_second: rate };
            operations.iter().for_each(|operation| bed.throttle(operation, Some(kept)));
        }
        let conductor = EcsEnvironment::connect(settings, 1).await;
        let names: Vec<ApplicationId> = names.iter().map(|name| name.parse().unwrap()).collect();
        let deployed = conductor.deployed(&names).await.unwrap();
        let allocated = conductor.allocated(&names).await.unwrap();
        Self { bed, rates, conductor, run: "bench".parse().unwrap(), names, deployed, allocated }
    }

    /// Does it and tells how long it took.
    async fn timed(&self, act: Act, work: impl Future<Output = Result<(), PortError>>) -> Took {
        let begun = Instant::now();
        work.await.unwrap();
        let took = Took { seconds: begun.elapsed().as_secs_f64(), limit: act.limit(self.names.len(), &self.rates) };
        took.told(act.name);
        took
    }

    /// To another version and three tasks.
    async fn there(&self) -> Took {
        let Self { conductor, run, .. } = self;
        let until = Timestamp::now() + SignedDuration::from_hours(2);
        conductor.freeze(run, &self.names, until).await.unwrap();
        let rollouts = self.rollouts();
        let work = try_join_all(rollouts.values().map(|one| conductor.roll_out(run, one, Way::There)));
        let deployed = self.timed(DEPLOY, async { work.await.map(drop) }).await;
        let steps = self.steps();
        let work = try_join_all(steps.values().map(|one| conductor.scale(run, one, Way::There)));
        deployed.and(self.timed(SCALE, async { work.await.map(drop) }).await)
    }

    /// Each by itself to what it was, tasks first, and then their tags go.
    async fn back(&self) -> Took {
        let Self { conductor, run, .. } = self;
        let rollouts = self.rollouts();
        let chains = self.steps().into_iter().map(|(name, step)| {
            let ScaleStep { application, from, to } = step;
            let step = ScaleStep { application, from: to, to: from };
            let Rollout { application, from, to, .. } = rollouts[&name].clone();
            let rollout = Rollout::new(application, to, from);
            async move {
                conductor.scale(run, &step, Way::Back).await?;
                conductor.roll_out(run, &rollout, Way::Back).await
            }
        });
        let work = try_join_all(chains);
        let put_back = self.timed(PUT_BACK, async { work.await.map(drop) }).await;
        let work = async {
            conductor.let_go(run, &self.names).await?;
            conductor.thaw(run).await
        };
        put_back.and(self.timed(LET_GO, work).await)
    }

    fn rollouts(&self) -> BTreeMap<ApplicationId, Rollout> {
        let each = self.deployed.iter().map(|(name, found)| {
            let to = found.release.with(&format!("{name}@sha256:{:064x}", 2)).unwrap();
            (name.clone(), Rollout::new(name.clone(), found.release.clone(), to))
        });
        each.collect()
    }

    fn steps(&self) -> BTreeMap<ApplicationId, ScaleStep> {
        let each = self.allocated.iter().map(|(name, found)| {
            let to = found.with_replicas(3);
            (name.clone(), ScaleStep { application: name.clone(), from: found.clone(), to })
        });
        each.collect()
    }

    /// How many calls the bed has sent away.
    fn sent_away(&self) -> u32 {
        let operations = lanes(&self.rates).into_iter().flat_map(|(.., operations)| operations);
        operations.map(|operation| self.bed.throttled(operation)).sum()
    }
}

/// What stands after `--services`.
fn services(arguments: &[String]) -> u32 {
    let given = arguments.iter().position(|word| word == "--services").and_then(|at| arguments.get(at + 1));
    given.map_or(USUAL, |number| number.parse().unwrap())
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    // Tests of all targets are no measurement.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let fleet = Fleet::make(services(&arguments)).await;
    println!("| {} services | time | limit | time ÷ limit |\n|---|---|---|---|", fleet.names.len());
    let there = fleet.there().await;
    let back = fleet.back().await;
    let is_late = [there.told("there"), back.told("back")].contains(&true);
    let sent_away = fleet.sent_away();
    println!("\n{sent_away} calls were sent away as too many");
    assert_eq!(fleet.conductor.deployed(&fleet.names).await.unwrap(), fleet.deployed);
    assert_eq!(fleet.conductor.allocated(&fleet.names).await.unwrap(), fleet.allocated);
    if is_late || sent_away > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
