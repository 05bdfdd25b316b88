//! As whom the programs of a bed run: some do not run as root.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{User, geteuid};

use crate::error::Error;

/// As whom programs of a bed run, and to whom their files belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Another user and group than this process's.
    other: Option<(u32, u32)>,
}

impl Identity {
    /// This process's.
    pub const fn own() -> Self {
        Self { other: None }
    }

    /// This process's, or the user `nobody` where this process's is root. None where there is no such user.
    pub fn without_rights() -> Option<Self> {
        if !geteuid().is_root() {
            return Some(Self::own());
        }
        let nobody = User::from_name("nobody").ok().flatten()?;
        Some(Self { other: Some((nobody.uid.as_raw(), nobody.gid.as_raw())) })
    }

    /// True for root's.
    pub fn is_root(self) -> bool {
        self.other.is_none() && geteuid().is_root()
    }

    /// Lets a program run so.
    pub fn run_as(self, command: &mut Command) {
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
    }

    /// Gives a file or folder away.
    ///
    /// # Errors
    /// When it cannot be given away.
    pub fn give(self, path: &Path) -> Result<(), Error> {
        let Some((user, group)) = self.other else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(user), Some(group)).map_err(Error::file("give away", path))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::folder::Folders;

    #[test]
    fn who_has_no_rights_is_not_root_and_owns_what_was_given_away() {
        let identity = Identity::without_rights().unwrap();
        assert!(!identity.is_root());
        let folder = Folders { prefix: "bed-", process: None }.make(identity).unwrap();
        let mut who = Command::new("id");
        identity.run_as(who.arg("-u"));
        let who = String::from_utf8(who.output().unwrap().stdout).unwrap();
        assert_eq!(who.trim(), std::fs::metadata(folder.path()).unwrap().uid().to_string());
    }
}
