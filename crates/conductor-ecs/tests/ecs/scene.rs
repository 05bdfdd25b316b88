//! A shop in two clusters: what production runs, what the test cluster runs, and a run there and back.

use std::collections::BTreeMap;
use std::time::Duration;

use conductor_core::app::ApplicationId;
use conductor_core::phase::Changes;
use conductor_core::ports::{Deployer, EnvironmentGuard, PortError, ReleaseSource, Scaler, Way};
use conductor_core::restore::{ForeignPolicy, RestorePlan};
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, Observed, Plan};
use conductor_core::spec::{Intent, ScaleChoice, VersionChoice};
use conductor_ecs::{EcsEnvironment, EcsSettings};
use conductor_ecs_bed::{EcsBed, Requests, ServiceMade, User};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub(crate) const TEST: &str = "shop-test";
pub(crate) const LIVE: &str = "shop-live";

pub(crate) struct Scene {
    pub(crate) bed: EcsBed,
    pub(crate) names: Vec<ApplicationId>,
}

/// What becomes of an application in the run.
pub(crate) fn like_production(name: &str) -> Intent {
    Intent::new(name.parse().unwrap(), VersionChoice::Production, ScaleChoice::Production)
}

impl Scene {
    /// Services of these names in both clusters: in production a newer version with more tasks of more CPU.
    pub(crate) async fn of(names: &[&str]) -> Self {
        Self::on(EcsBed::start().await.unwrap(), names).await
    }

    /// The same on a bed that is empty.
    pub(crate) async fn on(bed: EcsBed, names: &[&str]) -> Self {
        bed.clock().run(30.0);
        for cluster in [TEST, LIVE] {
            bed.make_cluster(cluster).await.unwrap();
        }
        for name in names {
            let live =
                ServiceMade::new(LIVE, name, &format!("registry.example/{name}:v2"), 6).family(&format!("live-{name}"));
            let live = live.of_definition("cpu", "512".into()).of_definition("memory", "1024".into());
            bed.make_service(live).await.unwrap();
            let test = ServiceMade::new(TEST, name, &format!("registry.example/{name}:v1"), 2).tag("team", "shop");
            bed.make_service(test).await.unwrap();
        }
        Self { bed, names: names.iter().map(|name| name.parse().unwrap()).collect() }
    }

