//! Test data in a MySQL or MariaDB database.

mod busy;
mod catalogue;
mod key;
mod kill;
mod session;
mod settings;
mod statement;
mod sweep;
mod trouble;

use async_trait::async_trait;
use conductor_core::ports::{PortError, TableCount, TestDataStore};
use conductor_core::run::RunId;
use sqlx::Row;

pub use settings::{MysqlBusy, MysqlReplica, MysqlTestDataSettings};

use busy::Watch;
use catalogue::Catalogue;
use session::{Mode, Session};
use statement::Statements;
use sweep::Sweep;
use trouble::Trouble;

use crate::untold::Untold;

/// Test data in a MySQL or MariaDB database.
pub struct MysqlTestData {
    settings: MysqlTestDataSettings,
    password: Option<String>,
    untold: Untold,
}

impl MysqlTestData {
    /// A store for these settings, with the password that they name. The server is talked to when it is used.
    pub fn new(settings: MysqlTestDataSettings, password: Option<String>) -> Self {
        Self { settings, password, untold: Untold::default() }
    }

    fn session(&self) -> Session<'_> {
        Session::new(&self.settings, self.password.as_deref())
    }

    fn watch(&self) -> Watch<'_> {
        Watch::new(&self.settings, self.password.as_deref())
    }

    async fn check_in(&self, session: &mut Session<'_>) -> Result<Vec<String>, PortError> {
        let checked = catalogue::check(&self.settings, session).await?;
        // A right that is missing to see whether the database is busy is told before a run, not after it.
        let mut watch = self.watch();
        let seen = watch.busy(session).await;
        watch.close().await;
        seen.map(|_| checked.remarks)
    }

    async fn count_in(&self, session: &mut Session<'_>, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        let Catalogue { tables, order, .. } = catalogue::check(&self.settings, session).await?;
        let statements = Statements { declared: &self.settings.tables, checked: &tables };
        let mut counts = Vec::new();
        for table in order {
            let name = &tables[table].name;
            let all = count(session, statements, table, Count::All, run).await?;
            let held = match statements.is_guarded(table) {
                true => all.saturating_sub(count(session, statements, table, Count::Guarded, run).await?),
                false => 0,
            };
            counts.extend(crate::counts(name, all, held));
        }
        Ok(counts)
    }

    /// Nothing is deleted anywhere when more rows carry the tag than a row guard lets pass.
    async fn guard(&self, session: &mut Session<'_>, statements: Statements<'_>, run: &RunId) -> Result<(), PortError> {
        for (table, declared) in self.settings.tables.iter().enumerate() {
            let Some(most) = declared.row_guard.most_rows else { continue };
            if count(session, statements, table, Count::UpTo(most.saturating_add(1)), run).await? > most {
                return Err(crate::too_many(&self.settings.name, most, &statements.checked[table].name, run));
            }
        }
        Ok(())
    }

    async fn delete_in(&self, session: &mut Session<'_>, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        let Catalogue { tables, order, .. } = catalogue::check(&self.settings, session).await?;
        let statements = Statements { declared: &self.settings.tables, checked: &tables };
        self.guard(session, statements, run).await?;
        let note = |table: usize, rows| self.untold.note(run, &tables[table].name, rows);
        Sweep::new(&self.settings, statements, run, self.watch()).all(&order, session, note).await?;
        let told = |table: usize| {
            let table = tables[table].name.clone();
            TableCount { rows: self.untold.take(run, &table), table }
        };
        Ok(order.into_iter().map(told).collect())
    }
}

#[async_trait]
impl TestDataStore for MysqlTestData {
    fn name(&self) -> String {
        self.settings.name.clone()
    }

    async fn count(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        let mut session = self.session();
        let counts = self.count_in(&mut session, run).await;
        session.close().await;
        counts
    }

    async fn delete(&self, run: &RunId) -> Result<Vec<TableCount>, PortError> {
        let mut session = self.session();
        let counts = self.delete_in(&mut session, run).await;
        session.close().await;
        counts
    }

    async fn check(&self) -> Result<Vec<String>, PortError> {
        let mut session = self.session();
        let checked = self.check_in(&mut session).await;
        session.close().await;
        checked
    }
}

/// Which rows are counted.
#[derive(Clone, Copy, Debug)]
enum Count {
    /// All of the run.
    All,
    /// Those that row guards let pass.
    Guarded,
    /// All of the run, but no more than these.
    UpTo(u64),
}

async fn count(
    session: &mut Session<'_>,
    statements: Statements<'_>,
    table: usize,
    which: Count,
    run: &RunId,
) -> Result<u64, PortError> {
    let counted = match which {
        Count::All => statements.count(table, false, None),
        Count::Guarded => statements.count(table, true, None),
        Count::UpTo(most) => statements.count(table, false, Some(most)),
    };
    session.set_mode(Mode::Look);
    let act = format!("could not count {} in", statements.checked[table].name);
    let rows = session.of_run(&act, &counted, run.as_str()).await?;
    let number: Result<i64, _> = rows.first().map_or(Ok(0), |row| row.try_get(0));
    number.map(i64::unsigned_abs).map_err(|source| session.failed(&act, Trouble::from(source)))
}
