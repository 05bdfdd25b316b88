//! Argo CD's application controller and repo server.

use super::controllers::Controller;
use super::flux::TESTS;
use super::go::Module;

pub(super) const ARGO_CD: Controller = Controller {
    variable: "CONDUCTOR_ARGO_CD",
    module: Module {
        name: "Argo CD",
        word: "argo-cd",
        folder: "tests/kubernetes/argo-cd",
        go_mod: include_str!("../../../tests/kubernetes/argo-cd/go.mod"),
        // The module has a program of its own, which counts, too.
        go_sum: concat!(
            include_str!("../../../tests/kubernetes/argo-cd/go.sum"),
            include_str!("../../../tests/kubernetes/argo-cd/main.go")
        ),
        requires: "github.com/argoproj/argo-cd/v3",
        programs: &[("argo-cd-bed", "argo-cd")],
        variables: |_| Vec::new(),
        source: "",
        tags: &[],
        cost: "some five minutes on two cores, and 3 GB in the caches of Go",
    },
    definitions: &["manifests/crds"],
    bed_test: "git_ops",
    tests: TESTS,
};
