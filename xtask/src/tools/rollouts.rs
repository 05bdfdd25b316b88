//! Argo Rollouts itself.

use super::controllers::Controller;
use super::go::Module;

pub(super) const ROLLOUTS: Controller = Controller {
    variable: "CONDUCTOR_ROLLOUTS",
    module: Module {
        name: "Argo Rollouts",
        word: "rollouts",
        folder: "tests/kubernetes/rollouts",
        go_mod: include_str!("../../../tests/kubernetes/rollouts/go.mod"),
        go_sum: include_str!("../../../tests/kubernetes/rollouts/go.sum"),
        requires: "github.com/argoproj/argo-rollouts",
        programs: &[("rollouts-controller", "rollouts-controller")],
        variables: |_| Vec::new(),
        source: "",
        tags: &[],
        cost: "some three minutes on two cores, and 2 GB in the caches of Go",
    },
    definitions: &["manifests/crds"],
    bed_test: "rollouts",
    tests: &["argo_rollout"],
};
