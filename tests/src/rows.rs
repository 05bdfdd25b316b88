//! The rows of a SQLite file, read beside the programs that write it.

use std::path::Path;

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
