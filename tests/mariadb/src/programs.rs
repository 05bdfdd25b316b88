//! Where MariaDB is. Installing it is for `cargo verify`.

use std::path::{Path, PathBuf};
use std::process::Command;

use conductor_bed::{Identity, program};

use crate::error::BedError;
use crate::identity;

/// Where the server may be, from the folder of the installation.
const SERVERS: [&str; 3] = ["sbin/mariadbd", "bin/mariadbd", "libexec/mariadbd"];
/// Where its texts and scripts may be.
const SHARES: [&str; 2] = ["share/mysql", "share/mariadb"];
/// What makes the tables of the server, by their old names and their new ones.
const SCRIPTS: [[&str; 2]; 2] = [
    ["mysql_system_tables.sql", "mysql_system_tables_data.sql"],
    ["mariadb_system_tables.sql", "mariadb_system_tables_data.sql"],
];

/// An installation.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    server: PathBuf,
    share: PathBuf,
    /// As whom the server runs.
    pub(crate) identity: Identity,
    /// Makes the tables of the server.
    pub(crate) scripts: [PathBuf; 2],
}

impl Programs {
    /// In the folder that `CONDUCTOR_MARIADB` names, else behind the link that the installation has made in cargo's target folder,
    /// else where the system has it.
    pub(crate) fn find() -> Result<Self, BedError> {
        let installed = program::linked("mariadb");
        let installed = if installed.exists() { installed } else { PathBuf::from("/usr") };
        Self::of(&std::env::var_os("CONDUCTOR_MARIADB").map_or(installed, PathBuf::from))
    }

    fn of(folder: &Path) -> Result<Self, BedError> {
        let missing = |name| BedError::Missing { name, folder: folder.to_owned() };
        let mut servers = SERVERS.iter().map(|server| folder.join(server));
        let server = servers.find(|server| server.is_file()).ok_or_else(|| missing("mariadbd"))?;
        let mut found = SHARES.iter().flat_map(|share| {
            let share = folder.join(share);
            SCRIPTS.map(|scripts| (share.clone(), scripts.map(|script| share.join(script))))
        });
        let (share, scripts) = found
            .find(|(_, scripts)| scripts.iter().all(|script| script.is_file()))
            .ok_or_else(|| missing(SCRIPTS[0][0]))?;
        let identity = identity::find(folder);
        Ok(Self { folder: folder.to_owned(), server, share, identity, scripts })
    }

    /// The server, with the data in a folder of its own. What is temporary is there, too: a server that starts removes the
    /// temporary tables of all others that have them in the same folder, and these do not survive that.
    pub(crate) fn server(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.server);
        let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
        command.arg("--no-defaults").arg(option("datadir", &folder.join("data"))).arg(option("tmpdir", folder));
        command.arg(option("lc-messages-dir", &self.share));
        command.arg(option("character-sets-dir", &self.share.join("charsets")));
        // What a test server loses with the machine is not missed.
        command.args([
            "--innodb-flush-method=nosync",
            "--innodb-flush-log-at-trx-commit=0",
            "--performance-schema=OFF",
        ]);
        command.args(["--innodb-log-file-size=32M", "--innodb-buffer-pool-size=64M", "--loose-aria-log-file-size=8M"]);
        identity::run_as(self.identity, &mut command);
        if let Some(libraries) = self.libraries() {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command.current_dir("/");
        command
    }

    /// Libraries that have come with the server, and that the system may not have.
    fn libraries(&self) -> Option<PathBuf> {
        let own = self.folder.join("lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
        (self.folder != Path::new("/usr") && own.is_dir()).then_some(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_server_is_named_with_its_folder_and_the_way_to_get_it() {
        let error = Programs::of(Path::new("/nowhere")).unwrap_err().to_string();
        assert_eq!(error, "mariadbd is missing in /nowhere: cargo verify installs it, and so does cargo xtask mariadb");
    }
}
