//! Waiting while the database is busy with what others do.

use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::units::Span;
use sqlx::Row;
use sqlx::mysql::MySqlRow;
use tokio::time::Instant;

use super::session::Session;
use super::settings::MysqlTestDataSettings;
use super::trouble::{Trouble, TroubleKind};

/// How often it is looked while rows are deleted.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The first pause of a busy database, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// For how long a database may be busy before it is the engine's turn.
const PATIENCE: Duration = Duration::from_secs(60);
/// Who waits for rows. Both servers have it.
const WAITING: &str = "SELECT COUNT(*) FROM information_schema.INNODB_TRX \
                       WHERE trx_state = 'LOCK WAIT' AND trx_mysql_thread_id <> CONNECTION_ID()";
/// How a replica tells of all servers that it follows: MariaDB, MySQL, and a server from before the word replica.
const SHOWN: [&str; 3] = ["SHOW ALL REPLICAS STATUS", "SHOW REPLICA STATUS", "SHOW SLAVE STATUS"];
/// How far a replica is behind, as MariaDB calls it, and MySQL.
const BEHIND: [&str; 2] = ["Seconds_Behind_Master", "Seconds_Behind_Source"];

/// Looks at what else the database does, every now and then.
pub(super) struct Watch<'a> {
    settings: &'a MysqlTestDataSettings,
    replicas: Vec<Session<'a>>,
    looked: Option<Instant>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(settings: &'a MysqlTestDataSettings, password: Option<&str>) -> Self {
        let replica = |at: &'a super::settings::MysqlReplica| Session::at(settings, password, &at.host, at.port);
        Self { settings, replicas: settings.busy.replicas.iter().map(replica).collect(), looked: None }
    }

    /// Comes back when the database is not busy.
    pub(super) async fn wait(&mut self, session: &mut Session<'_>) -> Result<(), PortError> {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
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

    /// Why it is busy; a right that is missing to see that is an error.
    pub(super) async fn busy(&mut self, session: &mut Session<'_>) -> Result<Option<String>, PortError> {
        if let Some(limit) = self.settings.busy.lock_waits {
            let waiting = waiting(session).await?;
            if waiting > u64::from(limit) {
                return Ok(Some(format!("{waiting} other transactions wait for locks, more than {limit}")));
            }
        }
        let Some(limit) = self.settings.busy.replication_lag else { return Ok(None) };
        for (replica, at) in self.replicas.iter_mut().zip(&self.settings.busy.replicas) {
            let place = format!("the replica {}:{}", at.host, at.port);
            match lag(replica).await? {
                Some(lag) if lag > limit => return Ok(Some(format!("{place} is {lag} behind, more than {limit}"))),
                Some(_) => {}
                None => return Ok(Some(format!("{place} does not follow"))),
            }
        }
        Ok(None)
    }

    pub(super) async fn close(self) {
        for replica in self.replicas {
            replica.close().await;
        }
    }
}

async fn waiting(session: &mut Session<'_>) -> Result<u64, PortError> {
    let act = "could not see who waits for locks in";
    let rows = session.rows_or(WAITING, &[]).await?;
    let rows = rows.map_err(|trouble| denied(session, trouble, act, "busy.lockWaits needs the right PROCESS"))?;
    let waiting: i64 = rows
        .first()
        .map_or(Ok(0), |row| row.try_get(0))
        .map_err(|source| session.failed(act, Trouble::from(source)))?;
    Ok(waiting.unsigned_abs())
}

/// How far a replica is behind; `None` where it does not follow.
async fn lag(replica: &mut Session<'_>) -> Result<Option<Span>, PortError> {
    let act = "could not see the replication lag of";
    let needs = "busy.replicationLag needs the right REPLICA MONITOR (of MySQL REPLICATION CLIENT)";
    let mut shown = replica.shown(SHOWN[0]).await?;
    for sql in &SHOWN[1..] {
        // Not the word of this server.
        if !matches!(&shown, Err(trouble) if trouble.kind == TroubleKind::Refused) {
            break;
        }
        shown = replica.shown(sql).await?;
    }
    let rows = shown.map_err(|trouble| denied(replica, trouble, act, needs))?;
    Ok(furthest(rows.iter().map(behind)).map(Span::seconds))
}

/// The lag of a replica that may follow several servers: `None` where it does not follow one of them, or none at all.
fn furthest(lags: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    lags.collect::<Option<Vec<u64>>>()?.into_iter().max()
}

fn behind(row: &MySqlRow) -> Option<u64> {
    let seconds = |name: &str| row.try_get_unchecked::<Option<u64>, _>(name).ok().flatten();
    BEHIND.into_iter().find_map(seconds)
}

fn denied(session: &Session<'_>, trouble: Trouble, act: &str, needs: &str) -> PortError {
    let is_denied = trouble.kind == TroubleKind::Denied;
    let error = session.failed(act, trouble);
    if is_denied { PortError { act: format!("{} ({needs})", error.act), ..error } } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_as_far_behind_as_it_is_behind_the_last_of_those_that_it_follows() {
        assert_eq!(furthest([Some(3), Some(9), Some(0)].into_iter()), Some(9));
        assert_eq!(furthest([Some(3), None].into_iter()), None);
        assert_eq!(furthest(std::iter::empty()), None, "it follows nobody");
    }
}
