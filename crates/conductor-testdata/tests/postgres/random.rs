//! Random tables with random keys and rows: what remains is exactly what was there before the run.

use std::fmt::Write;

use conductor_core::ports::{FailureKind, TestDataStore};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::bed::{Bed, run};

/// How many schemas are tried.
const SCHEMAS: u32 = 24;
/// Rows of each table, before and of the run.
const ROWS: u32 = 40;

/// A table of the schema: it points at tables before it, and perhaps at itself.
#[derive(Clone, Debug)]
struct Made {
    /// Its keys to tables before it, by numbers that are taken modulo how many there are, and what these do.
    keys: Vec<(usize, u8)>,
    /// It is known by its first key, where it has one.
    is_via: bool,
    /// The database knows of the key by which it is known.
    is_kept: bool,
    is_indexed: bool,
    has_tree: bool,
    is_partitioned: bool,
    /// Where its rows point.
    seed: u32,
}

fn made() -> impl Strategy<Value = Made> {
    let keys = proptest::collection::vec((any::<usize>(), 0..4_u8), 0..3);
    (keys, any::<[bool; 5]>(), any::<u32>()).prop_map(|(keys, flags, seed)| {
        let [is_via, is_kept, is_indexed, has_tree, partitioned] = flags;
        let is_partitioned = partitioned && seed % 3 == 0 && !has_tree;
        // Without a key and without an index nothing keeps a child's parent, which is in the docs.
        let is_indexed = is_indexed || !is_kept;
        Made { keys, is_via, is_kept, is_indexed, has_tree, is_partitioned, seed }
    })
}

/// The schema in SQL, with its declaration.
fn schema(tables: &[Made]) -> (String, Value) {
    let (mut sql, mut declared) = (String::new(), Vec::new());
    for (number, table) in tables.iter().enumerate() {
        let acts = ["NO ACTION", "CASCADE", "SET NULL", "RESTRICT"];
        let is_via = table.is_via && !table.keys.is_empty() && number > 0;
        let tag = if is_via { "" } else { ", run_id text" };
        let tree = if table.has_tree { ", up int REFERENCES t0" } else { "" }.replace("t0", &format!("t{number}"));
        let part = if table.is_partitioned { " PARTITION BY HASH (id)" } else { "" };
        write!(sql, "CREATE TABLE t{number} (id int PRIMARY KEY{tag}{tree}").unwrap();
        let keys = if number == 0 { &[][..] } else { &table.keys[..] };
        for (at, (parent, act)) in keys.iter().enumerate() {
            write!(sql, ", k{at} int").unwrap();
            if table.is_kept || !is_via || at > 0 {
                write!(sql, " REFERENCES t{} ON DELETE {}", parent % number, acts[usize::from(*act)]).unwrap();
            }
        }
        writeln!(sql, "){part};").unwrap();
        for remainder in 0..if table.is_partitioned { 2 } else { 0 } {
            let values = format!("WITH (modulus 2, remainder {remainder})");
            writeln!(sql, "CREATE TABLE t{number}_{remainder} PARTITION OF t{number} FOR VALUES {values};").unwrap();
        }
        if table.is_indexed {
            let column = if is_via { "k0" } else { "run_id" };
            writeln!(sql, "CREATE INDEX ON t{number} ({column});").unwrap();
        }
        let mut written = json!({ "table": format!("t{number}") });
        if is_via {
            let parent = format!("t{}", keys[0].0 % number);
            written["via"] = json!({ "column": "k0", "references": parent, "parentColumn": "id" });
        } else {
            written["tagColumn"] = "run_id".into();
        }
        declared.push(written);
    }
    // Parents first: nothing may depend on how they are declared.
    (sql, Value::Array(declared))
}

