//! Checks a declaration against the database's own catalogue.

mod columns;
mod keys;
mod read;
mod rights;
mod server;
mod via;

use std::collections::BTreeSet;

use conductor_core::ports::{FailureKind, PortError};

use super::key::Key;
use super::session::Session;
use super::settings::MysqlTestDataSettings;
use super::statement::quoted;
use crate::declaration::{Table, children_first};
use read::{Column, Indexed};
use rights::Grants;
use server::Server;

/// The only engine with transactions and locks of rows that is everywhere.
const ENGINE: &str = "InnoDB";

/// A declared table that exists, as the catalogue tells of it.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    /// The table's name, for people.
    pub(super) name: String,
    /// Its name with its database, quoted.
    pub(super) sql: String,
    /// Its primary key.
    pub(super) key: Key,
    /// Keys of rows that point at its rows.
    pub(super) pointing: Vec<Pointing>,
    /// Its database and its name, as the server writes them.
    place: [String; 2],
    columns: Vec<Column>,
    indexes: Vec<Indexed>,
}

/// A foreign key at whose end the table is.
#[derive(Clone, Debug)]
pub(super) struct Pointing {
    /// The table with the rows that point, quoted.
    pub(super) child: String,
    /// Pairs of columns: the child's, and the table's.
    pub(super) columns: Vec<(String, String)>,
    /// The server lets a row go that points at itself, since what points goes with it or points nowhere then.
    pub(super) changes_rows: bool,
    /// They are of the same table.
    pub(super) is_own: bool,
}

impl Checked {
    /// True where an index finds rows by the column.
    pub(super) fn is_indexed(&self, column: &str) -> bool {
        self.indexes.iter().any(|indexed| indexed.place == 1 && indexed.column == column)
    }
}

/// A declaration that fits the database.
pub(super) struct Catalogue {
    /// The declared tables.
    pub(super) tables: Vec<Checked>,
    /// Their numbers, children before parents.
    pub(super) order: Vec<usize>,
    /// What is worth to know.
    pub(super) remarks: Vec<String>,
}

/// Checks all tables of a declaration.
pub(super) async fn check(settings: &MysqlTestDataSettings, session: &mut Session<'_>) -> Result<Catalogue, PortError> {
    let violations = settings.violations();
    if !violations.is_empty() {
        let shown =
            violations.iter().map(|(field, problem, expected)| format!("{field}: {problem}; expected {expected}"));
        return Err(refused(settings, &shown.collect::<Vec<_>>().join("; ")));
    }
    let server = server::check(session).await?;
    let grants = rights::grants(session).await?;
    let (mut tables, mut remarks) = (Vec::new(), Vec::new());
    for position in 0..settings.tables.len() {
        tables.push(table(settings, position, server, session).await?);
        remarks.extend(triggers(settings, position, &tables[position], &grants, session).await?);
    }
    distinct(settings, &tables)?;
    via::fitting(settings, &tables)?;
    let mut parents: Vec<BTreeSet<usize>> =
        settings.tables.iter().map(|declared| declared.parent(&settings.tables).into_iter().collect()).collect();
    for (position, parent) in keys::pointing(settings, &mut tables, &grants, session).await? {
        parents[position].insert(parent);
    }
    remarks.extend(via::unkept(settings, &mut tables));
    remarks.extend(unindexed(settings, &tables));
    let order = children_first(&parents).map_err(|circle| {
        let names: Vec<&str> = circle.iter().map(|table| tables[*table].name.as_str()).collect();
        refused(settings, &format!("the tables {} point at each other in a circle", names.join(", ")))
    })?;
    Ok(Catalogue { tables, order, remarks })
}

