//! What production runs, as a release manifest tells it.

use std::collections::BTreeSet;
use std::path::Path;

use conductor_core::app::ApplicationId;
use conductor_core::ports::{FailureKind, PortError};
use conductor_core::spec::API_VERSION;
use serde::Deserialize;

/// The `kind` of a release manifest.
const KIND: &str = "ReleaseManifest";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Manifest {
    api_version: String,
    kind: String,
    #[serde(rename = "metadata")]
    _metadata: Metadata,
    spec: Applications,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metadata {
    #[serde(rename = "name")]
    _name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Applications {
    applications: Vec<Entry>,
}

/// What production runs of one application.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) name: ApplicationId,
    pub(crate) version: String,
    pub(crate) replicas: u32,
}

/// Reads a release manifest.
pub(crate) fn read(file: &Path) -> Result<Vec<Entry>, PortError> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let act = format!("could not read the release manifest {}", file.display());
        PortError::because(FailureKind::Rejected, act, error)
    })?;
    let manifest: Manifest = serde_saphyr::from_str(&text).map_err(|error| {
        let act = format!("the release manifest {} is wrong", file.display());
        PortError::because(FailureKind::Rejected, act, error.without_snippet().to_string())
    })?;
    let refused = |problem: String| {
        PortError::new(FailureKind::Rejected, format!("the release manifest {} is wrong: {problem}", file.display()))
    };
    if manifest.api_version != API_VERSION {
        return Err(refused(format!("apiVersion is \"{}\"; expected {API_VERSION}", manifest.api_version)));
    }
    if manifest.kind != KIND {
        return Err(refused(format!("kind is \"{}\"; expected {KIND}", manifest.kind)));
    }
    let mut names = BTreeSet::new();
    match manifest.spec.applications.iter().find(|entry| !names.insert(&entry.name)) {
        Some(twice) => Err(refused(format!("{} is there twice; expected each application once", twice.name))),
        None => Ok(manifest.spec.applications),
    }
}

#[cfg(test)]
mod tests {
    use conductor_core::failure::Failure;

    use super::*;

    fn read_text(text: &str) -> Result<Vec<Entry>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("production.yaml");
        std::fs::write(&file, text).unwrap();
        read(&file).map_err(|error| Failure::of("", &error).message.replace(&file.display().to_string(), "FILE"))
    }

    #[test]
    fn a_manifest_names_versions_and_replicas() {
        let text = "apiVersion: loadtest-conductor.dev/v1alpha1\nkind: ReleaseManifest\nmetadata: { name: p }\nspec:\n  applications:\n    - { name: shop, version: v2, replicas: 3 }\n";
        let found = read_text(text).unwrap();
        assert_eq!(found, [Entry { name: "shop".parse().unwrap(), version: "v2".into(), replicas: 3 }]);
        let error = read_text(&text.replace("replicas: 3", "replicas: many")).unwrap_err();
        assert!(error.starts_with("the release manifest FILE is wrong: ") && error.contains("line 6"), "{error}");
        let error = read_text(&text.replace("ReleaseManifest", "LoadTest")).unwrap_err();
        assert_eq!(error, "the release manifest FILE is wrong: kind is \"LoadTest\"; expected ReleaseManifest");
        let error = read_text(&text.replace("v1alpha1", "v9")).unwrap_err();
        assert!(error.ends_with("\"loadtest-conductor.dev/v9\"; expected loadtest-conductor.dev/v1alpha1"), "{error}");
        let again = format!("{text}    - {{ name: shop, version: v1, replicas: 1 }}\n");
        assert!(read_text(&again).unwrap_err().ends_with("shop is there twice; expected each application once"));
    }
}
