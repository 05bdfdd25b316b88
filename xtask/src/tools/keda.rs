//! KEDA itself, for the tests of what stands in for it, with the definitions of its custom resources.

use std::fs;
use std::path::{Path, PathBuf};

use super::go::Module;
use crate::program;

/// KEDA's module.
const KEDA: &str = "github.com/kedacore/keda/v2";
/// Where the definitions are in it, and where they are put.
const DEFINITIONS: [&str; 2] = ["config/crd/bases", "crds"];

/// The folder with the program and the definitions, built if need be.
pub(crate) fn install() -> Result<PathBuf, String> {
    let module = module();
    module.install(|folder| copy_definitions(&module, folder))
}

fn module() -> Module {
    let mut module = Module {
        name: "KEDA",
        word: "keda",
        folder: "tests/kubernetes/keda",
        go_mod: include_str!("../../../tests/kubernetes/keda/go.mod"),
        go_sum: include_str!("../../../tests/kubernetes/keda/go.sum"),
        requires: KEDA,
        programs: &[("operator", "keda-operator")],
        variables: Vec::new(),
        cost: "some five minutes on two cores, and 3 GB in the caches of Go",
    };
    // Without it the autoscalers that it makes say that they are of version main.
    module.variables = vec![("github.com/kedacore/keda/v2/version.Version", module.version().to_owned())];
    module
}

/// They are in the module's source, which Go has fetched by now.
fn copy_definitions(module: &Module, folder: &Path) -> Result<(), String> {
    let source = program::quietly(&mut module.go(&["list", "-m", "-f", "{{.Dir}}", KEDA]))?;
    let [from, to] = DEFINITIONS;
    let (from, to) = (Path::new(source.trim()).join(from), folder.join(to));
    let failed = |error: std::io::Error| format!("could not copy {} to {}: {error}", from.display(), to.display());
    fs::create_dir(&to).map_err(failed)?;
    let mut count = 0;
    for entry in fs::read_dir(&from).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|end| end == "yaml")) {
            // Read and written: the files in Go's cache cannot be written, and copies of them could not be, either.
            fs::read(&path).and_then(|text| fs::write(to.join(name), text)).map_err(failed)?;
            count += 1;
        }
    }
    if count == 0 { Err(format!("there are no definitions of custom resources in {}", from.display())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::go::tests::names_its_versions;

    #[test]
    fn the_module_names_its_versions() {
        names_its_versions(&module());
    }
}
