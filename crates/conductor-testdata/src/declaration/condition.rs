//! How a row is known to be of a run, as a condition in SQL with bound values.

use super::guard::{RowGuardCondition, RowGuardValue};
use super::{Table, path};

/// What differs between databases. Columns are given by the number of their declared table.
pub(crate) trait Dialect {
    /// A name, quoted.
    fn quoted(&self, name: &str) -> String;
    /// A declared table, with its schema and quoted.
    fn table(&self, table: usize) -> String;
    /// The place of the bound value at this position, which begins with 1.
    fn place(&self, position: usize) -> String;
    /// True where a column is exactly the run's id, in upper and lower case, with blanks and without: a collation must not
    /// make two runs one. The column is quoted. Each call of `place` binds the run's id once more.
    fn tagged(&self, table: usize, column: &str, place: &mut dyn FnMut() -> String) -> String;
    /// A bound value as something to compare a column with.
    fn value(&self, table: usize, column: &str, place: &str) -> String {
        let _ = (table, column);
        place.to_owned()
    }
}

/// What is bound at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bind {
    /// The run's id.
    Run,
    /// A value of a row guard.
    Value(RowGuardValue),
}

/// A condition, and the values of its places in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) sql: String,
    pub(crate) binds: Vec<Bind>,
}

/// Which rows are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    /// The number of their declared table.
    pub(crate) table: usize,
    /// Only those that may be deleted: which meet the row guards of their table, and are known to be of the run by rows that do, too.
    pub(crate) guarded: bool,
    /// Only those that are known to be of the run by a part of the rows with the tag: what stands in place of the tagged table, and
    /// what is true of that part.
    pub(crate) part: Option<(&'a str, &'a str)>,
}

/// The condition for rows of a run. The declaration has no violations; its first value is bound at place 1.
pub(crate) fn condition(tables: &[Table], dialect: &impl Dialect, rows: Rows<'_>) -> Condition {
    let mut built = Condition::default();
    let path = path(tables, rows.table);
    let last = path.len() - 1;
    for (step, index) in path.iter().copied().enumerate() {
        let declared = &tables[index];
        // A column that is gone from its table must be an error: without the table's name it would be one of the table outside.
        let column = |name: &str| match step {
            0 => dialect.quoted(name),
            _ => format!("step{step}.{}", dialect.quoted(name)),
        };
        if rows.guarded {
            for guard in &declared.row_guard.conditions {
                built.guard(dialect, index, guard, &column(&guard.column));
                built.sql.push_str(" AND ");
            }
        }
        match (&declared.tag_column, &declared.via) {
            (Some(tag), _) => {
                let binds = &mut built.binds;
                let mut place = || {
                    binds.push(Bind::Run);
                    dialect.place(binds.len())
                };
                built.sql.push_str(&dialect.tagged(index, &column(tag), &mut place));
            }
            (None, Some(via)) => {
                let parent = path.get(step + 1).copied().unwrap_or(index);
                let whole = dialect.table(parent);
                let (from, part) = match rows.part {
                    Some((from, part)) if step + 1 == last => (from, format!("{part} AND ")),
                    Some(_) | None => (whole.as_str(), String::new()),
                };
                let (column, key, inner) = (column(&via.column), dialect.quoted(&via.parent_column), step + 1);
                built.sql.push_str(&format!(
                    "{column} IN (SELECT step{inner}.{key} FROM {from} AS step{inner} WHERE {part}"
                ));
            }
            (None, None) => {}
        }
    }
    built.sql.push_str(&")".repeat(last));
    if let (0, Some((_, part))) = (last, rows.part) {
        built.sql = format!("{part} AND {}", built.sql);
    }
    built
}

impl Condition {
    fn guard(&mut self, dialect: &impl Dialect, table: usize, guard: &RowGuardCondition, column: &str) {
        let (operator, _) = guard.op.sql();
        self.sql.push_str(&format!("{column} {operator}"));
        if let Some(value) = &guard.value {
            self.binds.push(Bind::Value(value.clone()));
            let place = dialect.place(self.binds.len());
            self.sql.push_str(&format!(" {}", dialect.value(table, &guard.column, &place)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declaration::tests::tables;

    struct Plain<'a>(&'a [Table]);

    impl Dialect for Plain<'_> {
        fn quoted(&self, name: &str) -> String {
            format!("[{name}]")
        }
        fn table(&self, table: usize) -> String {
            self.quoted(&self.0[table].table)
        }
        fn place(&self, position: usize) -> String {
            format!("?{position}")
        }
        fn tagged(&self, _table: usize, column: &str, place: &mut dyn FnMut() -> String) -> String {
            format!("{column} = {}", place())
        }
    }

    #[test]
    fn a_row_is_known_by_its_tag_and_held_back_by_the_guards_on_its_path() {
        let tables = tables(serde_json::json!([
            { "table": "orders", "tagColumn": "run", "rowGuard": { "where": [{ "column": "test", "value": true }] } },
            { "table": "lines", "via": { "column": "order", "references": "orders", "parentColumn": "id" },
              "rowGuard": { "where": [{ "column": "kept", "op": "isNull" }, { "column": "price", "op": "atMost", "value": 5 }] } },
            { "table": "parcels", "via": { "column": "line", "references": "lines", "parentColumn": "no" } },
        ]));
        let of = |table, guarded, part| condition(&tables, &Plain(&tables), Rows { table, guarded, part });
        assert_eq!(of(0, false, None).sql, "[run] = ?1");
        assert_eq!(of(0, true, Some(("x", "page < 7"))).sql, "page < 7 AND [test] = ?1 AND [run] = ?2");
        assert_eq!(
            of(2, false, Some(("ONLY [orders]", "page < 7"))).sql,
            "[line] IN (SELECT step1.[no] FROM [lines] AS step1 WHERE step1.[order] IN \
             (SELECT step2.[id] FROM ONLY [orders] AS step2 WHERE page < 7 AND step2.[run] = ?1))"
        );
        let guarded = of(2, true, None);
        assert_eq!(
            guarded.sql,
            "[line] IN (SELECT step1.[no] FROM [lines] AS step1 WHERE step1.[kept] IS NULL AND step1.[price] <= ?1 AND \
             step1.[order] IN (SELECT step2.[id] FROM [orders] AS step2 WHERE step2.[test] = ?2 AND step2.[run] = ?3))"
        );
        let values = [RowGuardValue::Number(5), RowGuardValue::Flag(true)].map(Bind::Value);
        assert_eq!(guarded.binds, [values[0].clone(), values[1].clone(), Bind::Run]);
    }
}
