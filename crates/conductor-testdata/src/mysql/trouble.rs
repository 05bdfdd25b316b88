//! What the server or the way to it says when a statement fails, and what that means for the next one.

use std::io::ErrorKind;

use conductor_core::ports::{FailureKind, PortError};
use sqlx::mysql::MySqlDatabaseError;

/// What is said where a password would have to be sent as it is.
const NEEDS_TLS: &str = "the server takes the user's password by a method that needs TLS, such as caching_sha2_password; \
                         expected another tls.mode than disable";

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
    /// The user has no right to it.
    Denied,
    /// The server refuses.
    Refused,
}

impl Trouble {
    /// Nobody has answered in time.
    pub(super) fn silent() -> Self {
        let source = std::io::Error::new(std::io::ErrorKind::TimedOut, "the server does not answer");
        Self::from(sqlx::Error::Io(source))
    }

    /// The error of an act that failed so, with the database's words once; sqlx would say them twice.
    pub(super) fn because(self, act: String) -> PortError {
        let kind = match self.kind {
            TroubleKind::Lost | TroubleKind::InTheWay | TroubleKind::Unable => FailureKind::Unavailable,
            TroubleKind::Missing => FailureKind::NotFound,
            TroubleKind::Referenced | TroubleKind::Denied | TroubleKind::Refused => FailureKind::Rejected,
        };
        if let sqlx::Error::Database(words) = self.source {
            return PortError::because(kind, act, words.into_error());
        }
        // What sqlx says then is for those who build programs.
        if matches!(&self.source, sqlx::Error::Configuration(words) if words.to_string().contains("mysql-rsa")) {
            return PortError::because(kind, act, NEEDS_TLS);
        }
        PortError::because(kind, act, self.source)
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(source: sqlx::Error) -> Self {
        let kind = if let sqlx::Error::Database(words) = &source {
            words.try_downcast_ref::<MySqlDatabaseError>().map_or(TroubleKind::Refused, |words| of(words.number()))
        } else if matches!(&source, sqlx::Error::Io(error) if error.kind() == ErrorKind::InvalidData) {
            // That TLS has failed comes as if the network had: a certificate that is not trusted, for example.
            TroubleKind::Refused
        } else if matches!(&source, sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed) {
            TroubleKind::Lost
        } else {
            TroubleKind::Refused
        };
        Self { kind, source }
    }
}

/// What the number of an error means.
const fn of(number: u16) -> TroubleKind {
    match number {
        // Too many connections, a shutdown, a connection or a statement that somebody has killed.
        1040 | 1053 | 1077 | 1079 | 1152 | 1184 | 1203 | 1317 | 1927 | 3169 | 4031 => TroubleKind::Lost,
        // Waited too long for a lock, a deadlock, or too long in all (of MariaDB, and of MySQL); the locks are full; another
        // server of the cluster was faster, which is seen when it is committed.
        1205 | 1213 | 1969 | 3024 | 1206 | 1180 | 3101 => TroubleKind::InTheWay,
        // A row that points at it, of this database or of another one.
        1451 | 1217 => TroubleKind::Referenced,
        // It is read only, as a replica is; a disk is full; a server of a cluster has not joined it or may not write yet; the
        // user has used up what it may in an hour.
        1290 | 1792 | 1836 | 1021 | 1114 | 1047 | 3100 | 1226 => TroubleKind::Unable,
        1049 => TroubleKind::Missing,
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1698 => TroubleKind::Denied,
        _ => TroubleKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worth_another_try_is_told_apart_from_what_is_not() {
        for (number, expected) in [
            (1053, TroubleKind::Lost),
            (1205, TroubleKind::InTheWay),
            (1213, TroubleKind::InTheWay),
            (1180, TroubleKind::InTheWay),
            (3101, TroubleKind::InTheWay),
            (1047, TroubleKind::Unable),
            (3100, TroubleKind::Unable),
            (1226, TroubleKind::Unable),
            (1451, TroubleKind::Referenced),
            (1290, TroubleKind::Unable),
            (1227, TroubleKind::Denied),
            (1064, TroubleKind::Refused),
        ] {
            assert_eq!(of(number), expected, "{number}");
        }
        let words = "RSA auth backend disabled; enable feature `mysql-rsa` or use TLS.";
        let error = Trouble::from(sqlx::Error::Configuration(words.into())).because("could not connect".to_owned());
        assert_eq!(conductor_core::failure::Failure::of("", &error).message, format!("could not connect: {NEEDS_TLS}"));
        assert_eq!(error.kind, FailureKind::Rejected);
        let io = |kind| Trouble::from(sqlx::Error::Io(std::io::Error::from(kind))).kind;
        assert_eq!(io(ErrorKind::InvalidData), TroubleKind::Refused);
        assert_eq!(io(ErrorKind::ConnectionReset), TroubleKind::Lost);
        assert!(Trouble::silent().because("could not count".to_owned()).kind.is_transient());
    }
}
