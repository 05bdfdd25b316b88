//! The files of TLS. They are looked at before a connection is made, whose failure would not name them.

use conductor_database::DatabaseTls;

/// Looks whether the files can be read.
///
/// # Errors
/// With the field and the file.
pub(crate) fn check(tls: &DatabaseTls) -> Result<(), sqlx::Error> {
    match tls.unreadable() {
        Some((field, problem, expected)) => {
            Err(sqlx::Error::Configuration(format!("{field}: {problem}; expected {expected}").into()))
        }
        None => Ok(()),
    }
}
