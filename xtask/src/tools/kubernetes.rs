//! The programs of the Kubernetes test bed.

use std::path::PathBuf;

use super::go::Module;
use super::link;
use crate::program;

/// Go names etcd after the last part of its package, `server`.
const PROGRAMS: [(&str, &str); 6] = [
    ("server", "etcd"),
    ("kube-apiserver", "kube-apiserver"),
    ("kube-controller-manager", "kube-controller-manager"),
    ("kube-scheduler", "kube-scheduler"),
    ("kubectl", "kubectl"),
    ("kwok", "kwok"),
];

/// The folder with the programs, built if need be. The target folder gets a link to it, by which tests find it.
pub(crate) fn install() -> Result<PathBuf, String> {
    let folder = MODULE.install(|_| Ok(()))?;
    link(&folder, &program::target()?.join("tools").join("kubernetes"))?;
    Ok(folder)
}

const MODULE: Module = Module {
    name: "Kubernetes",
    word: "kubernetes",
    folder: "tests/kubernetes/tools",
    go_mod: include_str!("../../../tests/kubernetes/tools/go.mod"),
    go_sum: include_str!("../../../tests/kubernetes/tools/go.sum"),
    requires: "k8s.io/kubernetes",
    programs: &PROGRAMS,
    variables,
    source: "",
    tags: &[],
    cost: "some six minutes on two cores, and 4 GB in the caches of Go",
};

/// Without these the API server says that it is v0.0.0.
fn variables(version: &str) -> Vec<(&'static str, String)> {
    let mut numbers = version.split('.').map(str::to_owned);
    vec![
        ("k8s.io/component-base/version.gitVersion", format!("v{version}")),
        ("k8s.io/component-base/version.gitMajor", numbers.next().unwrap_or_default()),
        ("k8s.io/component-base/version.gitMinor", numbers.next().unwrap_or_default()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::go::tests::names_its_versions;

    #[test]
    fn the_module_names_its_versions() {
        names_its_versions(&MODULE);
    }
}
