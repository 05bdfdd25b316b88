//! A bed: moto, its front, and everything a test may do to them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conductor_bed::{Moment, Server};
use serde_json::json;

use crate::account::{Account, lock};
use crate::actor::{Actor, User};
use crate::clock::Clock;
use crate::error::BedError;
use crate::fault::{Fault, Injected, Requests, Stop};
use crate::front;
use crate::made::{Made, ServiceMade};
use crate::moto::Moto;
use crate::motos::Motos;
use crate::seen::Seen;
use crate::shared::Shared;
use crate::throttle::Rate;
use crate::who::{REGION, Who};
use crate::world::{Answers, Autoscaler, World};

/// AWS as far as ECS and its autoscaling need it, on loopback, with as many regions, accounts and clusters as a test asks for. It runs on
/// threads of its own, so that a test may block, and ends with this handle, or with its process in whatever way that ends.
pub struct EcsBed {
    endpoint: String,
    /// None once it has ended.
    front: Option<Server>,
    port: u16,
    clock: Arc<Clock>,
    shared: Arc<Shared>,
    world: Arc<Mutex<World>>,
    moto: Arc<Moto>,
    /// Where it goes when the bed is dropped, if it is not to end.
    motos: Option<&'static Motos>,
}

impl EcsBed {
    /// Starts one, empty.
    ///
    /// # Errors
    /// When moto is not installed or does not start.
    pub async fn start() -> Result<Self, BedError> {
        Self::in_front_of(Arc::new(Moto::start().await?), None).await
    }

    /// Starts one, empty, with a moto that an earlier one has left, if there is any. Not for a test that ends while something is asked of
    /// the bed: the next one's moto may still be busy with it.
    ///
    /// # Errors
    /// When moto is not installed or does not start.
    pub async fn start_with(motos: &'static Motos) -> Result<Self, BedError> {
        Self::in_front_of(motos.take().await?, Some(motos)).await
    }

    async fn in_front_of(moto: Arc<Moto>, motos: Option<&'static Motos>) -> Result<Self, BedError> {
        let (clock, shared) = (Arc::new(Clock::new()), Arc::new(Shared::default()));
        let world = Arc::new(Mutex::new(World::new(Arc::clone(&clock), Arc::clone(&shared))));
        let account = Arc::new(Account::new(Arc::clone(&moto), Arc::clone(&world), Arc::clone(&shared)));
        let front = front::start(account).await?;
        let port = front.port();
        let endpoint = format!("http://127.0.0.1:{port}");
        Ok(Self { endpoint, front: Some(front), port, clock, shared, world, moto, motos })
    }

