//! The connection by which a store's leases are taken, renewed and given back: its own, so that no renewal waits for journals.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::sync::{Mutex, MutexGuard};

use super::connections::within;
use super::leases::{self, Loss, Other};

/// One connection, for one act at a time, each of which takes some milliseconds. It is made again after anything went wrong.
pub(super) struct Line {
    options: PgConnectOptions,
    connection: Mutex<Option<PgConnection>>,
}

/// The line's place for a connection. One that is not put back ends, as when an act fails or is broken off.
type Place<'a> = MutexGuard<'a, Option<PgConnection>>;

impl Line {
    /// A line that connects when it is first used.
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { options, connection: Mutex::new(None) }
    }

    /// [`leases::take`], within `limit`.
    pub(super) async fn take(
        &self,
        environment: &str,
        holder: &str,
        time: Duration,
        limit: Duration,
    ) -> Result<Result<i64, Other>, sqlx::Error> {
        let work = async {
            let (mut place, mut connection) = self.ready().await?;
            let done = leases::take(&mut connection, environment, holder, time).await?;
            *place = Some(connection);
            Ok(done)
        };
        within(limit, work).await
    }

    /// [`leases::renew`], within `limit`.
    pub(super) async fn renew(
        &self,
        environment: &str,
        epoch: i64,
        time: Duration,
        limit: Duration,
    ) -> Result<Result<(), Loss>, sqlx::Error> {
        let work = async {
            let (mut place, mut connection) = self.ready().await?;
            let done = leases::renew(&mut connection, environment, epoch, time).await?;
            *place = Some(connection);
            Ok(done)
        };
        within(limit, work).await
    }

    /// [`leases::give_back`], within `limit`.
    pub(super) async fn give_back(&self, environment: &str, epoch: i64, limit: Duration) -> Result<(), sqlx::Error> {
        let work = async {
            let (mut place, mut connection) = self.ready().await?;
            leases::give_back(&mut connection, environment, epoch).await?;
            *place = Some(connection);
            Ok(())
        };
        within(limit, work).await
    }

    async fn ready(&self) -> Result<(Place<'_>, PgConnection), sqlx::Error> {
        let mut place = self.connection.lock().await;
        let connection = match place.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        Ok((place, connection))
    }
}
