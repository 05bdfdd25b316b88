//! Prometheus and promtool: they count a KPI, and with them the tests read the server's metrics as people do.

use std::path::PathBuf;

use super::go::Module;

/// The folder with the programs, built if need be.
pub(crate) fn install() -> Result<PathBuf, String> {
    MODULE.install(|_| Ok(()))
}

const MODULE: Module = Module {
    name: "Prometheus",
    word: "prometheus",
    folder: "tests/prometheus",
    go_mod: include_str!("../../../tests/prometheus/go.mod"),
    go_sum: include_str!("../../../tests/prometheus/go.sum"),
    requires: "github.com/prometheus/prometheus",
    programs: &[("prometheus", "prometheus"), ("promtool", "promtool")],
    variables: |version| vec![("github.com/prometheus/common/version.Version", format!("v{version}"))],
    source: "",
    // Targets stand in the configuration: without the clients of every cloud it is built in half the time.
    tags: &["remove_all_sd"],
    cost: "some four minutes on two cores",
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
