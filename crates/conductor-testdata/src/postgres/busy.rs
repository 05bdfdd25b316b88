//! Waiting while the database is busy with what others do.

use std::collections::BTreeMap;
use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::units::Span;
use sqlx::Row;
use sqlx::postgres::PgRow;
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
    /// The standbys that were behind when it was looked last, by their processes.
    behind: BTreeMap<i32, Behind>,
}

impl Watch {
    pub(super) fn new(settings: &PostgresTestDataSettings) -> Self {
        Self { limits: settings.busy.clone(), looked: None, behind: BTreeMap::new() }
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
    pub(super) async fn busy(&mut self, session: &mut Session<'_>) -> Result<Option<String>, PortError> {
        if let Some(limit) = self.limits.lock_waits {
            let waiting =
                number(session, "could not see who waits for locks in", WAITING, &Values::only(vec![])).await?;
            if waiting > u64::from(limit) {
                return Ok(Some(format!("{waiting} other sessions wait for locks, more than {limit}")));
            }
        }
        if let Some(limit) = self.limits.replication_lag {
            let lag = self.lag(session).await?;
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

/// What the standbys have confirmed. The lags are the server's own figures; a standby that confirms nothing more keeps the last of
/// its. There is one row where there is none of them.
const STANDBYS: &str = "SELECT pid,
        coalesce(extract(epoch FROM greatest(write_lag, flush_lag, replay_lag)), 0)::float8,
        CASE WHEN coalesce(replay_lsn, flush_lsn) < pg_current_wal_lsn() THEN coalesce(replay_lsn, flush_lsn)::text END,
        may_look
    FROM (SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS may_look) AS role
    LEFT JOIN pg_catalog.pg_stat_replication ON may_look";

/// A row of it.
type Standby = (Option<i32>, f64, Option<String>, bool);

/// A standby that is behind: where it is, and since when. By this clock alone, since its own may be another.
struct Behind {
    at: String,
    since: Instant,
}

impl Watch {
    /// How far the last of the standbys is behind.
    async fn lag(&mut self, session: &mut Session<'_>) -> Result<Duration, PortError> {
        let what = "could not see the standbys of";
        let rows = session.rows(what, STANDBYS, &Values::only(vec![])).await?;
        let read = |row: &PgRow| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?));
        let read: Result<Vec<Standby>, sqlx::Error> = rows.iter().map(read).collect();
        let standbys = read.map_err(|source| session.failed(what, Trouble::from(source)))?;
        if standbys.iter().any(|(.., may_look)| !may_look) {
            let act = session.act("busy.replicationLag needs a role that may see it (GRANT pg_read_all_stats), for");
            return Err(PortError::new(FailureKind::Rejected, act));
        }
        let now = Instant::now();
        let mut known = std::mem::take(&mut self.behind);
        let mut longest = Duration::ZERO;
        for (process, told, at, _) in standbys {
            longest = longest.max(Duration::from_secs_f64(told.max(0.0)));
            let (Some(process), Some(at)) = (process, at) else { continue };
            let since = known.remove(&process).filter(|before| before.at == at).map_or(now, |before| before.since);
            longest = longest.max(now - since);
            self.behind.insert(process, Behind { at, since });
        }
        Ok(longest)
    }
}
