//! What is read of the catalogue.

use conductor_core::ports::PortError;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::super::session::{Extra, Session, Values};
use super::super::trouble::Trouble;
use super::{Column, Equality, Tag};

/// A page holds no more rows than this, however short they are.
const MOST_ROWS_PER_PAGE: u64 = 291;

/// A table, or one that it consists of.
pub(super) struct Relation {
    pub(super) oid: i64,
    pub(super) name: String,
    pub(super) sql: String,
    kind: String,
    pub(super) hides_rows: bool,
    /// Rights that the role lacks.
    pub(super) lacks: Vec<String>,
    /// The role may lock rows.
    pub(super) may_lock: bool,
    rows: f64,
    pages: i32,
}

impl Relation {
    pub(super) fn is_partitioned(&self) -> bool {
        self.kind == "p"
    }

    /// What it is, where rows cannot be deleted from it in batches.
    pub(super) fn unfit(&self) -> Option<String> {
        let kind = match self.kind.as_str() {
            "r" | "p" => return None,
            "v" => "view",
            "m" => "materialized view",
            "f" => "foreign table",
            "S" => "sequence",
            _ => "relation of another kind",
        };
        Some(format!("{} is a {kind}", self.name))
    }

    /// As many as there were when it was analysed last.
    pub(super) fn rows_per_page(&self) -> u64 {
        if self.rows <= 0.0 || self.pages <= 0 {
            return MOST_ROWS_PER_PAGE;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 1 and 291")]
        let rows = (self.rows / f64::from(self.pages)).ceil() as u64;
        rows.clamp(1, MOST_ROWS_PER_PAGE)
    }
}

/// A foreign key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) child: i64,
    pub(super) child_name: String,
    pub(super) child_sql: String,
    pub(super) parent: i64,
    /// The parent of the same key of the table that this is a partition of.
    outer_parent: Option<i64>,
    act: String,
    pub(super) columns: Vec<[String; 2]>,
    /// An index finds the rows that point at one.
    pub(super) is_indexed: bool,
}

impl Key {
    /// What becomes of rows whose parent is deleted, where something does.
    pub(super) fn on_delete(&self) -> Option<&'static str> {
        match self.act.as_str() {
            "c" => Some("CASCADE"),
            "n" => Some("SET NULL"),
            "d" => Some("SET DEFAULT"),
            _ => None,
        }
    }

    /// True where it points at a table, and not as the part of a key that does so as a whole.
    pub(super) fn is_outermost_of(&self, tree: &[i64]) -> bool {
        tree.contains(&self.parent) && !self.outer_parent.is_some_and(|outer| tree.contains(&outer))
    }
}

/// A table and all that it consists of, itself first.
pub(super) async fn relations(
    session: &mut Session<'_>,
    schema: &str,
    table: &str,
) -> Result<Vec<Relation>, PortError> {
    let sql = "WITH RECURSIVE tree AS (
            SELECT relation.oid, 0 AS depth FROM pg_catalog.pg_class AS relation
            JOIN pg_catalog.pg_namespace AS schema ON schema.oid = relation.relnamespace
            WHERE schema.nspname = $1 AND relation.relname = $2
          UNION
            SELECT part.inhrelid, tree.depth + 1 FROM pg_catalog.pg_inherits AS part
            JOIN tree ON part.inhparent = tree.oid
        )
        SELECT relation.oid::int8, quote_ident(schema.nspname) || '.' || quote_ident(relation.relname),
            CASE schema.nspname WHEN 'public' THEN '' ELSE schema.nspname || '.' END || relation.relname,
            relation.relkind::text, row_security_active(relation.oid), relation.reltuples::float8, relation.relpages,
            ARRAY(SELECT wanted FROM unnest(ARRAY['SELECT', 'DELETE']) AS wanted
                WHERE NOT has_table_privilege(relation.oid, wanted)),
            has_any_column_privilege(relation.oid, 'UPDATE')
        FROM (SELECT oid, min(depth) AS depth FROM tree GROUP BY oid) AS found
        JOIN pg_catalog.pg_class AS relation ON relation.oid = found.oid
        JOIN pg_catalog.pg_namespace AS schema ON schema.oid = relation.relnamespace
        WHERE relation.relkind NOT IN ('i', 'I', 'c', 't')
        ORDER BY found.depth, found.oid";
    read(session, sql, vec![text(schema), text(table)], |row| {
        Ok(Relation {
            oid: row.try_get(0)?,
            sql: row.try_get(1)?,
            name: row.try_get(2)?,
            kind: row.try_get(3)?,
            hides_rows: row.try_get(4)?,
            rows: row.try_get(5)?,
            pages: row.try_get(6)?,
            lacks: row.try_get(7)?,
            may_lock: row.try_get(8)?,
        })
    })
    .await
}

