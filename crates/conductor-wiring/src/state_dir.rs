//! The folder of this machine in which a program keeps what it must not lose.

use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, HomeDirError};

/// Its name in the platform's folder for state.
const NAME: &str = "loadtest-conductor";

/// There is no folder for state.
#[derive(Debug, thiserror::Error)]
pub enum StateDirProblem {
    /// Nobody has said one, and the user has no home folder.
    #[error("could not find the home folder; expected --state-dir or CONDUCTOR_STATE_DIR")]
    NoHome(#[source] HomeDirError),
    /// The one that was said cannot be made absolute.
    #[error("could not find the state folder {folder}", folder = .folder.display())]
    NotFound {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// The folder that was said, or else `loadtest-conductor` in the platform's folder for state; absolute. It need not be there.
///
/// # Errors
/// When there is none.
pub fn state_dir(said: Option<&Path>) -> Result<PathBuf, StateDirProblem> {
    let folder = match said {
        Some(folder) => folder.to_owned(),
        None => {
            let folders = etcetera::choose_base_strategy().map_err(StateDirProblem::NoHome)?;
            folders.state_dir().unwrap_or_else(|| folders.data_dir()).join(NAME)
        }
    };
    std::path::absolute(&folder).map_err(|source| StateDirProblem::NotFound { folder, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_one_that_was_said_or_has_the_programs_name() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(state_dir(Some(Path::new("state"))).unwrap(), here.join("state"));
        assert_eq!(state_dir(Some(Path::new("/var/lib/x"))).unwrap(), Path::new("/var/lib/x"));
        let default = state_dir(None).unwrap();
        assert!(default.is_absolute() && default.ends_with(NAME), "{default:?}");
        let told = state_dir(Some(Path::new(""))).unwrap_err().to_string();
        assert_eq!(told, "could not find the state folder ");
    }
}
