//! A copier of orders, as one that follows a database's changes: it is a little behind, and writes some much later.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use conductor_postgres_bed::Postgres;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

use crate::ledger::ENTRIES;

/// How far it is behind.
const PAUSE: Duration = Duration::from_millis(100);

/// What was written to the ledger.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// Receipts of runs that were written in time.
    pub in_time: u64,
    /// Receipts of runs that wait until those are gone.
    pub waiting: Vec<String>,
    /// Receipts of runs that were written when those were gone.
    pub late: u64,
    /// The numbers of receipts of customers, and of a run whose name begins with that of the run.
    pub others: Vec<i64>,
}

/// Copies orders until it is dropped; of so many orders one when all that were copied before are gone again.
pub(crate) struct Copier {
    written: Arc<Mutex<Written>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Copier {
    pub(crate) fn start(shop: &Path, ledger: Arc<Postgres>, late_one_of: Option<u64>) -> Self {
        let (written, is_over) = (Arc::<Mutex<Written>>::default(), Arc::<AtomicBool>::default());
        let (all, over, shop) = (Arc::clone(&written), Arc::clone(&is_over), shop.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(copy(shop, &ledger, late_one_of, &all, &over));
        });
        Self { written, is_over, thread: Some(thread) }
    }

    pub(crate) fn written(&self) -> Written {
        assert!(self.thread.as_ref().is_some_and(|thread| !thread.is_finished()), "the copier has failed");
        self.written.lock().unwrap().clone()
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

async fn copy(
    shop: PathBuf,
    ledger: &Postgres,
    late_one_of: Option<u64>,
    written: &Mutex<Written>,
    is_over: &AtomicBool,
) {
    let options = SqliteConnectOptions::new().filename(shop).read_only(true);
    let mut orders = SqliteConnection::connect_with(&options).await.unwrap();
    let mut ledger = ledger.connect("ledger").await.unwrap();
    // What the shop has from the start is copied no more.
    let query = "SELECT ifnull(max(id), 0) FROM orders";
    let mut last: i64 = sqlx::query_scalar(query).fetch_one(&mut orders).await.unwrap();
    while !is_over.load(Ordering::Relaxed) {
        let query = "SELECT id, run_id FROM orders WHERE id > ? AND run_id IS NOT NULL ORDER BY id";
        for order in sqlx::query(query).bind(last).fetch_all(&mut orders).await.unwrap() {
            last = order.get(0);
            one(&mut ledger, order.get(1), late_one_of, written).await;
        }
        late(&mut ledger, written).await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Writes one order, and something of others beside it.
async fn one(ledger: &mut PgConnection, run: String, late_one_of: Option<u64>, written: &Mutex<Written>) {
    let number = {
        let written = written.lock().unwrap();
        written.in_time + written.waiting.len() as u64 + 1
    };
    if late_one_of.is_some_and(|orders| number % orders == 0) {
        written.lock().unwrap().waiting.push(run.clone());
    } else {
        receipt(ledger, Some(&run), false).await;
        written.lock().unwrap().in_time += 1;
    }
    let another = format!("{run}-2");
    for tag in [None, Some(another.as_str())] {
        let id = receipt(ledger, tag, true).await;
        written.lock().unwrap().others.push(id);
    }
}

/// Writes what has waited, once what was written in time is gone.
async fn late(ledger: &mut PgConnection, written: &Mutex<Written>) {
    let waiting = {
        let written = written.lock().unwrap();
        if written.in_time == 0 { Vec::new() } else { written.waiting.clone() }
    };
    let Some(run) = waiting.first() else { return };
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM receipts WHERE run_id = $1")
        .bind(run)
        .fetch_one(&mut *ledger)
        .await
        .unwrap();
    if left > 0 {
        return;
    }
    for run in &waiting {
        receipt(ledger, Some(run), false).await;
    }
    let mut written = written.lock().unwrap();
    written.late += waiting.len() as u64;
    written.waiting.clear();
}

/// Writes a receipt with its entries, at once.
async fn receipt(ledger: &mut PgConnection, run: Option<&str>, is_of_others: bool) -> i64 {
    sqlx::query_scalar(
        "WITH receipt AS (INSERT INTO receipts (run_id, is_of_others) VALUES ($1, $2) RETURNING id),
              entries AS (INSERT INTO entries (receipt_id, cents) SELECT id, cents FROM receipt, generate_series(1, $3) AS cents)
         SELECT id FROM receipt",
    )
    .bind(run)
    .bind(is_of_others)
    .bind(i32::try_from(ENTRIES).unwrap())
    .fetch_one(ledger)
    .await
    .unwrap()
}
