//! The foreign keys of a SQLite file, and what they would do to rows that point at a deleted one.

use std::collections::BTreeMap;

use conductor_core::ports::PortError;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqliteTestDataSettings;
use super::catalogue::{quoted, unread};

/// One foreign key.
pub(super) struct ForeignKey {
    /// The table with the rows that point.
    pub(super) child: String,
    /// The table they point at.
    pub(super) parent: String,
    /// Pairs of columns: the child's, and the parent's.
    columns: Vec<(String, String)>,
    /// What becomes of a row whose parent is deleted, such as `CASCADE`.
    pub(super) on_delete: String,
}

impl ForeignKey {
    /// True when rows are changed by the deletion of what they point at.
    pub(super) fn changes_rows(&self) -> bool {
        ["CASCADE", "SET NULL", "SET DEFAULT"].contains(&self.on_delete.as_str())
    }

    pub(super) fn is_within_one_table(&self) -> bool {
        self.child.eq_ignore_ascii_case(&self.parent)
    }

    /// True for a row of the parent's table at which no other row points any more.
    pub(super) fn nobody_points_at(&self) -> String {
        let pairs: Vec<String> = self
            .columns
            .iter()
            .map(|(child, parent)| format!("pointing.{} = {}.{}", quoted(child), quoted(&self.parent), quoted(parent)))
            .collect();
        let another = match self.is_within_one_table() {
            true => format!(" AND pointing.rowid <> {}.rowid", quoted(&self.parent)),
            false => String::new(),
        };
        format!("NOT EXISTS (SELECT 1 FROM {} AS pointing WHERE {}{another})", quoted(&self.child), pairs.join(" AND "))
    }
}

/// All of the file.
pub(super) async fn read(
    settings: &SqliteTestDataSettings,
    connection: &mut SqliteConnection,
) -> Result<Vec<ForeignKey>, PortError> {
    // A key that names no columns of its parent means the primary key's.
    let sql = "SELECT child.name, key.id, key.\"table\", key.\"from\", \
               COALESCE(key.\"to\", (SELECT name FROM pragma_table_info(key.\"table\") WHERE pk = key.seq + 1)), \
               key.on_delete \
               FROM pragma_table_list AS child, pragma_foreign_key_list(child.name) AS key \
               WHERE child.schema = 'main' ORDER BY child.name, key.id, key.seq";
    let rows = sqlx::query(sql).fetch_all(connection).await.map_err(|source| unread(settings, source))?;
    let mut keys: BTreeMap<(String, i64), ForeignKey> = BTreeMap::new();
    for row in &rows {
        let (child, id, parent, columns, on_delete) = columns_of(row).map_err(|source| unread(settings, source))?;
        let key = keys.entry((child.clone(), id));
        key.or_insert_with(|| ForeignKey { child, parent, columns: Vec::new(), on_delete }).columns.push(columns);
    }
    Ok(keys.into_values().collect())
}

type Columns = (String, i64, String, (String, String), String);

fn columns_of(row: &SqliteRow) -> Result<Columns, sqlx::Error> {
    let pair = (row.try_get(3)?, row.try_get(4)?);
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, pair, row.try_get(5)?))
}
