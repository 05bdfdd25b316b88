//! Statements that nobody waits for any more: the server is told to end them, since it would go on with them.

use std::sync::Arc;
use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, MySqlConnection, Row};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long it may take to have a statement ended.
const KILL_WITHIN: Duration = Duration::from_secs(10);
/// Which connection it is, and of which server: behind one address there may be several.
const WHOSE: &str = "SELECT CAST(CONNECTION_ID() AS UNSIGNED), CAST(CONCAT(@@hostname, ':', @@port) AS CHAR)";

/// A connection as its server knows it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    number: u64,
    server: String,
}

/// Ends the statement on a connection when it is dropped before there was an answer.
pub(super) struct Kill {
    options: Arc<MySqlConnectOptions>,
    known: Option<Known>,
}

impl Known {
    pub(super) async fn of(connection: &mut MySqlConnection) -> Result<Self, sqlx::Error> {
        let row = sqlx::raw_sql(WHOSE).fetch_one(connection).await?;
        Ok(Self { number: row.try_get_unchecked(0)?, server: row.try_get_unchecked(1)? })
    }
}

impl Kill {
    pub(super) fn unless_answered(options: Arc<MySqlConnectOptions>, known: Known) -> Self {
        Self { options, known: Some(known) }
    }

    /// There is an answer.
    pub(super) fn answered(mut self) {
        self.known = None;
    }
}

impl Drop for Kill {
    fn drop(&mut self) {
        if let (Some(known), Ok(runtime)) = (self.known.take(), Handle::try_current()) {
            let options = self.options.clone();
            drop(runtime.spawn(timeout(KILL_WITHIN, kill(options, known))));
        }
    }
}

/// Where this fails, the statement goes on until its own limit, and nothing else depends on it.
async fn kill(options: Arc<MySqlConnectOptions>, known: Known) {
    let Ok(mut connection) = options.connect().await else { return };
    if Known::of(&mut connection).await.is_ok_and(|own| own.server == known.server) {
        let sql = format!("KILL QUERY {}", known.number);
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await {
            tracing::debug!(%error, number = known.number, "a statement that nobody waits for could not be ended");
        }
    }
    // Nothing more is asked of it.
    let _ = connection.close().await;
}
