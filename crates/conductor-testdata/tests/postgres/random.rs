//! Random tables with random keys and rows: what remains is exactly what was there before the run.

use std::fmt::Write;

use conductor_core::ports::TestDataStore;
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
    is_indexed: bool,
    has_tree: bool,
    is_partitioned: bool,
    /// Where its rows point.
    seed: u32,
}

fn made() -> impl Strategy<Value = Made> {
    let keys = proptest::collection::vec((any::<usize>(), 0..4_u8), 0..3);
    (keys, any::<[bool; 4]>(), any::<u32>()).prop_map(|(keys, [is_via, is_indexed, has_tree, partitioned], seed)| {
        let is_partitioned = partitioned && seed % 3 == 0 && !has_tree;
        Made { keys, is_via, is_indexed, has_tree, is_partitioned, seed }
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
            write!(sql, ", k{at} int REFERENCES t{} ON DELETE {}", parent % number, acts[usize::from(*act)]).unwrap();
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

/// Rows from one number on, which point at rows of the same run or, where those of others do so, of anybody before.
fn rows(tables: &[Made], from: u32, run: &str) -> String {
    let mut sql = String::new();
    for (number, table) in tables.iter().enumerate() {
        let keys = if number == 0 { 0 } else { table.keys.len() };
        let is_via = table.is_via && keys > 0;
        for id in from..from + ROWS {
            let pick = |salt: u32| from + id.wrapping_mul(2_654_435_761).wrapping_add(table.seed ^ salt) % ROWS;
            let mut values = vec![id.to_string()];
            if !is_via {
                values.push(run.to_owned());
            }
            if table.has_tree {
                let up = pick(7);
                values.push(if up < id { up.to_string() } else { "NULL".to_owned() });
            }
            values.extend((0..keys).map(|key| pick(u32::try_from(key).unwrap()).to_string()));
            writeln!(sql, "INSERT INTO t{number} VALUES ({});", values.join(", ")).unwrap();
        }
    }
    sql
}

async fn all(bed: &Bed, tables: usize) -> Vec<String> {
    let mut found = Vec::new();
    for table in 0..tables {
        found.extend(bed.texts(&format!("SELECT 't{table} ' || t::text FROM t{table} AS t ORDER BY id")).await);
    }
    found
}

#[tokio::test]
async fn what_remains_is_exactly_what_was_there_before_the_run() {
    let mut runner = TestRunner::deterministic();
    let schemas = proptest::collection::vec(made(), 1..6);
    for _ in 0..SCHEMAS {
        let tables = schemas.new_tree(&mut runner).unwrap().current();
        let (sql, declared) = schema(&tables);
        let bed = Bed::with(&sql).await;
        bed.run(&rows(&tables, 1000, "'run-2'")).await;
        bed.run(&rows(&tables, 2000, "NULL")).await;
        let before = all(&bed, tables.len()).await;
        bed.run(&rows(&tables, 1, "'run-1'")).await;
        let store = bed.store(declared, json!({ "batchSize": 16 }));
        let deleted = store.delete(&run()).await.unwrap_or_else(|error| panic!("{error:?}: {sql}"));
        assert_eq!(all(&bed, tables.len()).await, before, "{sql}");
        assert!(deleted.iter().all(|table| table.rows == u64::from(ROWS)), "{deleted:?}: {sql}");
        drop(store);
        bed.server.run("postgres", &format!("DROP DATABASE {} WITH (FORCE)", bed.database)).await.unwrap();
    }
}
