//! The supervisor's folder: its settings, its lock, its socket, its logs.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File, TryLockError};
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::LocalError;
use crate::settings::LocalSettings;

/// Paths of sockets may have some hundred bytes only, on every system.
const LONGEST_SOCKET_PATH: usize = 100;

/// A supervisor's folder.
#[derive(Clone, Debug)]
pub(crate) struct StateDir(PathBuf);

/// What a supervisor says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Supervisor {
    pub(crate) pid: u32,
    pub(crate) socket: PathBuf,
}

impl StateDir {
    pub(crate) fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    pub(crate) fn create(&self) -> Result<(), LocalError> {
        fs::create_dir_all(self.logs()).map_err(LocalError::io(format!("make the folder {}", self.0.display())))
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    pub(crate) fn supervisor_log(&self) -> PathBuf {
        self.logs().join("supervisor.log")
    }

    /// Takes the supervisor's lock; `None` when another process holds it.
    pub(crate) fn lock(&self) -> Result<Option<File>, LocalError> {
        let path = self.0.join("supervisor.lock");
        let open = File::options().create(true).truncate(false).write(true).open(&path);
        let failed = || LocalError::io(format!("lock {}", path.display()));
        let file = open.map_err(failed())?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed()(error)),
        }
    }

    /// True when a supervisor lives.
    pub(crate) fn is_up(&self) -> Result<bool, LocalError> {
        Ok(self.0.exists() && self.lock()?.is_none())
    }

    pub(crate) fn settings(&self) -> Result<LocalSettings, LocalError> {
        self.read("settings.json")
    }

    pub(crate) fn write_settings(&self, settings: &LocalSettings) -> Result<(), LocalError> {
        self.write("settings.json", settings)
    }

    pub(crate) fn supervisor(&self) -> Result<Supervisor, LocalError> {
        self.read("supervisor.json")
    }

    pub(crate) fn write_supervisor(&self, supervisor: &Supervisor) -> Result<(), LocalError> {
        self.write("supervisor.json", supervisor)
    }

    /// Removes what says that a supervisor lives.
    pub(crate) fn forget_supervisor(&self) -> Result<(), LocalError> {
        let path = self.0.join("supervisor.json");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(LocalError::io(format!("remove {}", path.display()))(error))
            }
            _ => Ok(()),
        }
    }

    /// Where the socket goes: into the folder, or into a private one with a short name where that path is too long.
    pub(crate) fn socket(&self) -> Result<PathBuf, LocalError> {
        let here = self.0.join("supervisor.sock");
        if here.as_os_str().len() <= LONGEST_SOCKET_PATH {
            return Ok(here);
        }
        let user = nix::unistd::getuid();
        let folder = std::env::temp_dir().join(format!("loadtest-conductor-{user}"));
        let failed = || LocalError::io(format!("make the private folder {}", folder.display()));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed())?;
        let owner = fs::metadata(&folder).map_err(failed())?;
        if owner.uid() != user.as_raw() || owner.mode() & 0o077 != 0 {
            return Err(failed()(io::Error::other("it is there already and others may use it")));
        }
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        Ok(folder.join(format!("{:016x}.sock", hasher.finish())))
    }

    fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, LocalError> {
        let path = self.0.join(name);
        let text = fs::read(&path).map_err(LocalError::io(format!("read {}", path.display())))?;
        serde_json::from_slice(&text).map_err(|source| LocalError::State { path, source })
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), LocalError> {
        let path = self.0.join(name);
        let failed = || LocalError::io(format!("write {}", path.display()));
        let text = serde_json::to_vec_pretty(value).map_err(|error| failed()(error.into()))?;
        // A reader sees the old file or the new one, never half of it.
        let new = self.0.join(format!("{name}.new"));
        fs::write(&new, text).and_then(|()| fs::rename(&new, &path)).map_err(failed())
    }
}
