//! Declarations that do not fit the database are refused in words, before anything is deleted.

use conductor_core::ports::{FailureKind, TestDataStore};
use serde_json::{Value, json};

use crate::bed::{Bed, refused, run, shop_tables, told};

async fn expect(bed: &Bed, tables: Value, kind: FailureKind, text: &str) {
    let error = refused(&bed.store(tables, json!({}))).await;
    assert_eq!((error.kind, told(&error)), (kind, format!("test data shop: {text}")));
}

fn with(change: impl Fn(&mut Value)) -> Value {
    let mut tables = shop_tables();
    change(&mut tables);
    tables
}

#[tokio::test]
async fn a_declaration_that_does_not_fit_is_refused() {
    let bed = Bed::shop(1).await;
    let place = format!("{} at {}:{}", bed.database, bed.server.socket().display(), bed.server.port());
    let rejected = FailureKind::Rejected;
    let tag = |tag: &'static str| with(move |tables| tables[0]["tagColumn"] = tag.into());
    expect(&bed, tag("tag"), rejected, "table baskets has no column tag; expected one of id, run_id").await;
    let number = "column id of baskets is of type bigint; expected text, varchar, char or uuid for a tag";
    expect(&bed, tag("id"), rejected, number).await;
    let schema = with(|tables| tables[2]["schema"] = "old".into());
    let missing = format!("there is no table old.orders in {place}");
    expect(&bed, schema, FailureKind::NotFound, &missing).await;
    let several = "several rows of baskets may have the same run_id, so that a row of others could match by it; \
                   expected a parentColumn with a unique index";
    expect(&bed, with(|tables| tables[1]["via"]["parentColumn"] = "run_id".into()), rejected, several).await;
    let neither =
        "tables[0]: baskets has neither tagColumn nor via, so that rows of others could match; expected one of them";
    expect(&bed, with(|tables| tables[0]["tagColumn"] = Value::Null), rejected, neither).await;
    assert_eq!(bed.rows().await, [3, 3, 3]);
}

#[tokio::test]
async fn what_is_no_table_is_refused() {
    let bed = Bed::with(
        "CREATE TABLE notes (run_id text); CREATE VIEW seen AS SELECT * FROM notes;
         CREATE MATERIALIZED VIEW kept AS SELECT * FROM notes;
         CREATE FOREIGN DATA WRAPPER far; CREATE SERVER away FOREIGN DATA WRAPPER far;
         CREATE FOREIGN TABLE abroad (run_id text) SERVER away",
    )
    .await;
    for (table, kind) in [("seen", "view"), ("kept", "materialized view"), ("abroad", "foreign table")] {
        let text = format!("{table} is a {kind}; expected a table or a partitioned table");
        expect(&bed, json!([{ "table": table, "tagColumn": "run_id" }]), FailureKind::Rejected, &text).await;
    }
}

#[tokio::test]
async fn triggers_and_rules_are_refused_unless_triggers_are_wanted() {
    let bed = Bed::with(
        "CREATE TABLE notes (run_id text); CREATE TABLE log (was text); INSERT INTO notes VALUES ('run-1'), (NULL);
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (OLD.run_id); RETURN OLD; END';
         CREATE TRIGGER audit AFTER DELETE ON notes FOR EACH ROW EXECUTE FUNCTION note();
         CREATE TABLE ruled (run_id text); CREATE RULE keep AS ON DELETE TO ruled DO INSTEAD NOTHING",
    )
    .await;
    let notes = |allow: bool| json!([{ "table": "notes", "tagColumn": "run_id", "allowTriggers": allow }]);
    let text = "table notes has triggers that a deletion fires (audit), which may write elsewhere; expected none, or allowTriggers: true";
    expect(&bed, notes(false), FailureKind::Rejected, text).await;
    let rule = "table ruled has rules that replace deletion (keep); expected none";
    expect(&bed, json!([{ "table": "ruled", "tagColumn": "run_id" }]), FailureKind::Rejected, rule).await;
    let store = bed.store(notes(true), json!({}));
    let remarks = store.check().await.unwrap();
    assert!(remarks.contains(&"what triggers of notes write is not checked: audit".to_owned()), "{remarks:?}");
    store.delete(&run()).await.unwrap();
    assert_eq!(bed.texts("SELECT was FROM log").await, ["run-1"]);
    bed.run("ALTER TABLE notes DISABLE TRIGGER audit").await;
    bed.store(notes(false), json!({})).delete(&run()).await.unwrap();
}

#[tokio::test]
async fn rows_that_row_security_hides_are_not_taken_for_none() {
    let bed = Bed::shop(1).await;
    let user = format!("guest_{}", bed.database);
    bed.run(&format!(
        "CREATE ROLE {user} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {user};
         ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON orders USING (run_id IS NULL)"
    ))
    .await;
    let store = bed.shop_store(json!({ "user": user }));
    let text = format!(
        "test data shop: row security may hide rows of orders from {user}; expected a role with BYPASSRLS, or the table's owner"
    );
    assert_eq!(told(&refused(&store).await), text);
    assert_eq!(told(&store.count(&run()).await.unwrap_err()), text);
    bed.run("ALTER TABLE orders DISABLE ROW LEVEL SECURITY").await;
    store.delete(&run()).await.unwrap();
    assert_eq!(bed.rows().await, [2, 2, 2]);
    bed.run(&format!("DROP OWNED BY {user}; DROP ROLE {user}")).await;
}

