//! Bundles of a run that was driven for real, whole and in every state of mischief.

use std::io::{Cursor, Write};

use conductor_core::run::{Record, RunId};
use conductor_core::view::RunView;
use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::manifest::{Entry, Manifest};
use super::open::open_within;
use super::pack::{archive, files, without_settings};
use super::{MANIFEST, OpenError, open, pack};

const PROGRAM: &str = "0.1.0";

fn run() -> RunId {
    serde_json::from_str("\"shop-two-thousand-20261128-165428-4h9fh5\"").unwrap()
}

fn journal() -> Vec<Record> {
    let lines = include_str!("../tests/data/journal.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// As it is in a bundle.
fn bare() -> Vec<Record> {
    without_settings(&journal())
}

fn packed() -> Vec<u8> {
    pack(&run(), &journal(), PROGRAM).unwrap()
}

/// A bundle in which files are what somebody has made of them, with a manifest that says so.
fn forged(change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>) -> Vec<u8> {
    let files: Vec<_> =
        files(&run(), &bare()).unwrap().into_iter().filter_map(|(name, c)| Some((name, change(name, c)?))).collect();
    let entries = files.iter().map(|(name, content)| Entry::of(name, content)).collect();
    archive(&manifest(entries), &files).unwrap()
}

fn manifest(files: Vec<Entry>) -> Manifest {
    let (api_version, kind) = ("loadtest-conductor.dev/v1alpha1".to_owned(), "EvidenceBundle".to_owned());
    Manifest { api_version, kind, run: run().to_string(), program: PROGRAM.to_owned(), files }
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive
            .start_file(*name, SimpleFileOptions::default().compression_method(CompressionMethod::Deflated))
            .unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn refusal(bytes: &[u8]) -> String {
    open(bytes, PROGRAM).unwrap_err().to_string()
}

#[test]
fn a_bundle_opens_as_the_run_that_it_was_made_of() {
    let opened = open(&packed(), PROGRAM).unwrap();
    assert_eq!(opened.journal, bare());
    assert_eq!(opened.view, RunView::of(&run(), &journal()).unwrap());
    assert!(opened.view.verdict.is_some() && !opened.view.ticks.is_empty());
    assert_eq!((opened.otherwise.len(), opened.manifest.run), (0, run().to_string()));
    let names: Vec<&str> = opened.manifest.files.iter().map(|entry| entry.name.as_str()).collect();
    let expected = [
        "journal.jsonl",
        "view.json",
        "spec.json",
        "results.json",
        "report.html",
        "junit.xml",
        "summary.md",
        "verdict.json",
    ];
    assert_eq!(names, expected);
    assert_eq!(packed(), packed(), "the same journal makes the same bytes");
}

#[test]
fn a_run_that_goes_on_has_a_bundle_without_a_verdict() {
    let begun = &journal()[..20];
    let opened = open(&pack(&run(), begun, PROGRAM).unwrap(), PROGRAM).unwrap();
    assert!(opened.view.verdict.is_none() && opened.journal.len() == 20);
}

#[test]
fn no_secret_of_an_environment_is_in_a_bundle() {
    assert!(serde_json::to_string(&journal()).unwrap().contains("hunter2"));
    for (name, content) in files(&run(), &open(&packed(), PROGRAM).unwrap().journal).unwrap() {
        let text = String::from_utf8(content).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("SHOP_PASSWORD"), "{name}");
    }
}

#[test]
fn what_was_changed_is_told() {
    let files = files(&run(), &bare()).unwrap();
    let entries: Vec<Entry> = files.iter().map(|(name, content)| Entry::of(name, content)).collect();
    for changed in ["journal.jsonl", "view.json", "report.html", "verdict.json"] {
        let mut files = files.clone();
        let content = &mut files.iter_mut().find(|(name, _)| *name == changed).unwrap().1;
        let middle = content.len() / 2;
        content[middle] ^= 1;
        let told = refusal(&archive(&manifest(entries.clone()), &files).unwrap());
        assert!(
            told.starts_with(&format!("{changed} was changed after the bundle was made: it has SHA-256 ")),
            "{told}"
        );
    }
    let mut fewer = entries.clone();
    fewer.pop();
    let told = refusal(&archive(&manifest(fewer), &files).unwrap());
    assert_eq!(told, "verdict.json is not named in manifest.json: it was added after the bundle was made");
    let told = refusal(&archive(&manifest(entries), &files[..7]).unwrap());
    assert_eq!(told, "it has no verdict.json, which every bundle has");
}

#[test]
fn a_verdict_that_the_journal_does_not_bear_out_is_told_though_the_sums_are_right() {
    let better = |text: Vec<u8>| {
        let text = String::from_utf8(text).unwrap();
        let better = text.replace("\"meanPerMin\": ", "\"meanPerMin\": 1");
        assert_ne!(better, text);
        better.into_bytes()
    };
    for changed in ["view.json", "verdict.json"] {
        let told = refusal(&forged(|name, content| Some(if name == changed { better(content) } else { content })));
        let expected = format!(
            "{changed} does not say what follows from journal.jsonl: one of them was changed, and manifest.json after that"
        );
        assert_eq!(told, expected);
    }
    let bytes = forged(|name, content| Some(if name == "verdict.json" { better(content) } else { content }));
    let opened = open(&bytes, "0.2.0").unwrap();
    assert_eq!(opened.otherwise, ["verdict.json"], "another version may see it otherwise, and says so");
    let told = refusal(&forged(|name, content| (name != "journal.jsonl").then_some(content)));
    assert_eq!(told, "it has no journal.jsonl, which every bundle has");
    let cut = |content: Vec<u8>| {
        let lines: Vec<&str> = std::str::from_utf8(&content).unwrap().lines().collect();
        [&lines[..5], &lines[6..]].concat().join("\n").into_bytes()
    };
    let told = refusal(&forged(|name, content| Some(if name == "journal.jsonl" { cut(content) } else { content })));
    assert_eq!(told, "journal.jsonl is no journal of a run: it was changed, or an incompatible version has made it");
}

#[test]
fn hostile_archives_are_refused_before_they_do_harm() {
    for name in ["../../etc/passwd", "/etc/passwd", "journal.jsonl/", "C:\\x", "report.html\u{0}"] {
        let told = refusal(&zipped(&[(name, b"x")]));
        assert!(told.contains("which no bundle has; expected one of manifest.json, journal.jsonl"), "{name:?}: {told}");
    }
    // A megabyte of zeros is a kilobyte in the archive.
    let bomb = zipped(&[(MANIFEST, b"{}"), ("journal.jsonl", &vec![0; 1_000_000])]);
    assert!(bomb.len() < 2_000, "{} bytes", bomb.len());
    let told = open_within(&bomb, PROGRAM, 100_000).unwrap_err();
    assert!(matches!(&told, OpenError::TooLarge { name, most: 100_000 } if name == "journal.jsonl"), "{told}");
    assert_eq!(
        refusal(b"PK, they say"),
        "it is no ZIP archive, or only a part of one; expected a file that conductor bundle has made"
    );
    assert!(refusal(&zipped(&[])).starts_with("it has no manifest.json"));
    let told = refusal(&zipped(&[(MANIFEST, b"{}")]));
    assert_eq!(told, "manifest.json is not JSON of a run as this version knows them");
    let mut other = manifest(Vec::new());
    other.api_version = "loadtest-conductor.dev/v9".to_owned();
    let told = refusal(&archive(&other, &[]).unwrap());
    let expected = "expected loadtest-conductor.dev/v1alpha1 EvidenceBundle";
    assert_eq!(told, format!("manifest.json is of loadtest-conductor.dev/v9 EvidenceBundle; {expected}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_bundle_that_is_cut_anywhere_is_refused(share in 0.0..1.0_f64) {
        let whole = packed();
        let end = (whole.len() as f64 * share) as usize;
        prop_assert!(open(&whole[..end], PROGRAM).is_err());
    }

    #[test]
    fn a_bundle_with_another_byte_is_the_same_or_refused(share in 0.0..1.0_f64, bit in 0_u8..8) {
        let whole = packed();
        let mut other = whole.clone();
        other[(whole.len() as f64 * share) as usize] ^= 1 << bit;
        if let Ok(opened) = open(&other, PROGRAM) {
            prop_assert_eq!(opened.view, open(&whole, PROGRAM).unwrap().view);
        }
    }
}
