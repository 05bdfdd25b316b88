//! Chromium and its driver, in which tests look at pages: those of this system, else Debian's packages unpacked into a cache folder.
//!
//! Debian's security updates replace a version within days and keep no older one, so that none is pinned here: the newest is
//! taken once, and stays.

use std::path::{Path, PathBuf};

use super::debian::Packages;
use super::{cache, link};
use crate::program;

const PACKAGES: Packages = Packages {
    name: "Chromium",
    folder: "chromium",
    wanted: &["chromium", "chromium-driver"],
    instead: "install Debian's chromium and chromium-driver",
};

/// The folder of an installation, as `/usr` is one. The target folder gets a link to it, by which tests find it.
pub(crate) fn install() -> Result<PathBuf, String> {
    let system = Path::new("/usr");
    let folder = if is_there(system) { system.to_owned() } else { PACKAGES.unpacked(&cache()?, is_there)? };
    link(&folder, &program::target()?.join("tools").join("chromium"))?;
    Ok(folder)
}

fn is_there(folder: &Path) -> bool {
    folder.join("bin/chromedriver").is_file() && folder.join("lib/chromium/chromium").is_file()
}
