//! The world of a plant, through its ports and by a clock that is set by hand.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::app::Allocation;
use conductor_core::load::{LoadSetting, Mark, Tags};
use conductor_core::ports::{Clock, FailureKind, Ports, Way};
use conductor_core::release::{Release, Rollout};
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;
use conductor_sim::{Call, Fault, FaultKind, Noise, Origin, Plant, SimEnvironment};
use jiff::Timestamp;

/// A clock on which a wait passes at once.
#[derive(Default)]
struct Hand(Mutex<Duration>);

impl Hand {
    fn turn(&self, seconds: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(seconds);
    }
}

#[async_trait]
impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

struct World {
    clock: Arc<Hand>,
    environment: SimEnvironment,
    ports: Ports,
    run: RunId,
}

impl World {
    fn new(change: impl FnOnce(&mut Plant)) -> Self {
        // Users order once in ten seconds; in production 3000 orders a minute can be served.
        let mut plant: Plant = serde_json::from_value(serde_json::json!({
            "run": { "target": "1500/min" },
            "journey": { "thinkTime": "9800ms", "checkoutRatio": 1.0 },
            "checkout": { "serviceTime": "200ms", "capacity": "3000/min" },
            "kpi": { "reportDelay": "3s" },
            "generator": { "maxSpawnRate": "1000/s" },
            "environment": { "noise": "none" }
        }))
        .unwrap();
        change(&mut plant);
        let clock = Arc::new(Hand::default());
        let environment = SimEnvironment::new(plant, clock.clone()).unwrap();
        let ports = environment.ports();
        Self { clock, environment, ports, run: "run-1".parse().unwrap() }
    }

    fn with_fault(at: &str, from: Origin, what: FaultKind) -> Self {
        let fault = Fault { at: at.parse().unwrap(), from, lasts: Some("60s".parse().unwrap()), what };
        Self::new(|plant| plant.environment.faults = vec![fault])
    }

    async fn users(&self, users: u64) {
        let tags = Tags { run: self.run.clone(), headers: Default::default() };
        self.ports.generator.set(&tags, &LoadSetting { users, spawn_rate: 1000.0 }).await.unwrap();
    }

    /// KPI events in the next minute.
    async fn next_minute(&self) -> Option<u64> {
        let since = self.clock.now() - Duration::from_secs(3);
        self.clock.turn(60);
        self.ports.kpi.sample(&self.run, since).await.unwrap().count
    }
}

#[tokio::test]
async fn more_replicas_serve_more_once_they_are_ready() {
    let world = World::new(|_| ());
    world.users(300).await;
    world.clock.turn(60);
    let served = world.next_minute().await.unwrap();
    assert!((850..=1000).contains(&served), "{served}");
    let (from, to) = (Allocation::of_replicas(1), Allocation::of_replicas(3));
    let step = ScaleStep { application: "shop".parse().unwrap(), from, to };
    let before = world.clock.now();
    world.ports.scaler.scale(&world.run, &step, Way::There).await.unwrap();
    assert!(world.clock.now().duration_since(before).as_secs() >= 10);
    world.clock.turn(60);
    let served = world.next_minute().await.unwrap();
    assert!((1650..=1800).contains(&served), "{served}");
}

#[tokio::test]
async fn adjoining_windows_count_every_event_once() {
    let world = World::new(|plant| plant.environment.noise = Noise::Binomial);
    world.users(100).await;
    let begin = world.clock.now();
    let (mut since, mut counted) = (begin, 0);
    for seconds in [1, 7, 30, 2, 60] {
        world.clock.turn(seconds);
        let sample = world.ports.kpi.sample(&world.run, since).await.unwrap();
        assert_eq!(sample.from, since);
        counted += sample.count.unwrap();
        since = sample.to;
    }
    let whole = world.ports.kpi.sample(&world.run, begin).await.unwrap();
    assert!(counted > 100 && counted <= whole.count.unwrap());
    world.ports.generator.stop(&world.run).await.unwrap();
    world.clock.turn(10);
    let rest = world.ports.kpi.sample(&world.run, since).await.unwrap();
    let rows = world.ports.test_data[0].count(&world.run).await.unwrap();
    assert_eq!(rows[0].rows, counted + rest.count.unwrap());
    assert_eq!(rows[1].rows, 3 * rows[0].rows);
}

#[tokio::test]
async fn only_events_and_rows_of_the_run_are_counted_and_deleted() {
    let world = World::new(|_| ());
    world.users(50).await;
    world.clock.turn(120);
    let other: RunId = "run-2".parse().unwrap();
    assert_eq!(world.ports.kpi.sample(&other, Timestamp::UNIX_EPOCH).await.unwrap().count, Some(0));
    world.ports.test_data[0].delete(&other).await.unwrap();
    assert!(world.environment.rows(&world.run) > 0);
    world.ports.generator.stop(&world.run).await.unwrap();
    let deleted: u64 = world.ports.test_data[0].delete(&world.run).await.unwrap().iter().map(|table| table.rows).sum();
    assert!(deleted > 0);
    assert_eq!(world.environment.rows(&world.run), 0);
}

