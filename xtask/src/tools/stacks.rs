//! The controller of StackSets itself.

use super::controllers::Controller;
use super::go::Module;

pub(super) const STACKS: Controller = Controller {
    variable: "CONDUCTOR_STACKS",
    module: Module {
        name: "the controller of StackSets",
        word: "stacks",
        folder: "tests/kubernetes/stacks",
        go_mod: include_str!("../../../tests/kubernetes/stacks/go.mod"),
        go_sum: include_str!("../../../tests/kubernetes/stacks/go.sum"),
        requires: "github.com/zalando-incubator/stackset-controller",
        programs: &[("stackset-controller", "stackset-controller")],
        variables: |_| Vec::new(),
        source: "",
        tags: &[],
        cost: "some two minutes on two cores, and 1 GB in the caches of Go",
    },
    definitions: &["docs/stack_crd.yaml", "docs/stackset_crd.yaml"],
    bed_test: "stacks",
    tests: &["stack"],
};
