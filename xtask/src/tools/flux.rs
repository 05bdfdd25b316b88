//! The controllers of Flux that keep a cluster as a repository or a chart says.

use super::controllers::Controller;
use super::go::Module;

/// What the conductor's tests with any keeper have in their names.
pub(super) const TESTS: &[&str] = &["keepers"];

pub(super) const KUSTOMIZE_CONTROLLER: Controller = Controller {
    variable: "CONDUCTOR_KUSTOMIZE_CONTROLLER",
    module: Module {
        name: "Flux's kustomize-controller",
        word: "kustomize-controller",
        folder: "tests/kubernetes/kustomize-controller",
        go_mod: include_str!("../../../tests/kubernetes/kustomize-controller/go.mod"),
        go_sum: include_str!("../../../tests/kubernetes/kustomize-controller/go.sum"),
        requires: "github.com/fluxcd/kustomize-controller",
        programs: &[("kustomize-controller", "kustomize-controller")],
        variables: |_| Vec::new(),
        source: "",
        tags: &[],
        cost: "some three minutes on two cores, and 2 GB in the caches of Go",
    },
    definitions: &["config/crd/bases"],
    bed_test: "git_ops",
    tests: TESTS,
};

pub(super) const HELM_CONTROLLER: Controller = Controller {
    variable: "CONDUCTOR_HELM_CONTROLLER",
    module: Module {
        name: "Flux's helm-controller",
        word: "helm-controller",
        folder: "tests/kubernetes/helm-controller",
        go_mod: include_str!("../../../tests/kubernetes/helm-controller/go.mod"),
        go_sum: include_str!("../../../tests/kubernetes/helm-controller/go.sum"),
        requires: "github.com/fluxcd/helm-controller",
        programs: &[("helm-controller", "helm-controller")],
        variables: |_| Vec::new(),
        source: "",
        tags: &[],
        cost: "some two minutes on two cores, and 2 GB in the caches of Go",
    },
    definitions: &["config/crd/bases"],
    bed_test: "git_ops",
    tests: TESTS,
};
