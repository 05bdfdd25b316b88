//! Connections that are lost, and servers that do not answer.

use std::time::Duration;

use conductor_core::ports::{FailureKind, TestDataStore};
use serde_json::{Value, json};

use crate::bed::{Bed, PATIENCE, refused, run, told};

/// Settings by which a deletion takes long enough to be disturbed.
fn slowly(other: Value) -> Value {
    let mut settings = json!({ "batchSize": 50, "rowsPerSecond": 3000 });
    settings.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    settings
}

#[tokio::test]
async fn a_backend_that_is_killed_again_and_again_costs_no_row_of_others() {
    let bed = Bed::shop(2000).await;
    let others = bed.of_others().await;
    let store = bed.shop_store(slowly(json!({})));
    let kill = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE application_name = 'loadtest-conductor' AND datname = '{}'",
        bed.database
    );
    let kills = async {
        let mut killed = 0;
        for left in [5900, 5000, 4000, 3000, 2500] {
            let gone = format!("SELECT count(*) < {left} FROM lines");
            let sql = if left > 4000 { gone } else { format!("SELECT count(*) < {} FROM orders", left + 2000) };
            bed.until("rows go", &sql).await;
            killed += bed.number(&kill).await;
        }
        killed
    };
    let id = run();
    let (deleted, killed) = tokio::join!(store.delete(&id), kills);
    deleted.unwrap();
    assert!(killed > 0, "nobody was there to be killed");
    assert_eq!((bed.rows().await, bed.of_others().await), (others, others));
}

#[tokio::test]
async fn a_connection_that_is_cut_or_refused_for_a_while_is_made_again() {
    let bed = Bed::shop(1000).await;
    let front = bed.server.front().await.unwrap();
    let through = json!({ "host": "127.0.0.1", "port": front.port(), "tls": { "mode": "disable" } });
    let store = bed.shop_store(slowly(through));
    let faults = async {
        bed.until("lines go", "SELECT count(*) < 2900 FROM lines").await;
        front.cut();
        bed.until("orders go", "SELECT count(*) < 2900 FROM orders").await;
        front.close();
        tokio::time::sleep(Duration::from_millis(300)).await;
        front.open();
    };
    let id = run();
    let (deleted, ()) = tokio::join!(store.delete(&id), faults);
    deleted.unwrap();
    assert_eq!(bed.rows().await, [2000, 2000, 2000]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_reached_is_worth_another_try_and_named() {
    let bed = json!({ "name": "shop", "host": "127.0.0.1", "port": 1, "database": "shop", "user": "postgres",
        "tls": { "mode": "disable" }, "tables": [{ "table": "orders", "tagColumn": "run_id" }] });
    let store = conductor_testdata::PostgresTestData::new(serde_json::from_value(bed).unwrap(), None);
    let error = refused(&store).await;
    assert_eq!(error.kind, FailureKind::Unavailable);
    assert!(told(&error).starts_with("test data shop: could not connect to shop at 127.0.0.1:1: "), "{}", told(&error));
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_for_another_connection() {
    let bed = Bed::shop(1000).await;
    let front = bed.server.front().await.unwrap();
    let through = json!({ "host": "127.0.0.1", "port": front.port(), "tls": { "mode": "disable" },
        "statementTimeout": "100ms", "lockTimeout": "50ms", "batchSize": 25, "rowsPerSecond": 500 });
    let store = bed.shop_store(through);
    let faults = async {
        bed.until("lines go", "SELECT count(*) < 2975 FROM lines").await;
        front.silence();
        // Several batches are due in this time. Whoever stays with the silent connection waits for ever.
        tokio::time::sleep(Duration::from_millis(500)).await;
        front.open();
    };
    let id = run();
    let both = async { tokio::join!(store.delete(&id), faults) };
    let (deleted, ()) = tokio::time::timeout(PATIENCE, both).await.expect("it stays with the silent connection");
    deleted.unwrap();
    assert_eq!(bed.rows().await, [2000, 2000, 2000]);
}
