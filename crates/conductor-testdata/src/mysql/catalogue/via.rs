//! How rows of a child are known by those of their parent, so that no others are.

use conductor_core::ports::PortError;

use super::super::settings::MysqlTestDataSettings;
use super::read::Column;
use super::{Checked, Pointing, refused};

/// How two columns are compared, where that is done without making something else of their values.
#[derive(Debug, PartialEq, Eq)]
enum Equality<'a> {
    /// As whole numbers, of whatever length and sign.
    Integer,
    /// Byte by byte.
    Bytes,
    /// As texts of a collation.
    Text(&'a str),
    /// As values of exactly this type.
    Same(&'a str),
}

impl<'a> Equality<'a> {
    /// `None` for types whose values are compared as fractions, or as what they are called.
    fn of(column: &'a Column) -> Option<Self> {
        match column.kind.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => Some(Self::Integer),
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Some(Self::Bytes),
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Some(Self::Text(&column.collation)),
            "decimal" | "uuid" | "date" | "datetime" | "timestamp" => Some(Self::Same(&column.declared)),
            _ => None,
        }
    }
}

/// A row of a child is found by its parent's value, which must not be equal to another's.
///
/// A number that is compared with a text is compared as a fraction: beyond 2^53 several numbers are one then.
pub(super) fn fitting(settings: &MysqlTestDataSettings, tables: &[Checked]) -> Result<(), PortError> {
    for (table, declared) in tables.iter().zip(&settings.tables) {
        let (Some(via), Some(parent)) = (&declared.via, declared.parent(&settings.tables)) else { continue };
        let parent = &tables[parent];
        let (Some(column), Some(key)) = (find(table, &via.column), find(parent, &via.parent_column)) else { continue };
        let equality = Equality::of(column);
        if equality.is_none() || equality != Equality::of(key) {
            let act = format!(
                "{}.{} ({}) and {}.{} ({}) are not both whole numbers, both bytes, both texts of one collation, or of one type among \
                 decimal, uuid, date, datetime and timestamp, so that rows of others could match; expected a via whose columns are",
                table.name,
                column.name,
                column.shown(),
                parent.name,
                key.name,
                key.shown()
            );
            return Err(refused(settings, &act));
        }
    }
    Ok(())
}

fn find<'a>(table: &'a Checked, name: &str) -> Option<&'a Column> {
    table.columns.iter().find(|column| column.name == name)
}

/// Parents whose children no foreign key keeps are deleted after the children that are there; for those that come later
/// nothing can be done, which is told.
pub(super) fn unkept(settings: &MysqlTestDataSettings, tables: &mut [Checked]) -> Vec<String> {
    let mut remarks = Vec::new();
    for (position, declared) in settings.tables.iter().enumerate() {
        let (Some(via), Some(parent)) = (&declared.via, declared.parent(&settings.tables)) else { continue };
        let child = tables[position].sql.clone();
        let pair = [(via.column.clone(), via.parent_column.clone())];
        if tables[parent].pointing.iter().any(|key| key.child == child && key.columns == pair) {
            continue;
        }
        remarks.push(format!(
            "no foreign key keeps {}.{} to {}: rows that come after those of {2} are deleted are not found any more",
            tables[position].name, via.column, tables[parent].name
        ));
        // Without an index each look would read the whole table.
        if tables[position].is_indexed(&via.column) {
            let is_own = position == parent;
            tables[parent].pointing.push(Pointing { child, columns: pair.to_vec(), changes_rows: true, is_own });
        }
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(one: [&str; 3], other: [&str; 3]) -> bool {
        let column = |[kind, declared, collation]: [&str; 3]| Column {
            name: String::new(),
            kind: kind.to_owned(),
            declared: declared.to_owned(),
            charset: String::new(),
            collation: collation.to_owned(),
        };
        let (one, other) = (column(one), column(other));
        Equality::of(&one).is_some() && Equality::of(&one) == Equality::of(&other)
    }

    #[test]
    fn columns_fit_where_their_values_are_compared_as_they_are() {
        let text = |collation| ["varchar", "varchar(9)", collation];
        let number = |kind| [kind, kind, ""];
        assert!(fits(number("bigint"), number("int")));
        assert!(fits(text("utf8mb4_bin"), text("utf8mb4_bin")));
        assert!(fits(["binary", "binary(16)", ""], ["varbinary", "varbinary(20)", ""]));
        assert!(fits(["uuid", "uuid", ""], ["uuid", "uuid", ""]));
        assert!(!fits(number("bigint"), text("utf8mb4_bin")));
        assert!(!fits(text("utf8mb4_bin"), text("utf8mb4_general_ci")));
        assert!(!fits(text("utf8mb4_bin"), ["varbinary", "varbinary(9)", ""]));
        assert!(!fits(["decimal", "decimal(9,0)", ""], ["decimal", "decimal(9,2)", ""]));
        assert!(!fits(number("double"), number("double")), "fractions are rounded");
        assert!(!fits(["enum", "enum('a')", ""], ["enum", "enum('a')", ""]));
    }
}
