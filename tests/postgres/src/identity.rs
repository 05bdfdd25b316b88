//! As whom PostgreSQL runs: not as root.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{User, geteuid};

use crate::error::BedError;

/// As whom programs of the bed run, and to whom their files belong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    /// Another user and group than this process's.
    other: Option<(u32, u32)>,
}

impl Identity {
    /// This process's, unless that is root's.
    pub(crate) fn find() -> Result<Self, BedError> {
        if !geteuid().is_root() {
            return Ok(Self { other: None });
        }
        let nobody = User::from_name("nobody").ok().flatten().ok_or(BedError::Nobody)?;
        Ok(Self { other: Some((nobody.uid.as_raw(), nobody.gid.as_raw())) })
    }

    /// Lets a program run so.
    pub(crate) fn run_as(self, command: &mut Command) {
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
    }

    /// Gives a file or folder away.
    pub(crate) fn give(self, path: &Path) -> Result<(), BedError> {
        let Some((user, group)) = self.other else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(user), Some(group)).map_err(|source| BedError::File {
            act: "give away",
            path: path.to_owned(),
            source,
        })
    }
}