/// A table's columns. A domain is what it is made of.
pub(super) async fn columns(session: &mut Session<'_>, table: i64) -> Result<Vec<Column>, PortError> {
    let sql = "WITH RECURSIVE made_of AS (
            SELECT attnum, attname::text AS name, format_type(atttypid, -1) AS kind, atttypid AS type, attcollation
            FROM pg_catalog.pg_attribute WHERE attrelid = $1::int8::oid AND attnum > 0 AND NOT attisdropped
          UNION ALL
            SELECT attnum, name, kind, typbasetype, attcollation
            FROM made_of JOIN pg_catalog.pg_type AS domain ON domain.oid = made_of.type WHERE typtype = 'd'
        )
        SELECT name, kind, base.typname::text, coalesce(found.collisdeterministic, true), attcollation::int8
        FROM made_of JOIN pg_catalog.pg_type AS base ON base.oid = made_of.type AND base.typtype <> 'd'
        LEFT JOIN pg_catalog.pg_collation AS found ON found.oid = made_of.attcollation
        ORDER BY attnum";
    read(session, sql, vec![text(&table.to_string())], |row| {
        let (base, is_exact): (String, bool) = (row.try_get(2)?, row.try_get(3)?);
        let tag = match (base.as_str(), is_exact) {
            ("text" | "varchar", true) => Some(Tag::Text),
            ("bpchar", true) => Some(Tag::Padded),
            ("text" | "varchar" | "bpchar", false) | ("citext" | "uuid", _) => Some(Tag::Loose),
            _ => None,
        };
        let equality = match base.as_str() {
            "int2" | "int4" | "int8" => Equality::Integer,
            _ => Equality::Other { base, collation: row.try_get(4)?, is_exact },
        };
        Ok(Column { name: row.try_get(0)?, kind: row.try_get(1)?, tag, equality })
    })
    .await
}

/// Columns of which no two rows have the same value, by their own collation.
pub(super) async fn unique(session: &mut Session<'_>, table: i64) -> Result<Vec<String>, PortError> {
    let sql = "SELECT found.attname::text FROM pg_catalog.pg_index AS index
        JOIN pg_catalog.pg_attribute AS found ON found.attrelid = index.indrelid AND found.attnum = index.indkey[0]
        WHERE index.indcollation[0] = found.attcollation AND index.indrelid = $1::int8::oid AND index.indisunique AND index.indisvalid AND index.indpred IS NULL
        AND index.indnkeyatts = 1";
    read(session, sql, vec![text(&table.to_string())], |row| row.try_get(0)).await
}

/// The server's version, such as 180004.
pub(super) async fn version(session: &mut Session<'_>) -> Result<i32, PortError> {
    let versions = read(session, "SELECT current_setting('server_version_num')::int4", vec![], |row| row.try_get(0));
    Ok(versions.await?.into_iter().next().unwrap_or_default())
}

/// Columns by which an index finds rows. One that leaves rows without a value out does so, too.
pub(super) async fn indexed(session: &mut Session<'_>, table: i64) -> Result<Vec<String>, PortError> {
    let sql = "SELECT found.attname::text FROM pg_catalog.pg_index AS index
        JOIN pg_catalog.pg_attribute AS found ON found.attrelid = index.indrelid AND found.attnum = index.indkey[0]
        JOIN pg_catalog.pg_class AS relation ON relation.oid = index.indexrelid
        JOIN pg_catalog.pg_am AS method ON method.oid = relation.relam
        WHERE index.indrelid = $1::int8::oid AND index.indisvalid AND method.amname IN ('btree', 'hash')
        AND (index.indpred IS NULL
             OR pg_get_expr(index.indpred, index.indrelid) = format('(%I IS NOT NULL)', found.attname))";
    read(session, sql, vec![text(&table.to_string())], |row| row.try_get(0)).await
}

