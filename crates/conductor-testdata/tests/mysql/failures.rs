//! Connections that are lost, and others that are in the way.

use conductor_core::ports::{FailureKind, TestDataStore};
use serde_json::json;

use crate::bed::{Bed, SHOP, run, tables};

#[tokio::test]
async fn connections_that_are_lost_in_the_middle_are_made_again() {
    let bed = Bed::shop(60, &["'run-1'", "NULL"]).await;
    let store = bed.store(tables(), json!({ "batchSize": 2, "rowsPerSecond": 400 }));
    let cutting = async {
        for left in [220, 200, 180, 160, 140] {
            // Something must have gone since the cut before: a batch that is lost again and again is given up.
            bed.until("the lines go", &format!("SELECT COUNT(*) <= {left} FROM `lines`")).await;
            bed.front.cut();
        }
    };
    let run = run();
    let (deleted, ()) = tokio::join!(store.delete(&run), cutting);
    deleted.unwrap();
    assert_eq!(bed.rows().await, [60, 120, 60]);
}

#[tokio::test]
async fn a_row_that_somebody_has_locked_is_waited_for_and_everything_else_goes() {
    let bed = Bed::shop(5, &["'run-1'", "NULL"]).await;
    let mut other = bed.server.connect("shop").await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT * FROM orders WHERE id = 'o-1' FOR UPDATE").execute(&mut other).await.unwrap();
    let store = bed.store(tables(), json!({ "lockTimeout": "1s" }));
    let (kind, message) = bed.told(&store.delete(&run()).await.unwrap_err());
    assert!(
        message.starts_with("test data shop: could not delete all rows (1 of orders, 1 of baskets are left) in shop"),
        "{message}"
    );
    assert_eq!(kind, FailureKind::Unavailable);
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    let rest: u64 = store.delete(&run()).await.unwrap().iter().map(|count| count.rows).sum();
    // What the call before has deleted is told, too.
    assert_eq!((rest, bed.rows().await), (20, [5, 10, 5]));
}