#[tokio::test]
async fn a_parent_that_others_could_match_is_refused() {
    let expected = |columns: &str| {
        format!(
            "{columns} are not of one type and collation by which only the same values are equal, so that rows of others could match; \
             expected a via whose columns are"
        )
    };
    let tables = json!([
        { "table": "customers", "tagColumn": "run_id" },
        { "table": "visits", "via": { "column": "customer", "references": "customers", "parentColumn": "id" } }
    ]);
    for (customer, visit, shown) in [
        // From 2^53 on some whole numbers are one as floats.
        ("bigint", "double precision", "visits.customer (double precision) and customers.id (bigint)"),
        ("text", "text COLLATE \"POSIX\"", "visits.customer (text) and customers.id (text)"),
    ] {
        let bed = Bed::with(&format!(
            "CREATE TABLE customers (id {customer} PRIMARY KEY, run_id text); CREATE TABLE visits (customer {visit})"
        ))
        .await;
        expect(&bed, tables.clone(), FailureKind::Rejected, &expected(shown)).await;
    }
    let bed =
        Bed::with("CREATE TABLE customers (id bigint PRIMARY KEY, run_id text); CREATE TABLE visits (customer int)")
            .await;
    bed.store(tables, json!({})).delete(&run()).await.unwrap();
}

#[tokio::test]
async fn tables_with_rows_in_common_are_refused() {
    let bed = Bed::with(
        "CREATE TABLE orders (id int, run_id text) PARTITION BY RANGE (id);
         CREATE TABLE first PARTITION OF orders FOR VALUES FROM (1) TO (100)",
    )
    .await;
    let tables = json!([{ "table": "orders", "tagColumn": "run_id" }, { "table": "first", "tagColumn": "run_id" }]);
    let text = "orders and first have rows in common; expected one of them among tables";
    expect(&bed, tables, FailureKind::Rejected, text).await;
}

#[tokio::test]
async fn tables_in_a_circle_are_refused() {
    let bed = Bed::with(
        "CREATE TABLE orders (id int PRIMARY KEY, paid int, run_id text);
         CREATE TABLE payments (id int PRIMARY KEY, pays int REFERENCES orders, run_id text);
         ALTER TABLE orders ADD FOREIGN KEY (paid) REFERENCES payments",
    )
    .await;
    let tables = json!([{ "table": "orders", "tagColumn": "run_id" }, { "table": "payments", "tagColumn": "run_id" }]);
    expect(&bed, tables, FailureKind::Rejected, "the tables orders, payments point at each other in a circle").await;
}

#[tokio::test]
async fn who_may_not_delete_and_who_is_not_let_in_is_told_in_the_databases_words() {
    let bed = Bed::shop(1).await;
    let user = format!("reader_{}", bed.database);
    bed.run(&format!("CREATE ROLE {user} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}")).await;
    let error = refused(&bed.shop_store(json!({ "user": user }))).await;
    assert_eq!(error.kind, FailureKind::Rejected);
    let text = format!(
        "test data shop: {user} lacks the right to DELETE baskets; expected GRANT SELECT, DELETE on it and its partitions"
    );
    assert_eq!(told(&error), text);
    // Before a run, too.
    assert_eq!(told(&bed.shop_store(json!({ "user": user })).count(&run()).await.unwrap_err()), text);
    bed.run(&format!("GRANT DELETE ON ALL TABLES IN SCHEMA public TO {user}")).await;
    let store = bed.shop_store(json!({ "user": user }));
    let remark = format!(
        "{user} may not UPDATE baskets: if a row that stays points at one of the run's, nothing more is deleted"
    );
    assert_eq!(store.check().await.unwrap(), [remark]);
    store.delete(&run()).await.unwrap();
    assert_eq!(bed.rows().await, [2, 2, 2]);
    bed.run("ALTER TABLE lines ADD CONSTRAINT goes FOREIGN KEY (basket) REFERENCES baskets ON DELETE CASCADE").await;
    let text = format!(
        "test data shop: {user} lacks the right to UPDATE baskets, by which rows are locked while it is looked who points at them; \
         expected GRANT UPDATE on one of its columns"
    );
    assert_eq!(told(&refused(&store).await), text);
    let error = refused(&bed.shop_store(json!({ "database": "nowhere" }))).await;
    assert_eq!(error.kind, FailureKind::NotFound);
    assert!(told(&error).ends_with("database \"nowhere\" does not exist"), "{}", told(&error));
    let error = refused(&bed.shop_store(json!({ "user": "nobody_at_all" }))).await;
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(told(&error).ends_with("role \"nobody_at_all\" does not exist"), "{}", told(&error));
    bed.run(&format!("DROP OWNED BY {user}; DROP ROLE {user}")).await;
}
