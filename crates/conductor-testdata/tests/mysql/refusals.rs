//! What is refused before anything is deleted, and what is told before a run.

use conductor_core::ports::{FailureKind, TestDataStore};
use serde_json::{Value, json};

use crate::bed::{Bed, counts, run, tables};

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
async fn a_right_that_is_missing_to_see_keys_is_told_before_a_run() {
    let bed = Bed::shop(1, &["'run-1'"]).await;
    let mut user = bed.user("cleaner", "GRANT TRIGGER ON shop.* TO cleaner@localhost").await;
    let (kind, message) = bed.told(&bed.store(tables(), user.clone()).check().await.unwrap_err());
    let expected = "test data shop: cleaner cannot see whether tables that it has no right to point at baskets, whose rows might \
                    be changed; expected the right PROCESS (GRANT PROCESS ON *.*) in shop at 127.0.0.1:PORT";
    assert_eq!((kind, message.as_str()), (FailureKind::Rejected, expected));
    bed.run("GRANT PROCESS ON *.* TO cleaner@localhost").await;
    user["busy"] = json!({ "lockWaits": 3 });
    bed.store(tables(), user.clone()).check().await.unwrap();
    assert_eq!(bed.store(tables(), user).delete(&run()).await.unwrap(), counts(1));
}

/// What a check tells, and why it fails.
async fn checked(bed: &Bed, tables: Value, other: &Value) -> Result<Vec<String>, String> {
    bed.store(tables, other.clone()).check().await.map_err(|error| bed.told(&error).1)
}

#[tokio::test]
async fn triggers_that_a_user_may_not_see_are_not_taken_for_none() {
    let bed = Bed::with(
        "CREATE DATABASE shop; USE shop;
         CREATE TABLE a (id INT PRIMARY KEY, run_id VARCHAR(40), INDEX (run_id));
         CREATE TABLE b (id INT PRIMARY KEY, run_id VARCHAR(40), INDEX (run_id));
         CREATE TRIGGER a_gone AFTER DELETE ON a FOR EACH ROW SET @gone = 1",
    )
    .await;
    let tables = |allow: bool, table: &str| json!([{ "table": table, "tagColumn": "run_id", "allowTriggers": allow }]);
    let process = |user: &str| format!("GRANT PROCESS ON *.* TO {user}@localhost");
    let user = bed.user("cleaner", &process("cleaner")).await;
    assert_eq!(
        checked(&bed, tables(false, "b"), &user).await.unwrap_err(),
        "test data shop: cleaner cannot see whether b has triggers that a deletion fires; expected the right TRIGGER on it, by \
         GRANT or by a role that is active, or allowTriggers: true"
    );
    let remark = "whether a deletion from b fires triggers is not known";
    assert_eq!(checked(&bed, tables(true, "b"), &user).await.unwrap(), [remark]);
    // Some versions show them to everybody who has any right to the table.
    checked(&bed, tables(false, "a"), &user).await.unwrap_err();
    let seen = "test data shop: table a has triggers that a deletion fires (a_gone), which may write elsewhere; expected none, \
                or allowTriggers: true";
    let role = "CREATE ROLE seer; GRANT TRIGGER ON shop.* TO seer; GRANT seer TO by_role@localhost; \
                SET DEFAULT ROLE seer FOR by_role@localhost";
    for (name, rights) in [
        ("everywhere", "GRANT TRIGGER ON *.* TO everywhere@localhost"),
        ("by_database", "GRANT TRIGGER ON shop.* TO by_database@localhost"),
        ("by_table", "GRANT TRIGGER ON shop.a TO by_table@localhost; GRANT TRIGGER ON shop.b TO by_table@localhost"),
        ("by_role", role),
    ] {
        let user = bed.user(name, &format!("{}; {rights}", process(name))).await;
        assert_eq!(checked(&bed, tables(false, "a"), &user).await, Err(seen.to_owned()), "{name}");
        assert_eq!(checked(&bed, tables(false, "b"), &user).await, Ok(Vec::new()), "{name}");
        let remark = "a deletion from a fires its triggers (a_gone), as it says".to_owned();
        assert_eq!(checked(&bed, tables(true, "a"), &user).await, Ok(vec![remark]), "{name}");
    }
}

