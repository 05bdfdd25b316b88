//! The statements: names quoted as they stand in the catalogue, values bound.

use sqlx::Arguments;
use sqlx::mysql::MySqlArguments;

use super::catalogue::{Checked, Pointing};
use super::key::{Key, KeyColumn, KeyOf, KeyValue};
use crate::declaration::{Bind, Dialect, RowGuardValue, Rows, Table, condition};

/// Stands around the number of a value. No name can have it.
const MARK: char = '\0';

/// Numbers of keys begin behind those of a condition's values.
const FIRST_KEY: usize = 1 << 20;

/// MySQL's way to write a condition.
struct Mysql<'a>(&'a [Checked]);

impl Dialect for Mysql<'_> {
    fn quoted(&self, name: &str) -> String {
        quoted(name)
    }

    fn table(&self, table: usize) -> String {
        self.0[table].sql.clone()
    }

    /// The server knows values by the order of their places alone, which is not yet known: see [`Text::rendered`].
    fn place(&self, position: usize) -> String {
        mark(position)
    }

    /// An index is used for what is equal by the column's collation, to which `RUN-1` and `run-1` may be one; of these only
    /// what has the very same bytes is meant.
    fn tagged(&self, _table: usize, column: &str, place: &mut dyn FnMut() -> String) -> String {
        let loosely = place();
        format!(
            "{column} = {loosely} AND CAST(CONVERT({column} USING utf8mb4) AS BINARY) = CAST({} AS BINARY)",
            place()
        )
    }
}

/// The keys in a statement that is written.
#[derive(Debug, Default)]
pub(super) struct Text {
    keys: Vec<KeyValue>,
}

/// A value of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Bind(Bind),
    Key(KeyValue),
}

/// A statement with its values in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Text {
    /// The place of a key's value.
    pub(super) fn key(&mut self, value: KeyValue) -> String {
        self.keys.push(value);
        mark(FIRST_KEY + self.keys.len())
    }

    /// The statement as the server takes it, and its values in the order of their places.
    pub(super) fn rendered(&self, sql: &str, binds: &[Bind]) -> (String, Vec<Value>) {
        let (mut text, mut values) = (String::with_capacity(sql.len()), Vec::new());
        for (position, part) in sql.split(MARK).enumerate() {
            match part.parse::<usize>() {
                // Every second part is a number.
                Ok(number) if position % 2 == 1 => {
                    let value = match number.checked_sub(FIRST_KEY) {
                        Some(key) => self.keys.get(key - 1).cloned().map(Value::Key),
                        None => binds.get(number - 1).cloned().map(Value::Bind),
                    };
                    values.extend(value);
                    text.push('?');
                }
                Ok(_) | Err(_) => text.push_str(part),
            }
        }
        (text, values)
    }

    fn statement(&self, sql: &str, binds: &[Bind]) -> Statement {
        let (sql, values) = self.rendered(sql, binds);
        Statement { sql, values }
    }
}

impl Statement {
    /// What is bound, for a run.
    pub(super) fn arguments(&self, run: &str) -> MySqlArguments {
        let mut arguments = MySqlArguments::default();
        for value in &self.values {
            // Encoding numbers, texts and bytes cannot fail.
            let _ = match value {
                Value::Bind(Bind::Run) => arguments.add(run.to_owned()),
                Value::Bind(Bind::Value(RowGuardValue::Flag(flag))) => arguments.add(*flag),
                Value::Bind(Bind::Value(RowGuardValue::Number(number))) => arguments.add(*number),
                Value::Bind(Bind::Value(RowGuardValue::Text(text))) => arguments.add(text.clone()),
                Value::Key(KeyValue::Signed(number)) => arguments.add(*number),
                Value::Key(KeyValue::Unsigned(number)) => arguments.add(*number),
                Value::Key(KeyValue::Text(text)) => arguments.add(text.clone()),
                Value::Key(KeyValue::Bytes(bytes)) => arguments.add(bytes.clone()),
            };
        }
        arguments
    }
}

/// What is known of the tables of a declaration.
#[derive(Clone, Copy)]
pub(super) struct Statements<'a> {
    pub(super) declared: &'a [Table],
    pub(super) checked: &'a [Checked],
}

