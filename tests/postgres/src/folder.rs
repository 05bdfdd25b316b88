//! A temporary folder that is gone when its owner is, however that one ends.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::error::BedError;
use crate::identity::Identity;

/// Waits for the end of its input, which comes when the owner closes it or dies, then for the end of the server whose number stands in
/// the folder, and removes it.
const REMOVE: &str = r#"
read -r _
tries=300
server=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
while [ -n "$server" ] && kill -0 "$server" 2>/dev/null && [ "$tries" -gt 100 ]; do
    tries=$((tries - 1)); sleep 0.1
done
until rm -rf -- "$1" 2>/dev/null && [ ! -e "$1" ]; do
    tries=$((tries - 1)); [ "$tries" -gt 0 ] || exit 1; sleep 0.1
done
"#;

/// A folder that only the user may enter as whom PostgreSQL runs.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    remover: Child,
}

impl Folder {
    pub(crate) fn make(identity: Identity) -> Result<Self, BedError> {
        let failed = |source| BedError::File { act: "make a folder in", path: std::env::temp_dir(), source };
        let made = tempfile::Builder::new().prefix("postgres-bed-").tempdir().map_err(failed)?;
        identity.give(made.path())?;
        let mut remover = Command::new("sh");
        remover.args(["-c", REMOVE, "remover"]).arg(made.path()).process_group(0).current_dir("/");
        remover.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let remover = remover.spawn().map_err(|source| BedError::Start { program: "sh", source })?;
        Ok(Self { path: made.keep(), remover })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.remover.stdin.take());
        // It ends by itself; there is nobody to tell if it did not do its work.
        let _ = self.remover.wait();
    }
}
