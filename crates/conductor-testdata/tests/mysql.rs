//! Deleting from a real MariaDB.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use conductor_core::failure::Failure;
use conductor_core::ports::{FailureKind, PortError, TableCount, TestDataStore};
use conductor_core::run::RunId;
use conductor_mariadb_bed::{Front, Mariadb, MariadbSettings};
use conductor_testdata::MysqlTestData;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};

/// Baskets with lines, which know their run by their basket, and orders with a tag of their own.
const SHOP: &str = "CREATE DATABASE shop; USE shop;
    CREATE TABLE baskets (id BIGINT PRIMARY KEY, run_id VARCHAR(40), INDEX (run_id));
    CREATE TABLE `lines` (basket BIGINT NOT NULL, no INT UNSIGNED NOT NULL, PRIMARY KEY (basket, no),
        FOREIGN KEY (basket) REFERENCES baskets (id));
    CREATE TABLE orders (id VARCHAR(20) PRIMARY KEY, basket BIGINT NOT NULL, run_id VARCHAR(40), INDEX (run_id),
        FOREIGN KEY (basket) REFERENCES baskets (id));";

struct Bed {
    server: Mariadb,
    front: Front,
}

impl Bed {
    async fn with(schema: &str) -> Self {
        let server = Mariadb::start(MariadbSettings::default()).await.unwrap_or_else(|error| panic!("{error}"));
        let front = server.front().await.unwrap();
        let bed = Self { server, front };
        bed.run(schema).await;
        bed
    }