/// Rows from one number on, which point at rows from another number on. Those that are known by a parent have one of their own.
fn rows(tables: &[Made], from: u32, run: &str, at: u32) -> String {
    let mut sql = String::new();
    for (number, table) in tables.iter().enumerate() {
        let keys = if number == 0 { 0 } else { table.keys.len() };
        let is_via = table.is_via && keys > 0;
        for id in from..from + ROWS {
            let pick = |at: u32, salt: u32| at + id.wrapping_mul(2_654_435_761).wrapping_add(table.seed ^ salt) % ROWS;
            let mut values = vec![id.to_string()];
            if !is_via {
                values.push(run.to_owned());
            }
            if table.has_tree {
                let up = pick(at, 7);
                // Some point at themselves.
                values.push(if up <= id { up.to_string() } else { "NULL".to_owned() });
            }
            let of_key =
                |key| pick(if is_via && key == 0 { from } else { at }, u32::try_from(key).unwrap()).to_string();
            values.extend((0..keys).map(of_key));
            writeln!(sql, "INSERT INTO t{number} VALUES ({});", values.join(", ")).unwrap();
        }
    }
    sql
}

/// All rows from one number on.
async fn all(bed: &Bed, tables: usize, from: u32) -> Vec<String> {
    let mut found = Vec::new();
    for table in 0..tables {
        let sql = format!("SELECT 't{table} ' || t::text FROM t{table} AS t WHERE id >= {from} ORDER BY id");
        found.extend(bed.texts(&sql).await);
    }
    found
}

/// True where rows of others can point at the run's.
fn can_point(tables: &[Made]) -> bool {
    let own = |(number, table): (usize, &Made)| {
        let of_run = usize::from(table.is_via);
        table.has_tree || (number > 0 && table.keys.len() > of_run)
    };
    tables.iter().enumerate().any(own)
}

/// A table whose rows others point at, and whose parents no key keeps: chance seldom makes it.
fn chain() -> Vec<Made> {
    let table = |keys: &[(usize, u8)], is_via| Made {
        keys: keys.to_vec(),
        is_via,
        is_kept: false,
        is_indexed: true,
        has_tree: false,
        is_partitioned: false,
        seed: 1,
    };
    vec![table(&[], false), table(&[(0, 0)], true), table(&[(1, 0)], false)]
}

#[tokio::test]
async fn what_remains_is_exactly_what_was_there_before_the_run_and_what_others_need() {
    let mut runner = TestRunner::deterministic();
    let schemas = proptest::collection::vec(made(), 1..6);
    for number in 0..SCHEMAS {
        let tables = if number == 0 { chain() } else { schemas.new_tree(&mut runner).unwrap().current() };
        let (sql, declared) = schema(&tables);
        let bed = Bed::with(&sql).await;
        bed.run(&rows(&tables, 1000, "'run-2'", 1000)).await;
        bed.run(&rows(&tables, 2000, "NULL", 2000)).await;
        let before = all(&bed, tables.len(), 0).await;
        bed.run(&rows(&tables, 1, "'run-1'", 1)).await;
        bed.run(&rows(&tables, 3000, "'run-2'", 1)).await;
        let of_others = all(&bed, tables.len(), 1000).await;
        let store = bed.store(declared, json!({ "batchSize": 16 }));
        let first = store.delete(&run()).await;
        assert_eq!(all(&bed, tables.len(), 1000).await, of_others, "{sql}");
        for table in (0..tables.len()).rev() {
            bed.run(&format!("DELETE FROM t{table} WHERE id >= 3000")).await;
        }
        let deleted = match can_point(&tables) {
            true => {
                assert_eq!(first.map_err(|error| error.kind), Err(FailureKind::Unsettled), "{sql}");
                store.delete(&run()).await
            }
            false => first,
        };
        let deleted = deleted.unwrap_or_else(|error| panic!("{error:?}: {sql}"));
        assert_eq!(all(&bed, tables.len(), 0).await, before, "{sql}");
        assert!(deleted.iter().all(|table| table.rows == u64::from(ROWS)), "{deleted:?}: {sql}");
        drop(store);
        bed.server.run("postgres", &format!("DROP DATABASE {} WITH (FORCE)", bed.database)).await.unwrap();
    }
}
