//! What is asked of the server itself before its tables are.

use std::collections::BTreeMap;

use conductor_core::ports::{FailureKind, PortError};
use sqlx::Row;
use sqlx::mysql::MySqlRow;

use super::super::session::Session;
use super::super::trouble::Trouble;

/// What of the server's settings matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// `Orders` and `orders` are one table.
    pub(super) folds_names: bool,
}

/// Refuses a server on which no batch could be deleted.
pub(super) async fn check(session: &mut Session<'_>) -> Result<Server, PortError> {
    let act = "could not read the settings of";
    let sql = "SHOW VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', 'lower_case_table_names')";
    let rows = session.shown(sql).await?.map_err(|trouble| session.failed(act, trouble))?;
    let pair = |row: &MySqlRow| Ok((row.try_get_unchecked(0)?, row.try_get_unchecked(1)?));
    let variables: Result<BTreeMap<String, String>, sqlx::Error> = rows.iter().map(pair).collect();
    let variables = variables.map_err(|source| session.failed(act, Trouble::from(source)))?;
    let is = |name: &str, value: &str| variables.get(name).is_some_and(|found| found.eq_ignore_ascii_case(value));
    // Locks of no more than the rows that match need READ COMMITTED, which InnoDB then does not let write.
    if is("log_bin", "ON") && is("binlog_format", "STATEMENT") {
        let act = "binlog_format is STATEMENT, with which InnoDB refuses to write in READ COMMITTED; expected ROW or MIXED for";
        return Err(PortError::new(FailureKind::Rejected, session.act(act)));
    }
    Ok(Server { folds_names: variables.get("lower_case_table_names").is_some_and(|value| value != "0") })
}
