//! Claims: one locked file for each environment, which says who holds it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use conductor_core::ports::{Claim, Holder, StoreError};
use jiff::Timestamp;

/// A held lock. The operating system releases it when the file is closed, at the latest with the process.
struct LockedFile {
    file: File,
}

#[async_trait]
impl Claim for LockedFile {
    async fn lost(&self) {
        // Nobody takes a lock from a process that lives.
        std::future::pending().await
    }

    async fn give_back(&self) {
        // It can only fail for a file that is not open any more, and is given back with that.
        let _ = self.file.unlock();
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // A child process that becomes another program at this moment has the file open, too; closing it here would not do.
        let _ = self.file.unlock();
    }
}

/// Locks the environment's file, or says who holds it.
pub(crate) fn claim(state_dir: &Path, environment: &str) -> Result<Box<dyn Claim>, StoreError> {
    let path = lock_path(state_dir, environment);
    let unavailable = |source: std::io::Error| StoreError::Unavailable {
        act: format!("could not claim environment {environment} with {}", path.display()),
        source: Box::new(source),
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unavailable)?;
    }
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => {
            let holder = format!("process {} since {}", std::process::id(), Timestamp::now().strftime("%F %T UTC"));
            file.set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| file.write_all(holder.as_bytes()))
                .map_err(unavailable)?;
            Ok(Box::new(LockedFile { file }))
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder).map_err(unavailable)?;
            Err(StoreError::Claimed { environment: environment.to_owned(), holder: Holder::for_life(holder) })
        }
        Err(TryLockError::Error(source)) => Err(unavailable(source)),
    }
}

/// Environment names may hold `/`, which a file name may not; `%` never occurs in them.
fn lock_path(state_dir: &Path, environment: &str) -> PathBuf {
    state_dir.join("environments").join(format!("{}.lock", environment.replace('/', "%")))
}
