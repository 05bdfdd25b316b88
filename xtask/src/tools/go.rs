//! Programs that are built from a pinned Go module, once for each state of it, and kept in the user's cache folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::{alone, cache, fingerprint};
use crate::program::{self, root};

/// A module of ours, whose `tool` lines name every program.
pub(super) struct Module {
    /// What is built, as people call it.
    pub(super) name: &'static str,
    /// What is built, as its folder in the cache is called.
    pub(super) word: &'static str,
    /// Where the module is, from the root of the workspace.
    pub(super) folder: &'static str,
    pub(super) go_mod: &'static str,
    pub(super) go_sum: &'static str,
    /// What is built, as the module requires it.
    pub(super) requires: &'static str,
    /// What must be there after a build: as Go names it, and as it is called.
    pub(super) programs: &'static [(&'static str, &'static str)],
    /// Variables that are set in the programs, by the version that is built.
    pub(super) variables: fn(&str) -> Vec<(&'static str, String)>,
    /// The text of a program of ours that is built, where there is one.
    pub(super) source: &'static str,
    /// Build tags.
    pub(super) tags: &'static [&'static str],
    /// What a build costs.
    pub(super) cost: &'static str,
}

impl Module {
    /// The folder with the programs, built if need be, with what `finish` adds to it.
    pub(super) fn install(&self, finish: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
        let folder = cache()?.join(self.entry());
        if !folder.exists() {
            let lock = folder.with_file_name(format!("{}.lock", self.entry()));
            let alone = alone(&lock, &format!("builds {} {}", self.name, self.version()))?;
            if !folder.exists() {
                self.build(&folder, alone, finish)?;
            }
        }
        Ok(folder)
    }

    /// Whether it is built already, or can be.
    ///
    /// # Errors
    /// What is missing to build it.
    pub(super) fn possible(&self) -> Result<(), String> {
        if cache()?.join(self.entry()).exists() { Ok(()) } else { self.check_go() }
    }

    /// The release that is built, as in `1.36.2`.
    pub(super) fn version(&self) -> &'static str {
        self.required(&format!("{} v", self.requires))
    }

    /// The oldest Go that the module can be built with, as in `1.26.0`.
    pub(super) fn go_version(&self) -> &'static str {
        self.required("go ")
    }

    /// What follows a word at the beginning of a line of the module file; `require` may stand before it.
    fn required(&self, word: &str) -> &'static str {
        let line = |line: &'static str| {
            let line = line.trim();
            line.strip_prefix("require ").unwrap_or(line).strip_prefix(word)
        };
        self.go_mod.lines().find_map(line).and_then(|rest| rest.split(' ').next()).unwrap_or("?")
    }

    /// The name in the cache: another for every change of what is built or how.
    fn entry(&self) -> String {
        let texts = [self.go_mod, self.go_sum, self.source];
        let texts = texts.iter().filter(|text| !text.is_empty()).map(ToString::to_string).collect::<Vec<_>>();
        format!("{}-{}-{:016x}", self.word, self.version(), fingerprint(texts.iter().chain(&self.arguments())))
    }

    /// How Go is called, without the place for the programs.
    fn arguments(&self) -> Vec<String> {
        let set = (self.variables)(self.version()).into_iter().map(|(name, value)| format!("-X {name}={value}"));
        let linking = std::iter::once("-s -w".to_owned()).chain(set).collect::<Vec<_>>().join(" ");
        let words = ["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", &linking];
        let tags = if self.tags.is_empty() { Vec::new() } else { vec!["-tags".to_owned(), self.tags.join(",")] };
        words.map(str::to_owned).into_iter().chain(tags).collect()
    }

    /// Builds into a folder beside the entry, which becomes the entry when all of it is there.
    ///
    /// Go gets the lock as its input, which it does not read: should this process be killed, nobody else builds before Go
    /// has ended, too.
    fn build(
        &self,
        folder: &Path,
        alone: File,
        finish: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<(), String> {
        self.check_go()?;
        let (name, version) = (self.name, self.version());
        println!("building {name} {version} into {}, once for this machine;", folder.display());
        println!("it takes {}", self.cost);
        let begun = Instant::now();
        let part = folder.with_file_name(format!("{}.part", self.entry()));
        let failed = |act: &str, error: std::io::Error| format!("could not {act} {}: {error}", part.display());
        if part.exists() {
            fs::remove_dir_all(&part).map_err(|error| failed("remove", error))?;
        }
        fs::create_dir_all(&part).map_err(|error| failed("make", error))?;
        let mut go = self.go(&self.arguments());
        program::run(go.arg("-o").arg(&part).arg("tool").env("CGO_ENABLED", "0").stdin(alone))?;
        for (built, name) in self.programs {
            fs::rename(part.join(built), part.join(name)).map_err(|error| failed(&format!("find {name} in"), error))?;
        }
        finish(&part)?;
        fs::rename(&part, folder).map_err(|error| failed("finish", error))?;
        println!("built {name} {version} in {:.0} s", begun.elapsed().as_secs_f64());
        Ok(())
    }

    /// Go itself says best whether it can read the module: it may fetch a newer one for it.
    fn check_go(&self) -> Result<(), String> {
        let (name, version) = (self.name, self.version());
        let needed = format!("go {} or newer is needed to build {name} {version}", self.go_version());
        if !program::is_there("go") {
            return Err(format!("{needed}; there is none in PATH"));
        }
        let read = program::quietly(&mut self.go(&["list", "-m"]));
        read.map(drop).map_err(|error| format!("{needed}\n{error}"))
    }

    /// Go, called in the module.
    pub(super) fn go(&self, arguments: &[impl AsRef<std::ffi::OsStr>]) -> Command {
        let mut go = Command::new("go");
        go.args(arguments).current_dir(root().join(self.folder));
        go
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A module must say what it builds, and with which Go.
    pub(crate) fn names_its_versions(module: &Module) {
        for version in [module.version(), module.go_version()] {
            let numbers: Vec<Result<u32, _>> = version.split('.').map(str::parse).collect();
            assert!(numbers.len() == 3 && numbers.iter().all(Result::is_ok), "{version}");
        }
    }
}
