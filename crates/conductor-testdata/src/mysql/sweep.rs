//! Deletes all rows of a run: round after round over the tables, until none is left or none goes any more.
//!
//! Rows are found without locks, in the order of keys, and deleted by their keys as far as they are the run's then.

use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use tokio::time::Instant;

use super::busy::Watch;
use super::key::KeyOf;
use super::session::{Batch, Mode, Session};
use super::settings::MysqlTestDataSettings;
use super::statement::Statements;
use super::trouble::{Trouble, TroubleKind};
use super::{Count, count};
use crate::declaration::path;
use crate::pace::Pace;
use crate::stride::Stride;

/// How often one batch may lose its connection before it is the engine's turn.
const LOSSES: u32 = 5;
/// How often the smallest batch is tried that somebody is in the way of, before it is passed by for this round.
const TRIES: u32 = 3;
/// So many keys of rows are found at a time: a row with the tag may have millions of others.
const MOST_FOUND: u64 = 20_000;
/// The pause after something was in the way.
const PAUSE: Duration = Duration::from_millis(100);

/// Deletes all rows of a run.
pub(super) struct Sweep<'a> {
    settings: &'a MysqlTestDataSettings,
    statements: Statements<'a>,
    run: &'a RunId,
    pace: Pace,
    busy: Watch<'a>,
    stride: Stride,
    /// What was in the way of rows that were passed by in this round.
    passed_by: Option<Trouble>,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(
        settings: &'a MysqlTestDataSettings,
        statements: Statements<'a>,
        run: &'a RunId,
        busy: Watch<'a>,
    ) -> Self {
        let pace = Pace::new(settings.rows_per_second);
        let stride = Stride::new(pace.at_most(u64::from(settings.batch_size.get())), 1);
        Self { settings, statements, run, pace, busy, stride, passed_by: None }
    }

    /// Deletes from the tables in this order, and notes what it deletes.
    pub(super) async fn all(
        mut self,
        order: &[usize],
        session: &mut Session<'_>,
        note: impl Fn(usize, u64) + Send + Sync,
    ) -> Result<(), PortError> {
        let swept = self.rounds(order, session, note).await;
        self.busy.close().await;
        swept
    }

    async fn rounds(
        &mut self,
        order: &[usize],
        session: &mut Session<'_>,
        note: impl Fn(usize, u64) + Send + Sync,
    ) -> Result<(), PortError> {
        let mut left = order.to_vec();
        loop {
            let mut deleted = 0;
            self.passed_by = None;
            for table in left {
                deleted += self.table(table, session, &note).await?;
            }
            let found = self.left(order, session).await?;
            if found.is_empty() {
                return Ok(());
            }
            // Rows that have come meanwhile, or that others of their table pointed at.
            if deleted == 0 {
                return Err(self.stuck(&found, session));
            }
            left = found.into_iter().map(|(table, _)| table).collect();
        }
    }

    /// Tables that still have rows which shall go.
    async fn left(&self, order: &[usize], session: &mut Session<'_>) -> Result<Vec<(usize, u64)>, PortError> {
        let mut left = Vec::new();
        for table in order.iter().copied() {
            let rows = count(session, self.statements, table, Count::Guarded, self.run).await?;
            if rows > 0 {
                left.push((table, rows));
            }
        }
        Ok(left)
    }

    fn stuck(&mut self, left: &[(usize, u64)], session: &Session<'_>) -> PortError {
        let of = |(table, rows): &(usize, u64)| format!("{rows} of {}", self.statements.checked[*table].name);
        let rows = left.iter().map(of).collect::<Vec<_>>().join(", ");
        match self.passed_by.take() {
            Some(trouble) => session.failed(&format!("could not delete all rows ({rows} are left) in"), trouble),
            None => {
                let own = self.own_keys(left);
                let act = format!("could not delete all rows ({rows} are left, at which rows of others point{own}) in");
                PortError::new(FailureKind::Unsettled, session.act(&act))
            }
        }
    }

    /// What rows of the run may be kept by besides, for people: by each other, and where a key does not say what becomes of a row
    /// that points at itself, by themselves.
    fn own_keys(&self, left: &[(usize, u64)]) -> &'static str {
        let own = left.iter().flat_map(|(table, _)| &self.statements.checked[*table].pointing).filter(|key| key.is_own);
        match own.map(|key| !key.changes_rows).max() {
            None => "",
            Some(false) => ", or rows of the run at each other",
            Some(true) => ", or rows of the run at each other or at themselves",
        }
    }

    /// Deletes what can be deleted from one table: along the rows with the tag, which are its own or those that it belongs to.
    async fn table(
        &mut self,
        table: usize,
        session: &mut Session<'_>,
        note: &(impl Fn(usize, u64) + Send + Sync),
    ) -> Result<u64, PortError> {
        let tagged = path(&self.settings.tables, table).last().copied().unwrap_or(table);
        let mut most = u64::from(self.settings.batch_size.get());
        let (mut deleted, mut last) = (0, None);
        loop {
            self.busy.wait(session).await?;
            let statement = self.statements.keys(tagged, last.as_ref(), most);
            let keys = self.keys(tagged, &statement, session).await?;
            let Some(end) = keys.last().cloned() else { return Ok(deleted) };
            if tagged == table {
                deleted += self.rows(table, keys, session, note).await?;
            } else {
                let (rows, was_full) = self.children(table, (tagged, &keys), session, note).await?;
                deleted += rows;
                // What belongs to few rows is found by an index behind any of it, without reading all of it again.
                most = if was_full { (most / 4).max(1) } else { most };
            }
            last = Some(end);
        }
    }

    /// Deletes a table's rows that belong to some rows with the tag, and tells whether these had many.
    async fn children(
        &mut self,
        table: usize,
        roots: (usize, &[KeyOf]),
        session: &mut Session<'_>,
        note: &(impl Fn(usize, u64) + Send + Sync),
    ) -> Result<(u64, bool), PortError> {
        let (mut deleted, mut last, mut was_full) = (0, None, false);
        loop {
            let statement = self.statements.keys_by(table, roots, last.as_ref(), MOST_FOUND);
            let keys = self.keys(table, &statement, session).await?;
            let is_full = keys.len() as u64 >= MOST_FOUND;
            was_full |= is_full;
            last = keys.last().cloned();
            deleted += self.rows(table, keys, session, note).await?;
            if !is_full {
                return Ok((deleted, was_full));
            }
        }
    }

    /// Finds keys, which may take longer than a batch: without an index whole tables are read.
    async fn keys(
        &self,
        table: usize,
        statement: &super::statement::Statement,
        session: &mut Session<'_>,
    ) -> Result<Vec<KeyOf>, PortError> {
        session.set_mode(Mode::Look);
        let checked = &self.statements.checked[table];
        let act = format!("could not find rows of {} in", checked.name);
        let rows = session.of_run(&act, statement, self.run.as_str()).await?;
        let keys: Result<_, sqlx::Error> = rows.iter().map(|row| checked.key.read(row)).collect();
        keys.map_err(|source| session.failed(&act, Trouble::from(source)))
    }

    /// Deletes rows by their keys, as many at a time as take the time that a batch shall take.
    async fn rows(
        &mut self,
        table: usize,
        mut keys: Vec<KeyOf>,
        session: &mut Session<'_>,
        note: &(impl Fn(usize, u64) + Send + Sync),
    ) -> Result<u64, PortError> {
        // The server takes them in the order in which they are stored, as everybody who locks several rows should.
        let (mut deleted, mut tries) = (0, 0);
        while !keys.is_empty() {
            let size = usize::try_from(self.stride.size()).unwrap_or(usize::MAX).min(keys.len());
            self.busy.wait(session).await?;
            session.set_mode(Mode::Delete);
            let begun = Instant::now();
            let trouble = match self.batch(table, &keys[..size], session).await? {
                Ok(rows) => {
                    self.stride.learn(begun.elapsed(), size as u64);
                    keys.drain(..size);
                    tries = 0;
                    if rows > 0 {
                        note(table, rows);
                        deleted += rows;
                        self.pace.after(rows).await;
                    }
                    continue;
                }
                Err(trouble) => trouble,
            };
            tries += 1;
            match trouble.kind {
                // It was done or not: the same batch finds out.
                TroubleKind::Lost if tries < LOSSES => {}
                TroubleKind::InTheWay => {
                    tokio::time::sleep(PAUSE).await;
                    if !self.stride.shrink() && tries >= TRIES {
                        self.passed_by = Some(trouble);
                        keys.drain(..size);
                        tries = 0;
                    }
                }
                // Somebody was faster to point at one of them than the look at who does: this is seen by the next look.
                TroubleKind::Referenced if tries < TRIES => {}
                TroubleKind::Lost
                | TroubleKind::Referenced
                | TroubleKind::Unable
                | TroubleKind::Missing
                | TroubleKind::Denied
                | TroubleKind::Refused => {
                    let name = &self.statements.checked[table].name;
                    return Err(session.failed(&format!("could not delete from {name} in"), trouble));
                }
            }
        }
        Ok(deleted)
    }

    async fn batch(
        &self,
        table: usize,
        keys: &[KeyOf],
        session: &mut Session<'_>,
    ) -> Result<Result<u64, Trouble>, PortError> {
        let (statements, checked) = (self.statements, &self.statements.checked[table]);
        let lock = (!checked.pointing.is_empty()).then(|| statements.lock(table, keys));
        let free = |keys: &[KeyOf]| statements.free(table, keys);
        let delete = |keys: &[KeyOf]| statements.delete(table, keys);
        let batch = Batch { lock, free: &free, delete: &delete, key: &checked.key, keys };
        session.delete(&batch, self.run.as_str()).await
    }
}
