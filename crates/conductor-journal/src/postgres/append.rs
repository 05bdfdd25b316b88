//! One append: a transaction that looks at the lease first, and keeps it from being taken until the record is written.

use std::sync::Arc;

use conductor_core::phase::Event;
use conductor_core::ports::StoreError;
use conductor_core::run::{Created, Record, RequestId, Revision, Run, RunId};
use sqlx::{Connection, PgConnection};

use super::lease::Lease;
use super::leases;
use crate::rows;

/// What is appended.
pub(super) struct Append<'a> {
    pub(super) run: &'a RunId,
    pub(super) record: &'a Record,
    /// The record's event, written down.
    pub(super) event: &'a str,
    /// The run with the record applied.
    pub(super) folded: &'a Run,
    /// The lease of the run's environment and its epoch; `None` where it is written without one.
    pub(super) lease: Option<(Arc<Lease>, i64)>,
}

/// Why nothing was written.
pub(super) enum Refusal {
    /// The lease is lost.
    Lost(StoreError),
    /// The journal is at this revision.
    Conflict {
        /// The revision.
        found: Revision,
    },
    /// A run was made of the same request before.
    Requested {
        /// The request.
        request: RequestId,
        /// The run.
        run: String,
    },
}

impl Append<'_> {
    /// Writes it down. Without an answer it was written or not, and another try will tell.
    pub(super) async fn transact(&self, connection: &mut PgConnection) -> Result<Result<(), Refusal>, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        let written = self.write(&mut transaction).await?;
        match written {
            Ok(()) => transaction.commit().await?,
            Err(_) => transaction.rollback().await?,
        }
        Ok(written)
    }

    async fn write(&self, transaction: &mut PgConnection) -> Result<Result<(), Refusal>, sqlx::Error> {
        let environment = &self.folded.created.spec.environment;
        if let Some((lease, epoch)) = &self.lease
            && let Err(loss) = leases::look_and_hold(transaction, environment, *epoch).await?
        {
            return Ok(Err(Refusal::Lost(lease.lose(loss))));
        }
        if let Event::Created(created) = &self.record.event
            && let Some(refusal) = self.begin(created, transaction).await?
        {
            return Ok(Err(refusal));
        }
        let found = self.last(transaction).await?;
        if found + 1 != self.record.revision || !self.insert(transaction).await? {
            // Another task of this process may have written it since.
            let found = self.last(transaction).await?;
            return Ok(Err(Refusal::Conflict { found }));
        }
        if let Some(finished) = rows::listed(self.record, self.folded) {
            let update = "UPDATE runs SET finished = $1, waiting = NULL WHERE id = $2";
            sqlx::query(update).bind(finished).bind(self.run.as_str()).execute(transaction).await?;
        }
        Ok(Ok(()))
    }

    /// The last revision of the journal; 0 where there is none.
    async fn last(&self, transaction: &mut PgConnection) -> Result<Revision, sqlx::Error> {
        let find = "SELECT COALESCE(MAX(revision), 0) FROM records WHERE run = $1";
        let last: i64 = sqlx::query_scalar(find).bind(self.run.as_str()).fetch_one(transaction).await?;
        Revision::try_from(last).map_err(|source| sqlx::Error::Decode(source.into()))
    }

    /// Writes the run, unless it is there already, or its request has made another one.
    async fn begin(&self, created: &Created, transaction: &mut PgConnection) -> Result<Option<Refusal>, sqlx::Error> {
        let request = created.request.as_ref();
        // Who begins at the same time is waited for, whether it is by the same id or by the same request.
        let begin = "INSERT INTO runs (id, name, environment, created, request, waiting)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
        let begin = sqlx::query(begin).bind(self.run.as_str()).bind(&created.spec.name).bind(&created.spec.environment);
        let begin =
            begin.bind(self.record.at.to_string()).bind(request.map(RequestId::as_str)).bind(rows::waiting(created));
        let begun = begin.execute(&mut *transaction).await?.rows_affected() == 1;
        let Some(request) = request.filter(|_| !begun) else { return Ok(None) };
        let find = sqlx::query_scalar("SELECT id FROM runs WHERE request = $1 AND id <> $2");
        let known: Option<String> =
            find.bind(request.as_str()).bind(self.run.as_str()).fetch_optional(transaction).await?;
        Ok(known.map(|run| Refusal::Requested { request: request.clone(), run }))
    }

    /// Writes the record; false when somebody else was faster.
    async fn insert(&self, transaction: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let Record { revision, at, .. } = self.record;
        let write = "INSERT INTO records (run, revision, at, event) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let revision = i64::try_from(*revision).map_err(|source| sqlx::Error::Encode(source.into()))?;
        let write = sqlx::query(write).bind(self.run.as_str()).bind(revision).bind(at.to_string()).bind(self.event);
        Ok(write.execute(transaction).await?.rows_affected() == 1)
    }
}
