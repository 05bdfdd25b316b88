//! A temporary folder that is gone when its owner is, however that one ends.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::error::Error;
use crate::identity::Identity;

/// Waits for the end of its input, which comes when the owner closes it or dies, then for the end of the process whose number stands in
/// a file of the folder, if there is one, and removes the folder. Processes that die at the same time may still write into it: hence
/// again and again, for twenty seconds each at most.
const REMOVE: &str = r#"
read -r _
tries=200
process=
[ -z "$2" ] || process=$(head -n 1 "$1/$2" 2>/dev/null)
while [ -n "$process" ] && kill -0 "$process" 2>/dev/null && [ "$tries" -gt 0 ]; do
    tries=$((tries - 1)); sleep 0.1
done
tries=200
until rm -rf -- "$1" 2>/dev/null && [ ! -e "$1" ]; do
    tries=$((tries - 1)); [ "$tries" -gt 0 ] || exit 1; sleep 0.1
done
"#;

/// How the folders of a bed are made.
#[derive(Clone, Copy, Debug)]
pub struct Folders {
    /// What their names begin with.
    pub prefix: &'static str,
    /// The file whose first line is the number of the process that must have ended before a folder goes, where its owner may die
    /// before that one.
    pub process: Option<&'static str>,
}

/// A folder that only its owner may enter. Dropping it removes it.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    remover: Child,
}

impl Folders {
    /// Makes a folder among the temporary files, which belongs to somebody.
    ///
    /// # Errors
    /// When it cannot be made or given away, or there is no shell to remove it.
    pub fn make(self, owner: Identity) -> Result<Folder, Error> {
        let made = tempfile::Builder::new().prefix(self.prefix).tempdir();
        let made = made.map_err(Error::file("make a folder in", std::env::temp_dir()))?;
        owner.give(made.path())?;
        let mut remover = Command::new("sh");
        remover.args(["-c", REMOVE, "remover"]).arg(made.path()).arg(self.process.unwrap_or_default());
        remover.process_group(0).current_dir("/");
        remover.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let remover = remover.spawn().map_err(Error::start("sh"))?;
        Ok(Folder { path: made.keep(), remover })
    }
}

impl Folder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file of the folder is, or will be.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file that only its owner may read, and answers with its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.file(name);
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(Error::file("write", &path))?;
        Ok(path)
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
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Duration;

    use super::*;
    use crate::process;

    const FOLDERS: Folders = Folders { prefix: "bed-", process: None };

    #[test]
    fn a_dropped_folder_is_gone_with_all_in_it() {
        let folder = FOLDERS.make(Identity::own()).unwrap();
        let path = folder.path().to_owned();
        folder.write("file", "text").unwrap();
        assert!(path.join("file").exists());
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_stays_until_the_process_that_it_names_has_ended() {
        let folder = Folders { process: Some("number"), ..FOLDERS }.make(Identity::own()).unwrap();
        let path = folder.path().to_owned();
        let mut child = process::spawn(Command::new("cat").stdin(Stdio::piped()), crate::Signal::SIGKILL).unwrap();
        folder.write("number", &format!("{}\nmore\n", child.id())).unwrap();
        let (tell, told) = channel();
        let dropping = std::thread::spawn(move || {
            drop(folder);
            tell.send(()).unwrap();
        });
        assert_eq!(told.recv_timeout(Duration::from_millis(300)), Err(RecvTimeoutError::Timeout));
        assert!(path.exists());
        drop(child.stdin.take());
        child.wait().unwrap();
        told.recv().unwrap();
        assert!(!path.exists());
        dropping.join().unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = FOLDERS.make(Identity::own()).unwrap();
        let error = folder.write("missing/file", "").unwrap_err().to_string();
        assert_eq!(error, format!("could not write {}", folder.file("missing/file").display()));
    }
}
