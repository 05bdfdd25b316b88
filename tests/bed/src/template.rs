//! The data of a fresh server, made once for a process: to copy it takes a fraction of the time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::error::Error;
use crate::folder::{Folder, Folders};
use crate::identity::Identity;
use crate::program;

/// The name of what is copied, in its folder.
const DATA: &str = "data";

/// Data that is made when it is first asked for. As a static it is removed when the process ends.
#[derive(Debug)]
pub struct Template {
    folders: Folders,
    made: Mutex<Option<Folder>>,
}

impl Template {
    /// One whose data is not made yet, and will be in such a folder.
    pub const fn new(folders: Folders) -> Self {
        Self { folders, made: Mutex::new(None) }
    }

    /// Copies the data to where there is nothing yet. Where it is not made yet, it is told in which folder, and by what path.
    ///
    /// # Errors
    /// When it cannot be made or copied.
    pub fn copy_to<E: From<Error>>(
        &self,
        data: &Path,
        owner: Identity,
        make: impl FnOnce(&Folder, &Path) -> Result<(), E>,
    ) -> Result<(), E> {
        let template = self.made(owner, make)?;
        let mut copy = Command::new("cp");
        copy.args(["-a", "--reflink=auto"]).arg(template).arg(data);
        Ok(program::run("cp", &mut copy)?)
    }

    fn made<E: From<Error>>(
        &self,
        owner: Identity,
        make: impl FnOnce(&Folder, &Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = &*made {
            return Ok(folder.file(DATA));
        }
        let folder = self.folders.make(owner)?;
        let data = folder.file(DATA);
        make(&folder, &data)?;
        *made = Some(folder);
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn data_is_made_once_and_again_where_that_has_failed() {
        let template = Template::new(Folders { prefix: "bed-", process: None });
        let place = tempfile::tempdir().unwrap();
        let mut made = 0;
        let mut copy = |name: &str, fails: bool| {
            template.copy_to(&place.path().join(name), Identity::own(), |_, data| {
                made += 1;
                let data = if fails { Path::new("/nowhere/data") } else { data };
                fs::create_dir(data).map_err(Error::file("make", data))
            })
        };
        assert_eq!(copy("first", true).unwrap_err().to_string(), "could not make /nowhere/data");
        copy("first", false).unwrap();
        copy("second", true).unwrap();
        assert_eq!((made, fs::read_dir(place.path()).unwrap().count()), (2, 2));
    }
}
