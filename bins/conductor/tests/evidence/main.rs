//! The reports and the bundle of a run of this machine's journal, by the program itself.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::process::{Command, Output};

use conductor_core::ports::RunStore;
use conductor_core::run::{Record, RunId};
use conductor_journal::SqliteStore;
use serde_json::Value;
use tempfile::TempDir;

const RUN: &str = "shop-two-thousand-20261128-165428-4h9fh5";

/// A state folder with the journal of one run, which was driven for real.
async fn state() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).await.unwrap();
    let run: RunId = RUN.parse().unwrap();
    let claim = store.claim("shop-local").await.unwrap();
    for line in include_str!("../../../../crates/conductor-bundle/tests/data/journal.jsonl").lines() {
        let record: Record = serde_json::from_str(line).unwrap();
        store.append(&run, &record).await.unwrap();
    }
    drop((claim, store));
    folder
}

fn conductor(state: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conductor"));
    command
        .arg("--state-dir")
        .arg(state)
        .args(arguments)
        .env_remove("CONDUCTOR_JOURNAL")
        .env_remove("CONDUCTOR_SERVER");
    // A server that is the context of whoever runs the test is not meant.
    command.env("XDG_CONFIG_HOME", state);
    command.output().unwrap()
}

fn good(state: &Path, arguments: &[&str]) -> String {
    let output = conductor(state, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_run_is_told_in_every_format() {
    let state = state().await;
    let page = good(state.path(), &["report"]);
    assert!(page.trim().ends_with(&format!("reports/{RUN}.html")), "{page}");
    assert!(std::fs::read_to_string(page.trim()).unwrap().starts_with("<!doctype html>"));
    assert!(good(state.path(), &["report", RUN, "--format", "junit"]).starts_with("<?xml version=\"1.0\""));
    assert!(good(state.path(), &["report", "--format", "markdown"]).starts_with("## "));
    let told: Value = serde_json::from_str(&good(state.path(), &["report", "--format", "json"])).unwrap();
    assert_eq!((told["kind"].as_str(), told["run"].as_str()), (Some("Results"), Some(RUN)));
    let file = state.path().join("deep/results.json");
    let file = file.to_str().unwrap();
    assert_eq!(good(state.path(), &["report", "--format", "json", "--file", file]), format!("{file}\n"));
    assert_eq!(serde_json::from_str::<Value>(&std::fs::read_to_string(file).unwrap()).unwrap(), told);
}

#[tokio::test]
async fn a_bundle_opens_where_there_is_no_journal_and_tells_when_it_was_changed() {
    let state = state().await;
    let bundle = good(state.path(), &["bundle"]);
    let bundle = bundle.trim();
    assert!(bundle.ends_with(&format!("bundles/{RUN}.zip")), "{bundle}");

    let elsewhere = tempfile::tempdir().unwrap();
    let told = |formats: &[&str]| good(elsewhere.path(), &[&["report", bundle], formats].concat());
    assert_eq!(told(&["--format", "json"]), good(state.path(), &["report", "--format", "json"]));
    let page = told(&[]);
    assert!(page.trim().ends_with(&format!("reports/{RUN}.html")), "{page}");
    assert!(!elsewhere.path().join("journal.db").exists(), "a bundle needs no journal");

    let mut bytes = std::fs::read(bundle).unwrap();
    bytes.truncate(bytes.len() / 2);
    let cut = elsewhere.path().join("cut.zip");
    std::fs::write(&cut, bytes).unwrap();
    let output = conductor(elsewhere.path(), &["report", cut.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        told,
        format!(
            "error: {}: it is no ZIP archive, or only a part of one; expected a file that conductor bundle has made\n",
            cut.display()
        )
    );
    let output = conductor(elsewhere.path(), &["report", "nowhere.zip"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && told.starts_with("error: nowhere.zip: could not be read: "), "{told}");
}

#[tokio::test]
async fn a_run_and_its_bundle_are_the_same_run() {
    let state = state().await;
    let bundle = good(state.path(), &["bundle"]);
    let told = good(state.path(), &["compare", RUN, bundle.trim()]);
    for part in [
        format!("first      {RUN}\nsecond     {RUN}\n\nnothing was changed between them\n\norders per minute: "),
        "\nmean response time: ".to_owned(),
        "\nNo difference is larger than chance explains.\n".to_owned(),
    ] {
        assert!(told.contains(&part), "{part} is not in\n{told}");
    }
    let json: Value =
        serde_json::from_str(&good(state.path(), &["compare", RUN, bundle.trim(), "--output", "json"])).unwrap();
    assert_eq!(json["metrics"][0]["difference"]["estimate"], 0.0);
    let output = conductor(state.path(), &["compare", RUN, "nobody"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && told.contains("nobody"), "{told}");
}
