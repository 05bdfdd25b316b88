//! Random tables with random keys and rows: what remains is exactly what was there before the run.

use std::fmt::Write;

use conductor_core::ports::{FailureKind, TestDataStore};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::bed::{Bed, run};

/// How many schemas are tried.
const SCHEMAS: u32 = 12;
/// Rows of each table, for each owner.
const ROWS: u32 = 30;
/// What becomes of rows that point.
const ACTS: [&str; 4] = ["NO ACTION", "CASCADE", "SET NULL", "RESTRICT"];

/// A table of the schema: it points at tables before it, and perhaps at itself.
#[derive(Clone, Debug)]
struct Made {
    /// Its keys to tables before it, by numbers that are taken modulo how many there are, and what these do.
    keys: Vec<(usize, usize)>,
    /// It is known by its first key, where it has one.
    is_via: bool,
    /// The database knows of the key by which it is known.
    is_kept: bool,
    is_indexed: bool,
    /// Its rows point at others of it, and what that does.
    tree: Option<usize>,
    /// Where its rows point.
    seed: u32,
}

fn made() -> impl Strategy<Value = Made> {
    let keys = proptest::collection::vec((any::<usize>(), 0..ACTS.len()), 0..3);
    let tree = proptest::option::of(0..ACTS.len());
    (keys, any::<[bool; 3]>(), tree, any::<u32>()).prop_map(|(keys, [is_via, is_kept, is_indexed], tree, seed)| Made {
        keys,
        is_via,
        is_kept,
        is_indexed,
        tree,
        seed,
    })
}

impl Made {
    /// Keys of the table with this number: the first one has none before it.
    fn keys(&self, number: usize) -> &[(usize, usize)] {
        if number == 0 { &[] } else { &self.keys }
    }

    fn is_via(&self, number: usize) -> bool {
        self.is_via && !self.keys(number).is_empty()
    }

    fn columns(&self, number: usize) -> Vec<String> {
        let tag = (!self.is_via(number)).then(|| "run_id".to_owned());
        let tree = self.tree.map(|_| "up".to_owned());
        let keys = (0..self.keys(number).len()).map(|at| format!("k{at}"));
        ["id".to_owned()].into_iter().chain(tag).chain(tree).chain(keys).collect()
    }
}

/// The schema in SQL, with its declaration.
fn schema(tables: &[Made]) -> (String, Value) {
    let (mut sql, mut declared) = ("CREATE DATABASE shop; USE shop;\n".to_owned(), Vec::new());
    for (number, table) in tables.iter().enumerate() {
        write!(sql, "CREATE TABLE t{number} (id INT PRIMARY KEY").unwrap();
        for column in &table.columns(number)[1..] {
            write!(sql, ", {column} {}", if column == "run_id" { "VARCHAR(20)" } else { "INT" }).unwrap();
        }
        let key = |column: &str, parent: usize, act: usize| {
            format!(", FOREIGN KEY ({column}) REFERENCES t{parent} (id) ON DELETE {}", ACTS[act])
        };
        sql.push_str(&table.tree.map(|act| key("up", number, act)).unwrap_or_default());
        for (at, (parent, act)) in table.keys(number).iter().enumerate() {
            // What a key that the database does not know keeps is found by an index.
            let is_known = table.is_kept || !table.is_via(number) || at > 0;
            let own = key(&format!("k{at}"), parent % number, *act);
            sql.push_str(if is_known { &own } else { ", INDEX (k0)" });
        }
        let mut written = json!({ "table": format!("t{number}") });
        if table.is_via(number) {
            let parent = format!("t{}", table.keys[0].0 % number);
            written["via"] = json!({ "column": "k0", "references": parent, "parentColumn": "id" });
        } else {
            written["tagColumn"] = "run_id".into();
            sql.push_str(if table.is_indexed { ", INDEX (run_id)" } else { "" });
        }
        sql.push_str(");\n");
        declared.push(written);
    }
    // Parents first: nothing may depend on how they are declared.
    (sql, Value::Array(declared))
}

