//! Servers that are killed at any moment, on a real journal and with an environment that outlives them and tells who has changed
//! what: every run ends, everything is put back exactly once, and nobody writes after a younger conductor has.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use conductor_postgres_bed::{Postgres, PostgresSettings};
use conductor_tests::{ModelServer, until};
use serde_json::{Value, json};
use sqlx::{PgConnection, Row};
use tokio::runtime::Runtime;

/// How long a run may take on a busy machine; by itself it takes some four seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a server is killed.
const MOMENTS: u32 = 10;
/// Within this time of a run's start: from its first record nearly to its end.
const WITHIN_MS: u64 = 3_500;

const ENVIRONMENT: &str = "
    CREATE TABLE object (name text PRIMARY KEY, run text, epoch bigint NOT NULL DEFAULT 0);
    CREATE TABLE field (object text REFERENCES object, name text, value text NOT NULL, PRIMARY KEY (object, name));
    CREATE TABLE orders (run text NOT NULL, rows bigint NOT NULL);
    CREATE TABLE trail (number bigserial PRIMARY KEY, process bigint NOT NULL, run text NOT NULL, epoch bigint NOT NULL,
        object text NOT NULL, field text NOT NULL, value text);
    INSERT INTO object (name) VALUES ('shop'), ('generator');
    INSERT INTO field VALUES ('shop', 'version', 'v1'), ('shop', 'replicas', '1'), ('generator', 'users', '0');
    INSERT INTO orders VALUES ('somebody else', 7);
";

/// One record of the environment's trail.
struct Change {
    process: i64,
    epoch: i64,
    object: String,
    field: String,
    /// `None` where it was refused.
    value: Option<String>,
}

/// A journal and an environment, both in one database.
struct Model {
    runtime: Runtime,
    server: Postgres,
    journal: String,
    since: u128,
}

impl Model {
    fn up() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Postgres::start(PostgresSettings::default())).unwrap();
        runtime.block_on(server.run("postgres", ENVIRONMENT)).unwrap();
        let journal = json!({
            "host": "127.0.0.1", "port": server.port(), "database": "postgres", "user": "postgres",
            "tls": { "mode": "disable" }, "leaseTime": "1s",
        });
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
        Self { runtime, server, journal: journal.to_string(), since }
    }

    fn start_server(&self) -> ModelServer {
        let world = format!("postgres://postgres@127.0.0.1:{}/postgres", self.server.port());
        ModelServer::start(&self.journal, &world, self.since)
    }

    fn ask<T>(&self, ask: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>) -> T {
        let answer = async {
            let mut connection = self.server.connect("postgres").await.unwrap();
            ask(&mut connection).await
        };
        self.runtime.block_on(answer).unwrap()
    }

    /// Everything that somebody has changed, or tried to, for a run.
    fn trail(&self, run: &str) -> Vec<Change> {
        let find = "SELECT process, epoch, object, field, value FROM trail WHERE run = $1 ORDER BY number";
        let rows = self.ask(async |connection| sqlx::query(find).bind(run).fetch_all(connection).await);
        let change = |row: &sqlx::postgres::PgRow| Change {
            process: row.get(0),
            epoch: row.get(1),
            object: row.get(2),
            field: row.get(3),
            value: row.get(4),
        };
        rows.iter().map(change).collect()
    }

    /// Waits until a run has such a record, and no longer.
    fn await_record(&self, run: &str, kind: &str) {
        let find = "SELECT EXISTS (SELECT FROM conductor.records WHERE run = $1 AND event::json ->> 'type' = $2)";
        let deadline = Instant::now() + PATIENCE;
        let awaited = async |connection: &mut PgConnection| {
            while !sqlx::query_scalar::<_, bool>(find).bind(run).bind(kind).fetch_one(&mut *connection).await? {
                assert!(Instant::now() < deadline, "run {run} has no record {kind}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(())
        };
        self.ask(awaited);
    }

    fn assert_put_back_once(&self, run: &str) {
        let fields = "SELECT string_agg(object || '.' || name || '=' || value, ' ' ORDER BY object, name) FROM field";
        let fields: String = self.ask(async |connection| sqlx::query_scalar(fields).fetch_one(connection).await);
        assert_eq!(fields, "generator.users=0 shop.replicas=1 shop.version=v1", "run {run}");
        let rows = "SELECT string_agg(run || ' ' || rows, ', ') FROM orders";
        let rows: String = self.ask(async |connection| sqlx::query_scalar(rows).fetch_one(connection).await);
        assert_eq!(rows, "somebody else 7", "run {run}");
        let free = "SELECT count(*) FROM object WHERE run IS NOT NULL";
        let owned: i64 = self.ask(async |connection| sqlx::query_scalar(free).fetch_one(connection).await);
        assert_eq!(owned, 0, "run {run} has left its name");

        let trail = self.trail(run);
        assert!(
            trail.iter().all(|change| change.value.is_some()),
            "a conductor that is none any more has tried to write"
        );
        for object in ["shop", "generator"] {
            let epochs: Vec<i64> =
                trail.iter().filter(|change| change.object == object).map(|found| found.epoch).collect();
            assert!(epochs.is_sorted(), "run {run}: an older conductor has written to {object}: {epochs:?}");
        }
        let writers: BTreeSet<(i64, i64)> = trail.iter().map(|change| (change.epoch, change.process)).collect();
        let epochs: BTreeSet<i64> = writers.iter().map(|(epoch, _)| *epoch).collect();
        assert_eq!(writers.len(), epochs.len(), "run {run}: two processes with one epoch: {writers:?}");
        for (field, value) in [("version", "v1"), ("replicas", "1")] {
            let back =
                trail.iter().filter(|found| found.field == field && found.value.as_deref() == Some(value)).count();
            let there = trail.iter().filter(|found| found.field == field).count() - back;
            assert_eq!(back, there, "run {run}: {field} was changed {there} times, and put back {back} times");
            assert!(there <= 1, "run {run}: {field} was changed {there} times");
        }
    }
}

/// The records with which the states of a run end, in their order.
const BOUNDARIES: [&str; 13] = [
    "created",
    "started",
    "preflightPassed",
    "baselineRecorded",
    "frozen",
    "deployed",
    "scaledUp",
    "rehearsed",
    "measured",
    "loadStopped",
    "restored",
    "thawed",
    "cleanedUp",
];

fn load_test() -> Value {
    json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": "model" },
        "spec": {
            "environment": "model",
            "kpi": { "name": "orders", "target": "600/min" },
            "rampUp": "1m",
            "plateau": "2m",
            "interval": "5s",
        }
    })
}

