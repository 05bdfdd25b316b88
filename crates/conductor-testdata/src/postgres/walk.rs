//! A way over all rows of one table that hold a run's tag: page by page, or from row to row where they are few.

use conductor_core::ports::PortError;
use sqlx::Row;

use super::catalogue::Leaf;
use super::session::{Extra, Mode, Session, Values};
use super::statement::{PartOf, Statements};
use super::trouble::Trouble;
use crate::stride::Stride;

/// A table of fewer pages is read as a whole in no time.
const SMALL: u64 = 64;
/// Rows are few where there is one on this many pages at most,
const PAGES_A_ROW: u64 = 4;
/// and never more than these: it takes a while to count them.
const FEW_ROWS: u64 = 1_000_000;
/// Places of rows that are kept at a time.
const PLACES: u64 = 100_000;

/// Whose rows are walked over, for whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'a> {
    /// The table from which rows are deleted.
    pub(super) table: usize,
    /// The table whose rows have the tag; another one where rows are deleted by their parents.
    pub(super) tagged: Option<usize>,
    /// Which part of it is walked over.
    pub(super) leaf: &'a Leaf,
}

/// What one batch is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Pages from one on, before another.
    Pages(u64, u64),
    /// Rows by their places.
    Rows(Vec<String>),
}

impl Piece {
    pub(super) fn extra(&self) -> Vec<Extra> {
        match self {
            Self::Pages(from, to) => [from, to].map(|page| Extra::Text(format!("({page},0)"))).to_vec(),
            Self::Rows(places) => vec![Extra::Texts(places.clone())],
        }
    }

    pub(super) const fn part(&self) -> PartOf {
        match self {
            Self::Pages(..) => PartOf::Pages,
            Self::Rows(_) => PartOf::Rows,
        }
    }
}

/// How far it has come.
pub(super) struct Walk<'a> {
    way: Way<'a>,
    run: &'a str,
    at: At,
    pub(super) stride: Stride,
}

enum At {
    /// The next page, and the first one that was not there when it was looked last.
    Pages { next: u64, end: u64 },
    /// The next of some places, and the last place of them.
    Rows { places: Vec<String>, next: usize, last: String },
}

impl<'a> Walk<'a> {
    /// Begins where the table does.
    pub(super) async fn begin(
        way: Way<'a>,
        run: &'a str,
        batch: u64,
        statements: Statements<'_>,
        session: &mut Session<'_>,
    ) -> Result<Self, PortError> {
        session.set_mode(Mode::Look);
        let end = pages(way.leaf, session).await?;
        let few = (end / PAGES_A_ROW).min(FEW_ROWS);
        if end > SMALL && way.is_indexed(statements) {
            let tagged = way.tagged.unwrap_or(way.table);
            let some = statements.some(tagged, way.leaf, few);
            let values = Values { binds: &some.binds, run, extra: Vec::new() };
            if number(session, "could not count rows in", &some.sql, &values).await? < few {
                let at = At::Rows { places: Vec::new(), next: 0, last: FIRST_PLACE.to_owned() };
                return Ok(Self { way, run, at, stride: Stride::new(batch, 1) });
            }
        }
        let stride = Stride::new(batch, way.leaf.rows_per_page);
        Ok(Self { way, run, at: At::Pages { next: 0, end }, stride })
    }

    /// What the next batch is made of; it stays so until [`done`](Self::done) says that it was.
    pub(super) async fn piece(
        &mut self,
        statements: Statements<'_>,
        session: &mut Session<'_>,
    ) -> Result<Option<Piece>, PortError> {
        match &mut self.at {
            At::Pages { next, end } => {
                if next >= end {
                    *end = pages(self.way.leaf, session).await?;
                }
                let to = (*next + self.stride.size()).min(*end);
                Ok((*next < to).then_some(Piece::Pages(*next, to)))
            }
            At::Rows { places, next, last } => {
                if *next >= places.len() {
                    let tagged = self.way.tagged.unwrap_or(self.way.table);
                    let found = statements.places(tagged, self.way.leaf, PLACES);
                    let values = Values { binds: &found.binds, run: self.run, extra: vec![Extra::Text(last.clone())] };
                    let what = "could not find rows in";
                    session.set_mode(Mode::Look);
                    let rows = session.rows(what, &found.sql, &values).await?;
                    let read: Result<Vec<String>, sqlx::Error> = rows.iter().map(|row| row.try_get(0)).collect();
                    *places = read.map_err(|source| session.failed(what, Trouble::from(source)))?;
                    *next = 0;
                    if let Some(found) = places.last() {
                        last.clone_from(found);
                    }
                }
                let size = usize::try_from(self.stride.size()).unwrap_or(usize::MAX);
                let rest = &places[*next..];
                let piece = rest[..size.min(rest.len())].to_vec();
                Ok((!piece.is_empty()).then_some(Piece::Rows(piece)))
            }
        }
    }

    /// Goes on behind a piece.
    pub(super) fn done(&mut self, piece: &Piece) {
        match (&mut self.at, piece) {
            (At::Pages { next, .. }, Piece::Pages(_, to)) => *next = *to,
            (At::Rows { next, .. }, Piece::Rows(places)) => *next += places.len(),
            (At::Pages { .. }, Piece::Rows(_)) | (At::Rows { .. }, Piece::Pages(..)) => {}
        }
    }
}

/// No row is there.
const FIRST_PLACE: &str = "(0,0)";

impl Way<'_> {
    /// True where an index finds the rows with the tag.
    fn is_indexed(&self, statements: Statements<'_>) -> bool {
        let declared = &statements.declared[self.tagged.unwrap_or(self.table)];
        declared.tag_column.as_ref().is_some_and(|tag| self.leaf.is_indexed(tag))
    }
}

async fn pages(leaf: &Leaf, session: &mut Session<'_>) -> Result<u64, PortError> {
    let sql = "SELECT pg_relation_size($1::text::oid) / current_setting('block_size')::int8";
    let values = Values::only(vec![Extra::Text(leaf.oid.to_string())]);
    number(session, "could not see the size of a table in", sql, &values).await
}

/// The number that a statement answers with.
pub(super) async fn number(
    session: &mut Session<'_>,
    what: &str,
    sql: &str,
    values: &Values<'_>,
) -> Result<u64, PortError> {
    let rows = session.rows(what, sql, values).await?;
    // It is no row where a table was dropped meanwhile.
    let number = rows.first().map_or(Ok(None), |row| row.try_get::<Option<i64>, _>(0));
    let number = number.map_err(|source| session.failed(what, Trouble::from(source)))?;
    Ok(number.unwrap_or_default().unsigned_abs())
}
