//! A real server for each test, with a shop's database.

use std::time::{Duration, Instant};

use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError, TableCount};
use conductor_core::run::RunId;
use conductor_mariadb_bed::{Front, Mariadb, MariadbSettings};
use conductor_testdata::MysqlTestData;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Baskets with lines, which know their run by their basket, and orders with a tag of their own.
pub(crate) const SHOP: &str = "CREATE DATABASE shop; USE shop;
    CREATE TABLE baskets (id BIGINT PRIMARY KEY, run_id VARCHAR(40), INDEX (run_id));
    CREATE TABLE `lines` (basket BIGINT NOT NULL, no INT UNSIGNED NOT NULL, PRIMARY KEY (basket, no),
        FOREIGN KEY (basket) REFERENCES baskets (id));
    CREATE TABLE orders (id VARCHAR(20) PRIMARY KEY, basket BIGINT NOT NULL, run_id VARCHAR(40), INDEX (run_id),
        FOREIGN KEY (basket) REFERENCES baskets (id));";

pub(crate) struct Bed {
    pub(crate) server: Mariadb,
    pub(crate) front: Front,
}

impl Bed {
    pub(crate) async fn with(schema: &str) -> Self {
        Self::with_options(&[], schema).await
    }

    pub(crate) async fn with_options(options: &[&str], schema: &str) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let settings = MariadbSettings { options, start_within: PATIENCE };
        let server = Mariadb::start(settings).await.unwrap_or_else(|error| panic!("{error}"));
        let front = server.front().await.unwrap();
        let bed = Self { server, front };
        bed.run(schema).await;
        bed
    }

    /// A shop with so many of everything for each of some owners, one after the other.
    pub(crate) async fn shop(rows: u32, owners: &[&str]) -> Self {
        let bed = Self::with(SHOP).await;
        let mut sql = "USE shop; START TRANSACTION;".to_owned();
        let mut id = 0;
        for _ in 0..rows {
            for owner in owners {
                id += 1;
                sql.push_str(&format!(
                    "INSERT INTO baskets VALUES ({id}, {owner}); INSERT INTO `lines` VALUES ({id}, 1), ({id}, 2);
                     INSERT INTO orders VALUES ('o-{id}', {id}, {owner});"
                ));
            }
        }
        bed.run(&format!("{sql} COMMIT")).await;
        bed
    }

    pub(crate) async fn run(&self, sql: &str) {
        self.server.run(sql).await.unwrap_or_else(|error| panic!("{error:?}"));
    }

    /// A user with these rights, `SELECT` and `DELETE` in the shop besides.
    pub(crate) async fn user(&self, name: &str, rights: &str) -> Value {
        let user = format!("{name}@localhost");
        self.run(&format!("CREATE USER {user}; GRANT SELECT, DELETE ON shop.* TO {user}; {rights}")).await;
        json!({ "user": name })
    }

    /// Waits until a query answers with one.
    pub(crate) async fn until(&self, what: &str, sql: &str) {
        self.until_in("shop", what, sql).await;
    }

    pub(crate) async fn until_in(&self, database: &str, what: &str, sql: &str) {
        let begun = Instant::now();
        while self.number_in(database, sql).await != 1 {
            assert!(begun.elapsed() < PATIENCE, "{what}: did not happen within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.number_in("shop", sql).await
    }

    async fn number_in(&self, database: &str, sql: &str) -> i64 {
        let mut connection = self.server.connect(database).await.unwrap();
        sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap().get(0)
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        let mut connection = self.server.connect("shop").await.unwrap();
        sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap().get(0)
    }

    pub(crate) async fn rows(&self) -> [i64; 3] {
        [
            self.number("SELECT COUNT(*) FROM baskets").await,
            self.number("SELECT COUNT(*) FROM `lines`").await,
            self.number("SELECT COUNT(*) FROM orders").await,
        ]
    }

    pub(crate) fn store(&self, tables: Value, other: Value) -> MysqlTestData {
        let mut written = json!({
            "name": "shop", "host": "127.0.0.1", "port": self.front.port(), "database": "shop", "user": "root",
            "tls": { "mode": "disable" }, "tables": tables
        });
        written.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        MysqlTestData::new(serde_json::from_value(written).unwrap(), None)
    }

    pub(crate) fn told(&self, error: &PortError) -> (FailureKind, String) {
        let port = self.front.port().to_string();
        (error.kind, Failure::of("", error).message.replace(&port, "PORT"))
    }
}

pub(crate) fn tables() -> Value {
    json!([
        { "table": "baskets", "tagColumn": "run_id" },
        { "table": "lines", "via": { "column": "basket", "references": "baskets", "parentColumn": "id" } },
        { "table": "orders", "tagColumn": "run_id" }
    ])
}

pub(crate) fn run() -> RunId {
    "run-1".parse().unwrap()
}

pub(crate) fn counts(rows: u64) -> Vec<TableCount> {
    [("lines", rows * 2), ("orders", rows), ("baskets", rows)]
        .map(|(table, rows)| TableCount { table: table.to_owned(), rows })
        .to_vec()
}
