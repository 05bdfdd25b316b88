//! An OpenTelemetry collector, to which the tests let the server send its spans as people do.

use std::path::PathBuf;

use super::go::Module;

/// The program, built if need be.
pub(crate) fn install() -> Result<PathBuf, String> {
    Ok(MODULE.install(|_| Ok(()))?.join("collector"))
}

const MODULE: Module = Module {
    name: "the OpenTelemetry collector",
    word: "collector",
    folder: "tests/collector",
    go_mod: include_str!("../../../tests/collector/go.mod"),
    go_sum: include_str!("../../../tests/collector/go.sum"),
    requires: "go.opentelemetry.io/collector/otelcol",
    programs: &[("collector", "collector")],
    variables: |version| vec![("main.version", version.to_owned())],
    source: include_str!("../../../tests/collector/main.go"),
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
