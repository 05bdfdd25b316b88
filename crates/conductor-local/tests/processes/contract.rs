//! The contract of the ports, on processes: what production runs is a file, and nobody but the journal knows of a run.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::SystemTime;

use conductor_contract::{APPLICATIONS, Bed, JournalAlone, Version};
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::ports::{Deployer, Production, Scaler, Way};
use conductor_core::release::{Release, Rollout};
use conductor_core::scale::ScaleStep;
use conductor_local::{ApplicationStatus, LocalEnvironment, LocalSettings, ReplicaState, ReplicaStatus};
use serde_json::{Value, json};

use crate::bed::{down, example};

conductor_contract::cases!(Processes, JournalAlone);

/// Replicas in production; there are two in the environment.
const IN_PRODUCTION: u32 = 3;

struct Processes {
    folder: tempfile::TempDir,
    settings: LocalSettings,
    /// The manifest as it was made.
    manifest: (SystemTime, String),
    /// The replicas that there were before anybody changed anything.
    first: Vec<String>,
}

impl Processes {
    fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn environment(&self) -> LocalEnvironment {
        LocalEnvironment::new(self.settings.clone(), self.state_dir())
    }

    async fn status(&self) -> Vec<ApplicationStatus> {
        conductor_local::status(&self.state_dir()).await.unwrap().unwrap().applications
    }

    /// Each replica that there is, by what no other one ever has.
    async fn replicas(&self) -> Vec<String> {
        let status = self.status().await;
        let of = |application: &ApplicationStatus| {
            let name = application.name.clone();
            application.replicas.iter().map(move |one| format!("{name} {} {}", one.number, one.pid)).collect::<Vec<_>>()
        };
        status.iter().flat_map(of).collect()
    }

    /// The manifest as it is.
    fn manifest(&self) -> (SystemTime, String) {
        let file = self.settings.production_manifest.as_ref().unwrap();
        (fs::metadata(file).unwrap().modified().unwrap(), fs::read_to_string(file).unwrap())
    }
}

/// An application that answers on a port which all its replicas share.
fn application(name: &str) -> Value {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let command = [example("tiny").to_str().unwrap(), "{version}", "{port}", "{readyPort}"].map(str::to_owned);
    json!({ "name": name, "version": "v1", "replicas": 2, "command": command,
        "port": { "number": port, "mode": "shared" },
        // Longer than any test waits for what is never ready.
        "ready": { "httpGet": "/", "within": "10m" }, "gracePeriod": "500ms" })
}

impl Bed for Processes {
    type Conductor = LocalEnvironment;
    type Knowledge = JournalAlone;

    async fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let entries = APPLICATIONS.map(|name| json!({ "name": name, "version": "v2", "replicas": IN_PRODUCTION }));
        let manifest = json!({ "apiVersion": "loadtest-conductor.dev/v1alpha1", "kind": "ReleaseManifest",
            "metadata": { "name": "production" }, "spec": { "applications": entries } });
        fs::write(folder.path().join("production.yaml"), manifest.to_string()).unwrap();
        let settings =
            json!({ "productionManifest": "production.yaml", "applications": APPLICATIONS.map(application) });
        let settings: LocalSettings = serde_json::from_value(settings).unwrap();
        assert_eq!(settings.violations(), []);
        let settings = settings.resolve(folder.path());
        let mut bed = Self { folder, settings, manifest: (SystemTime::UNIX_EPOCH, String::new()), first: Vec::new() };
        conductor_local::up(&bed.settings, &bed.state_dir(), &example("supervisor"), &[]).await.unwrap();
        bed.manifest = bed.manifest();
        bed.first = bed.replicas().await;
        bed
    }

    async fn conductor(&self, _epoch: u64) -> LocalEnvironment {
        self.environment()
    }

    fn absent(&self) -> ApplicationId {
        "absent".parse().unwrap()
    }

    fn version(&self, _application: &ApplicationId, version: Version) -> String {
        match version {
            Version::Fine => "v7",
            Version::NeverReady => "deaf",
            Version::Broken => "broken",
        }
        .to_owned()
    }

    async fn state(&self) -> Vec<String> {
        let shown = |one: ApplicationStatus| {
            let replicas = one.replicas.iter().map(|replica| format!("{} {:?}", replica.version, replica.state));
            format!("{} {} {} {:?}", one.name, one.version, one.desired, replicas.collect::<Vec<_>>())
        };
        self.status().await.into_iter().map(shown).collect()
    }

    async fn ready(&self, application: &ApplicationId) -> u32 {
        let status = self.status().await;
        let found = status.iter().find(|found| found.name == *application).unwrap();
        let is_ready =
            |replica: &&ReplicaStatus| replica.state == ReplicaState::Ready && replica.version == found.version;
        found.replicas.iter().filter(is_ready).count().try_into().unwrap()
    }

    /// A change starts replicas, or stops some.
    async fn done(&self) -> Vec<String> {
        let now = self.replicas().await;
        let started = now.iter().filter(|replica| !self.first.contains(replica));
        let stopped = self.first.iter().filter(|replica| !now.contains(replica));
        started.map(|one| format!("+ {one}")).chain(stopped.map(|one| format!("- {one}"))).collect()
    }

    async fn production(&self) -> BTreeMap<ApplicationId, Production> {
        let one = || Production::new(Release::single("v2"), Allocation::of_replicas(IN_PRODUCTION));
        APPLICATIONS.iter().map(|name| (name.parse().unwrap(), one())).collect()
    }

    async fn done_in_production(&self) -> Vec<String> {
        let now = self.manifest();
        if now == self.manifest { Vec::new() } else { vec![format!("{:?} became {now:?}", self.manifest)] }
    }

    async fn somebody_scales(&self, application: &ApplicationId, replicas: u32) {
        let [from, to] = [0, replicas].map(Allocation::of_replicas);
        let step = ScaleStep { application: application.clone(), from, to };
        self.environment().scale(&"somebody".parse().unwrap(), &step, Way::There).await.unwrap();
    }

    async fn somebody_deploys(&self, application: &ApplicationId, version: &str) {
        let rollout = Rollout::new(application.clone(), Release::single(""), Release::single(version));
        self.environment().roll_out(&"somebody".parse().unwrap(), &rollout, Way::There).await.unwrap();
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        down(&self.state_dir());
    }
}
