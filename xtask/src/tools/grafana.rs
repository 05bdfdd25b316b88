//! Grafana, which shows runs as people have it: built from its Go module, whose sources wire completes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::go::Module;
use crate::program;

/// What the release is called.
const RELEASE: &str = "10.0.0-preview";
/// The module of that release. Its own go.sum says what it is built from.
const SOURCE: &str = "github.com/grafana/grafana@v1.9.2-0.20230609164553-81d85ce8028d";
/// The checksum of its sources.
const SUM: &str = "h1:nEQOIzFVY/zsD915THCfkl+HIvGW+AounbAQ61ejFcs=";
/// What a server needs of the sources beside its program.
const HOME: [&str; 4] = ["conf", "public/views", "public/emails", "public/app/plugins/datasource/prometheus"];

/// The folder with the program, `grafana`, which is a home of it (`--homepath`), too; built if need be.
pub(crate) fn install() -> Result<PathBuf, String> {
    MODULE.install(complete)
}

const MODULE: Module = Module {
    name: "Grafana 10.0.0-preview with wire",
    word: "grafana",
    folder: "tests/grafana",
    go_mod: include_str!("../../../tests/grafana/go.mod"),
    go_sum: include_str!("../../../tests/grafana/go.sum"),
    requires: "github.com/google/wire",
    programs: &[("wire", "wire")],
    variables: |_| Vec::new(),
    // What is built, and how, is in this file.
    source: include_str!("grafana.rs"),
    tags: &[],
    cost: "some 20 minutes on one core, and a C compiler",
};

/// Adds Grafana to the folder that has wire.
fn complete(folder: &Path) -> Result<(), String> {
    let source = folder.join("source");
    copy(&downloaded()?, &source).map_err(|error| format!("could not copy Grafana's sources: {error}"))?;
    let mut wire = Command::new(folder.join("wire"));
    program::run(wire.args(["gen", "-tags", "oss", "./pkg/server"]).current_dir(&source))?;
    let linking = format!("-s -w -checklinkname=0 -X main.version={RELEASE}");
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-buildvcs=false", "-tags", "oss", "-ldflags", &linking, "-o"]);
    go.arg(folder.join("grafana")).arg("./pkg/cmd/grafana").current_dir(&source).env("CGO_ENABLED", "1");
    program::run(&mut go)?;
    for part in HOME {
        copy(&source.join(part), &folder.join(part)).map_err(|error| format!("could not copy {part}: {error}"))?;
    }
    fs::remove_dir_all(&source).map_err(|error| format!("could not remove {}: {error}", source.display()))
}

/// Where Go has the sources.
fn downloaded() -> Result<PathBuf, String> {
    let told = program::quietly(&mut MODULE.go(&["mod", "download", "-json", SOURCE]))?;
    let told: serde_json::Value =
        serde_json::from_str(&told).map_err(|error| format!("could not read what Go says of {SOURCE}: {error}"))?;
    if told["Sum"] != SUM {
        return Err(format!("{SOURCE} has the checksum {}; expected {SUM}", told["Sum"]));
    }
    let folder = told["Dir"].as_str().ok_or_else(|| format!("Go does not say where {SOURCE} is"))?;
    Ok(PathBuf::from(folder))
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::go::tests::names_its_versions;

    #[test]
    fn the_module_names_its_versions() {
        names_its_versions(&MODULE);
        assert!(MODULE.name.contains(RELEASE), "{}", MODULE.name);
    }
}
