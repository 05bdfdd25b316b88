//! Deletes all rows of a run: round after round over the tables, until none is left or none goes any more.

use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use tokio::time::Instant;

use super::busy::Watch;
use super::catalogue::Leaf;
use super::session::{Mode, Session, Values};
use super::settings::PostgresTestDataSettings;
use super::statement::{Deletion, Statements};
use super::trouble::{Trouble, TroubleKind};
use super::walk::{Piece, Walk, Way, number};
use super::{Count, count};
use crate::declaration::path;
use crate::pace::Pace;

/// How often one batch may lose its connection before it is the engine's turn.
const LOSSES: u32 = 5;
/// How often the smallest batch is tried that somebody is in the way of, before it is passed by for this round.
const TRIES: u32 = 3;
/// How many rounds in a row may delete nothing: a row that came or moved during one is found by the next.
const IDLE_ROUNDS: u32 = 2;
/// The pause after something was in the way.
const PAUSE: Duration = Duration::from_millis(100);

/// Deletes all rows of a run.
pub(super) struct Sweep<'a> {
    settings: &'a PostgresTestDataSettings,
    statements: Statements<'a>,
    run: &'a RunId,
    pace: Pace,
    busy: Watch,
    /// Tables with rows at which rows that stay have been seen to point.
    careful: Vec<bool>,
    /// What was in the way of rows that were passed by in this round.
    passed_by: Option<Trouble>,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(settings: &'a PostgresTestDataSettings, statements: Statements<'a>, run: &'a RunId) -> Self {
        let careful = vec![false; settings.tables.len()];
        let (pace, busy) = (Pace::new(settings.rows_per_second), Watch::new(settings));
        Self { settings, statements, run, pace, busy, careful, passed_by: None }
    }

    /// Deletes from the tables in this order, and notes what it deletes.
    pub(super) async fn all(
        mut self,
        order: &[usize],
        session: &mut Session<'_>,
        note: impl Fn(usize, u64) + Send + Sync,
    ) -> Result<(), PortError> {
        let mut left = order.to_vec();
        let mut idle = 0;
        loop {
            let mut deleted = 0;
            self.passed_by = None;
            for table in left {
                deleted += self.table(table, session, &note).await?;
            }
            let found = self.left(order, session).await?;
            if found.is_empty() {
                return session.make_durable().await;
            }
            // Rows that have come or moved meanwhile, or that others of their table pointed at.
            idle = if deleted == 0 { idle + 1 } else { 0 };
            if idle >= IDLE_ROUNDS {
                return Err(self.stuck(&found, session).await?);
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

    /// The error of rows that do not go, with no more than is known of them.
    async fn stuck(&mut self, left: &[(usize, u64)], session: &mut Session<'_>) -> Result<PortError, PortError> {
        let of = |(table, rows): &(usize, u64)| format!("{rows} of {}", self.statements.checked[*table].name);
        let rows = left.iter().map(of).collect::<Vec<_>>().join(", ");
        if let Some(trouble) = self.passed_by.take_if(|trouble| trouble.kind != TroubleKind::Referenced) {
            return Ok(session.failed(&format!("could not delete all rows ({rows} are left) in"), trouble));
        }
        let (because, kind) = match self.is_pointed_at(left, session).await? {
            true => ("at which rows of others point", FailureKind::Unsettled),
            false => ("which came or moved meanwhile, or are kept by a trigger", FailureKind::Unavailable),
        };
        let act = format!("could not delete all rows ({rows} are left, {because}) in");
        Ok(PortError::new(kind, session.act(&act)))
    }

    /// True where other rows point at some of these.
    async fn is_pointed_at(&self, left: &[(usize, u64)], session: &mut Session<'_>) -> Result<bool, PortError> {
        session.set_mode(Mode::Look);
        for (table, rows) in left.iter().copied() {
            let checked = &self.statements.checked[table];
            if checked.pointing.is_empty() {
                continue;
            }
            let free = self.statements.free(table);
            let values = Values { binds: &free.binds, run: self.run.as_str(), extra: Vec::new() };
            let what = format!("could not see who points at rows of {} in", checked.name);
            if number(session, &what, &free.sql, &values).await? < rows {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Deletes what can be deleted from one table.
    async fn table(
        &mut self,
        table: usize,
        session: &mut Session<'_>,
        note: &(impl Fn(usize, u64) + Send + Sync),
    ) -> Result<u64, PortError> {
        let checked = self.statements.checked;
        let tagged = self.by_tagged(table);
        let mut deleted = 0;
        for leaf in &checked[tagged.unwrap_or(table)].leaves {
            deleted += self.leaf(Way { table, tagged, leaf }, session, note).await?;
        }
        Ok(deleted)
    }

    /// The table with the tag, where rows are found quickly by those of it that they belong to. Where they are not, they go by
    /// pages of their own, each with a look at its parent.
    fn by_tagged(&self, table: usize) -> Option<usize> {
        let path = path(self.settings.tables.as_slice(), table);
        let tagged = path.last().copied().filter(|last| *last != table)?;
        let is_indexed = |step: &usize| {
            let via = self.settings.tables[*step].via.as_ref();
            via.is_none_or(|via| self.statements.checked[*step].is_indexed(&via.column))
        };
        path.iter().all(is_indexed).then_some(tagged)
    }

    async fn leaf(
        &mut self,
        way: Way<'_>,
        session: &mut Session<'_>,
        note: &(impl Fn(usize, u64) + Send + Sync),
    ) -> Result<u64, PortError> {
        let batch = self.pace.at_most(u64::from(self.settings.batch_size.get()));
        let mut walk = Walk::begin(way, self.run.as_str(), batch, self.statements, session).await?;
        let mut deleted = 0;
        while let Some(piece) = walk.piece(self.statements, session).await? {
            self.busy.wait(session).await?;
            session.set_mode(Mode::Delete);
            let begun = Instant::now();
            let rows = match self.batch(&mut walk, way, &piece, session).await? {
                Batch::Done(rows) => rows,
                Batch::Again => continue,
            };
            walk.stride.learn(begun.elapsed(), rows);
            if rows > 0 {
                note(way.table, rows);
                deleted += rows;
                self.pace.after(rows).await;
            }
            // What has pointed at others of its own table is gone now, so that these can go.
            let has_freed = rows > 0 && self.statements.checked[way.table].pointing.iter().any(|key| key.is_own);
            // There may be more of those that belong to this piece.
            let is_full = way.tagged.is_some() && rows >= batch;
            if !has_freed && !is_full {
                walk.done(&piece);
            }
        }
        Ok(deleted)
    }

    /// Deletes one batch, or finds out how to try it again.
    async fn batch(
        &mut self,
        walk: &mut Walk<'_>,
        way: Way<'_>,
        piece: &Piece,
        session: &mut Session<'_>,
    ) -> Result<Batch, PortError> {
        let mut tries = 0;
        // One who holds many rows is waited for at the first of them; the rest may be others' again in the next round.
        let most_tries = if self.passed_by.is_some() { 1 } else { TRIES };
        loop {
            let deletion = self.deletion(way, piece);
            let values = Values { binds: &deletion.binds, run: self.run.as_str(), extra: piece.extra() };
            let trouble = match session.delete(&deletion, &values).await? {
                Ok(rows) => return Ok(Batch::Done(rows)),
                Err(trouble) => trouble,
            };
            tries += 1;
            match trouble.kind {
                // It was done or not: the same batch finds out, or a smaller one, where it took longer than the server allows.
                TroubleKind::Lost if walk.stride.shrink() => return Ok(Batch::Again),
                TroubleKind::Lost if tries < LOSSES => {}
                TroubleKind::InTheWay => {
                    tokio::time::sleep(PAUSE).await;
                    if walk.stride.shrink() {
                        return Ok(Batch::Again);
                    }
                    if tries >= most_tries {
                        self.passed_by = Some(trouble);
                        return Ok(Batch::Done(0));
                    }
                }
                TroubleKind::Referenced if !self.careful[way.table] => self.careful[way.table] = true,
                // Somebody has begun to point at one of them just now.
                TroubleKind::Referenced => {
                    self.passed_by = Some(trouble);
                    return Ok(Batch::Done(0));
                }
                TroubleKind::Lost | TroubleKind::Unable | TroubleKind::Missing | TroubleKind::Refused => {
                    let name = &self.statements.checked[way.table].name;
                    return Err(session.failed(&format!("could not delete from {name} in"), trouble));
                }
            }
        }
    }

    fn deletion(&self, way: Way<'_>, piece: &Piece) -> Deletion {
        let Way { table, tagged, leaf } = way;
        let leaf: &Leaf = leaf;
        match tagged {
            None => self.statements.by_own(table, leaf, piece.part(), self.careful[table]),
            Some(_) => {
                let most = self.pace.at_most(u64::from(self.settings.batch_size.get()));
                self.statements.by_tagged(table, leaf, piece.part(), self.careful[table], most)
            }
        }
    }
}

/// What became of a batch.
enum Batch {
    /// So many rows are gone.
    Done(u64),
    /// A smaller one shall be tried.
    Again,
}
