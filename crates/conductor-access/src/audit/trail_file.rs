//! The file of the audit trail, which others may move away or delete at any time, as those do who rotate logs.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file at a path: what is appended is at that path afterwards, not in a file that was there once.
pub(super) struct TrailFile {
    path: PathBuf,
    /// Absent after a write that failed: then the next one opens the file again.
    open: Option<Open>,
}

struct Open {
    file: File,
    /// Which file this is: its device and its number there.
    identity: (u64, u64),
    /// The file may end within a line.
    torn: bool,
}

impl TrailFile {
    /// Opens the file, or makes one that only its owner may read.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), open: Some(Open::at(path)?) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line. It is on the disk afterwards.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        // Whoever fails in what follows leaves no open file, so that the next one begins anew.
        let mut open = match self.open.take() {
            Some(open) if open.is_at(&self.path) => open,
            Some(_) | None => Open::at(&self.path)?,
        };
        open.append(line)?;
        self.open = Some(open);
        Ok(())
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let found = file.metadata()?;
        // Whoever wrote to it before may have been killed within a line; an empty line more does no harm.
        Ok(Self { identity: identity(&found), torn: found.len() > 0, file })
    }

    fn is_at(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|found| identity(&found) == self.identity)
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let begin: &[u8] = if self.torn { b"\n" } else { b"" };
        self.file.write_all(&[begin, line].concat())?;
        self.file.sync_data()?;
        self.torn = false;
        Ok(())
    }
}

fn identity(of: &Metadata) -> (u64, u64) {
    (of.dev(), of.ino())
}
