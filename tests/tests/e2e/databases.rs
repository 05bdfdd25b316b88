//! Whole runs that leave rows in a real database beside the shop's own: exactly those go, whatever happens meanwhile.

use std::time::Duration;

use conductor_tests::{ENTRIES, Ended, LedgerBed, PASSWORD, Running, Written, until};
use nix::sys::signal::Signal;
use serde_json::Value;

/// What cleaning up may take on a busy machine until something of it is seen.
const PATIENCE: Duration = Duration::from_secs(120);
/// So slow that it takes some seconds.
const SLOWLY: &str = "        rowsPerSecond: 250\n";

/// The rows that a run says it has deleted from a table.
fn deleted(view: &Value, table: &str) -> u64 {
    let deleted = view["deleted"].as_array().into_iter().flatten();
    deleted.filter(|deleted| deleted["table"] == table).filter_map(|deleted| deleted["rows"].as_u64()).sum()
}

fn assert_restored(ended: &Ended) {
    let out = &ended.out;
    assert!(out.contains("restored   everything is as it was before"), "{out}\n{}", ended.err);
}

/// Waits until some of the run's entries are deleted, and some are not; what is left then.
fn in_the_middle(bed: &LedgerBed, before: [u64; 2]) -> [u64; 2] {
    let mut left = before;
    until("a part of the rows is deleted", PATIENCE, || {
        left = bed.rows_of_runs();
        assert_ne!(left, [0, 0], "all of it is deleted already");
        left[1] + 20 < before[1]
    });
    left
}

/// Waits until the load of a run is over, and gives what it has left.
fn load_is_over(bed: &LedgerBed, running: &mut Running) -> [u64; 2] {
    running.line("== CLEAN_UP");
    let Written { in_time, .. } = bed.written();
    assert!(in_time > 50, "only {in_time} orders were copied");
    bed.rows_of_runs()
}

#[test]
fn exactly_the_rows_of_a_run_go_and_late_ones_are_told() {
    let bed = LedgerBed::up(Some(10), "        settle: 10s\n");
    let rows = bed.rows();
    let plan = bed.conductor(&["plan", &bed.path("loadtest.yaml")]).succeeded();
    for part in ["  ledger/receipts: 0 rows now\n", "  ledger/entries: 0 rows now\n", "  shop/orders: 0 rows now\n"] {
        assert!(plan.contains(part), "{part} is not in\n{plan}");
    }
    assert!(!plan.contains("note: ledger"), "{plan}");
    assert_restored(&bed.run());
    bed.assert_restored(&rows);
    bed.assert_only_others();
    let (written, view) = (bed.written(), bed.view());
    assert!(written.late > 5 && written.waiting.is_empty(), "{written:?}");
    for (table, each) in [("ledger/receipts", 1), ("ledger/entries", ENTRIES)] {
        let late = deleted(&view, &format!("{table} (late)"));
        assert!(late >= each * written.late, "{written:?}: {}", view["deleted"]);
        let all = each * (written.in_time + written.late);
        assert_eq!(deleted(&view, table) + late, all, "{written:?}: {}", view["deleted"]);
    }
}

#[test]
fn a_conductor_that_is_killed_in_the_middle_of_cleaning_up_is_followed_by_one_that_ends_it() {
    let bed = LedgerBed::up(None, SLOWLY);
    let rows = bed.rows();
    let mut running = bed.start();
    let before = load_is_over(&bed, &mut running);
    in_the_middle(&bed, before);
    running.signal(Signal::SIGKILL);
    assert_eq!(running.wait().code, None, "it had ended before it was killed");
    assert_ne!(bed.rows_of_runs(), [0, 0], "nothing was left to do");
    let restored = bed.without_files(|| bed.conductor(&["restore"]).ended_with(0));
    assert_restored(&restored);
    bed.assert_restored(&rows);
    bed.assert_only_others();
    assert_eq!(bed.view()["ending"]["cause"], "completed");
}

#[test]
fn sessions_that_the_database_ends_in_the_middle_of_cleaning_up_cost_nothing() {
    let bed = LedgerBed::up(None, SLOWLY);
    let rows = bed.rows();
    let mut running = bed.start();
    let mut left = load_is_over(&bed, &mut running);
    for _ in 0..2 {
        left = in_the_middle(&bed, left);
        assert!(bed.end_sessions() > 0, "nobody was at it");
    }
    assert_restored(&running.wait());
    bed.assert_restored(&rows);
    bed.assert_only_others();
}

#[test]
fn a_missing_password_keeps_nothing_else_from_being_put_back_and_no_run_begins_without_it() {
    let mut bed = LedgerBed::up(None, "");
    let rows = bed.rows();
    let mut running = bed.start();
    running.line("0:05 ");
    running.signal(Signal::SIGKILL);
    running.wait();
    until("some orders are copied", PATIENCE, || bed.written().in_time > 5);
    bed.set_variable(PASSWORD, None);
    let restored = bed.conductor(&["restore"]);
    let why = "testData[0].postgres.passwordEnv names LEDGER_PASSWORD, which is not set; expected the password in it";
    assert!(
        restored.out.contains(&format!("delete the run's data in ledger: test data ledger: {why}")),
        "{restored:?}"
    );
    assert_ne!(restored.code, Some(0));
    bed.assert_restored(&rows);
    assert_ne!(bed.rows_of_runs(), [0, 0], "who has deleted them without a password?");
    for arguments in [["plan", &bed.path("loadtest.yaml")], ["run", &bed.path("loadtest.yaml")]] {
        let refused = bed.conductor(&arguments);
        assert!(![Some(0), None].contains(&refused.code), "{refused:?}");
        assert!(format!("{}{}", refused.out, refused.err).contains(why), "{refused:?}");
        assert!(!refused.out.contains("== DEPLOY"), "{refused:?}");
    }
}
