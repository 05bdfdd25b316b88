//! Real controllers of custom resources, for the tests of what stands in for them, with the definitions of those resources.

use std::fs;
use std::path::{Path, PathBuf};

use super::argo_cd::ARGO_CD;
use super::flux::{HELM_CONTROLLER, KUSTOMIZE_CONTROLLER};
use super::go::Module;
use super::keda::KEDA;
use super::rollouts::ROLLOUTS;
use super::stacks::STACKS;
use crate::program;

/// One of them.
pub(crate) struct Controller {
    /// Tests meet it where this names the folder with it.
    pub(crate) variable: &'static str,
    pub(super) module: Module,
    /// Where the definitions are in the source of what the module requires: folders, or files.
    pub(super) definitions: &'static [&'static str],
    /// The test of the bed that says what it does.
    pub(crate) bed_test: &'static str,
    /// What the conductor's tests with it have in their names.
    pub(crate) tests: &'static [&'static str],
}

/// All of them.
pub(crate) const ALL: [Controller; 6] = [KEDA, KUSTOMIZE_CONTROLLER, HELM_CONTROLLER, ARGO_CD, ROLLOUTS, STACKS];

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
        let to = folder.join(DEFINITIONS);
        fs::create_dir(&to).map_err(|error| format!("could not make {}: {error}", to.display()))?;
        for definitions in self.definitions {
            let from = Path::new(source.trim()).join(definitions);
            let failed = |error| format!("could not copy {} to {}: {error}", from.display(), to.display());
            if copy(&from, &to).map_err(failed)? == 0 {
                return Err(format!("there are no definitions of custom resources in {}", from.display()));
            }
        }
        Ok(())
    }
}

/// Copies the definitions of a folder, or of a file, and answers with how many files there are.
fn copy(from: &Path, to: &Path) -> std::io::Result<usize> {
    let files = if from.is_file() { vec![from.to_owned()] } else { files(from)? };
    let mut count = 0;
    // What Kustomize makes of a folder is no definition.
    let is_definition =
        |path: &Path| path.extension().is_some_and(|end| end == "yaml") && !path.ends_with("kustomization.yaml");
    for file in files.iter().filter(|path| is_definition(path)) {
        let Some(name) = file.file_name() else { continue };
        // Read and written: the files in Go's cache cannot be written, and copies of them could not be, either.
        fs::read(file).and_then(|text| fs::write(to.join(name), text))?;
        count += 1;
    }
    Ok(count)
}

/// The controller that a word of the command line means.
pub(crate) fn called(word: &str) -> Option<Controller> {
    ALL.into_iter().find(|controller| controller.module.word == word)
}

/// Every such word.
pub(crate) fn words() -> Vec<&'static str> {
    ALL.iter().map(|controller| controller.module.word).collect()
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