/// Rows from one number on, which point at rows from another number on. Those that are known by a parent have one of their own.
fn rows(tables: &[Made], from: u32, run: &str, at: u32) -> String {
    let mut sql = "USE shop;\n".to_owned();
    for (number, table) in tables.iter().enumerate() {
        for id in from..from + ROWS {
            let pick = |at: u32, salt: u32| at + id.wrapping_mul(2_654_435_761).wrapping_add(table.seed ^ salt) % ROWS;
            let value = |column: String| match (column.as_str(), column.strip_prefix('k')) {
                ("id", _) => id.to_string(),
                ("run_id", _) => run.to_owned(),
                ("k0", _) if table.is_via(number) => pick(from, 0).to_string(),
                (_, Some(key)) => pick(at, key.parse().unwrap()).to_string(),
                (_, None) => match pick(at, 7) {
                    up if up < id => up.to_string(),
                    _ => "NULL".to_owned(),
                },
            };
            let values: Vec<String> = table.columns(number).into_iter().map(value).collect();
            writeln!(sql, "INSERT INTO t{number} VALUES ({});", values.join(", ")).unwrap();
        }
    }
    sql
}

/// All rows from one number on.
async fn all(bed: &Bed, tables: &[Made], from: u32) -> Vec<String> {
    let mut found = Vec::new();
    for (number, table) in tables.iter().enumerate() {
        let columns = table.columns(number).join(", ");
        let all = format!("GROUP_CONCAT(JSON_ARRAY({columns}) ORDER BY id)");
        found.push(bed.text(&format!("SELECT COALESCE({all}, '') FROM t{number} WHERE id >= {from}")).await);
    }
    found
}

/// True where rows of others can point at the run's.
fn can_point(tables: &[Made]) -> bool {
    let own = |(number, table): (usize, &Made)| {
        table.tree.is_some() || table.keys(number).len() > usize::from(table.is_via(number))
    };
    tables.iter().enumerate().any(own)
}

/// A table whose rows others point at, and whose parents no key keeps: chance seldom makes it.
fn chain() -> Vec<Made> {
    let table = |keys: &[(usize, usize)], is_via| Made {
        keys: keys.to_vec(),
        is_via,
        is_kept: false,
        is_indexed: true,
        tree: None,
        seed: 1,
    };
    vec![table(&[], false), table(&[(0, 0)], true), table(&[(1, 0)], false)]
}

#[tokio::test]
async fn what_remains_is_exactly_what_was_there_before_the_run_and_what_others_need() {
    let mut runner = TestRunner::deterministic();
    let schemas = proptest::collection::vec(made(), 1..5);
    let bed = Bed::with("DO 0").await;
    for number in 0..SCHEMAS {
        let tables = if number == 0 { chain() } else { schemas.new_tree(&mut runner).unwrap().current() };
        let (sql, declared) = schema(&tables);
        bed.run(&sql).await;
        bed.run(&rows(&tables, 1000, "'run-2'", 1000)).await;
        bed.run(&rows(&tables, 2000, "NULL", 2000)).await;
        let before = all(&bed, &tables, 0).await;
        bed.run(&rows(&tables, 1, "'run-1'", 1)).await;
        bed.run(&rows(&tables, 3000, "'run-2'", 1)).await;
        let of_others = all(&bed, &tables, 1000).await;
        let store = bed.store(declared, json!({ "batchSize": 16 }));
        let first = store.delete(&run()).await;
        assert_eq!(all(&bed, &tables, 1000).await, of_others, "{sql}");
        for table in (0..tables.len()).rev() {
            // From its leaves, whatever its key says.
            bed.run(&format!("DELETE FROM shop.t{table} WHERE id >= 3000 ORDER BY id DESC")).await;
        }
        let deleted = match can_point(&tables) {
            true => {
                assert_eq!(first.map_err(|error| error.kind), Err(FailureKind::Unsettled), "{sql}");
                store.delete(&run()).await
            }
            false => first,
        };
        let deleted = deleted.unwrap_or_else(|error| panic!("{error:?}: {sql}"));
        assert_eq!(all(&bed, &tables, 0).await, before, "{sql}");
        assert!(deleted.iter().all(|table| table.rows == u64::from(ROWS)), "{deleted:?}: {sql}");
        bed.run("DROP DATABASE shop").await;
    }
}