#[tokio::test]
async fn keys_of_tables_that_a_user_may_not_see_are_refused_whatever_these_are_called() {
    let bed = Bed::with(
        "CREATE DATABASE shop; CREATE DATABASE `other-shop`; USE shop;
         CREATE TABLE `pläin orders` (id INT PRIMARY KEY, run_id VARCHAR(40), INDEX (run_id));
         CREATE TABLE `other-shop`.`línes/x` (id INT PRIMARY KEY, o INT,
             FOREIGN KEY (o) REFERENCES shop.`pläin orders` (id) ON DELETE CASCADE)",
    )
    .await;
    let tables = || json!([{ "table": "pläin orders", "tagColumn": "run_id" }]);
    let rights = "GRANT TRIGGER ON shop.* TO cleaner@localhost; GRANT PROCESS ON *.* TO cleaner@localhost";
    let user = bed.user("cleaner", rights).await;
    assert_eq!(
        checked(&bed, tables(), &user).await.unwrap_err(),
        "test data shop: 1 keys of a table that cleaner cannot see point at pläin orders, and its rows might be changed; \
         expected a right to see all tables that do, such as REFERENCES"
    );
    bed.run("GRANT REFERENCES ON `other-shop`.* TO cleaner@localhost").await;
    assert_eq!(
        checked(&bed, tables(), &user).await.unwrap_err(),
        "test data shop: deleting from pläin orders would change rows of other-shop.línes/x (ON DELETE CASCADE), which is not \
         declared; expected it among tables"
    );
}

#[tokio::test]
async fn a_via_by_which_rows_of_others_could_match_is_refused() {
    let bed = Bed::with(
        "CREATE DATABASE shop; USE shop;
         CREATE TABLE a (id BIGINT PRIMARY KEY, name VARCHAR(20) COLLATE utf8mb4_bin UNIQUE, run_id VARCHAR(40), INDEX (run_id));
         CREATE TABLE b (id INT PRIMARY KEY, as_text VARCHAR(20) COLLATE utf8mb4_general_ci, as_number INT,
             name VARCHAR(20) COLLATE utf8mb4_general_ci, INDEX (as_number));
         INSERT INTO a VALUES (9007199254740993, 'x', 'run-1');
         INSERT INTO b VALUES (1, '9007199254740992', NULL, 'X'), (2, ' 9007199254740993', NULL, NULL)",
    )
    .await;
    let via = |column: &str, key: &str| {
        json!([
            { "table": "a", "tagColumn": "run_id" },
            { "table": "b", "via": { "column": column, "references": "a", "parentColumn": key } }
        ])
    };
    for (column, key, child, parent) in [
        ("as_text", "id", "varchar(20) utf8mb4_general_ci", "bigint(20)"),
        ("name", "name", "varchar(20) utf8mb4_general_ci", "varchar(20) utf8mb4_bin"),
        ("as_number", "name", "int(11)", "varchar(20) utf8mb4_bin"),
    ] {
        let error = bed.store(via(column, key), json!({})).delete(&run()).await.unwrap_err();
        let expected = format!(
            "test data shop: b.{column} ({child}) and a.{key} ({parent}) are not both whole numbers, both bytes, both texts of \
             one collation, or of one type among decimal, uuid, date, datetime and timestamp, so that rows of others could match; \
             expected a via whose columns are"
        );
        assert_eq!(bed.told(&error), (FailureKind::Rejected, expected));
    }
    assert_eq!(
        checked(&bed, via("as_number", "id"), &json!({})).await.unwrap(),
        ["no foreign key keeps b.as_number to a: rows that come after those of a are deleted are not found any more"]
    );
    assert_eq!(bed.number("SELECT COUNT(*) FROM b").await, 2);
}

