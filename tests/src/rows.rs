//! The rows of SQLite files, beside the programs that write them.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

/// All rows of the shop's tables, by table and in order.
pub(crate) fn all(file: &Path) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let mut found = Vec::new();
        for query in [
            "SELECT 'order ' || id || ' of basket ' || basket_id || ' for ' || total_cents || ' by ' || ifnull(run_id, 'a customer') FROM orders ORDER BY id",
            "SELECT 'line ' || id || ' in basket ' || basket_id || ' by ' || ifnull(run_id, 'a customer') FROM basket_lines ORDER BY id",
            "SELECT 'basket ' || id || ' by ' || ifnull(run_id, 'a customer') FROM baskets ORDER BY id",
        ] {
            let rows = sqlx::query(query).fetch_all(&mut connection).await.unwrap();
            found.extend(rows.iter().map(|row| row.get::<String, _>(0)));
        }
        found
    })
}

/// Adds orders of a customer, who waits for the shop where that writes.
pub(crate) fn order(file: &Path, orders: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(30));
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let mut basket = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
        for _ in 0..orders {
            for query in [
                "INSERT INTO baskets (run_id) VALUES (NULL)",
                "INSERT INTO orders (basket_id, total_cents, status) SELECT max(id), 100, 'accepted' FROM baskets",
            ] {
                sqlx::query(query).execute(&mut *basket).await.unwrap();
            }
        }
        basket.commit().await.unwrap();
    });
}

/// Adds to a journal the newest of all runs, which nobody can make sense of.
pub(crate) fn add_unreadable_run(journal: &Path, run: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(journal);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        for query in [
            "INSERT INTO runs (id, name, environment, created) VALUES (?, 'any', 'another', '2100-01-01T00:00:00Z')",
            "INSERT INTO records (run, revision, at, event) VALUES (?, 1, '2100-01-01T00:00:00Z', 'nonsense')",
        ] {
            sqlx::query(query).bind(run).execute(&mut connection).await.unwrap();
        }
    });
}
