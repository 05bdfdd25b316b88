//! Where the programs of a cluster are. Building them is for `cargo verify`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use conductor_bed::program;

use crate::controller::Controller;
use crate::error::BedError;

/// A folder with programs.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    built_by: String,
}

impl Programs {
    /// Those of Kubernetes: in the folder that `CONDUCTOR_KUBERNETES` names, else behind the link that the build made in
    /// cargo's target folder.
    pub(crate) fn find() -> Self {
        let folder = program::find("CONDUCTOR_KUBERNETES", "kubernetes");
        Self { folder, built_by: "cargo verify builds it, and so does cargo xtask kubernetes".to_owned() }
    }

    /// That of a real controller, if its variable names a folder.
    pub(crate) fn of(controller: &Controller) -> Option<Self> {
        std::env::var_os(controller.variable).map(|folder| Self::of_in(controller, folder))
    }

    fn of_in(controller: &Controller, folder: OsString) -> Self {
        let built_by = format!("cargo verify --full builds it, and so does cargo xtask {}", controller.word);
        Self { folder: folder.into(), built_by }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A program's file.
    ///
    /// # Errors
    /// When it is not there.
    pub(crate) fn file(&self, program: &'static str) -> Result<PathBuf, BedError> {
        let file = self.folder.join(program);
        if file.is_file() {
            return Ok(file);
        }
        Err(BedError::Program { program, folder: self.folder.clone(), built_by: self.built_by.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keda::KEDA;

    #[test]
    fn a_missing_program_is_named_with_its_folder_and_the_way_to_get_it() {
        let mut programs = Programs::find();
        programs.folder = PathBuf::from("/nowhere");
        let error = programs.file("kube-scheduler").unwrap_err().to_string();
        assert_eq!(
            error,
            "kube-scheduler is missing in /nowhere: cargo verify builds it, and so does cargo xtask kubernetes"
        );
        let error = Programs::of_in(&KEDA, "/nowhere".into()).file(KEDA.program).unwrap_err().to_string();
        assert_eq!(
            error,
            "keda-operator is missing in /nowhere: cargo verify --full builds it, and so does cargo xtask keda"
        );
    }
}
