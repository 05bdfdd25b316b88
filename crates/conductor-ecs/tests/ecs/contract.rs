//! The contract of the ports, on services of ECS.

use std::collections::BTreeMap;

use conductor_contract::{APPLICATIONS, Bed, Marks, Version};
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::ports::Production;
use conductor_core::release::Release;
use conductor_ecs::{EcsEnvironment, EcsSettings};
use conductor_ecs_bed::{Behaviour, Seen, User};
use serde_json::{Value, json};

use super::scene::{LIVE, Scene, TEST};

conductor_contract::cases!(Services, Marks);

struct Services(Scene);

impl Services {
    /// With an application of which there is no service.
    fn settings(&self) -> EcsSettings {
        let mut settings = self.0.settings();
        let absent = conductor_ecs::Application { name: self.absent(), ..settings.applications[0].clone() };
        settings.applications.push(absent);
        settings
    }

    /// What the conductor has asked to change, that is true of these requests.
    fn writes(&self, are: impl Fn(&Seen) -> bool) -> Vec<String> {
        let all = self.0.bed.requests().into_iter();
        let writes = all.filter(|seen| self.0.conductors().contain(seen) && are(seen));
        writes.map(|seen| format!("{} {}/{} {}", seen.operation, seen.cluster, seen.service, seen.body)).collect()
    }

    /// The digest that the tasks of a service of production run.
    async fn digest(&self, name: &str) -> String {
        let admin = self.0.bed.actor(User::Admin);
        let tasks = admin.call("ListTasks", json!({ "cluster": LIVE, "serviceName": name })).await.unwrap();
        let tasks = json!({ "cluster": LIVE, "tasks": tasks["taskArns"] });
        let tasks = admin.call("DescribeTasks", tasks).await.unwrap();
        let digests: Vec<&str> = tasks["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|task| task["containers"][0]["imageDigest"].as_str().unwrap())
            .collect();
        assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
        digests[0].to_owned()
    }
}

/// True for requests about production, or about task definitions of a family that is there.
fn is_in_production(seen: &Seen) -> bool {
    let family: Option<&str> = seen.body["family"].as_str();
    seen.cluster == LIVE || family.is_some_and(|family| family.starts_with("live-"))
}

impl Bed for Services {
    type Conductor = EcsEnvironment;
    type Knowledge = Marks;

    async fn fresh() -> Self {
        // Of a case nothing is under way at its end, whatever it has cancelled.
        Self(Scene::of(&APPLICATIONS).await)
    }

    async fn conductor(&self, epoch: u64) -> EcsEnvironment {
        EcsEnvironment::connect(self.settings(), epoch).await
    }

    fn absent(&self) -> ApplicationId {
        "absent".parse().unwrap()
    }

    fn version(&self, application: &ApplicationId, version: Version) -> String {
        let behaviour = match version {
            Version::Fine => Behaviour::Runs,
            Version::NeverReady => Behaviour::Stuck,
            Version::Broken => Behaviour::NoPull,
        };
        format!("registry.example/{application}:v7-{}", behaviour.mark())
    }

    async fn state(&self) -> Vec<String> {
        self.0.state().await
    }

    async fn ready(&self, application: &ApplicationId) -> u32 {
        let found = self.0.service(application.as_str()).await;
        let primary = found["deployments"].as_array().unwrap().iter().find(|one| one["status"] == json!("PRIMARY"));
        let primary: &Value = primary.unwrap();
        assert_eq!(primary["taskDefinition"], found["taskDefinition"]);
        primary["runningCount"].as_u64().unwrap().try_into().unwrap()
    }

    /// Of services. Revisions of task definitions are none of the environment's state: there are more after every run.
    async fn done(&self) -> Vec<String> {
        self.writes(|seen| seen.is_done() && seen.cluster == TEST)
    }

    async fn production(&self) -> BTreeMap<ApplicationId, Production> {
        let mut all = BTreeMap::new();
        for name in APPLICATIONS {
            let image = format!("registry.example/{name}@{}", self.digest(name).await);
            let given = [("requests.cpu", "500m"), ("requests.memory", "1Gi")];
            let given = given.map(|(name, text)| (name.to_owned(), text.parse().unwrap()));
            let resources = BTreeMap::from([("whole task".to_owned(), BTreeMap::from(given))]);
            let release = Release::new(BTreeMap::from([("app".to_owned(), image)]));
            let allocation = Allocation { resources, ..Allocation::of_replicas(6) };
            all.insert(name.parse().unwrap(), Production::new(release, allocation));
        }
        all
    }

    async fn done_in_production(&self) -> Vec<String> {
        self.writes(is_in_production)
    }

    async fn somebody_scales(&self, application: &ApplicationId, replicas: u32) {
        let by_hand = json!({ "cluster": TEST, "service": application, "desiredCount": replicas });
        self.0.bed.actor(User::OnCall).call("UpdateService", by_hand).await.unwrap();
    }

    async fn somebody_deploys(&self, application: &ApplicationId, version: &str) {
        let pipeline = self.0.bed.actor(User::Ci);
        let found = self.0.service(application.as_str()).await;
        let definition = json!({ "taskDefinition": found["taskDefinition"] });
        let definition = pipeline.call("DescribeTaskDefinition", definition).await.unwrap()["taskDefinition"].take();
        // Only the image is another one.
        let mut containers = definition["containerDefinitions"].clone();
        containers[0]["image"] = json!(version);
        let theirs = json!({ "family": definition["family"], "cpu": definition["cpu"], "memory": definition["memory"],
            "containerDefinitions": containers });
        let made = pipeline.call("RegisterTaskDefinition", theirs).await.unwrap();
        let update = json!({ "cluster": TEST, "service": application,
            "taskDefinition": made["taskDefinition"]["taskDefinitionArn"] });
        pipeline.call("UpdateService", update).await.unwrap();
    }
}
