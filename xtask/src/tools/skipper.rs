//! Skipper, which routes what is tagged to mocks, in the demo and in the tests of mocks.

use std::path::PathBuf;

use super::go::Module;

/// The program, built if need be.
pub(crate) fn install() -> Result<PathBuf, String> {
    Ok(MODULE.install(|_| Ok(()))?.join("skipper"))
}

/// Whether it is there, or can be built.
///
/// # Errors
/// What is missing to build it.
pub(crate) fn possible() -> Result<(), String> {
    MODULE.possible()
}

const MODULE: Module = Module {
    name: "Skipper",
    word: "skipper",
    folder: "tests/skipper",
    go_mod: include_str!("../../../tests/skipper/go.mod"),
    go_sum: include_str!("../../../tests/skipper/go.sum"),
    requires: "github.com/zalando/skipper",
    programs: &[("skipper", "skipper")],
    variables: |version| vec![("main.version", format!("v{version}"))],
    source: "",
    tags: &[],
    cost: "some ten minutes on two cores",
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