/// Kills the server that drives the runs, and starts it again, as the last one.
fn kill_first(model: &Model, servers: &mut Vec<ModelServer>) {
    servers.remove(0).kill();
    servers.push(model.start_server());
}

/// A run whose server was killed ends, and everything is put back once.
fn assert_ends(model: &Model, server: &ModelServer, run: &str, killed: &str) {
    until(&format!("run {run}, whose server was {killed}, ends"), PATIENCE, || server.run(run)["verdict"].is_object());
    let ended = server.run(run);
    assert_eq!(ended["verdict"]["restored"], true, "{killed}: {ended:#}");
    model.assert_put_back_once(run);
}

fn kill_at_each_boundary(servers: usize) {
    let model = Model::up();
    let mut servers: Vec<ModelServer> = (0..servers).map(|_| model.start_server()).collect();
    for boundary in BOUNDARIES {
        let run = servers[0].start_run(&load_test());
        model.await_record(&run, boundary);
        kill_first(&model, &mut servers);
        assert_ends(&model, &servers[0], &run, &format!("killed at {boundary}"));
    }
}

fn kill_at_any_moment(servers: usize) {
    let model = Model::up();
    let mut servers: Vec<ModelServer> = (0..servers).map(|_| model.start_server()).collect();
    let mut goes_on = 0;
    for _ in 0..MOMENTS {
        let run = servers[0].start_run(&load_test());
        let begun = Instant::now();
        let moment = Duration::from_millis(rand::random_range(0..WITHIN_MS));
        std::thread::sleep(moment);
        kill_first(&model, &mut servers);
        assert_ends(&model, &servers[0], &run, &format!("killed after {moment:?}"));
        let conductors: BTreeSet<i64> = model.trail(&run).iter().map(|change| change.epoch).collect();
        goes_on += usize::from(conductors.len() > 1);
        println!("run {run}: killed after {moment:?}, over after {:?}, conductors {conductors:?}", begun.elapsed());
    }
    assert!(goes_on > 0, "no run was killed while it changed anything");
}

#[test]
fn a_server_that_is_killed_at_any_moment_and_started_again_ends_its_runs_and_puts_everything_back_once() {
    kill_at_any_moment(1);
}

#[test]
fn one_of_two_servers_that_is_killed_at_any_moment_leaves_its_runs_to_the_other_one() {
    kill_at_any_moment(2);
}

#[test]
fn a_server_that_is_killed_as_each_phase_ends_and_started_again_ends_its_runs_and_puts_everything_back_once() {
    kill_at_each_boundary(1);
}

#[test]
fn one_of_two_servers_that_is_killed_as_each_phase_ends_leaves_its_runs_to_the_other_one() {
    kill_at_each_boundary(2);
}