    /// A scene with one service whose autoscaling acts.
    pub(crate) async fn autoscaled() -> Self {
        let scene = Self::of(&["cart"]).await;
        let target = json!({ "ServiceNamespace": "ecs", "ResourceId": format!("service/{TEST}/cart"),
            "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 1, "MaxCapacity": 4 });
        scene.admin("RegisterScalableTarget", target).await;
        scene
    }

    pub(crate) fn settings(&self) -> EcsSettings {
        let account = json!({ "region": self.bed.region(), "endpoint": self.bed.endpoint(), "profile": "conductor",
            "credentialsFile": EcsBed::credentials_file() });
        let rates = json!({ "register": 100, "update": 100, "tag": 100, "describe": 200, "definitions": 200, "autoscaling": 100 });
        let applications: Vec<Value> = self.names.iter().map(|name| json!({ "name": name })).collect();
        serde_json::from_value(
            json!({ "cluster": TEST, "account": account, "rates": rates, "poll": "1s", "driftPoll": "1s",
            "shownWithin": "6s", "placeWithin": "4s", "timeout": "5s",
            "production": { "cluster": LIVE, "account": account }, "applications": applications }),
        )
        .unwrap()
    }

    pub(crate) async fn conductor(&self, epoch: u64) -> EcsEnvironment {
        EcsEnvironment::connect(self.settings(), epoch).await
    }

    pub(crate) async fn admin(&self, operation: &str, body: Value) -> Value {
        self.bed.actor(User::Admin).call(operation, body).await.unwrap()
    }

    /// Everything of the services of the test cluster that a run may change, as lines.
    pub(crate) async fn state(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for name in &self.names {
            let found = self.service(name.as_str()).await;
            let tags = tags(&found);
            let ask = json!({ "ServiceNamespace": "ecs", "ResourceIds": [format!("service/{TEST}/{name}")] });
            let target = self.admin("DescribeScalableTargets", ask).await;
            let target = &target["ScalableTargets"][0];
            let target = ["MinCapacity", "MaxCapacity", "SuspendedState"].map(|field| target[field].to_string());
            let definition = found["taskDefinition"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            lines.push(format!("{name} {} {definition} {tags:?} {target:?}", found["desiredCount"]));
        }
        let cluster = self.admin("DescribeClusters", json!({ "clusters": [TEST], "include": ["TAGS"] })).await;
        lines.push(format!("{:?}", tags(&cluster["clusters"][0])));
        lines
    }

    pub(crate) async fn service(&self, name: &str) -> Value {
        let ask = json!({ "cluster": TEST, "services": [name], "include": ["TAGS"] });
        self.admin("DescribeServices", ask).await["services"][0].take()
    }

    /// Writes of the conductor, by what they are about.
    pub(crate) fn conductors(&self) -> Requests {
        Requests::writes().by(User::Conductor.access_key())
    }
}

/// The tags of something, as lines.
fn tags(of: &Value) -> Vec<String> {
    let tags = of["tags"].as_array().into_iter().flatten();
    let mut tags: Vec<String> =
        tags.map(|tag| format!("{}={}", tag["key"].as_str().unwrap(), tag["value"].as_str().unwrap())).collect();
    tags.sort();
    tags
}

pub(crate) fn run() -> RunId {
    "one".parse().unwrap()
}

pub(crate) fn until() -> Timestamp {
    Timestamp::now() + SignedDuration::from_mins(10)
}

/// What applications are, as the engine looks at them.
pub(crate) async fn observe(
    conductor: &EcsEnvironment,
    names: &[ApplicationId],
    begun: bool,
) -> Result<Baseline, PortError> {
    let deployed = conductor.deployed(names).await?;
    let mut allocated = match begun {
        true => conductor.still_allocated(names).await?,
        false => conductor.allocated(names).await?,
    };
    let all = deployed.into_iter().filter_map(|(name, deployed)| {
        let allocation = allocated.remove(&name)?;
        Some((name, Observed { release: deployed.release, allocation, identity: deployed.identity }))
    });
    Ok(all.collect())
}

/// What a run of this scope changes.
pub(crate) async fn plan(conductor: &EcsEnvironment, scope: &[Intent]) -> Result<Changes, PortError> {
    let names: Vec<ApplicationId> = scope.iter().map(|intent| intent.application.clone()).collect();
    let production = conductor.production(&names).await?;
    let baseline = observe(conductor, &names, false).await?;
    let plan = Plan::make(scope, &production, &baseline).unwrap();
    conductor.try_out(&run(), &plan.rollouts).await?;
    Ok(Changes { baseline, plan })
}

/// The way there.
pub(crate) async fn there(conductor: &EcsEnvironment, changes: &Changes) -> Result<(), PortError> {
    let names: Vec<ApplicationId> = changes.baseline.keys().cloned().collect();
    conductor.freeze(&run(), &names, until()).await?;
    let id = run();
    futures::future::try_join_all(changes.plan.rollouts.iter().map(|one| conductor.roll_out(&id, one, Way::There)))
        .await?;
    futures::future::try_join_all(changes.plan.scale_steps.iter().map(|one| conductor.scale(&id, one, Way::There)))
        .await?;
    Ok(())
}

/// The way back, and what others have changed.
pub(crate) async fn back(
    conductor: &EcsEnvironment,
    changes: &Changes,
    policy: ForeignPolicy,
) -> Result<Vec<String>, PortError> {
    let names: Vec<ApplicationId> = changes.plan.applications().into_iter().cloned().collect();
    let found = observe(conductor, &names, true).await?;
    let plan = RestorePlan::make(changes, &found, policy);
    for step in &plan.scale_steps {
        conductor.scale(&run(), step, Way::Back).await?;
    }
    for rollout in &plan.rollouts {
        conductor.roll_out(&run(), rollout, Way::Back).await?;
    }
    conductor.let_go(&run(), &names).await?;
    conductor.thaw(&run()).await?;
    Ok(plan.foreign.iter().map(ToString::to_string).collect())
}

/// What the run has left, by its tags alone.
pub(crate) async fn left(conductor: &EcsEnvironment, names: &[ApplicationId]) -> Option<Changes> {
    let mut left: BTreeMap<RunId, _> = conductor.left_behind(names).await.unwrap();
    left.remove(&run()).map(|left| left.changes)
}

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
