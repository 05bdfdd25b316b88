//! Alertmanager, which routes what the conductor tells it of as people have it.

use std::path::PathBuf;

use super::go::Module;

/// The folder with the program, built if need be.
pub(crate) fn install() -> Result<PathBuf, String> {
    MODULE.install(|_| Ok(()))
}

const MODULE: Module = Module {
    name: "Alertmanager",
    word: "alertmanager",
    folder: "tests/alertmanager",
    go_mod: include_str!("../../../tests/alertmanager/go.mod"),
    go_sum: include_str!("../../../tests/alertmanager/go.sum"),
    requires: "github.com/prometheus/alertmanager",
    programs: &[("alertmanager", "alertmanager")],
    variables: |version| vec![("github.com/prometheus/common/version.Version", format!("v{version}"))],
    source: "",
    tags: &[],
    cost: "some two minutes on two cores",
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
