//! Customers on the same tables, as many a second whatever else is done.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use conductor_postgres_bed::Postgres;
use sqlx::{Connection, PgConnection};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Transactions a second: a select, an update and an insert each.
pub(crate) const RATE: u32 = 200;
/// Connections that take turns.
const CONNECTIONS: u32 = 4;
/// Numbers of rows that customers make.
const FRESH: i64 = 1_000_000_000;

/// Customers at work.
pub(crate) struct Foreground {
    took: Arc<Mutex<Vec<Duration>>>,
    tasks: Vec<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// How long transactions took, the shortest first.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// In milliseconds.
    pub(crate) fn p99(&self) -> f64 {
        let last = self.0.len() - 1;
        self.0[(self.0.len() * 99 / 100).min(last)].as_secs_f64() * 1000.0
    }
}

impl Foreground {
    /// `rows` is how many the run has in four tables: customers work on rows of others.
    pub(crate) async fn start(server: &Postgres, database: &str, rows: u64) -> Self {
        let others = i64::try_from(rows / 4).unwrap();
        let took = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for first in 0..CONNECTIONS {
            let connection = server.connect(database).await.unwrap();
            let (stop, stopped) = oneshot::channel();
            let work = work(connection, first, others, Arc::clone(&took));
            let task = tokio::spawn(async move {
                tokio::select! {
                    () = work => {}
                    _ = stopped => {}
                }
            });
            tasks.push((stop, task));
        }
        Self { took, tasks }
    }

    /// How long they took since it was asked last.
    pub(crate) async fn measured(&mut self) -> Latencies {
        let mut took = std::mem::take(&mut *self.took.lock().unwrap());
        while took.is_empty() {
            tokio::time::sleep(Duration::from_secs(1) / RATE).await;
            took = std::mem::take(&mut *self.took.lock().unwrap());
        }
        took.sort_unstable();
        Latencies(took)
    }

    pub(crate) async fn stop(self) {
        for (stop, task) in self.tasks {
            // A task that has failed has dropped its end, and tells why below.
            let _ = stop.send(());
            task.await.unwrap();
        }
    }
}

async fn work(mut connection: PgConnection, first: u32, others: i64, took: Arc<Mutex<Vec<Duration>>>) {
    let mut beat = tokio::time::interval(Duration::from_secs(1) * CONNECTIONS / RATE);
    let mut number = i64::from(first);
    loop {
        // Latency counts from when a transaction was due: waiting behind a slow one is part of it.
        let due = beat.tick().await;
        number += i64::from(CONNECTIONS);
        // Odd numbers are nobody's run.
        let id = number.wrapping_mul(2_654_435_761) % others * 2 + 1;
        let mut transaction = connection.begin().await.unwrap();
        sqlx::query("SELECT note FROM baskets WHERE id = $1").bind(id).execute(&mut *transaction).await.unwrap();
        let update = sqlx::query("UPDATE events SET payload = 'seen' WHERE id = $1");
        update.bind(id).execute(&mut *transaction).await.unwrap();
        let insert = sqlx::query("INSERT INTO orders VALUES ($1, $2, NULL)");
        insert.bind(FRESH + number).bind(id).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        took.lock().unwrap().push(due.elapsed());
    }
}
