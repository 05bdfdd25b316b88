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

/// Refuses a server on which no batch could be deleted, or keys would be missed.
pub(super) async fn check(session: &mut Session<'_>) -> Result<Server, PortError> {
    let act = "could not read the settings of";
    let sql = "SHOW VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', 'lower_case_table_names')";
    let rows = session.shown(sql).await?.map_err(|trouble| session.failed(act, trouble))?;
    let pair = |row: &MySqlRow| Ok((row.try_get_unchecked(0)?, row.try_get_unchecked(1)?));
    let variables: Result<BTreeMap<String, String>, sqlx::Error> = rows.iter().map(pair).collect();
    let variables = variables.map_err(|source| session.failed(act, Trouble::from(source)))?;
    judged(&variables).map_err(|problem| PortError::new(FailureKind::Rejected, session.act(problem)))
}

/// What becomes of a server with these settings, or why it is refused.
fn judged(variables: &BTreeMap<String, String>) -> Result<Server, &'static str> {
    let of = |name: &str| variables.get(name).map(|value| value.to_uppercase()).unwrap_or_default();
    // Locks of no more than the rows that match need READ COMMITTED, which InnoDB then does not let write.
    if of("log_bin") == "ON" && of("binlog_format") == "STATEMENT" {
        return Err(
            "binlog_format is STATEMENT, with which InnoDB refuses to write in READ COMMITTED; expected ROW or MIXED for",
        );
    }
    match of("lower_case_table_names").as_str() {
        "0" => Ok(Server { folds_names: false }),
        "1" => Ok(Server { folds_names: true }),
        // Then the server writes a name in one way, and its engine in another: keys would not be found by it.
        _ => Err(
            "lower_case_table_names is neither 0 nor 1, so that keys are not found for sure; expected one of them for",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_refused_on_which_nothing_could_be_written_or_keys_would_be_missed() {
        let of = |log_bin: &str, format: &str, lower: &str| {
            let variables = [("log_bin", log_bin), ("binlog_format", format), ("lower_case_table_names", lower)];
            judged(&variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
        };
        assert_eq!(of("ON", "ROW", "0"), Ok(Server { folds_names: false }));
        assert_eq!(of("OFF", "STATEMENT", "1"), Ok(Server { folds_names: true }));
        assert!(of("ON", "STATEMENT", "0").unwrap_err().starts_with("binlog_format is STATEMENT"));
        assert!(of("OFF", "MIXED", "2").unwrap_err().starts_with("lower_case_table_names is neither 0 nor 1"));
    }
}
