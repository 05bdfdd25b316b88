//! Opening a bundle, which may be anything.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use conductor_core::run::{Record, RunId};
use conductor_core::verdict::Verdict;
use conductor_core::view::RunView;
use serde::de::DeserializeOwned;
use zip::ZipArchive;

use crate::error::OpenError;
use crate::manifest::{API_VERSION, Entry, KIND, Manifest};
use crate::{JOURNAL, MANIFEST, MOST_BYTES, NAMES, VIEW};

/// A bundle that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What it says that it has.
    pub manifest: Manifest,
    /// The run's records.
    pub journal: Vec<Record>,
    /// What they say, as this program reads them.
    pub view: RunView,
    /// What in it is not what this program makes of the journal, where another version has made the bundle: versions differ in
    /// what they see.
    pub otherwise: Vec<&'static str>,
}

/// Opens a bundle and looks whether it is what was made: every file by its size and sum, and what follows from the journal.
/// `program` is the version of the program that looks: its own bundles must say exactly what it makes of their journals.
///
/// # Errors
/// When it is no bundle, or one that was changed.
pub fn open(bytes: &[u8], program: &str) -> Result<Opened, OpenError> {
    open_within(bytes, program, MOST_BYTES)
}

pub(crate) fn open_within(bytes: &[u8], program: &str, most: u64) -> Result<Opened, OpenError> {
    let mut files = unpack(bytes, most)?;
    let manifest: Manifest = document(MANIFEST, &taken(&mut files, MANIFEST)?)?;
    if (manifest.api_version.as_str(), manifest.kind.as_str()) != (API_VERSION, KIND) {
        let found = format!("{} {}", manifest.api_version, manifest.kind);
        return Err(OpenError::Kind { found, expected: format!("{API_VERSION} {KIND}") });
    }
    for entry in &manifest.files {
        let content = files.get(&entry.name).ok_or_else(|| OpenError::Missing(entry.name.clone()))?;
        check(entry, content)?;
    }
    if let Some(name) = files.keys().find(|name| manifest.files.iter().all(|entry| entry.name != **name)) {
        return Err(OpenError::Added(name.clone()));
    }
    let journal = records(&taken(&mut files, JOURNAL)?)?;
    let run: RunId = document("the run of manifest.json", quoted(&manifest.run).as_bytes())?;
    let view = RunView::of(&run, &journal).map_err(OpenError::Replay)?;
    let told: RunView = document(VIEW, &taken(&mut files, VIEW)?)?;
    let verdict =
        files.remove("verdict.json").map(|content| document::<Verdict>("verdict.json", &content)).transpose()?;
    let otherwise: Vec<&'static str> = [(VIEW, told != view), ("verdict.json", verdict != view.verdict)]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect();
    match otherwise.first() {
        Some(name) if manifest.program == program => Err(OpenError::Disagrees { name }),
        _ => Ok(Opened { manifest, journal, view, otherwise }),
    }
}

/// The files of an archive, by their names. Sizes that it tells are not believed.
fn unpack(bytes: &[u8], most: u64) -> Result<BTreeMap<String, Vec<u8>>, OpenError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(OpenError::Archive)?;
    let mut files = BTreeMap::new();
    let mut left = most;
    for position in 0..archive.len() {
        let mut file = archive.by_index(position).map_err(OpenError::Archive)?;
        let name = file.name().map_err(OpenError::Archive)?.into_owned();
        if name != MANIFEST && !NAMES.contains(&name.as_str()) {
            return Err(OpenError::Stranger { name, expected: format!("{MANIFEST}, {}", NAMES.join(", ")) });
        }
        let mut content = Vec::new();
        let unpacked = file.by_ref().take(left + 1).read_to_end(&mut content);
        unpacked.map_err(|error| OpenError::Unpack { name: name.clone(), source: error.into() })?;
        left =
            left.checked_sub(content.len() as u64).ok_or_else(|| OpenError::TooLarge { name: name.clone(), most })?;
        if files.insert(name.clone(), content).is_some() {
            return Err(OpenError::Twice(name));
        }
    }
    Ok(files)
}

fn taken(files: &mut BTreeMap<String, Vec<u8>>, name: &str) -> Result<Vec<u8>, OpenError> {
    files.remove(name).ok_or_else(|| OpenError::Missing(name.to_owned()))
}

fn check(entry: &Entry, content: &[u8]) -> Result<(), OpenError> {
    let found = Entry::of(&entry.name, content);
    let changed = |found: String, expected: String| OpenError::Changed { name: entry.name.clone(), found, expected };
    if found.size != entry.size {
        return Err(changed(format!("{} bytes", found.size), format!("{} bytes", entry.size)));
    }
    if found.sha256 != entry.sha256 {
        return Err(changed(format!("SHA-256 {}", found.sha256), entry.sha256.clone()));
    }
    Ok(())
}

fn records(lines: &[u8]) -> Result<Vec<Record>, OpenError> {
    let lines = lines.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    lines.map(|(position, line)| document(&format!("line {} of {JOURNAL}", position + 1), line)).collect()
}

fn document<T: DeserializeOwned>(name: &str, content: &[u8]) -> Result<T, OpenError> {
    serde_json::from_slice(content).map_err(|source| OpenError::Document { name: name.to_owned(), source })
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
