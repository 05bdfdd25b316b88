//! The schema: made by one of several, brought up to date from what older programs have left, refused where it is newer.

use conductor_core::ports::{RunRequest, RunRequests, RunStore};
use conductor_journal::PostgresStore;
use serde_json::json;

use super::bed::PostgresBed;
use crate::cases::Bed;
use crate::events::{created, note, record, run_id, told};

/// What `pg_dump` says of a database of version 1 with one run: it is never made anew.
const VERSION_1: &str = include_str!("fixtures/version_1.sql");

#[tokio::test]
async fn many_conductors_that_start_together_make_one_schema() {
    let bed = PostgresBed::fresh().await;
    let settings = bed.settings(json!({}));
    let opened = futures::future::join_all((0..8).map(|_| PostgresStore::open(&settings, None))).await;
    for (position, store) in opened.into_iter().enumerate() {
        let store = store.unwrap_or_else(|error| panic!("{}", told(&error)));
        store.claim(&format!("shop-{position}")).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_program_of_version_1_has_left_is_read_and_gone_on_with() {
    let bed = PostgresBed::fresh().await;
    bed.run(VERSION_1).await;
    let store = bed.store().await;
    let id = run_id("r-1");
    let journal = store.journal(&id, 0).await.unwrap();
    assert_eq!(journal, [record(1, created()), record(2, note("größer \0"))]);
    let stop = RunRequest::Stop { by: "ops".to_owned() };
    assert_eq!(store.asked(&id, 0).await.unwrap(), [(1, stop.clone())]);
    let _claim = store.claim("shop").await.unwrap();
    assert_eq!(bed.number("SELECT epoch FROM conductor.leases").await, 8, "one more than there was");
    store.append(&id, &record(3, note("on"))).await.unwrap();
    store.ask(&id, &stop).await.unwrap();
    assert_eq!(store.asked(&id, 1).await.unwrap(), [(2, stop)]);
    let runs = store.runs().await.unwrap();
    assert_eq!((runs.len(), runs[0].id.as_str(), runs[0].finished, &runs[0].request), (1, "r-1", false, &None));
    assert_eq!(runs[0].waiting, None);
}

#[tokio::test]
async fn two_schemas_of_one_database_know_nothing_of_each_other() {
    let bed = PostgresBed::fresh().await;
    let (one, two) = (bed.store().await, bed.store_with(json!({ "schema": "of_others" })).await);
    let _claims = (one.claim("shop").await.unwrap(), two.claim("shop").await.unwrap());
    one.append(&run_id("r-1"), &record(1, created())).await.unwrap();
    assert_eq!((one.runs().await.unwrap().len(), two.runs().await.unwrap().len()), (1, 0));
}

#[tokio::test]
async fn a_role_without_rights_on_the_database_needs_none_when_the_schema_is_its_own() {
    let bed = PostgresBed::fresh().await;
    let role = format!("runner_{}", bed.settings(json!({})).database);
    bed.run(&format!("CREATE ROLE {role} LOGIN")).await;
    let settings = bed.settings(json!({ "user": role }));
    let error = told(&PostgresStore::open(&settings, None).await.err().unwrap());
    assert!(error.starts_with("could not open the journal in schema conductor of database runs_"), "{error}");
    assert!(error.contains(": permission denied for database "), "{error}");
    bed.run(&format!("CREATE SCHEMA conductor AUTHORIZATION {role}")).await;
    let store = PostgresStore::open(&settings, None).await.unwrap();
    let _claim = store.claim("shop").await.unwrap();
    store.append(&run_id("r-1"), &record(1, created())).await.unwrap();
}

#[tokio::test]
async fn tables_of_a_newer_program_are_left_alone() {
    let bed = PostgresBed::fresh().await;
    drop(bed.store().await);
    bed.run(
        "INSERT INTO conductor._sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (1000, 'from the future', true, '', 0)",
    )
    .await;
    let error = told(&PostgresStore::open(&bed.settings(json!({})), None).await.err().unwrap());
    let expected = "its tables are of version 1000, and this program knows them up to version 3: it is too old";
    assert!(error.ends_with(expected), "{error}");
}
