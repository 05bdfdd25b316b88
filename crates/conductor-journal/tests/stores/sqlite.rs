//! The store of one machine: every case, and what is special to files.

use std::sync::Arc;

use conductor_core::phase::Event;
use conductor_core::ports::{RunStore, StoreError};
use conductor_journal::SqliteStore;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use crate::cases::{Bed, cases};
use crate::events::{created, note, record, run_id};

/// A state folder.
struct SqliteBed(TempDir);

impl Bed for SqliteBed {
    type Store = SqliteStore;

    async fn fresh() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn store(&self) -> SqliteStore {
        SqliteStore::open(self.0.path()).await.unwrap()
    }

    fn told(&self) -> String {
        self.0.path().to_str().unwrap().to_owned()
    }
}

cases!(SqliteBed);

#[tokio::test]
async fn of_many_writers_in_two_processes_exactly_one_wins_each_revision() {
    let folder = tempfile::tempdir().unwrap();
    let id = run_id("r-1");
    let stores = [
        Arc::new(SqliteStore::open(folder.path()).await.unwrap()),
        Arc::new(SqliteStore::open(folder.path()).await.unwrap()),
    ];
    stores[0].append(&id, &record(1, created())).await.unwrap();
    for revision in 2..12 {
        let attempts = (0..6).map(|writer| {
            let (store, id) = (Arc::clone(&stores[writer % 2]), id.clone());
            tokio::spawn(async move { store.append(&id, &record(revision, note(&writer.to_string()))).await })
        });
        let mut won = 0;
        for attempt in attempts.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                Ok(()) => won += 1,
                Err(StoreError::Conflict { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(won, 1, "revision {revision}");
    }
    assert_eq!(stores[1].journal(&id, 0).await.unwrap().len(), 11);
}

#[tokio::test]
async fn a_run_goes_on_after_a_write_that_the_database_itself_took_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let run = run_id("r-1");
    store.append(&run, &record(1, created())).await.unwrap();
    // What SQLite does when the disk is full: the statement fails and the whole transaction is over.
    let options = SqliteConnectOptions::new().filename(folder.path().join("journal.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(ROLLBACK, 'disk is full'); END";
    sqlx::raw_sql(full).execute(&mut other).await.unwrap();
    for _ in 0..5 {
        let error = store.append(&run, &record(2, Event::Started)).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Unavailable { source, .. } if source.to_string().contains("disk is full"))
        );
    }
    sqlx::raw_sql("DROP TRIGGER full").execute(&mut other).await.unwrap();
    store.append(&run, &record(2, Event::Started)).await.unwrap();
    assert_eq!(store.journal(&run, 0).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_file_that_is_no_journal_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("journal.db"), "not a database, but long enough to be looked at as one").unwrap();
    let error = SqliteStore::open(folder.path()).await.err().unwrap();
    assert!(error.to_string().starts_with("could not open the journal "), "{error}");
    assert!(error.to_string().ends_with("journal.db"), "{error}");
}
