//! The primary key of a table, and its values: by them rows are read in order and deleted.

use sqlx::Row;
use sqlx::mysql::MySqlRow;

use super::statement::{Text, quoted};

/// A primary key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) columns: Vec<KeyColumn>,
}

/// A column of a primary key.
#[derive(Clone, Debug)]
pub(super) struct KeyColumn {
    pub(super) name: String,
    pub(super) kind: KeyKind,
    /// The character set and the collation of its texts, where texts that are bound are not compared as such by themselves.
    pub(super) collated: Option<[String; 2]>,
}

impl KeyColumn {
    /// What stands in place of a value that is bound. Of several columns that are compared at once the server converts nothing
    /// rightly, and a column that it converted would be in another order than its index.
    fn bound(&self, place: String) -> String {
        match &self.collated {
            Some([charset, collation]) => format!("CONVERT({place} USING {charset}) COLLATE {collation}"),
            None => place,
        }
    }
}

/// How values of a column are read and bound, so that none is rounded on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Signed,
    Unsigned,
    Text,
    Bytes,
}

impl KeyKind {
    /// The kind for a type of the catalogue; `None` for one whose values would be compared as something else.
    pub(super) fn of(data_type: &str, column_type: &str) -> Option<Self> {
        match data_type {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" if column_type.contains("unsigned") => {
                Some(Self::Unsigned)
            }
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => Some(Self::Signed),
            "char" | "varchar" | "date" | "datetime" | "timestamp" | "time" | "uuid" => Some(Self::Text),
            "binary" | "varbinary" => Some(Self::Bytes),
            _ => None,
        }
    }
}