impl Statements<'_> {
    /// How many rows of a run there are, or whether there are more than some.
    pub(super) fn count(self, table: usize, guarded: bool, most: Option<u64>) -> Statement {
        let rows = condition(self.declared, &Mysql(self.checked), Rows { table, guarded, part: None });
        let of = format!("FROM {} AS target WHERE {}", self.checked[table].sql, rows.sql);
        let sql = match most {
            None => format!("SELECT COUNT(*) {of}"),
            Some(most) => format!("SELECT COUNT(*) FROM (SELECT 1 {of} LIMIT {most}) AS counted"),
        };
        Text::default().statement(&sql, &rows.binds)
    }

    /// Whether two conditions of a table are one.
    pub(super) fn is_guarded(self, table: usize) -> bool {
        let of = |guarded| condition(self.declared, &Mysql(self.checked), Rows { table, guarded, part: None });
        of(true) != of(false)
    }

    /// Keys of rows with the tag, in their order, behind one of them. It locks nothing.
    pub(super) fn keys(self, tagged: usize, after: Option<&KeyOf>, most: u64) -> Statement {
        let rows = Rows { table: tagged, guarded: true, part: None };
        self.found(rows, after, most, Text::default())
    }

    /// Keys of a table's rows that are the run's by these rows with the tag, in their order, behind one of them. It locks
    /// nothing.
    pub(super) fn keys_by(
        self,
        table: usize,
        (tagged, roots): (usize, &[KeyOf]),
        after: Option<&KeyOf>,
        most: u64,
    ) -> Statement {
        let mut text = Text::default();
        let root = &self.checked[tagged];
        let part = root.key.is_one_of(None, roots, &mut text);
        self.found(Rows { table, guarded: true, part: Some((&root.sql, &part)) }, after, most, text)
    }

    fn found(self, rows: Rows<'_>, after: Option<&KeyOf>, most: u64, mut text: Text) -> Statement {
        let checked = &self.checked[rows.table];
        // Rows that come in the order of their keys anyway would be looked for among those of everybody, until there are enough.
        let by_index = if self.is_indexed(rows.table) { " IGNORE INDEX FOR ORDER BY (PRIMARY)" } else { "" };
        let found = condition(self.declared, &Mysql(self.checked), rows);
        let after = after.map(|after| format!(" AND {}", checked.key.is_after(after, &mut text))).unwrap_or_default();
        let sql = format!(
            "SELECT {} FROM {} AS target{by_index} WHERE {}{after} ORDER BY {} LIMIT {most}",
            checked.key.selected(),
            checked.sql,
            found.sql,
            checked.key.order()
        );
        text.statement(&sql, &found.binds)
    }

    /// True where an index finds rows of a run.
    fn is_indexed(self, table: usize) -> bool {
        let declared = &self.declared[table];
        let column = declared.tag_column.as_ref().or(declared.via.as_ref().map(|via| &via.column));
        column.is_some_and(|column| self.checked[table].is_indexed(column))
    }

    /// Which of these rows are still the run's, locked: nobody changes them, or makes rows that point at them.
    pub(super) fn lock(self, table: usize, keys: &[KeyOf]) -> Statement {
        let checked = &self.checked[table];
        self.of_keys(table, keys, &format!("SELECT {}", checked.key.selected()), " FOR UPDATE")
    }

    /// At which of these rows nobody points.
    pub(super) fn free(self, table: usize, keys: &[KeyOf]) -> Statement {
        let mut text = Text::default();
        let checked = &self.checked[table];
        let own = checked.key.is_one_of(Some("target"), keys, &mut text);
        let held: String = checked.pointing.iter().map(|pointing| nobody(pointing, &checked.key)).collect();
        let sql = format!("SELECT {} FROM {} AS target WHERE {own}{held}", checked.key.selected(), checked.sql);
        text.statement(&sql, &[])
    }

    /// Deletes these rows, as far as they are the run's.
    pub(super) fn delete(self, table: usize, keys: &[KeyOf]) -> Statement {
        self.of_keys(table, keys, "DELETE target", "")
    }

    fn of_keys(self, table: usize, keys: &[KeyOf], begin: &str, end: &str) -> Statement {
        let mut text = Text::default();
        let checked = &self.checked[table];
        let own = checked.key.is_one_of(Some("target"), keys, &mut text);
        let rows = condition(self.declared, &Mysql(self.checked), Rows { table, guarded: true, part: None });
        let sql = format!("{begin} FROM {} AS target WHERE {own} AND {}{end}", checked.sql, rows.sql);
        text.statement(&sql, &rows.binds)
    }
}

/// True where no row points at `target`. One that points at itself goes where the server lets it.
fn nobody(pointing: &Pointing, key: &Key) -> String {
    let equal = |(child, parent): &(String, String)| format!("pointing.{} = target.{}", quoted(child), quoted(parent));
    let pairs: Vec<String> = pointing.columns.iter().map(equal).collect();
    let itself = if pointing.is_own && pointing.changes_rows {
        let same = |column: &KeyColumn| format!("pointing.{0} = target.{0}", quoted(&column.name));
        format!(" AND NOT ({})", key.columns.iter().map(same).collect::<Vec<_>>().join(" AND "))
    } else {
        String::new()
    };
    format!(" AND NOT EXISTS (SELECT 1 FROM {} AS pointing WHERE {}{itself})", pointing.child, pairs.join(" AND "))
}

fn mark(number: usize) -> String {
    format!("{MARK}{number}{MARK}")
}

pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
