//! junitparser, by which the tests read JUnit's XML as others do, in a Python virtual environment under cargo's target folder.

use std::path::PathBuf;

use super::python::Packages;
use crate::program;

const PACKAGES: Packages = Packages {
    name: "junitparser",
    wanted: "junitparser",
    requirements: include_str!("../../junitparser-requirements.txt"),
    file: "junitparser-requirements.txt",
    once: "once for this clone",
};

/// The Python that has junitparser, installed if need be.
pub(crate) fn install() -> Result<PathBuf, String> {
    let folder = program::target()?.join("tools").join("junitparser");
    PACKAGES.install(&folder)?;
    Ok(folder.join("bin").join("python"))
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
