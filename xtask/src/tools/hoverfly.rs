//! Hoverfly, which answers in place of real dependencies in the demo and in the tests of mocks.

use std::path::PathBuf;

use super::go::Module;

/// The program, built if need be.
pub(crate) fn install() -> Result<PathBuf, String> {
    Ok(MODULE.install(|_| Ok(()))?.join("hoverfly"))
}

/// Whether it is there, or can be built.
///
/// # Errors
/// What is missing to build it.
pub(crate) fn possible() -> Result<(), String> {
    MODULE.possible()
}

const MODULE: Module = Module {
    name: "Hoverfly",
    word: "hoverfly",
    folder: "tests/hoverfly",
    go_mod: include_str!("../../../tests/hoverfly/go.mod"),
    go_sum: include_str!("../../../tests/hoverfly/go.sum"),
    requires: "github.com/SpectoLabs/hoverfly",
    programs: &[("hoverfly", "hoverfly")],
    variables: |_| Vec::new(),
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
