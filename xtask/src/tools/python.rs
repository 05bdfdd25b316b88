//! Programs from Python packages, each in a virtual environment with every version pinned.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program;

/// What is installed into one environment.
pub(super) struct Packages {
    /// What it is for, as people call it.
    pub(super) name: &'static str,
    /// The package that is wanted; the others are there for it.
    pub(super) wanted: &'static str,
    /// Every package with its version.
    pub(super) requirements: &'static str,
    /// The file with the same, in the folder of this program's source.
    pub(super) file: &'static str,
    /// How often it is installed.
    pub(super) once: &'static str,
}

impl Packages {
    /// The version of the package that is wanted.
    pub(super) fn version(&self) -> &'static str {
        let version = |line: &'static str| line.strip_prefix(self.wanted)?.strip_prefix("==");
        let found = self.requirements.lines().find_map(version);
        found.and_then(|rest| rest.split_whitespace().next()).unwrap_or("?")
    }

    /// Installs them into a folder, if they are not there as they are wanted.
    pub(super) fn install(&self, folder: &Path) -> Result<(), String> {
        let stamp = folder.join("installed.txt");
        // A virtual environment works where it was made only, so one that was moved is made anew.
        let wanted = format!("{}# in {}\n", self.requirements, folder.display());
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        self.make(folder)?;
        fs::write(&stamp, wanted).map_err(|error| format!("could not write {}: {error}", stamp.display()))
    }

    fn make(&self, folder: &Path) -> Result<(), String> {
        let Self { name, once, .. } = self;
        println!("installing {name} {} into {}, {once}", self.version(), folder.display());
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(|error| format!("could not remove {}: {error}", folder.display()))?;
        }
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.file);
        if program::is_there("uv") {
            program::quietly(Command::new("uv").args(["venv", "--quiet", "--python", ">=3.10"]).arg(folder))?;
            let mut install = Command::new("uv");
            install
                .args(["pip", "install", "--quiet", "--compile-bytecode", "--python"])
                .arg(folder.join("bin/python"));
            program::quietly(install.arg("-r").arg(requirements))?;
            return Ok(());
        }
        if !program::is_there("python3") {
            return Err(format!("python3 is missing; {name} needs Python 3.10 or newer (or uv, which brings one)"));
        }
        program::quietly(Command::new("python3").args(["-m", "venv"]).arg(folder))
            .map_err(|error| format!("{error}\npython3 needs its module venv (on Debian the package python3-venv)"))?;
        let mut install = Command::new(folder.join("bin/python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements);
        program::quietly(&mut install)?;
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Every line must say one version, so that a fresh machine gets the same packages.
    pub(crate) fn pins_every_version(packages: &Packages) {
        assert_ne!(packages.version(), "?");
        for line in packages.requirements.lines() {
            let pinned = line.split(';').next().and_then(|line| line.split_once("=="));
            assert!(pinned.is_some_and(|(name, version)| !name.is_empty() && !version.trim().is_empty()), "{line}");
        }
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(packages.file);
        assert_eq!(fs::read_to_string(file).unwrap(), packages.requirements);
    }
}
