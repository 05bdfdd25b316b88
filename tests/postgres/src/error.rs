//! What can go wrong with a server of the bed.

use std::path::PathBuf;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BedError {
    /// A program is not there.
    #[error("{program} is missing in {}: cargo verify installs it, and so does cargo xtask postgres", folder.display())]
    Program {
        /// Its name.
        program: &'static str,
        /// Where it should be.
        folder: PathBuf,
    },
    /// There is nobody to run it as.
    #[error("PostgreSQL does not run as root, and there is no user nobody")]
    Nobody,
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
