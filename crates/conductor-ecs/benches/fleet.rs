//! How long it takes to deploy to and to scale many services, beside what the limits of calls alone would take.
//!
//! `cargo bench -p conductor-ecs --bench fleet [SERVICES]` (200 when nothing is said), at the default rates.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on shall say so")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use conductor_core::app::ApplicationId;
use conductor_core::ports::{Deployer, EnvironmentGuard, Scaler, Way};
use conductor_core::release::Rollout;
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;
use conductor_ecs::{EcsEnvironment, EcsSettings, Rates};
use conductor_ecs_bed::{EcsBed, Requests, ServiceMade, User};
use futures::future::{join_all, try_join_all};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

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

#[tokio::main]
async fn main() {
    let services = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(200);
    let bed = EcsBed::start().await.unwrap();
    bed.make_cluster("fleet").await.unwrap();
    let names: Vec<String> = (0..services).map(|number| format!("app-{number}")).collect();
    for name in &names {
        bed.make_service(ServiceMade::new("fleet", name, &format!("{name}:v1"), 1)).await.unwrap();
    }
    let account = json!({ "region": bed.region(), "endpoint": bed.endpoint(), "profile": User::Conductor.profile(),
        "credentialsFile": EcsBed::credentials_file() });
    let applications: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
    let settings = json!({ "cluster": "fleet", "account": account, "applications": applications });
    let settings: EcsSettings = serde_json::from_value(settings).unwrap();
    let rates = settings.rates;
    let conductor = EcsEnvironment::connect(settings, 1).await;
    let names: Vec<ApplicationId> = names.iter().map(|name| name.parse().unwrap()).collect();
    let run: RunId = "bench".parse().unwrap();
    let deployed = conductor.deployed(&names).await.unwrap();
    let allocated = conductor.allocated(&names).await.unwrap();
    conductor.freeze(&run, &names, Timestamp::now() + SignedDuration::from_hours(2)).await.unwrap();
    let rollouts = deployed.iter().map(|(name, found)| {
        let to = found.release.with(&format!("{name}@sha256:{:064x}", 2)).unwrap();
        Rollout::new(name.clone(), found.release.clone(), to)
    });
    let rollouts: Vec<Rollout> = rollouts.collect();
    let steps: Vec<ScaleStep> = allocated
        .iter()
        .map(|(name, found)| ScaleStep { application: name.clone(), from: found.clone(), to: found.with_replicas(3) })
        .collect();
    println!("| {services} services | time | longest limit | calls ÷ rate | time ÷ limit |\n|---|---|---|---|---|");
    let mut before = counts(&bed, &rates);
    let mut tell = |what: &str, took: Duration| {
        let now = counts(&bed, &rates);
        let limit = |(name, rate, _): &(&'static str, f64, _)| ((now[name] - before[name]) as f64 / rate, *name);
        let (longest, name) = lanes(&rates).iter().map(limit).max_by(|one, other| one.0.total_cmp(&other.0)).unwrap();
        let calls = now[name] - before[name];
        let ratio = took.as_secs_f64() / longest;
        println!("| {what} | {:.1} s | {name} | {calls} calls, {longest:.1} s | {ratio:.2} |", took.as_secs_f64());
        before = now;
    };
    let begun = Instant::now();
    try_join_all(rollouts.iter().map(|one| conductor.roll_out(&run, one, Way::There))).await.unwrap();
    tell("deploy", begun.elapsed());
    let begun = Instant::now();
    try_join_all(steps.iter().map(|one| conductor.scale(&run, one, Way::There))).await.unwrap();
    tell("scale", begun.elapsed());
    let begun = Instant::now();
    let back = steps.iter().map(|step| ScaleStep { from: step.to.clone(), to: step.from.clone(), ..step.clone() });
    let back: Vec<ScaleStep> = back.collect();
    for done in join_all(back.iter().map(|one| conductor.scale(&run, one, Way::Back))).await {
        done.unwrap();
    }
    let undo = rollouts.iter().map(|one| Rollout::new(one.application.clone(), one.to.clone(), one.from.clone()));
    let undo: Vec<Rollout> = undo.collect();
    try_join_all(undo.iter().map(|one| conductor.roll_out(&run, one, Way::Back))).await.unwrap();
    conductor.let_go(&run, &names).await.unwrap();
    conductor.thaw(&run).await.unwrap();
    tell("the way back", begun.elapsed());
}

/// Calls of the conductor so far, by what limits them.
fn counts(bed: &EcsBed, rates: &Rates) -> BTreeMap<&'static str, usize> {
    let of = |operation: &&str| bed.count(&Requests::all().operation(operation).by(User::Conductor.access_key()));
    lanes(rates).into_iter().map(|(name, _, operations)| (name, operations.iter().map(of).sum())).collect()
}
