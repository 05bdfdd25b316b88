//! What the server or the way to it says when a statement fails, and what that means for the next one.

use conductor_core::ports::{FailureKind, PortError};

/// A statement that failed.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) kind: TroubleKind,
    source: sqlx::Error,
}

/// What a failure means for the next statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TroubleKind {
    /// The connection is gone, or nobody answers on it: it was done or not, and another connection will see.
    Lost,
    /// Somebody else's work was in the way, or it took too long: less at a time may go.
    InTheWay,
    /// A row that stays points at one of those.
    Referenced,
    /// The server cannot now.
    Unable,
    /// There is no such database.
    Missing,
    /// The server refuses.
    Refused,
}

impl Trouble {
    /// Nobody has answered in time.
    pub(super) fn silent() -> Self {
        let source = std::io::Error::new(std::io::ErrorKind::TimedOut, "the server does not answer");
        Self::from(sqlx::Error::Io(source))
    }

    /// The error of an act that failed so, with the database's words alone: sqlx would add a line of the server's own source.
    pub(super) fn because(self, act: String) -> PortError {
        let kind = match self.kind {
            TroubleKind::Lost | TroubleKind::InTheWay | TroubleKind::Unable => FailureKind::Unavailable,
            TroubleKind::Missing => FailureKind::NotFound,
            TroubleKind::Referenced | TroubleKind::Refused => FailureKind::Rejected,
        };
        if let sqlx::Error::Database(words) = &self.source {
            return PortError::because(kind, act, words.message());
        }
        PortError::because(kind, act, self.source)
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(source: sqlx::Error) -> Self {
        let is_cut = matches!(&source, sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed);
        let kind = match source.as_database_error() {
            Some(words) => of_code(words.code().as_deref().unwrap_or_default()),
            None if is_cut => TroubleKind::Lost,
            // A certificate that is not trusted, for example, is no better later.
            None => TroubleKind::Refused,
        };
        Self { kind, source }
    }
}

/// What a SQLSTATE means.
fn of_code(code: &str) -> TroubleKind {
    match code {
        // admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped, idle_session_timeout,
        // idle_in_transaction_session_timeout, transaction_timeout, too_many_connections
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25P04" | "53300" => TroubleKind::Lost,
        // lock_not_available, query_canceled, deadlock_detected, serialization_failure
        "55P03" | "57014" | "40P01" | "40001" => TroubleKind::InTheWay,
        // restrict_violation, foreign_key_violation
        "23001" | "23503" => TroubleKind::Referenced,
        // read_only_sql_transaction: the server has become a standby.
        "25006" => TroubleKind::Unable,
        // invalid_catalog_name
        "3D000" => TroubleKind::Missing,
        // Connections, resources, and the machine itself.
        code if code.starts_with("08") => TroubleKind::Lost,
        code if code.starts_with("53") || code.starts_with("58") => TroubleKind::Unable,
        _ => TroubleKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worth_another_try_is_told_apart_from_what_is_not() {
        assert_eq!(of_code("57P01"), TroubleKind::Lost);
        assert_eq!(of_code("08006"), TroubleKind::Lost);
        assert_eq!(of_code("25P03"), TroubleKind::Lost);
        assert_eq!(of_code("25P04"), TroubleKind::Lost);
        assert_eq!(of_code("55P03"), TroubleKind::InTheWay);
        assert_eq!(of_code("23503"), TroubleKind::Referenced);
        assert_eq!(of_code("53100"), TroubleKind::Unable);
        assert_eq!(of_code("42501"), TroubleKind::Refused);
        let error = Trouble::silent().because("could not count".to_owned());
        assert!(error.kind.is_transient());
    }
}
