//! KEDA itself.

use super::controllers::Controller;
use super::go::Module;

pub(super) const KEDA: Controller = Controller {
    variable: "CONDUCTOR_KEDA",
    module: Module {
        name: "KEDA",
        word: "keda",
        folder: "tests/kubernetes/keda",
        go_mod: include_str!("../../../tests/kubernetes/keda/go.mod"),
        go_sum: include_str!("../../../tests/kubernetes/keda/go.sum"),
        requires: "github.com/kedacore/keda/v2",
        programs: &[("operator", "keda-operator")],
        // Without it the autoscalers that it makes say that they are of version main.
        variables: |version| vec![("github.com/kedacore/keda/v2/version.Version", version.to_owned())],
        source: "",
        tags: &[],
        cost: "some five minutes on two cores, and 3 GB in the caches of Go",
    },
    definitions: &["config/crd/bases"],
    bed_test: "keda",
    tests: &["keda", "scaled_object"],
};
