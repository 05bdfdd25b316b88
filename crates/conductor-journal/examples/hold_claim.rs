//! Claims an environment and does what its input says, until that ends or it is killed: `hold_claim STORE ENVIRONMENT`. The store is a
//! state folder, or the settings of a PostgreSQL database as JSON. It says `held` once it has the environment, `lost` when it has lost
//! it, and of each line of its input, a run and a record as JSON, `appended`, or `refused` and why.

use std::error::Error;
use std::io::BufRead;
use std::sync::Arc;

use conductor_core::ports::{Claim, RunStore};
use conductor_core::run::{Record, RunId};
use conductor_journal::{PostgresStore, SqliteStore};
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, store, environment] = arguments.as_slice() else {
        return Err("usage: hold_claim STORE ENVIRONMENT".into());
    };
    if store.starts_with('{') {
        let store = PostgresStore::open(&serde_json::from_str(store)?, None).await?;
        hold(&store, environment).await?;
        store.close().await;
        Ok(())
    } else {
        hold(&SqliteStore::open(store.as_ref()).await?, environment).await
    }
}

async fn hold(store: &dyn RunStore, environment: &str) -> Result<(), Box<dyn Error>> {
    let claim: Arc<dyn Claim> = Arc::from(store.claim(environment).await?);
    println!("held");
    let watched = Arc::clone(&claim);
    let watch = tokio::spawn(async move {
        watched.lost().await;
        println!("lost");
    });
    let mut lines = input();
    while let Some(line) = lines.recv().await {
        let (run, record): (RunId, Record) = serde_json::from_str(&line)?;
        match store.append(&run, &record).await {
            Ok(()) => println!("appended"),
            Err(error) => println!("refused: {error}"),
        }
    }
    watch.abort();
    claim.give_back().await;
    Ok(())
}

/// The lines of the input, read by a thread of its own.
fn input() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}