    /// A shop with so many of everything for each of some owners, one after the other.
    async fn shop(rows: u32, owners: &[&str]) -> Self {
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

    async fn run(&self, sql: &str) {
        self.server.run(sql).await.unwrap_or_else(|error| panic!("{error:?}"));
    }

    async fn number(&self, sql: &str) -> i64 {
        let mut connection = self.server.connect("shop").await.unwrap();
        sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap().get(0)
    }

    async fn rows(&self) -> [i64; 3] {
        [
            self.number("SELECT COUNT(*) FROM baskets").await,
            self.number("SELECT COUNT(*) FROM `lines`").await,
            self.number("SELECT COUNT(*) FROM orders").await,
        ]
    }

    fn store(&self, tables: Value, other: Value) -> MysqlTestData {
        let mut written = json!({
            "name": "shop", "host": "127.0.0.1", "port": self.front.port(), "database": "shop", "user": "root",
            "tls": { "mode": "disable" }, "tables": tables
        });
        written.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        MysqlTestData::new(serde_json::from_value(written).unwrap(), None)
    }

    fn told(&self, error: &PortError) -> (FailureKind, String) {
        let port = self.front.port().to_string();
        (error.kind, Failure::of("", error).message.replace(&port, "PORT"))
    }
}

fn tables() -> Value {
    json!([
        { "table": "baskets", "tagColumn": "run_id" },
        { "table": "lines", "via": { "column": "basket", "references": "baskets", "parentColumn": "id" } },
        { "table": "orders", "tagColumn": "run_id" }
    ])
}

fn run() -> RunId {
    "run-1".parse().unwrap()
}

fn counts(rows: u64) -> Vec<TableCount> {
    [("lines", rows * 2), ("orders", rows), ("baskets", rows)]
        .map(|(table, rows)| TableCount { table: table.to_owned(), rows })
        .to_vec()
}

#[tokio::test]
async fn exactly_the_runs_rows_go_and_tags_that_only_look_alike_stay() {
    // To the server's collation all of these but the second and the last are one.
    let owners = ["'run-1'", "'run-10'", "'RUN-1'", "'run-1 '", "'rün-1'", "NULL"];
    let bed = Bed::shop(30, &owners).await;
    let store = bed.store(tables(), json!({ "batchSize": 7 }));
    assert_eq!(store.count(&run()).await.unwrap(), counts(30));
    assert_eq!(store.delete(&run()).await.unwrap(), counts(30));
    assert_eq!(bed.rows().await, [150, 300, 150]);
    assert_eq!(bed.number("SELECT COUNT(*) FROM orders WHERE CAST(run_id AS BINARY) = 'run-1'").await, 0);
    assert_eq!(store.count(&run()).await.unwrap(), counts(0));
    assert_eq!(store.delete(&run()).await.unwrap(), counts(0));
}

#[tokio::test]
async fn a_row_at_which_a_row_of_another_run_points_stays_and_is_told() {
    let bed = Bed::shop(3, &["'run-1'", "'run-2'"]).await;
    bed.run("INSERT INTO shop.orders VALUES ('strange', 1, 'run-2')").await;
    let error = bed.store(tables(), json!({})).delete(&run()).await.unwrap_err();
    assert_eq!(
        bed.told(&error),
        (
            FailureKind::Unsettled,
            "test data shop: could not delete all rows (1 of baskets are left, at which rows of others point) in shop at \
             127.0.0.1:PORT"
                .to_owned()
        )
    );
    assert_eq!(bed.rows().await, [4, 6, 4]);
}

#[tokio::test]
async fn a_tree_in_a_table_goes_from_its_leaves() {
    let bed = Bed::with(
        "CREATE DATABASE shop; USE shop;
         CREATE TABLE parts (id INT PRIMARY KEY, up INT, run_id TEXT, FOREIGN KEY (up) REFERENCES parts (id) ON DELETE CASCADE);
         INSERT INTO parts VALUES (1, NULL, 'run-1'), (2, 1, 'run-1'), (3, 2, 'run-1'), (4, NULL, 'run-2'), (5, 4, 'run-2')",
    )
    .await;
    let store = bed.store(json!([{ "table": "parts", "tagColumn": "run_id" }]), json!({}));
    assert_eq!(store.delete(&run()).await.unwrap(), [TableCount { table: "parts".to_owned(), rows: 3 }]);
    assert_eq!(bed.number("SELECT COUNT(*) FROM parts").await, 2);
}

#[tokio::test]
async fn a_declaration_that_does_not_fit_is_refused_in_words() {
    let bed = Bed::with(
        "CREATE DATABASE shop; USE shop;
         CREATE TABLE a (id INT PRIMARY KEY, run_id VARCHAR(40), n INT);
         CREATE TABLE b (id INT PRIMARY KEY, a INT, FOREIGN KEY (a) REFERENCES a (id) ON DELETE SET NULL);
         CREATE TABLE c (id INT PRIMARY KEY, run_id INT);
         CREATE TABLE d (run_id VARCHAR(40));
         CREATE TABLE e (id INT PRIMARY KEY, run_id VARCHAR(40)) ENGINE = MyISAM;
         CREATE TABLE f (id INT PRIMARY KEY, run_id VARCHAR(40));
         CREATE TRIGGER f_gone AFTER DELETE ON f FOR EACH ROW SET @gone = 1;
         CREATE VIEW v AS SELECT * FROM f;",
    )
    .await;
    let tagged = |table: &str| json!([{ "table": table, "tagColumn": "run_id" }]);
    for (tables, expected) in [
        (
            tagged("a"),
            "deleting from a would change rows of shop.b (ON DELETE SET NULL), which is not declared; expected it among tables",
        ),
        (tagged("c"), "column run_id of c is of type int(11); expected char, varchar, text or varbinary for a tag"),
        (tagged("d"), "table d has no primary key; expected one, by which rows are deleted in batches"),
        (tagged("e"), "the engine of e is MyISAM, which has no transactions; expected InnoDB"),
        (
            tagged("f"),
            "table f has triggers that a deletion fires (f_gone), which may write elsewhere; expected none, or allowTriggers: true",
        ),
        (tagged("v"), "v is a view, which is not supported; expected a base table"),
        (json!([{ "table": "f", "tagColumn": "tag" }]), "table f has no column tag; expected one of id, run_id"),
        (
            json!([{ "table": "f" }]),
            "tables[0]: f has neither tagColumn nor via, so that rows of others could match; expected one of them",
        ),
        (
            json!([{ "table": "f", "tagColumn": "run_id", "allowTriggers": true, "rowGuard": { "where": [{ "column": "run_id", "value": 7 }] } }]),
            "column run_id of f is of type varchar(40); expected a text for rowGuard",
        ),
    ] {
        let error = bed.store(tables, json!({})).delete(&run()).await.unwrap_err();
        assert_eq!(bed.told(&error), (FailureKind::Rejected, format!("test data shop: {expected}")));
    }
    let error = bed.store(tagged("none"), json!({})).count(&run()).await.unwrap_err();
    assert_eq!(
        bed.told(&error),
        (
            FailureKind::NotFound,
            "test data shop: there is no table none that root can see in shop at 127.0.0.1:PORT".to_owned()
        )
    );
}

#[tokio::test]
async fn connections_that_are_lost_in_the_middle_are_made_again() {
    let bed = Bed::shop(60, &["'run-1'", "NULL"]).await;
    let store = bed.store(tables(), json!({ "batchSize": 2, "rowsPerSecond": 400 }));
    let cutting = async {
        for left in [220, 200, 180, 160, 140] {
            let begun = std::time::Instant::now();
            while bed.number("SELECT COUNT(*) FROM `lines`").await > left {
                assert!(begun.elapsed().as_secs() < 30, "the lines do not go");
            }
            bed.front.cut();
        }
    };
    let run = run();
    let (deleted, ()) = tokio::join!(store.delete(&run), cutting);
    deleted.unwrap();
    assert_eq!(bed.rows().await, [60, 120, 60]);
}

#[tokio::test]
async fn a_right_that_is_missing_to_see_locks_is_told_before_a_run() {
    let bed = Bed::shop(1, &["'run-1'"]).await;
    bed.run("CREATE USER cleaner@localhost; GRANT SELECT, DELETE ON shop.* TO cleaner@localhost").await;
    let busy = json!({ "user": "cleaner", "busy": { "lockWaits": 3 } });
    let (kind, message) = bed.told(&bed.store(tables(), busy).check().await.unwrap_err());
    let begin = "test data shop: could not see who waits for locks in shop at 127.0.0.1:PORT (busy.lockWaits needs the right PROCESS): ";
    assert!(message.starts_with(begin), "{message}");
    assert_eq!(kind, FailureKind::Rejected);
    assert_eq!(bed.store(tables(), json!({ "user": "cleaner" })).delete(&run()).await.unwrap(), counts(1));
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
