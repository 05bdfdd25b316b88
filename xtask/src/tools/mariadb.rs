//! MariaDB: the one of this system, else Debian's packages unpacked into a cache folder, which changes nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::debian::Packages;
use super::link;
use super::postgres::reachable_cache;
use crate::program;

/// What is unpacked.
const PACKAGES: Packages = Packages {
    name: "MariaDB",
    folder: "mariadb",
    wanted: &["mariadb-server-core"],
    instead: "install MariaDB 10.11 or newer",
};
/// Where a system has its server.
const SERVERS: [&str; 3] = ["sbin/mariadbd", "bin/mariadbd", "libexec/mariadbd"];
/// The oldest series that the tests are written for.
const OLDEST: [u32; 2] = [10, 11];

/// The folder of an installation, as `/usr` is one. The target folder gets a link to it, by which tests find it.
pub(crate) fn install() -> Result<PathBuf, String> {
    let system = ["/usr", "/usr/local"].map(PathBuf::from).into_iter().find(|folder| is_new_enough(folder));
    let folder = match system {
        Some(folder) => folder,
        None => PACKAGES.unpacked(&reachable_cache()?, |usr| server(usr).is_some())?,
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
}
