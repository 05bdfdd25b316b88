//! moto, which stands in for AWS in the tests of the ECS bed, in a Python virtual environment in the user's cache folder.

use std::path::PathBuf;

use super::python::Packages;
use super::{alone, cache, fingerprint, link};
use crate::program;

const PACKAGES: Packages = Packages {
    name: "moto",
    wanted: "moto",
    requirements: include_str!("../../moto-requirements.txt"),
    file: "moto-requirements.txt",
    once: "once for this machine",
};

/// The Python that has moto, installed if need be. The target folder gets a link to its environment, by which tests find it.
pub(crate) fn install() -> Result<PathBuf, String> {
    let version = PACKAGES.version();
    let entry = format!("moto-{version}-{:016x}", fingerprint([PACKAGES.requirements.to_owned()].iter()));
    let folder = cache()?.join(&entry);
    // Two that install at the same time would remove each other's work.
    let alone = alone(&folder.with_file_name(format!("{entry}.lock")), &format!("installs moto {version}"))?;
    PACKAGES.install(&folder)?;
    drop(alone);
    link(&folder, &program::target()?.join("tools").join("moto"))?;
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
