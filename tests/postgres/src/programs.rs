//! Where PostgreSQL's programs are. Installing them is for `cargo verify`.

use std::path::PathBuf;

use crate::error::BedError;

/// A program's file: in the folder that `CONDUCTOR_POSTGRES` names, else behind the link that the installation has made in cargo's target
/// folder.
pub(crate) fn file(program: &'static str) -> Result<PathBuf, BedError> {
    let test = std::env::current_exe().unwrap_or_default();
    let installed = test.ancestors().nth(3).map(|target| target.join("tools").join("postgres-bin"));
    let folder = std::env::var_os("CONDUCTOR_POSTGRES").map(PathBuf::from).or(installed).unwrap_or_default();
    let file = folder.join(program);
    if file.is_file() { Ok(file) } else { Err(BedError::Program { program, folder }) }
}
