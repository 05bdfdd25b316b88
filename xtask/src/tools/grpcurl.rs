//! grpcurl, with which the tests call the server as people do.

use std::path::PathBuf;

use super::go::Module;
use super::link;
use crate::program;

/// The program, built if need be. The target folder gets a link to its folder, by which tests find it.
pub(crate) fn install() -> Result<PathBuf, String> {
    let folder = MODULE.install(|_| Ok(()))?;
    link(&folder, &program::target()?.join("tools").join("grpcurl"))?;
    Ok(folder.join("grpcurl"))
}

const MODULE: Module = Module {
    name: "grpcurl",
    word: "grpcurl",
    folder: "tests/grpcurl",
    go_mod: include_str!("../../../tests/grpcurl/go.mod"),
    go_sum: include_str!("../../../tests/grpcurl/go.sum"),
    requires: "github.com/fullstorydev/grpcurl",
    programs: &[("grpcurl", "grpcurl")],
    variables: |version| vec![("main.version", format!("v{version}"))],
    source: "",
    tags: &[],
    cost: "one minute on two cores",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::go::tests::names_its_versions;

    #[test]
    fn the_module_names_its_versions() {
        names_its_versions(&MODULE);
    }
}