    /// Its address, for every service of AWS that it knows.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The region of everything that is made here without naming one.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// The file with the made-up keys of all users, by their profiles.
    pub fn credentials_file() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("credentials")
    }

    /// The file with the profiles of all users.
    pub fn config_file() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config")
    }

    /// The variables by which a program acts as this user here.
    pub fn environment(&self, user: User) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_SHARED_CREDENTIALS_FILE", Self::credentials_file().display().to_string()),
            ("AWS_CONFIG_FILE", Self::config_file().display().to_string()),
            ("AWS_PROFILE", user.profile().to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// The clock by which tasks start, autoscalers act and descriptions lag behind.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How many tasks of a service start a second, by the clock of the bed.
    ///
    /// # Panics
    /// When it is none, or less.
    pub fn set_pace(&self, tasks_per_second: f64) {
        assert!(tasks_per_second > 0.0, "a pace of {tasks_per_second} tasks a second: hold the clock for none");
        let mut world = lock(&self.world);
        world.advance();
        world.pace = tasks_per_second;
    }

    /// For how long, by the clock of the bed, descriptions of services show what was before an update.
    pub fn set_lag(&self, lag: Duration) {
        self.set_lag_of(Answers::Services, lag);
    }

    /// For how long, by the clock of the bed, these answers show what was before a change.
    pub fn set_lag_of(&self, answers: Answers, lag: Duration) {
        lock(&self.world).late.set(answers, lag);
    }

    /// What an image is from now on; deployments that have begun keep what they have found.
    pub fn set_digest(&self, image: &str, digest: &str) {
        lock(&self.world).images.set(image, digest);
    }

    /// How many tasks a cluster of this name has room for; none for as many as are asked for.
    pub fn limit_tasks(&self, cluster: &str, tasks: Option<u32>) {
        let mut world = lock(&self.world);
        world.advance();
        match tasks {
            Some(tasks) => drop(world.limits.insert(cluster.to_owned(), tasks)),
            None => drop(world.limits.remove(cluster)),
        }
    }

    /// Lets an autoscaler act on a service, in the place of the one before; none for no more.
    ///
    /// # Errors
    /// When there is no such service, or more than one in all accounts and regions.
    pub fn autoscale(&self, cluster: &str, service: &str, autoscaler: Option<Autoscaler>) -> Result<(), BedError> {
        let mut world = lock(&self.world);
        let now = world.advance();
        let Some(found) = world.only(cluster, service) else {
            return Err(BedError::Unknown { cluster: cluster.to_owned(), service: service.to_owned() });
        };
        found.next_pull = autoscaler.map_or(Duration::MAX, |autoscaler| now.saturating_add(autoscaler.every));
        found.autoscaler = autoscaler;
        Ok(())
    }

    /// How often an operation may be asked for; none for as often as anybody likes.
    pub fn throttle(&self, operation: &str, rate: Option<Rate>) {
        self.shared.throttle(operation, rate);
    }

    /// How many requests for an operation were sent away by its rate, since that was set.
    pub fn throttled(&self, operation: &str) -> u32 {
        self.shared.throttled(operation)
    }

    /// Switches a fault on.
    pub fn inject(&self, fault: Fault) -> Injected {
        self.shared.faults.inject(fault)
    }

    /// Switches all faults off.
    pub fn lift_all(&self) {
        self.shared.faults.lift_all();
    }

    /// Holds one of these requests, counted from now and from 1, and all of them that come after it: so that a test can
    /// kill a process between two writes. At [`Moment::After`] it is done when it is held; the later ones are not.
    pub fn stop_at(&self, requests: Requests, number: u32, at: Moment) -> Stop {
        self.shared.faults.stop_at(requests, number, at)
    }

    /// Every request so far, in the order in which they came, with what autoscalers have changed.
    pub fn requests(&self) -> Vec<Seen> {
        lock(&self.world).advance();
        self.shared.faults.seen()
    }

    /// The requests so far that were to change something: see [`Seen::is_write`].
    pub fn writes(&self) -> Vec<Seen> {
        self.requests().into_iter().filter(Seen::is_write).collect()
    }

    /// How many of these requests have come so far.
    pub fn count(&self, requests: &Requests) -> usize {
        self.requests().iter().filter(|seen| requests.contain(seen)).count()
    }

    /// A user, who acts over HTTP like everybody else.
    pub fn actor(&self, user: User) -> Actor {
        Actor { who: Who::user(user.access_key()), port: self.port }
    }

    /// Makes a cluster, as [`User::Admin`], in the region of the bed.
    ///
    /// # Errors
    /// When there is no answer, or a refusal.
    pub async fn make_cluster(&self, name: &str) -> Result<(), BedError> {
        self.actor(User::Admin).call("CreateCluster", json!({ "clusterName": name })).await.map(drop)
    }

    /// Makes a service, as [`User::Admin`].
    ///
    /// # Errors
    /// When there is no answer, or a refusal.
    pub async fn make_service(&self, service: ServiceMade) -> Result<Made, BedError> {
        let admin = self.actor(User::Admin).in_region(&service.region);
        self.make_service_as(&admin, service).await
    }

    /// Makes a service in the account and the region of somebody.
    ///
    /// # Errors
    /// When there is no answer, or a refusal.
    pub async fn make_service_as(&self, actor: &Actor, service: ServiceMade) -> Result<Made, BedError> {
        let ServiceMade { starts, definition, service: mut body, .. } = service;
        let registered = actor.call("RegisterTaskDefinition", definition).await?;
        body["taskDefinition"] = registered["taskDefinition"]["taskDefinitionArn"].clone();
        let made = actor.call("CreateService", body.clone()).await?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let arn = text(&made["service"]["serviceArn"]);
        if !starts {
            lock(&self.world).settle(&arn);
        }
        let deployment = text(&made["service"]["deployments"][0]["id"]);
        Ok(Made { service: arn, definition: text(&body["taskDefinition"]), deployment })
    }

    /// The last lines of moto's log.
    pub fn log(&self) -> String {
        self.moto.log()
    }

    /// The number of moto's process, while it runs.
    pub fn process(&self) -> Option<u32> {
        self.moto.process()
    }
}

impl Drop for EcsBed {
    fn drop(&mut self) {
        // Nothing is asked of moto any more when another bed takes it.
        drop(self.front.take());
        if let Some(motos) = self.motos {
            motos.give_back(Arc::clone(&self.moto));
        }
    }
}
