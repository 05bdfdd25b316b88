//! Runs whose journal is a database that machines share: each sees them, and goes on where another has died or was cut off.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::time::Duration;

use conductor_postgres_bed::{Front, Postgres, PostgresSettings};
use conductor_tests::{Bed, Ended, Running, Shop, until};
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::runtime::Runtime;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A shop, and a database with the journal of those who test it.
pub(crate) struct SharedBed {
    pub(crate) bed: Bed,
    /// Between the first machine and the database.
    pub(crate) front: Front,
    _server: Postgres,
    _runtime: Runtime,
}

impl SharedBed {
    pub(crate) fn up() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Postgres::start(PostgresSettings::default())).unwrap();
        let front = runtime.block_on(server.front()).unwrap();
        let bed = Bed::up(Shop::default());
        for (name, port) in [("journal.yaml", front.port()), ("direct.yaml", server.port())] {
            let text = format!(
                "
apiVersion: loadtest-conductor.dev/v1alpha1
kind: Journal
spec:
  postgres: {{ host: 127.0.0.1, port: {port}, database: postgres, user: postgres, tls: {{ mode: disable }}, leaseTime: 6s }}
"
            );
            bed.write(name, &text);
        }
        Self { bed, front, _server: server, _runtime: runtime }
    }

    /// Runs a command on another machine, which has a state folder of its own.
    fn other(&self, arguments: &[&str]) -> Ended {
        let (journal, state) = (self.bed.path("direct.yaml"), self.bed.path("state of another machine"));
        let shared = ["--journal", &journal, "--state-dir", &state];
        self.bed.conductor(&[arguments, &shared].concat())
    }

    /// Starts the load test on the first machine.
    fn start(&self) -> Running {
        let (test, journal) = (self.bed.path("loadtest.yaml"), self.bed.path("journal.yaml"));
        self.bed.start_command(&["run", &test, "--journal", &journal])
    }

    /// Puts the run back on another machine, as soon as the lease of its conductor is over.
    fn restore_by_the_other(&self) {
        let mut restored = None;
        until("the lease of the first conductor ends", PATIENCE, || {
            let ended = self.other(&["restore"]);
            let told = format!("{}\n{}", ended.out, ended.err);
            assert!(ended.code == Some(0) || told.contains("is in use by process "), "{told}");
            restored = (ended.code == Some(0)).then_some(told);
            restored.is_some()
        });
        let told = restored.unwrap();
        assert!(told.contains("restored   everything is as it was before"), "{told}");
    }

    fn view(&self) -> Value {
        self.other(&["get", "--output", "json"]).json()
    }
}

#[test]
fn another_machine_sees_a_run_and_puts_it_back_once_the_lease_of_its_dead_conductor_is_over() {
    let shared = SharedBed::up();
    let rows = shared.bed.rows();
    let mut running = shared.start();
    running.line("the ramp begins");
    assert!(shared.other(&["list"]).succeeded().contains("not ended"));
    assert_eq!(shared.view()["phase"], "GENERATE_LOAD");
    let refused = shared.other(&["run", &shared.bed.path("loadtest.yaml")]).ended_with(1);
    for part in ["environment shop-local is in use by process ", ", whose lease lasts until "] {
        assert!(refused.err.contains(part), "{}", refused.err);
    }
    running.signal(Signal::SIGKILL);
    assert_eq!(running.wait().code, None, "it had ended before it was killed");
    shared.restore_by_the_other();
    shared.bed.assert_restored(&rows);
    assert!(shared.other(&["list"]).succeeded().contains("  ended  "));
}

#[test]
fn a_conductor_that_was_stopped_wakes_up_after_its_run_was_put_back_and_touches_nothing() {
    let shared = SharedBed::up();
    let rows = shared.bed.rows();
    let mut running = shared.start();
    running.line("the ramp begins");
    running.signal(Signal::SIGSTOP);
    shared.restore_by_the_other();
    let put_back = shared.view();
    running.signal(Signal::SIGCONT);
    let ended = running.wait();
    assert!(ended.out.contains("restored   everything is as it was before"), "{}\n{}", ended.out, ended.err);
    shared.bed.assert_restored(&rows);
    assert_eq!(shared.view(), put_back, "it has written to a run that was another's");
}

#[test]
fn a_conductor_that_is_cut_off_from_the_journal_lets_go_of_its_run_and_goes_on_with_it() {
    let shared = SharedBed::up();
    let rows = shared.bed.rows();
    let mut running = shared.start();
    running.line("the ramp begins");
    shared.front.silence();
    running.line("has lost its hold on the environment, and lets go of run short-");
    shared.front.open();
    running.line("this conductor goes on with run short-");
    let ended = running.wait();
    assert!(ended.out.contains("restored   everything is as it was before"), "{}\n{}", ended.out, ended.err);
    shared.bed.assert_restored(&rows);
    let view = shared.view();
    assert_eq!(view["ending"]["cause"], "completed", "{}", view["ending"]);
    let told = "the run was found without a conductor and goes on";
    let resumed = view["events"].as_array().unwrap().iter().filter(|event| event["message"] == told);
    assert_eq!(resumed.count(), 1, "{}", view["events"]);
}

#[test]
fn a_run_that_is_to_end_while_its_journal_is_away_ends_in_order_when_it_is_there_again() {
    let shared = SharedBed::up();
    let rows = shared.bed.rows();
    let mut running = shared.start();
    running.line("the ramp begins");
    shared.front.close();
    running.line("has lost its hold on the environment, and lets go of run short-");
    running.signal(Signal::SIGINT);
    running.line("the journal cannot be reached: the run stops in order when it can be again");
    shared.front.open();
    running.line("this conductor goes on with run short-");
    let ended = running.wait().ended_with(4);
    assert!(ended.out.contains("restored   everything is as it was before"), "{}\n{}", ended.out, ended.err);
    shared.bed.assert_restored(&rows);
}

#[test]
fn a_journal_that_cannot_be_used_is_told_before_anything_is_done() {
    let bed = Bed::new(Shop::default());
    let journal = bed.path("journal.yaml");
    let list = |text: &str| {
        bed.write("journal.yaml", text);
        bed.conductor(&["list", "--journal", &journal]).ended_with(2).err
    };
    let written = "apiVersion: loadtest-conductor.dev/v1alpha1\nkind: Journal\nspec: { postgres: { host: db.test, database: runs, user: me } }\n";
    let secret = list(&written.replace("user: me", "user: me, passwordEnv: NOT_THERE"));
    let expected = "spec.postgres.passwordEnv names NOT_THERE, which is not set; expected the password in it";
    assert!(secret.contains(expected), "{secret}");
    let short = list(&written.replace("user: me", "user: me, leaseTime: 10ms"));
    assert!(short.contains("spec.postgres.leaseTime: 10ms is too short; expected 1s or more"), "{short}");
    bed.write("journal.yaml", &written.replace("db.test", "127.0.0.1, port: 1, tls: { mode: disable }"));
    let away = bed.conductor(&["list", "--journal", &journal]).ended_with(1).err;
    assert!(away.contains("in schema conductor of database runs at 127.0.0.1:1"), "{away}");
}
