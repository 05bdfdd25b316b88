//! Where the programs of Kubernetes are. Building them is for `cargo xtask kubernetes`.

use std::path::PathBuf;

use crate::error::BedError;

/// The folder with the programs.
#[derive(Clone, Debug)]
pub(crate) struct Programs(PathBuf);

impl Programs {
    /// The folder that `CONDUCTOR_KUBERNETES` names, else the link that the build made in cargo's target folder.
    pub(crate) fn find() -> Self {
        let test = std::env::current_exe().unwrap_or_default();
        let built = test.ancestors().nth(3).map(|target| target.join("tools").join("kubernetes"));
        Self(std::env::var_os("CONDUCTOR_KUBERNETES").map(PathBuf::from).or(built).unwrap_or_default())
    }

    /// A program's file.
    ///
    /// # Errors
    /// When it is not there.
    pub(crate) fn file(&self, program: &'static str) -> Result<PathBuf, BedError> {
        let file = self.0.join(program);
        if file.is_file() { Ok(file) } else { Err(BedError::Program { program, folder: self.0.clone() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_its_folder_and_the_way_to_get_it() {
        let error = Programs(PathBuf::from("/nowhere")).file("kube-scheduler").unwrap_err().to_string();
        assert!(error.starts_with("kube-scheduler is missing in /nowhere: cargo verify"), "{error}");
    }
}
