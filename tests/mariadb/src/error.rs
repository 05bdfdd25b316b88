//! What can go wrong with a server of the bed.

use std::path::PathBuf;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BedError {
    /// A program or a file of it is not there.
    #[error("{name} is missing in {}: cargo verify installs it, and so does cargo xtask mariadb", folder.display())]
    Missing {
        /// Its name.
        name: &'static str,
        /// Where it should be.
        folder: PathBuf,
    },
    /// What can go wrong in every bed.
    #[error(transparent)]
    Common(#[from] conductor_bed::Error),
    /// A statement has failed.
    #[error("could not {act}")]
    Sql {
        /// What could not be done.
        act: String,
        /// Why.
        source: sqlx::Error,
    },
}
