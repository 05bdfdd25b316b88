//! Where PostgreSQL's programs are. Installing them is for `cargo verify`.

use std::path::PathBuf;

use conductor_bed::program;

use crate::error::BedError;

/// A program's file: in the folder that `CONDUCTOR_POSTGRES` names, else behind the link that the installation has made in cargo's target
/// folder.
pub(crate) fn file(program: &'static str) -> Result<PathBuf, BedError> {
    let folder = program::find("CONDUCTOR_POSTGRES", "postgres-bin");
    let file = folder.join(program);
    if file.is_file() { Ok(file) } else { Err(BedError::Program { program, folder }) }
}
