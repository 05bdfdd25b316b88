//! Helm, with which the tests install the chart as people do.

use std::path::PathBuf;

use super::go::Module;

/// The program, built if need be.
pub(crate) fn install() -> Result<PathBuf, String> {
    Ok(MODULE.install(|_| Ok(()))?.join("helm"))
}

const MODULE: Module = Module {
    name: "Helm",
    word: "helm",
    folder: "tests/kubernetes/helm",
    go_mod: include_str!("../../../tests/kubernetes/helm/go.mod"),
    go_sum: include_str!("../../../tests/kubernetes/helm/go.sum"),
    requires: "helm.sh/helm/v4",
    programs: &[("helm", "helm")],
    variables: |version| vec![("helm.sh/helm/v4/internal/version.version", format!("v{version}"))],
    source: "",
    tags: &[],
    cost: "some three minutes on two cores",
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
