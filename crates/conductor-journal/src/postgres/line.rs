//! The connection by which a store's leases are taken, renewed and given back: its own, so that no renewal waits for journals.

use std::time::Duration;

use conductor_core::ports::Holder;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::sync::Mutex;

use super::connections::within;
use super::leases::{self, Loss};

/// One connection, for one act at a time, each of which takes some milliseconds. It is made again after anything went wrong.
pub(super) struct Line {
    options: PgConnectOptions,
    connection: Mutex<Option<PgConnection>>,
}

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
    ) -> Result<Result<i64, Holder>, sqlx::Error> {
        self.act(limit, async |connection| leases::take(connection, environment, holder, time).await).await
    }

    /// [`leases::renew`], within `limit`.
    pub(super) async fn renew(
        &self,
        environment: &str,
        epoch: i64,
        time: Duration,
        limit: Duration,
    ) -> Result<Result<(), Loss>, sqlx::Error> {
        self.act(limit, async |connection| leases::renew(connection, environment, epoch, time).await).await
    }

    /// [`leases::give_back`], within `limit`.
    pub(super) async fn give_back(&self, environment: &str, epoch: i64, limit: Duration) -> Result<(), sqlx::Error> {
        self.act(limit, async |connection| leases::give_back(connection, environment, epoch).await).await
    }

    /// Acts on the connection. One that is not put back ends, as when the act fails or is broken off.
    async fn act<T>(
        &self,
        limit: Duration,
        act: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let work = async {
            let mut place = self.connection.lock().await;
            let mut connection = match place.take() {
                Some(connection) => connection,
                None => self.options.connect().await?,
            };
            let done = act(&mut connection).await?;
            *place = Some(connection);
            Ok(done)
        };
        within(limit, work).await
    }
}
