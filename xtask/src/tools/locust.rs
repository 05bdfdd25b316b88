//! Locust in a Python virtual environment under cargo's target folder.

use std::path::PathBuf;

use super::python::Packages;
use crate::program;

const PACKAGES: Packages = Packages {
    name: "Locust",
    wanted: "locust",
    requirements: include_str!("../../locust-requirements.txt"),
    file: "locust-requirements.txt",
    once: "once for this clone",
};

/// What was installed.
pub(crate) struct Locust {
    /// The program that starts Locust.
    pub(crate) program: PathBuf,
    /// The Python it runs with.
    pub(crate) python: PathBuf,
}

/// Locust, installed if need be.
pub(crate) fn install() -> Result<Locust, String> {
    let folder = program::target()?.join("tools").join("locust");
    PACKAGES.install(&folder)?;
    let bin = folder.join("bin");
    Ok(Locust { program: bin.join("locust"), python: bin.join("python") })
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