/// All foreign keys with one of these at either end.
pub(super) async fn keys(session: &mut Session<'_>, tables: &[i64]) -> Result<Vec<Key>, PortError> {
    let sql = "SELECT key.conrelid::int8,
            CASE schema.nspname WHEN 'public' THEN '' ELSE schema.nspname || '.' END || child.relname,
            quote_ident(schema.nspname) || '.' || quote_ident(child.relname),
            key.confrelid::int8, outer_key.confrelid::int8, key.confdeltype::text,
            ARRAY(SELECT name.attname::text FROM unnest(key.conkey) WITH ORDINALITY AS place (number, at)
                JOIN pg_catalog.pg_attribute AS name ON name.attrelid = key.conrelid AND name.attnum = place.number
                ORDER BY place.at),
            ARRAY(SELECT name.attname::text FROM unnest(key.confkey) WITH ORDINALITY AS place (number, at)
                JOIN pg_catalog.pg_attribute AS name ON name.attrelid = key.confrelid AND name.attnum = place.number
                ORDER BY place.at),
            EXISTS (SELECT 1 FROM pg_catalog.pg_index AS index WHERE index.indrelid = key.conrelid
                AND index.indisvalid AND index.indkey[0] = ANY(key.conkey))
        FROM pg_catalog.pg_constraint AS key
        JOIN pg_catalog.pg_class AS child ON child.oid = key.conrelid
        JOIN pg_catalog.pg_namespace AS schema ON schema.oid = child.relnamespace
        LEFT JOIN pg_catalog.pg_constraint AS outer_key ON outer_key.oid = key.conparentid
        WHERE key.contype = 'f'
        AND (key.conrelid = ANY($1::text[]::oid[]) OR key.confrelid = ANY($1::text[]::oid[]))
        ORDER BY key.oid";
    read(session, sql, vec![numbers(tables)], |row| {
        let (children, parents): (Vec<String>, Vec<String>) = (row.try_get(6)?, row.try_get(7)?);
        Ok(Key {
            child: row.try_get(0)?,
            child_name: row.try_get(1)?,
            child_sql: row.try_get(2)?,
            parent: row.try_get(3)?,
            outer_parent: row.try_get(4)?,
            act: row.try_get(5)?,
            columns: children.into_iter().zip(parents).map(|(child, parent)| [child, parent]).collect(),
            is_indexed: row.try_get(8)?,
        })
    })
    .await
}

/// Triggers of somebody's own that a deletion fires.
pub(super) async fn triggers(session: &mut Session<'_>, tables: &[i64]) -> Result<Vec<String>, PortError> {
    // 8 stands for DELETE in tgtype; O and A are the states in which one fires for everybody.
    let sql = "SELECT DISTINCT tgname::text FROM pg_catalog.pg_trigger WHERE tgrelid = ANY($1::text[]::oid[])
        AND NOT tgisinternal AND tgtype & 8 <> 0 AND tgenabled IN ('O', 'A') ORDER BY 1";
    read(session, sql, vec![numbers(tables)], |row| row.try_get(0)).await
}

/// Rules that do something else in place of a deletion, or beside it.
pub(super) async fn rules(session: &mut Session<'_>, tables: &[i64]) -> Result<Vec<String>, PortError> {
    let sql = "SELECT rulename::text FROM pg_catalog.pg_rewrite WHERE ev_class = ANY($1::text[]::oid[])
        AND ev_type = '4' AND ev_enabled IN ('O', 'A') ORDER BY 1";
    read(session, sql, vec![numbers(tables)], |row| row.try_get(0)).await
}

async fn read<T>(
    session: &mut Session<'_>,
    sql: &str,
    values: Vec<Extra>,
    of: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, PortError> {
    let what = "could not read the catalogue of";
    let rows = session.rows(what, sql, &Values::only(values)).await?;
    let read: Result<Vec<T>, sqlx::Error> = rows.iter().map(of).collect();
    read.map_err(|source| session.failed(what, Trouble::from(source)))
}

fn text(text: &str) -> Extra {
    Extra::Text(text.to_owned())
}

fn numbers(numbers: &[i64]) -> Extra {
    Extra::Texts(numbers.iter().map(ToString::to_string).collect())
}