#[tokio::test]
async fn a_generator_with_users_is_busy() {
    let world = World::new(|_| ());
    world.ports.generator.check().await.unwrap();
    world.users(5).await;
    world.clock.turn(1);
    let error = world.ports.generator.check().await.unwrap_err();
    assert_eq!(
        (error.kind, error.act.as_str()),
        (FailureKind::Rejected, "the load generator is busy: it runs 5 users")
    );
    world.ports.generator.stop(&world.run).await.unwrap();
    world.ports.generator.check().await.unwrap();
}

#[tokio::test]
async fn another_run_neither_stops_users_nor_takes_them_over() {
    let world = World::new(|_| ());
    let other: RunId = "run-2".parse().unwrap();
    world.users(5).await;
    world.clock.turn(1);
    world.ports.generator.stop(&other).await.unwrap();
    let tags = Tags { run: other, headers: [].into() };
    let setting = LoadSetting { users: 1, spawn_rate: 1.0 };
    let error = world.ports.generator.set(&tags, &setting).await.unwrap_err();
    let told = format!("the load generator runs 5 users of run {}; it takes one run at a time", world.run);
    assert_eq!((error.kind, error.act), (FailureKind::Rejected, told));
    assert_eq!(world.ports.generator.status().await.unwrap().users, 5);
}

#[tokio::test]
async fn a_lost_worker_is_marked_in_the_window_and_comes_back() {
    let world = World::with_fault("30s", Origin::Load, FaultKind::WorkersLost(1));
    world.users(100).await;
    let begin = world.clock.now();
    world.clock.turn(40);
    assert_eq!(world.ports.generator.status().await.unwrap().workers, Some(1));
    assert_eq!(world.ports.kpi.sample(&world.run, begin).await.unwrap().marks, [Mark::WorkerLost]);
    world.clock.turn(60);
    assert_eq!(world.ports.generator.status().await.unwrap().workers, Some(2));
    assert_eq!(world.ports.generator.status().await.unwrap().users, 100);
}

#[tokio::test]
async fn workers_of_an_application_are_as_many_as_its_ready_replicas_and_carry_as_many_users() {
    let world = World::new(|plant| {
        let workers = &mut plant.environment.workers;
        (workers.application, workers.count) = (Some("load-workers".parse().unwrap()), 1);
        workers.users_per_worker = Some(100);
    });
    assert_eq!(world.environment.catalogue().len() + 1, world.environment.applications().len());
    world.users(150).await;
    world.clock.turn(60);
    let status = world.ports.generator.status().await.unwrap();
    assert_eq!((status.workers, status.cpu_percent, status.marks), (Some(1), Some(100.0), vec![Mark::GeneratorBound]));
    let (from, to) = (Allocation::of_replicas(1), Allocation::of_replicas(2));
    let step = ScaleStep { application: "load-workers".parse().unwrap(), from, to };
    let begin = world.clock.now();
    world.ports.scaler.scale(&world.run, &step, Way::There).await.unwrap();
    world.clock.turn(10);
    let status = world.ports.generator.status().await.unwrap();
    assert_eq!((status.workers, status.cpu_percent, status.marks), (Some(2), Some(75.0), vec![]));
    assert_eq!(world.ports.kpi.sample(&world.run, begin).await.unwrap().marks, [Mark::WorkerJoined]);
}

#[tokio::test]
async fn an_outage_serves_nothing_and_a_lost_sample_is_not_a_zero() {
    let world = World::with_fault("60s", Origin::Load, FaultKind::Capacity(0.0));
    world.users(100).await;
    world.clock.turn(64);
    assert_eq!(world.next_minute().await.unwrap() / 100, 0);
    let world = World::with_fault("0s", Origin::Start, FaultKind::SamplesLost);
    world.users(100).await;
    world.clock.turn(30);
    assert_eq!(world.ports.kpi.sample(&world.run, Timestamp::UNIX_EPOCH).await.unwrap().count, None);
}

#[tokio::test]
async fn what_others_change_is_seen_at_its_time_and_calls_are_logged() {
    let change = FaultKind::ChangedByOthers {
        application: "shop".parse().unwrap(),
        version: Some("v9".to_owned()),
        replicas: None,
    };
    let world = World::with_fault("30s", Origin::Start, change);
    let names = world.environment.catalogue();
    let before = world.ports.deployer.deployed(&names).await.unwrap();
    assert_eq!(before["shop"].release.version(), Some("v1"));
    world.clock.turn(31);
    assert_eq!(world.ports.deployer.deployed(&names).await.unwrap()["shop"].release.version(), Some("v9"));
    let calls: Vec<Call> = world.environment.calls().into_iter().map(|record| record.call).collect();
    assert_eq!(calls, [Call::Deployed, Call::Deployed]);
}

#[tokio::test]
async fn an_application_that_is_not_there_is_named() {
    let world = World::new(|_| ());
    let (from, to) = (Release::single("v1"), Release::single("v2"));
    let rollout = Rollout::new("basket".parse().unwrap(), from, to);
    let error = world.ports.deployer.roll_out(&world.run, &rollout, Way::There).await.unwrap_err();
    assert_eq!((error.kind, error.to_string().as_str()), (FailureKind::NotFound, "could not roll out (basket)"));
}
