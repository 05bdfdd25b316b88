//! The folder of a cluster's state, which is gone when its owner is, however that one ends.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::error::BedError;

/// Waits for the end of its input, which comes when its parent closes it or dies, and then removes the folder. Processes
/// that die at the same time may still write into it: hence again and again, for ten seconds at most.
const REMOVE: &str = r#"
read -r _
tries=100
until rm -rf -- "$1" 2>/dev/null && [ ! -e "$1" ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit 1
    sleep 0.1
done
"#;

/// A folder that only its owner may enter.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    remover: Child,
}

impl Folder {
    /// Makes a folder among the temporary files.
    pub(crate) fn make() -> Result<Self, BedError> {
        let failed = |source| BedError::File { act: "make a folder in", path: std::env::temp_dir(), source };
        let made = tempfile::Builder::new().prefix("kubernetes-bed-").tempdir().map_err(failed)?;
        let mut remover = Command::new("sh");
        remover.args(["-c", REMOVE, "remover"]).arg(made.path()).process_group(0).current_dir("/");
        remover.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let remover = remover.spawn().map_err(|source| BedError::Start { program: "sh", source })?;
        Ok(Self { path: made.keep(), remover })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file of the folder is, or will be.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file that only its owner may read, and answers with its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, BedError> {
        let path = self.file(name);
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        match file.and_then(|mut file| file.write_all(text.as_bytes())) {
            Ok(()) => Ok(path),
            Err(source) => Err(BedError::File { act: "write", path, source }),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.remover.stdin.take());
        // It ends by itself; there is nobody to tell if it did not do its work.
        let _ = self.remover.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_folder_is_gone_with_all_in_it() {
        let folder = Folder::make().unwrap();
        let path = folder.path().to_owned();
        folder.write("file", "text").unwrap();
        assert!(path.join("file").exists());
        drop(folder);
        assert!(!path.exists());
    }
}
