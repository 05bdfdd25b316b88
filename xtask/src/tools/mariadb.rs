//! MariaDB: the one of this system, else Debian's packages unpacked into a cache folder, which changes nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::postgres::reachable_cache;
use super::{alone, link};
use crate::program;

/// What is unpacked, with all that it needs and this system does not have.
const PACKAGE: &str = "mariadb-server-core";
/// Where a system has its server.
const SERVERS: [&str; 3] = ["sbin/mariadbd", "bin/mariadbd", "libexec/mariadbd"];
/// The oldest series that the tests are written for.
const OLDEST: [u32; 2] = [10, 11];

/// The folder of an installation, as `/usr` is one. The target folder gets a link to it, by which tests find it.
pub(crate) fn install() -> Result<PathBuf, String> {
    let system = ["/usr", "/usr/local"].map(PathBuf::from).into_iter().find(|folder| is_new_enough(folder));
    let folder = match system {
        Some(folder) => folder,
        None => unpacked()?,
    };
    link(&folder, &program::target()?.join("tools").join("mariadb"))?;
    Ok(folder)
}

fn server(folder: &Path) -> Option<PathBuf> {
    SERVERS.iter().map(|server| folder.join(server)).find(|server| server.is_file())
}

/// One of the system that is older, or does not tell its version, is passed by.
fn is_new_enough(folder: &Path) -> bool {
    let told = server(folder).and_then(|server| program::quietly(Command::new(server).arg("--version")).ok());
    told.as_deref().and_then(series).is_some_and(|series| series >= OLDEST)
}

/// The series in words such as `mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64 (Debian 12)`.
fn series(told: &str) -> Option<[u32; 2]> {
    let version = told.split_once("Ver ")?.1.split_whitespace().next().filter(|version| version.contains("MariaDB"))?;
    let mut parts = version.split(['.', '-']).map(str::parse);
    Some([parts.next()?.ok()?, parts.next()?.ok()?])
}

/// The packages in the cache folder, unpacked once for this machine and the release of its system, whose libraries they use.
fn unpacked() -> Result<PathBuf, String> {
    let entry = format!("mariadb-{}-{}", release()?, std::env::consts::ARCH);
    let folder = reachable_cache()?.join(&entry);
    let usr = folder.join("usr");
    if server(&usr).is_some() {
        return Ok(usr);
    }
    let _alone = alone(&folder.with_file_name(format!("{entry}.lock")), "unpacks MariaDB")?;
    if server(&usr).is_none() {
        unpack(&folder)?;
    }
    match server(&usr) {
        Some(_) => Ok(usr),
        None => Err(format!("the package {PACKAGE} has no mariadbd in {}", usr.display())),
    }
}

/// The release of this system, such as `debian-12`.
fn release() -> Result<String, String> {
    let file = "/etc/os-release";
    let text = fs::read_to_string(file).map_err(|error| format!("could not read {file}: {error}"))?;
    release_in(&text).ok_or_else(|| format!("{file} has no ID; install MariaDB 10.11 or newer"))
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

fn unpack(folder: &Path) -> Result<(), String> {
    for program in ["apt-get", "dpkg-deb"] {
        if !program::is_there(program) {
            return Err(format!(
                "MariaDB 10.11 or newer is missing, and so is {program}, by which Debian's could be had; install MariaDB"
            ));
        }
    }
    println!("unpacking MariaDB of Debian into {}, once for this machine", folder.display());
    let mut part = folder.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let failed = |act: &str, error: io::Error| format!("could not {act} {}: {error}", part.display());
    fresh(&part).map_err(|error| failed("make", error))?;
    let debs = part.join("debs");
    download(&debs).or_else(|first| {
        // A fresh system has no lists of packages yet, and old ones name versions that are not there any more.
        program::quietly(Command::new("apt-get").args(["update", "-qq"]))
            .and_then(|_| download(&debs))
            .map_err(|second| format!("MariaDB is missing, and {PACKAGE} cannot be had:\n{first}\n{second}"))
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

/// Makes a folder with nothing in it.
fn fresh(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)
}

/// Downloads the packages into a folder that has nothing else then.
fn download(debs: &Path) -> Result<(), String> {
    let packages = needed()?;
    fresh(debs).map_err(|error| format!("could not make {}: {error}", debs.display()))?;
    program::quietly(Command::new("apt-get").args(["download", "-qq"]).args(&packages).current_dir(debs)).map(drop)
}

/// The package and those that it needs besides what this system has, each with its version.
fn needed() -> Result<Vec<String>, String> {
    let mut simulate = Command::new("apt-get");
    simulate.args(["install", "--simulate", "-qq", "--no-install-recommends", PACKAGE]);
    let packages: Vec<String> = program::quietly(&mut simulate)?.lines().filter_map(installed).collect();
    if packages.is_empty() { Err(format!("apt-get would install nothing for {PACKAGE}")) } else { Ok(packages) }
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
    fn the_series_is_read_and_older_ones_are_told_apart() {
        let new = "/usr/sbin/mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64 (Debian 12)";
        assert_eq!(series(new), Some([10, 11]));
        assert!(
            series("mariadbd  Ver 11.8.2-MariaDB-ubu2404 for debian-linux-gnu on x86_64")
                .is_some_and(|found| found >= OLDEST)
        );
        assert!(series("mariadbd  Ver 10.3.39-MariaDB for debian-linux-gnu").is_some_and(|found| found < OLDEST));
        assert_eq!(series("mysqld  Ver 8.4.0 for Linux on x86_64"), None);
    }

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
