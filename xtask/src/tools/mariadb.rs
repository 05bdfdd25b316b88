//! MariaDB: the one of this system, else Debian's packages unpacked into the user's cache folder, which changes nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{alone, cache, link};
use crate::program;

/// What is unpacked, with all that it needs and this system does not have.
const PACKAGE: &str = "mariadb-server-core";
/// Where a system has its server.
const SERVERS: [&str; 3] = ["sbin/mariadbd", "bin/mariadbd", "libexec/mariadbd"];

/// The folder of an installation, as `/usr` is one. The target folder gets a link to it, by which tests find it.
pub(crate) fn install() -> Result<PathBuf, String> {
    let system = ["/usr", "/usr/local"].map(PathBuf::from).into_iter().find(|folder| has_server(folder));
    let folder = match system {
        Some(folder) => folder,
        None => unpacked()?,
    };
    link(&folder, &program::target()?.join("tools").join("mariadb"))?;
    Ok(folder)
}

fn has_server(folder: &Path) -> bool {
    SERVERS.iter().any(|server| folder.join(server).is_file())
}

/// The packages in the cache folder, unpacked once for this machine.
fn unpacked() -> Result<PathBuf, String> {
    let folder = cache()?.join("mariadb-debian");
    let usr = folder.join("usr");
    if has_server(&usr) {
        return Ok(usr);
    }
    let _alone = alone(&folder.with_file_name("mariadb-debian.lock"), "unpacks MariaDB")?;
    if !has_server(&usr) {
        unpack(&folder)?;
    }
    if has_server(&usr) { Ok(usr) } else { Err(format!("the package {PACKAGE} has no mariadbd in {}", usr.display())) }
}

fn unpack(folder: &Path) -> Result<(), String> {
    for program in ["apt-get", "dpkg-deb"] {
        if !program::is_there(program) {
            return Err(format!(
                "mariadbd is missing, and so is {program}, by which Debian's could be had; install MariaDB 10.11 or newer"
            ));
        }
    }
    println!("unpacking MariaDB of Debian into {}, once for this machine", folder.display());
    let packages = needed().or_else(|first| {
        // A fresh system has no lists of packages yet.
        program::quietly(Command::new("apt-get").args(["update", "-qq"]))
            .and_then(|_| needed())
            .map_err(|second| format!("mariadbd is missing, and {PACKAGE} cannot be had:\n{first}\n{second}"))
    })?;
    let part = folder.with_file_name("mariadb-debian.part");
    let failed = |act: &str, error: std::io::Error| format!("could not {act} {}: {error}", part.display());
    if part.exists() {
        fs::remove_dir_all(&part).map_err(|error| failed("remove", error))?;
    }
    let debs = part.join("debs");
    fs::create_dir_all(&debs).map_err(|error| failed("make", error))?;
    program::quietly(Command::new("apt-get").args(["download", "-qq"]).args(&packages).current_dir(&debs))?;
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
    use super::installed;

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
