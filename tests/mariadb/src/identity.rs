//! As whom MariaDB runs: not as root, where that can be avoided.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{User, geteuid};

use crate::error::BedError;

/// As whom programs of the bed run, and to whom their files belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// This process's, which is not root's.
    Own,
    /// Another user and group.
    Other(u32, u32),
    /// Root, which the server must be told to accept.
    Root,
}

impl Identity {
    /// Where this process is root's, a user without rights, unless the installation or what is temporary is in a folder that is
    /// closed to others.
    pub(crate) fn find(installation: &Path) -> Self {
        if !geteuid().is_root() {
            return Self::Own;
        }
        match User::from_name("nobody").ok().flatten() {
            Some(nobody) if is_open(installation) && is_open(&std::env::temp_dir()) => {
                Self::Other(nobody.uid.as_raw(), nobody.gid.as_raw())
            }
            Some(_) | None => Self::Root,
        }
    }

    /// Lets the server run so.
    pub(crate) fn run_as(self, command: &mut Command) {
        match self {
            Self::Own => {}
            Self::Other(user, group) => drop(command.uid(user).gid(group)),
            Self::Root => drop(command.arg("--user=root")),
        }
    }

    /// Gives a file or folder away.
    pub(crate) fn give(self, path: &Path) -> Result<(), BedError> {
        let Self::Other(user, group) = self else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(user), Some(group)).map_err(|source| BedError::File {
            act: "give away",
            path: path.to_owned(),
            source,
        })
    }
}

/// True where everybody may enter a folder and those that it is in.
fn is_open(folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return false };
    let is_open = |folder: &Path| folder.metadata().is_ok_and(|found| found.permissions().mode() & 0o001 != 0);
    folder.ancestors().all(is_open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_one_that_is_closed_to_others_is_closed_itself() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        set(&inner, 0o755);
        set(outer.path(), 0o700);
        assert!(!is_open(&inner));
        set(outer.path(), 0o711);
        assert_eq!(is_open(&inner), is_open(&std::env::temp_dir()));
        assert!(!is_open(&inner.join("missing")));
    }
}
