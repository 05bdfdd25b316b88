//! Packages of Debian, unpacked into a cache folder: what they bring is used from there, and nothing else of the system changes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::alone;
use crate::program;

/// Packages that are unpacked together, with all that they need and this system does not have.
pub(super) struct Packages {
    /// What they are, for people.
    pub(super) name: &'static str,
    /// What the name of their folder begins with.
    pub(super) folder: &'static str,
    /// The packages' names.
    pub(super) wanted: &'static [&'static str],
    /// What to do where they cannot be had.
    pub(super) instead: &'static str,
}

impl Packages {
    /// Their `usr` in a cache folder, unpacked once for this machine and the release of its system, whose libraries they use.
    ///
    /// # Errors
    /// When they cannot be had, or what was unpacked is not what `is_there` looks for.
    pub(super) fn unpacked(&self, cache: &Path, is_there: impl Fn(&Path) -> bool) -> Result<PathBuf, String> {
        let entry = format!("{}-{}-{}", self.folder, self.release()?, std::env::consts::ARCH);
        let folder = cache.join(&entry);
        let usr = folder.join("usr");
        if is_there(&usr) {
            return Ok(usr);
        }
        let _alone = alone(&folder.with_file_name(format!("{entry}.lock")), &format!("unpacks {}", self.name))?;
        if !is_there(&usr) {
            self.unpack(&folder)?;
        }
        if is_there(&usr) {
            return Ok(usr);
        }
        Err(format!("{} is not what was expected in {}; {}", self.wanted.join(" with "), usr.display(), self.instead))
    }

    /// The release of this system, such as `debian-12`.
    fn release(&self) -> Result<String, String> {
        let file = "/etc/os-release";
        let text = fs::read_to_string(file).map_err(|error| format!("could not read {file}: {error}"))?;
        release_in(&text).ok_or_else(|| format!("{file} has no ID; {}", self.instead))
    }

    fn unpack(&self, folder: &Path) -> Result<(), String> {
        let Self { name, instead, .. } = self;
        for program in ["apt-get", "dpkg-deb"] {
            if !program::is_there(program) {
                return Err(format!(
                    "{name} is missing, and so is {program}, by which Debian's could be had; {instead}"
                ));
            }
        }
        println!("unpacking {name} of Debian into {}, once for this machine", folder.display());
        let mut part = folder.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let failed = |act: &str, error: io::Error| format!("could not {act} {}: {error}", part.display());
        fresh(&part).map_err(|error| failed("make", error))?;
        let debs = part.join("debs");
        self.download(&debs).or_else(|first| {
            // A fresh system has no lists of packages yet, and old ones name versions that are not there any more.
            program::quietly(Command::new("apt-get").args(["update", "-qq"]))
                .and_then(|_| self.download(&debs))
                .map_err(|second| format!("{name} is missing, and cannot be had; {instead}:\n{first}\n{second}"))
        })?;
        for entry in fs::read_dir(&debs).map_err(|error| failed("list", error))? {
            let deb = entry.map_err(|error| failed("list", error))?.path();
            program::quietly(Command::new("dpkg-deb").arg("--extract").arg(deb).arg(&part))?;
        }
        fs::remove_dir_all(&debs).map_err(|error| failed("remove", error))?;
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(|error| failed("replace", error))?;
        }
        fs::rename(&part, folder).map_err(|error| failed("finish", error))
    }

    /// Downloads the packages into a folder that has nothing else then.
    fn download(&self, debs: &Path) -> Result<(), String> {
        let packages = self.needed()?;
        fresh(debs).map_err(|error| format!("could not make {}: {error}", debs.display()))?;
        program::quietly(Command::new("apt-get").args(["download", "-qq"]).args(&packages).current_dir(debs)).map(drop)
    }

    /// The packages and those that they need besides what this system has, each with its version.
    fn needed(&self) -> Result<Vec<String>, String> {
        let mut simulate = Command::new("apt-get");
        simulate.args(["install", "--simulate", "-qq", "--no-install-recommends"]).args(self.wanted);
        let packages: Vec<String> = program::quietly(&mut simulate)?.lines().filter_map(installed).collect();
        if packages.is_empty() {
            return Err(format!("apt-get would install nothing for {}", self.wanted.join(" with ")));
        }
        Ok(packages)
    }
}

/// A release that is not out yet has no number.
fn release_in(text: &str) -> Option<String> {
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(|value| value.trim_matches(['"', '\'']).to_owned())
    };
    let number = of("VERSION_ID").or_else(|| of("VERSION_CODENAME"));
    Some([Some(of("ID")?), number].into_iter().flatten().collect::<Vec<_>>().join("-"))
}

/// Makes a folder with nothing in it.
fn fresh(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)
}

/// The package of a line such as `Inst libaio1 (0.3.113-4 Debian:12.14/oldstable [amd64])`.
fn installed(line: &str) -> Option<String> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let version = rest.split_once('(')?.1.split_whitespace().next()?;
    Some(format!("{name}={version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_systems_are_told_apart() {
        let stable = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(release_in(stable).as_deref(), Some("debian-12"));
        assert_eq!(release_in("ID=debian\nVERSION_CODENAME=forky").as_deref(), Some("debian-forky"));
        assert_eq!(release_in("VERSION_ID=12"), None);
    }

    #[test]
    fn packages_are_read_with_their_versions() {
        for (line, expected) in [
            ("Inst libaio1 (0.3.113-4 Debian:12.14/oldstable [amd64])", Some("libaio1=0.3.113-4")),
            ("Inst tar [1.34] (1.35 Debian:12.14/oldstable [amd64]) []", Some("tar=1.35")),
            ("Conf libaio1 (0.3.113-4 Debian:12.14/oldstable [amd64])", None),
        ] {
            assert_eq!(installed(line).as_deref(), expected, "{line}");
        }
    }
}
