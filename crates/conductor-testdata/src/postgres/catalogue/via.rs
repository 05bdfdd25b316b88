//! How rows of a child are known by those of their parent, so that no others are.

use conductor_core::ports::PortError;

use super::super::session::Session;
use super::super::settings::PostgresTestDataSettings;
use super::{Checked, Pointing, read, refused};

/// When two values of a column are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Equality {
    /// As whole numbers, of whatever length.
    Integer,
    /// As this type says, by this collation; other values may be equal where that is not exact.
    Other { base: String, collation: i64, is_exact: bool },
}

impl Equality {
    /// True where equal values of both are the same value.
    fn fits(&self, other: &Self) -> bool {
        let is_exact = |equality: &Self| match equality {
            Self::Integer => true,
            Self::Other { base, is_exact, .. } => *is_exact && base != "citext",
        };
        self == other && is_exact(self)
    }
}

/// A row of a child is found by its parent's value, which must not be equal to another's.
pub(super) fn fitting(settings: &PostgresTestDataSettings, tables: &[Checked]) -> Result<(), PortError> {
    for (table, declared) in tables.iter().zip(&settings.tables) {
        let (Some(via), Some(parent)) = (&declared.via, declared.parent(&settings.tables)) else { continue };
        let parent = &tables[parent];
        let of = |table: &'_ Checked, name: &str| table.columns.iter().find(|column| column.name == name).cloned();
        let (Some(column), Some(key)) = (of(table, &via.column), of(parent, &via.parent_column)) else { continue };
        if !column.equality.fits(&key.equality) {
            let act = format!(
                "{}.{} ({}) and {}.{} ({}) are not of one type and collation by which only the same values are equal, so that \
                 rows of others could match; expected a via whose columns are",
                table.name, column.name, column.kind, parent.name, key.name, key.kind
            );
            return Err(refused(settings, &act));
        }
    }
    Ok(())
}

/// Parents whose children no foreign key keeps are deleted after the children that are there; for those that come later nothing can be
/// done, which is told.
pub(super) fn unkept(settings: &PostgresTestDataSettings, tables: &mut [Checked]) -> Vec<String> {
    let mut remarks = Vec::new();
    for (position, declared) in settings.tables.iter().enumerate() {
        let (Some(via), Some(parent)) = (&declared.via, declared.parent(&settings.tables)) else { continue };
        let (child, is_own) = (tables[position].sql.clone(), position == parent);
        let pair = [(via.column.clone(), via.parent_column.clone())];
        if tables[parent].pointing.iter().any(|key| key.child == child && key.columns == pair) {
            continue;
        }
        remarks.push(format!(
            "no foreign key keeps {}.{} to {}: rows that come after those of {2} are deleted are not found any more",
            tables[position].name, via.column, tables[parent].name
        ));
        if tables[position].is_indexed(&via.column) {
            tables[parent].pointing.push(Pointing { child, columns: pair.to_vec(), changes_rows: true, is_own });
        }
    }
    remarks
}

/// A row of a child must be of one parent row only.
pub(super) async fn unique(
    settings: &PostgresTestDataSettings,
    position: usize,
    name: &str,
    is_inherited: bool,
    root: i64,
    session: &mut Session<'_>,
) -> Result<(), PortError> {
    let children = settings.tables.iter().filter(|other| other.parent(&settings.tables) == Some(position));
    let keys: Vec<&String> = children.filter_map(|child| Some(&child.via.as_ref()?.parent_column)).collect();
    if keys.is_empty() {
        return Ok(());
    }
    // An index does not reach the tables that inherit from its own.
    let unique = if is_inherited { Vec::new() } else { read::unique(session, root).await? };
    match keys.into_iter().find(|key| !unique.contains(key)) {
        None => Ok(()),
        Some(key) => {
            let act = format!(
                "several rows of {name} may have the same {key}, so that a row of others could match by it; expected a \
                 parentColumn with a unique index"
            );
            Err(refused(settings, &act))
        }
    }
}