#[tokio::test]
async fn rows_are_not_kept_locked_while_the_store_pauses() {
    let bed = Bed::with(SHOP).await;
    bed.run("INSERT INTO shop.baskets SELECT seq, 'run-1' FROM shop.seq_1_to_8").await;
    let mut other = bed.server.connect("shop").await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT * FROM baskets WHERE id = 8 FOR UPDATE").execute(&mut other).await.unwrap();
    bed.run("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = ON").await;
    let baskets = json!([{ "table": "baskets", "tagColumn": "run_id" }]);
    let (_, message) = bed.told(&bed.store(baskets, json!({ "lockTimeout": "1s" })).delete(&run()).await.unwrap_err());
    assert!(
        message.starts_with("test data shop: could not delete all rows (1 of baskets are left) in shop"),
        "{message}"
    );
    bed.run("SET GLOBAL general_log = OFF").await;
    let ends = "FROM (SELECT CONVERT(argument USING utf8mb4) AS said, event_time AS at,
                    LEAD(event_time) OVER (PARTITION BY thread_id ORDER BY event_time) AS next
                FROM mysql.general_log) AS log WHERE said = 'ROLLBACK'";
    assert!(bed.number(&format!("SELECT COUNT(*) {ends}")).await >= 3, "each try waits in vain");
    // The pause after each of them is longer than that.
    let late = format!("SELECT COUNT(*) {ends} AND next < at + INTERVAL 90000 MICROSECOND");
    assert_eq!(bed.number(&late).await, 0, "what was locked is let go before the pause, not after it");
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_and_asked_by_another_connection() {
    let bed = Bed::shop(60, &["'run-1'", "NULL"]).await;
    let limits = json!({ "batchSize": 2, "rowsPerSecond": 400, "statementTimeout": "3s", "lockTimeout": "3s" });
    let store = bed.store(tables(), limits);
    let mut deleting = tokio::spawn(async move { store.delete(&run()).await });
    bed.until("the lines go", "SELECT COUNT(*) <= 200 FROM `lines`").await;
    // To look for rows may take long, and to delete them may not: it falls silent when it has something to delete.
    let mut other = bed.server.connect("shop").await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT COUNT(*) FROM `lines` FOR UPDATE").execute(&mut other).await.unwrap();
    let waits = "SELECT COUNT(*) = 1 FROM information_schema.PROCESSLIST
        WHERE TIME_MS > 500 AND (INFO LIKE 'DELETE%' OR INFO LIKE 'SELECT%FOR UPDATE')";
    bed.until("a deletion waits", waits).await;
    bed.front.silence();
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    let asked = "SELECT COUNT(*) > 0 FROM information_schema.PROCESSLIST WHERE USER = 'unauthenticated user'";
    tokio::select! {
        () = bed.until("another connection is made", asked) => {}
        ended = &mut deleting => panic!("{ended:?}"),
    }
    bed.front.open();
    deleting.await.unwrap().unwrap();
    assert_eq!(bed.rows().await, [60, 120, 60]);
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_is_ended_at_the_server() {
    let bed = Bed::shop(1, &["'run-1'"]).await;
    let mut other = bed.server.connect("shop").await.unwrap();
    sqlx::raw_sql("LOCK TABLES orders WRITE").execute(&mut other).await.unwrap();
    let store = bed.store(tables(), json!({ "lockTimeout": "10m", "statementTimeout": "10m" }));
    let counting = tokio::spawn(async move { store.count(&run()).await });
    let waits =
        "FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT COUNT%' AND STATE LIKE 'Waiting for table%'";
    bed.until("it counts", &format!("SELECT COUNT(*) = 1 {waits}")).await;
    counting.abort();
    bed.until("nobody counts any more", &format!("SELECT COUNT(*) = 0 {waits}")).await;
}

#[tokio::test]
async fn deletion_waits_for_a_replica_that_does_not_follow_and_survives_the_loss_of_its_connection() {
    let user = "CREATE USER copier; GRANT ALL ON *.* TO copier";
    let bed = Bed::with_options(&["--log-bin", "--server-id=1"], user).await;
    let replica = Bed::with_options(&["--server-id=2"], "DO 0").await;
    replica
        .run(&format!(
            "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {}, MASTER_USER = 'copier', MASTER_USE_GTID = slave_pos,
             MASTER_CONNECT_RETRY = 1; START SLAVE",
            bed.front.port()
        ))
        .await;
    bed.run(SHOP).await;
    bed.run(
        "USE shop; INSERT INTO baskets SELECT seq, NULL FROM seq_1_to_300;
         INSERT INTO orders SELECT seq, seq, 'run-1' FROM seq_1_to_300",
    )
    .await;
    let there =
        "SELECT COUNT(*) = 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop' AND TABLE_NAME = 'orders'";
    replica.until_in("", "the shop is there", there).await;
    replica.until("orders are copied", "SELECT COUNT(*) = 300 FROM orders").await;
    replica.run("STOP SLAVE SQL_THREAD").await;
    let busy = json!({ "replicationLag": "60s", "replicas": [{ "host": "127.0.0.1", "port": replica.front.port() }] });
    let tables = json!([{ "table": "orders", "tagColumn": "run_id" }]);
    let store = bed.store(tables, json!({ "busy": busy, "rowsPerSecond": 300 }));
    let deleting = tokio::spawn(async move { store.delete(&run()).await });
    let looked = "SELECT CAST(VARIABLE_VALUE AS SIGNED) >= 5 FROM information_schema.GLOBAL_STATUS
                  WHERE VARIABLE_NAME = 'COM_SHOW_SLAVE_STATUS'";
    replica.until("it looks", looked).await;
    assert_eq!(bed.number("SELECT COUNT(*) FROM orders").await, 300, "nothing is deleted");
    replica.run("START SLAVE SQL_THREAD").await;
    for left in [299, 150] {
        bed.until("orders go", &format!("SELECT COUNT(*) <= {left} FROM orders")).await;
        replica.front.cut();
    }
    assert_eq!(deleting.await.unwrap().unwrap()[0].rows, 300);
}