#[tokio::test]
async fn a_column_without_an_index_is_told_before_a_run() {
    let bed = Bed::with(
        "CREATE DATABASE shop; USE shop;
         CREATE TABLE a (id INT PRIMARY KEY, n INT, run_id VARCHAR(40), INDEX (n, run_id))",
    )
    .await;
    assert_eq!(
        checked(&bed, json!([{ "table": "a", "tagColumn": "run_id" }]), &json!({})).await.unwrap(),
        ["no index of a begins with run_id: the whole table is read to find rows of a run"]
    );
}

#[tokio::test]
async fn a_server_that_replicates_statements_is_refused_before_a_run() {
    let schema = "CREATE DATABASE shop; USE shop;
                  CREATE TABLE a (id INT PRIMARY KEY, run_id VARCHAR(40), INDEX (run_id)); INSERT INTO a VALUES (1, 'run-1')";
    let bed = Bed::with_options(&["--log-bin", "--server-id=1", "--binlog-format=STATEMENT"], schema).await;
    let store = || bed.store(json!([{ "table": "a", "tagColumn": "run_id" }]), json!({}));
    let expected = "test data shop: binlog_format is STATEMENT, with which InnoDB refuses to write in READ COMMITTED; expected \
                    ROW or MIXED for shop at 127.0.0.1:PORT";
    assert_eq!(bed.told(&store().check().await.unwrap_err()), (FailureKind::Rejected, expected.to_owned()));
    bed.run("SET GLOBAL binlog_format = 'MIXED'").await;
    store().check().await.unwrap();
    store().delete(&run()).await.unwrap();
    assert_eq!(bed.number("SELECT COUNT(*) FROM a").await, 0);
}

#[tokio::test]
async fn where_the_server_folds_names_a_table_is_found_by_any_of_its_spellings_and_declared_once() {
    let schema = "CREATE DATABASE Shop; USE Shop;
                  CREATE TABLE Orders (id INT PRIMARY KEY, run_id VARCHAR(40), INDEX (run_id));
                  CREATE TABLE Lines2 (id INT PRIMARY KEY, o INT, FOREIGN KEY (o) REFERENCES Orders (id) ON DELETE CASCADE)";
    let bed = Bed::with_options(&["--lower-case-table-names=1"], schema).await;
    let orders = |name: &str| json!({ "table": name, "tagColumn": "run_id" });
    let lines = json!({ "table": "LINES2", "via": { "column": "o", "references": "ORDERS", "parentColumn": "id" } });
    let other = json!({ "database": "SHOP" });
    checked(&bed, json!([orders("ORDERS"), lines]), &other).await.unwrap();
    assert_eq!(
        checked(&bed, json!([orders("Orders"), orders("orders")]), &other).await.unwrap_err(),
        "test data shop: orders is declared twice, by names that the server takes for one"
    );
}

#[tokio::test]
async fn tables_whose_names_only_look_alike_are_told_apart() {
    let bed = Bed::with(
        "CREATE DATABASE shop; USE shop;
         CREATE TABLE orders (id INT PRIMARY KEY, run_id VARCHAR(40), INDEX (run_id)); CREATE TABLE Orders LIKE orders;
         CREATE TABLE parts (id INT PRIMARY KEY, o INT, FOREIGN KEY (o) REFERENCES Orders (id) ON DELETE CASCADE);
         INSERT INTO orders VALUES (1, 'run-1'); INSERT INTO Orders VALUES (1, 'run-2'); INSERT INTO parts VALUES (1, 1)",
    )
    .await;
    let orders = |name: &str| json!([{ "table": name, "tagColumn": "run_id" }]);
    assert_eq!(
        checked(&bed, orders("Orders"), &json!({})).await.unwrap_err(),
        "test data shop: deleting from Orders would change rows of shop.parts (ON DELETE CASCADE), which is not declared; \
         expected it among tables"
    );
    let deleted = bed.store(orders("orders"), json!({})).delete(&run()).await.unwrap();
    assert_eq!(deleted[0].rows, 1, "a row of the other table at which one points keeps none of this one");
    assert_eq!(bed.number("SELECT COUNT(*) FROM Orders JOIN parts ON parts.o = Orders.id").await, 1);
}
