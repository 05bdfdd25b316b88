//! Waiting while the database is busy with what others do.

use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::units::Span;
use sqlx::Row;
use tokio::time::Instant;

use super::session::{Session, Values};
use super::settings::{PostgresBusy, PostgresTestDataSettings};
use super::trouble::Trouble;
use super::walk::number;

/// How often it is looked while rows are deleted.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The first pause of a busy database, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// For how long a database may be busy before it is the engine's turn.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks at what else the database does, every now and then.
pub(super) struct Watch {
    limits: PostgresBusy,
    looked: Option<Instant>,
}

impl Watch {
    pub(super) fn new(settings: &PostgresTestDataSettings) -> Self {
        Self { limits: settings.busy.clone(), looked: None }
    }

    /// Comes back when the database is not busy.
    pub(super) async fn wait(&mut self, session: &mut Session<'_>) -> Result<(), PortError> {
        if self.limits == PostgresBusy::default() || self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return Ok(());
        }
        let begun = Instant::now();
        let (mut pause, longest) = PAUSES;
        while let Some(busy) = self.busy(session).await? {
            if begun.elapsed() > PATIENCE {
                let act = format!("{}: {busy}", session.act("waited in vain, deleting nothing, for"));
                return Err(PortError::new(FailureKind::Unavailable, act));
            }
            tokio::time::sleep(pause).await;
            pause = longest.min(pause * 2);
        }
        self.looked = Some(Instant::now());
        Ok(())
    }

    /// Why it is busy.
    pub(super) async fn busy(&self, session: &mut Session<'_>) -> Result<Option<String>, PortError> {
        if let Some(limit) = self.limits.lock_waits {
            let waiting =
                number(session, "could not see who waits for locks in", WAITING, &Values::only(vec![])).await?;
            if waiting > u64::from(limit) {
                return Ok(Some(format!("{waiting} other sessions wait for locks, more than {limit}")));
            }
        }
        if let Some(limit) = self.limits.replication_lag {
            let lag = lag(session).await?;
            if lag > limit.as_duration() {
                let lag = Span::seconds(lag.as_secs());
                return Ok(Some(format!("a standby is {lag} behind, more than {limit}")));
            }
        }
        Ok(None)
    }
}

/// A wait for a row is one for a transaction, which is of no database: its session is.
const WAITING: &str = "SELECT count(DISTINCT waiting.pid) FROM pg_catalog.pg_locks AS waiting
    JOIN pg_catalog.pg_stat_activity AS session ON session.pid = waiting.pid
    WHERE NOT waiting.granted AND waiting.pid <> pg_backend_pid() AND session.datname = current_database()";

/// How far the last of the standbys is behind.
async fn lag(session: &mut Session<'_>) -> Result<Duration, PortError> {
    // The server tells a lag by what a standby has confirmed: one that has stopped to confirm is behind since then.
    let sql = "SELECT coalesce(max(extract(epoch FROM greatest(write_lag, flush_lag, replay_lag,
            CASE WHEN coalesce(replay_lsn, flush_lsn) < pg_current_wal_lsn() THEN clock_timestamp() - reply_time END))),
            0)::float8,
            pg_has_role('pg_read_all_stats', 'USAGE')
        FROM pg_catalog.pg_stat_replication";
    let what = "could not see the standbys of";
    let rows = session.rows(what, sql, &Values::only(vec![])).await?;
    let row = rows.first().map(|row| Ok::<(f64, bool), sqlx::Error>((row.try_get(0)?, row.try_get(1)?)));
    let (seconds, may_look) =
        row.unwrap_or(Ok((0.0, true))).map_err(|source| session.failed(what, Trouble::from(source)))?;
    if !may_look {
        let act = session.act("busy.replicationLag needs a role that may see it (GRANT pg_read_all_stats), for");
        return Err(PortError::new(FailureKind::Rejected, act));
    }
    Ok(Duration::from_secs_f64(seconds.max(0.0)))
}