/// A value of a key's column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeyValue {
    Signed(i64),
    Unsigned(u64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The values of one row's key.
pub(super) type KeyOf = Vec<KeyValue>;

impl Key {
    /// What is selected to read the key, of a table that is called `target`.
    pub(super) fn selected(&self) -> String {
        let column = |column: &KeyColumn| {
            let name = quoted(&column.name);
            match column.kind {
                KeyKind::Signed => format!("CAST(target.{name} AS SIGNED)"),
                KeyKind::Unsigned => format!("CAST(target.{name} AS UNSIGNED)"),
                KeyKind::Text => format!("CONVERT(CAST(target.{name} AS CHAR) USING utf8mb4)"),
                KeyKind::Bytes => format!("CAST(target.{name} AS BINARY)"),
            }
        };
        self.columns.iter().map(column).collect::<Vec<_>>().join(", ")
    }

    /// The order of the key, of a table that is called `target`.
    pub(super) fn order(&self) -> String {
        self.columns.iter().map(|column| format!("target.{}", quoted(&column.name))).collect::<Vec<_>>().join(", ")
    }

    /// The key of a row as it was selected.
    pub(super) fn read(&self, row: &MySqlRow) -> Result<KeyOf, sqlx::Error> {
        let value = |(position, column): (usize, &KeyColumn)| match column.kind {
            KeyKind::Signed => row.try_get(position).map(KeyValue::Signed),
            KeyKind::Unsigned => row.try_get(position).map(KeyValue::Unsigned),
            KeyKind::Text => row.try_get(position).map(KeyValue::Text),
            KeyKind::Bytes => row.try_get(position).map(KeyValue::Bytes),
        };
        self.columns.iter().enumerate().map(value).collect()
    }

    /// True for rows whose key is one of these. Columns are called after `table`, where that is said.
    pub(super) fn is_one_of(&self, table: Option<&str>, keys: &[KeyOf], text: &mut Text) -> String {
        let table = table.map(|table| format!("{table}.")).unwrap_or_default();
        let columns: Vec<String> =
            self.columns.iter().map(|column| format!("{table}{}", quoted(&column.name))).collect();
        let places = |key: &KeyOf| {
            let pairs = self.columns.iter().zip(key);
            let places =
                pairs.map(|(column, value)| column.bound(text.key(value.clone()))).collect::<Vec<_>>().join(", ");
            if key.len() == 1 { places } else { format!("({places})") }
        };
        let all = keys.iter().map(places).collect::<Vec<_>>().join(", ");
        match &columns[..] {
            [column] => format!("{column} IN ({all})"),
            columns => format!("({}) IN ({all})", columns.join(", ")),
        }
    }

    /// True for rows of `target` that come after this key.
    pub(super) fn is_after(&self, key: &KeyOf, text: &mut Text) -> String {
        let mut cases = Vec::new();
        for last in 0..self.columns.len() {
            let part = |position: usize, text: &mut Text| {
                let operator = if position == last { ">" } else { "=" };
                let column = &self.columns[position];
                let place = column.bound(text.key(key[position].clone()));
                format!("target.{} {operator} {place}", quoted(&column.name))
            };
            let parts: Vec<String> = (0..=last).map(|position| part(position, text)).collect();
            cases.push(parts.join(" AND "));
        }
        match &cases[..] {
            [one] => one.clone(),
            cases => {
                // An index is entered by the first column, which the cases alone do not show to every optimizer.
                let (column, place) = (&self.columns[0], text.key(key[0].clone()));
                let first = format!("target.{} >= {}", quoted(&column.name), column.bound(place));
                format!("{first} AND ({})", cases.join(" OR "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(names: &[&str]) -> Key {
        let column = |name: &&str| KeyColumn { name: (*name).to_owned(), kind: KeyKind::Signed, collated: None };
        Key { columns: names.iter().map(column).collect() }
    }

    #[test]
    fn keys_of_one_column_and_of_several_are_compared_as_a_whole() {
        let values = |values: &[i64]| values.iter().copied().map(KeyValue::Signed).collect::<KeyOf>();
        let rendered = |make: &dyn Fn(&mut Text) -> String| {
            let mut text = Text::default();
            let sql = make(&mut text);
            let (sql, values) = text.rendered(&sql, &[]);
            (sql, values.len())
        };
        let (one, two) = (key(&["id"]), key(&["a", "b"]));
        assert_eq!(
            rendered(&|text| one.is_one_of(None, &[values(&[1]), values(&[2])], text)),
            ("`id` IN (?, ?)".to_owned(), 2)
        );
        assert_eq!(
            rendered(&|text| two.is_one_of(Some("target"), &[values(&[1, 2])], text)),
            ("(target.`a`, target.`b`) IN ((?, ?))".to_owned(), 2)
        );
        assert_eq!(rendered(&|text| one.is_after(&values(&[7]), text)), ("target.`id` > ?".to_owned(), 1));
        assert_eq!(
            rendered(&|text| two.is_after(&values(&[1, 2]), text)),
            ("target.`a` >= ? AND (target.`a` > ? OR target.`a` = ? AND target.`b` > ?)".to_owned(), 4)
        );
    }

    #[test]
    fn texts_of_other_character_sets_are_bound_in_that_of_the_column() {
        let collated = Some(["latin1".to_owned(), "latin1_bin".to_owned()]);
        let key = Key { columns: vec![KeyColumn { name: "id".to_owned(), kind: KeyKind::Text, collated }] };
        let mut text = Text::default();
        let sql = key.is_after(&vec![KeyValue::Text("ä".to_owned())], &mut text);
        assert_eq!(text.rendered(&sql, &[]).0, "target.`id` > CONVERT(? USING latin1) COLLATE latin1_bin");
    }

    #[test]
    fn values_that_would_be_compared_as_others_make_no_key() {
        assert_eq!(KeyKind::of("bigint", "bigint(20) unsigned"), Some(KeyKind::Unsigned));
        assert_eq!(KeyKind::of("varchar", "varchar(36)"), Some(KeyKind::Text));
        assert_eq!(KeyKind::of("decimal", "decimal(20,0)"), None);
        assert_eq!(KeyKind::of("double", "double"), None);
    }
}
