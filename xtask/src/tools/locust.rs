//! Locust in a Python virtual environment under cargo's target folder, with every version pinned.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program;

/// Every package with its version.
const REQUIREMENTS: &str = include_str!("../../locust-requirements.txt");

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
    let stamp = folder.join("installed.txt");
    // A virtual environment works where it was made only, so a clone that was moved makes a new one.
    let wanted = format!("{REQUIREMENTS}# in {}\n", folder.display());
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        make(&folder)?;
        fs::write(&stamp, wanted).map_err(|error| format!("could not write {}: {error}", stamp.display()))?;
    }
    let bin = folder.join("bin");
    Ok(Locust { program: bin.join("locust"), python: bin.join("python") })
}

fn make(folder: &Path) -> Result<(), String> {
    let version = REQUIREMENTS.lines().find_map(|line| line.strip_prefix("locust==")).unwrap_or("?");
    println!("installing Locust {version} into {}, once for this clone", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| format!("could not remove {}: {error}", folder.display()))?;
    }
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("locust-requirements.txt");
    if program::is_there("uv") {
        program::quietly(Command::new("uv").args(["venv", "--quiet", "--python", ">=3.10"]).arg(folder))?;
        let mut install = Command::new("uv");
        install.args(["pip", "install", "--quiet", "--compile-bytecode", "--python"]).arg(folder.join("bin/python"));
        program::quietly(install.arg("-r").arg(requirements))?;
        return Ok(());
    }
    if !program::is_there("python3") {
        return Err("python3 is missing; Locust needs Python 3.10 or newer (or uv, which brings one)".to_owned());
    }
    program::quietly(Command::new("python3").args(["-m", "venv"]).arg(folder))
        .map_err(|error| format!("{error}\npython3 needs its module venv (on Debian the package python3-venv)"))?;
    let mut install = Command::new(folder.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements);
    program::quietly(&mut install)?;
    Ok(())
}