async fn table(
    settings: &MysqlTestDataSettings,
    position: usize,
    server: Server,
    session: &mut Session<'_>,
) -> Result<Checked, PortError> {
    let declared = &settings.tables[position];
    let (name, database) = (declared.shown(), settings.database_of(declared));
    let Some(found) = read::table(session, [database, &declared.table], server.folds_names).await? else {
        let act = session.act(&format!("there is no table {name} that {} can see in", settings.user));
        return Err(PortError::new(FailureKind::NotFound, act));
    };
    if found.kind != "BASE TABLE" {
        let kind = found.kind.to_lowercase();
        return Err(refused(settings, &format!("{name} is a {kind}, which is not supported; expected a base table")));
    }
    if found.engine != ENGINE {
        let act = format!("the engine of {name} is {}, which has no transactions; expected {ENGINE}", found.engine);
        return Err(refused(settings, &act));
    }
    let of = [found.place[0].as_str(), found.place[1].as_str()];
    let columns = read::columns(session, of).await?;
    let indexes = read::indexes(session, of).await?;
    columns::known(settings, position, &columns)?;
    columns::guards(settings, declared, &name, &columns)?;
    columns::unique(settings, position, &name, &indexes)?;
    let key = columns::key(settings, &name, &columns, &indexes)?;
    let sql = format!("{}.{}", quoted(of[0]), quoted(of[1]));
    Ok(Checked { name, sql, key, pointing: Vec::new(), place: found.place, columns, indexes })
}

/// What a deletion fires, which only those see who have a right of its own; what is allowed is told.
async fn triggers(
    settings: &MysqlTestDataSettings,
    position: usize,
    checked: &Checked,
    grants: &Grants,
    session: &mut Session<'_>,
) -> Result<Option<String>, PortError> {
    let [database, table] = checked.place.each_ref().map(String::as_str);
    let (name, is_allowed) = (&checked.name, settings.tables[position].allow_triggers);
    let triggers = read::triggers(session, [database, table]).await?.join(", ");
    let is_seen = grants.may_see_triggers(database, table);
    match (triggers.is_empty(), is_seen, is_allowed) {
        (true, true, _) => Ok(None),
        (true, false, true) => Ok(Some(format!("whether a deletion from {name} fires triggers is not known"))),
        (false, _, true) => Ok(Some(format!("a deletion from {name} fires its triggers ({triggers}), as it says"))),
        (true, false, false) => Err(refused(
            settings,
            &format!(
                "{} cannot see whether {name} has triggers that a deletion fires; expected the right TRIGGER on it, by GRANT \
                 or by a role that is active, or allowTriggers: true",
                settings.user
            ),
        )),
        (false, _, false) => Err(refused(
            settings,
            &format!(
                "table {name} has triggers that a deletion fires ({triggers}), which may write elsewhere; expected none, or \
                 allowTriggers: true"
            ),
        )),
    }
}

/// Where the server folds names, two declarations may be of one table.
fn distinct(settings: &MysqlTestDataSettings, tables: &[Checked]) -> Result<(), PortError> {
    let mut seen = BTreeSet::new();
    match tables.iter().find(|table| !seen.insert(&table.place)) {
        Some(twice) => {
            let act = format!("{} is declared twice, by names that the server takes for one", twice.name);
            Err(refused(settings, &act))
        }
        None => Ok(()),
    }
}

/// Columns by which rows are found, without an index.
fn unindexed(settings: &MysqlTestDataSettings, tables: &[Checked]) -> Vec<String> {
    let of = |(declared, checked): (&Table, &Checked)| {
        let column = declared.tag_column.as_ref().or(declared.via.as_ref().map(|via| &via.column))?;
        (!checked.is_indexed(column)).then(|| {
            format!("no index of {} begins with {column}: the whole table is read to find rows of a run", checked.name)
        })
    };
    settings.tables.iter().zip(tables).filter_map(of).collect()
}

fn refused(settings: &MysqlTestDataSettings, problem: &str) -> PortError {
    PortError::new(FailureKind::Rejected, format!("test data {}: {problem}", settings.name))
}
