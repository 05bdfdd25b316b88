//! What production runs, as a release manifest tells it.

use std::path::Path;

use conductor_core::app::ApplicationId;
use conductor_core::ports::{FailureKind, PortError};
use serde::Deserialize;

/// The `kind` of a release manifest.
const KIND: &str = "ReleaseManifest";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Manifest {
    #[serde(rename = "apiVersion")]
    _api_version: String,
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
    if manifest.kind != KIND {
        let text = format!("{} is a {}; expected a {KIND}", file.display(), manifest.kind);
        return Err(PortError::new(FailureKind::Rejected, text));
    }
    Ok(manifest.spec.applications)
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
        let text = "apiVersion: a\nkind: ReleaseManifest\nmetadata: { name: p }\nspec:\n  applications:\n    - { name: shop, version: v2, replicas: 3 }\n";
        let found = read_text(text).unwrap();
        assert_eq!(found, [Entry { name: "shop".parse().unwrap(), version: "v2".into(), replicas: 3 }]);
        let error = read_text(&text.replace("replicas: 3", "replicas: many")).unwrap_err();
        assert!(error.starts_with("the release manifest FILE is wrong: ") && error.contains("line 6"), "{error}");
        let error = read_text(&text.replace("ReleaseManifest", "LoadTest")).unwrap_err();
        assert_eq!(error, "FILE is a LoadTest; expected a ReleaseManifest");
    }
}
