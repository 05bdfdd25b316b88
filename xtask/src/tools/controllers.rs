//! Real controllers of custom resources, for the tests of what stands in for them, with the definitions of those resources.

use std::fs;
use std::path::{Path, PathBuf};

use super::go::Module;
use super::keda::KEDA;
use super::rollouts::ROLLOUTS;
use crate::program;

/// One of them.
pub(crate) struct Controller {
    /// Tests meet it where this names the folder with it.
    pub(crate) variable: &'static str,
    pub(super) module: Module,
    /// Where the definitions are in the source of what the module requires: a folder, or a file.
    pub(super) definitions: &'static str,
    /// The test of the bed that says what it does.
    pub(crate) bed_test: &'static str,
    /// What the conductor's tests with it have in their names.
    pub(crate) tests: &'static [&'static str],
}

/// All of them.
pub(crate) const ALL: [Controller; 2] = [KEDA, ROLLOUTS];

/// Where the definitions are put.
const DEFINITIONS: &str = "crds";

impl Controller {
    /// What people call it.
    pub(crate) const fn name(&self) -> &'static str {
        self.module.name
    }

    /// The folder with the program and the definitions, built if need be.
    pub(crate) fn install(&self) -> Result<PathBuf, String> {
        self.module.install(|folder| self.copy_definitions(folder))
    }

    /// They are in the module's source, which Go has fetched by now.
    fn copy_definitions(&self, folder: &Path) -> Result<(), String> {
        let list = ["list", "-m", "-f", "{{.Dir}}", self.module.requires];
        let source = program::quietly(&mut self.module.go(&list))?;
        let (from, to) = (Path::new(source.trim()).join(self.definitions), folder.join(DEFINITIONS));
        let failed = |error: std::io::Error| format!("could not copy {} to {}: {error}", from.display(), to.display());
        fs::create_dir(&to).map_err(failed)?;
        let files = if from.is_file() { vec![from.clone()] } else { files(&from).map_err(failed)? };
        let definitions = files.iter().filter(|path| is_definition(path));
        let mut count = 0;
        for (path, name) in definitions.filter_map(|path| Some((path, path.file_name()?))) {
            // Read and written: the files in Go's cache cannot be written, and copies of them could not be, either.
            fs::read(path).and_then(|text| fs::write(to.join(name), text)).map_err(failed)?;
            count += 1;
        }
        if count == 0 {
            Err(format!("there are no definitions of custom resources in {}", from.display()))
        } else {
            Ok(())
        }
    }
}

/// The controller that a word of the command line means.
pub(crate) fn called(word: &str) -> Option<Controller> {
    ALL.into_iter().find(|controller| controller.module.word == word)
}

/// False for what is beside definitions: a list of them for Kustomize, too.
fn is_definition(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "yaml") && path.file_stem().is_some_and(|name| name != "kustomization")
}

fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::go::tests::names_its_versions;

    #[test]
    fn every_module_names_its_versions() {
        for controller in ALL {
            names_its_versions(&controller.module);
        }
    }
}
