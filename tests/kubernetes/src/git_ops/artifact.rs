//! What a commit is to Flux: an archive, of manifests or of a chart with them.

use std::path::Path;

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::process::Command;

use super::keep::Commit;
use super::program;
use crate::error::BedError;

/// An archive, with what a source says of it.
#[derive(Debug)]
pub(super) struct Artifact {
    pub(super) archive: Vec<u8>,
    /// How the source calls the commit.
    pub(super) revision: String,
}

impl Artifact {
    /// The manifests of a commit.
    pub(super) async fn of_manifests(commit: &Commit, folder: &Path) -> Result<Self, BedError> {
        let archive = archive(folder, "objects.yaml", &[("objects.yaml", documents(&commit.manifests))]).await?;
        Ok(Self { archive, revision: format!("main@sha1:{:040x}", commit.number) })
    }

    /// A chart that makes the manifests of a commit, whatever its values are.
    pub(super) async fn of_chart(name: &str, commit: &Commit, folder: &Path) -> Result<Self, BedError> {
        let version = format!("0.1.{}", commit.number);
        let chart = json!({ "apiVersion": "v2", "name": name, "version": version }).to_string();
        let files = [("chart/Chart.yaml", chart), ("chart/templates/objects.yaml", documents(&commit.manifests))];
        Ok(Self { archive: archive(folder, "chart", &files).await?, revision: version })
    }

    /// As it stands in the status of a source, for whoever fetches it from there.
    pub(super) fn described(&self, url: &str) -> Value {
        json!({
            "path": url,
            "url": url,
            "revision": self.revision,
            "digest": format!("sha256:{}", hex(digest(&SHA256, &self.archive).as_ref())),
            "lastUpdateTime": jiff::Timestamp::now().to_string(),
            "size": self.archive.len(),
        })
    }
}

/// Every JSON is YAML.
pub(super) fn documents(manifests: &[Value]) -> String {
    manifests.iter().map(|manifest| format!("---\n{manifest}\n")).collect()
}

/// Packs what is under a name, when these files are there.
async fn archive(folder: &Path, name: &str, files: &[(&str, String)]) -> Result<Vec<u8>, BedError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BedError::File { act: "write", path, source }
    };
    let place = tempfile::tempdir_in(folder).map_err(failed(folder))?;
    for (path, text) in files {
        let path = place.path().join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed(folder))?;
        }
        std::fs::write(&path, text).map_err(failed(&path))?;
    }
    let mut tar = Command::new("tar");
    tar.args(["-czf", "-", "-C"]).arg(place.path()).arg(name);
    program::output("tar", "pack what is committed", &mut tar).await
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
