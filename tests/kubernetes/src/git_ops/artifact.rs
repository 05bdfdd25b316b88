//! What a commit is to Flux: an archive, of manifests or of a chart with them.

use std::path::Path;

use conductor_bed::Error;
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

/// What is in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Manifests,
    /// A chart that makes the manifests, whatever its values are.
    Chart,
}

impl Artifact {
    /// The archive of a commit, by the name of its source.
    pub(super) async fn of(content: Content, name: &str, commit: &Commit, folder: &Path) -> Result<Self, BedError> {
        let objects = documents(&commit.manifests);
        match content {
            Content::Manifests => {
                let archive = archive(folder, "objects.yaml", &[("objects.yaml", objects)]).await?;
                Ok(Self { archive, revision: format!("main@sha1:{:040x}", commit.number) })
            }
            Content::Chart => {
                let version = format!("0.1.{}", commit.number);
                let chart = json!({ "apiVersion": "v2", "name": name, "version": version }).to_string();
                let files = [("chart/Chart.yaml", chart), ("chart/templates/objects.yaml", objects)];
                Ok(Self { archive: archive(folder, "chart", &files).await?, revision: version })
            }
        }
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
    let place = tempfile::tempdir_in(folder).map_err(Error::file("write", folder))?;
    for (path, text) in files {
        let path = place.path().join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(Error::file("write", folder))?;
        }
        std::fs::write(&path, text).map_err(Error::file("write", &path))?;
    }
    let mut tar = Command::new("tar");
    tar.args(["-czf", "-", "-C"]).arg(place.path()).arg(name);
    program::output("tar", "pack what is committed", &mut tar).await
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Stdio;

    use super::*;

    /// The files of an archive.
    fn files(archive: &[u8]) -> Vec<String> {
        let mut tar = std::process::Command::new("tar");
        let mut tar = tar.arg("-tz").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        tar.stdin.take().unwrap().write_all(archive).unwrap();
        let names = String::from_utf8(tar.wait_with_output().unwrap().stdout).unwrap();
        names.lines().filter(|name| !name.ends_with('/')).map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn an_archive_has_the_files_that_flux_looks_for_and_is_described_by_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let commit = Commit { number: 7, manifests: vec![json!({ "kind": "ConfigMap" })] };
        let of = async |content| Artifact::of(content, "shop", &commit, folder.path()).await.unwrap();
        let manifests = of(Content::Manifests).await;
        assert_eq!(files(&manifests.archive), ["objects.yaml"]);
        assert_eq!(manifests.revision, "main@sha1:0000000000000000000000000000000000000007");
        let mut chart = of(Content::Chart).await;
        assert_eq!(files(&chart.archive), ["chart/Chart.yaml", "chart/templates/objects.yaml"]);
        chart.archive = b"abc".to_vec();
        let described = chart.described("http://127.0.0.1:1/0.tgz");
        let told = ["revision", "digest", "url"].map(|word| described[word].as_str().unwrap());
        let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(told, ["0.1.7", digest, "http://127.0.0.1:1/0.tgz"]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    }
}
