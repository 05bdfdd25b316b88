//! Making a bundle.

use std::io::{Cursor, Write};

use conductor_core::phase::Event;
use conductor_core::run::{Record, Run, RunId};
use conductor_core::view::RunView;
use serde::Serialize;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::PackError;
use crate::manifest::{API_VERSION, Entry, KIND, Manifest};
use crate::{JOURNAL, MANIFEST, VIEW};

/// A run's bundle, as the bytes of an archive. The same journal makes the same bytes.
///
/// The environment's settings, of which some are secret or tell where secrets are, are left out; nothing that is shown of a run
/// needs them.
///
/// # Errors
/// When the journal cannot be replayed, or a file could not be written, which no journal makes it do.
pub fn pack(run: &RunId, journal: &[Record], program: &str) -> Result<Vec<u8>, PackError> {
    let files = files(run, &without_settings(journal))?;
    let manifest = Manifest {
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        run: run.to_string(),
        program: program.to_owned(),
        files: files.iter().map(|(name, content)| Entry::of(name, content)).collect(),
    };
    archive(&manifest, &files)
}

/// A journal without the environment's settings.
pub(crate) fn without_settings(journal: &[Record]) -> Vec<Record> {
    let mut journal = journal.to_vec();
    for record in &mut journal {
        if let Event::Created(created) = &mut record.event {
            created.environment = serde_json::Value::Null;
        }
    }
    journal
}

/// The archive of a manifest and its files.
pub(crate) fn archive(manifest: &Manifest, files: &[(&'static str, Vec<u8>)]) -> Result<Vec<u8>, PackError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let manifest = pretty(MANIFEST, manifest)?;
    for (name, content) in std::iter::once((MANIFEST, &manifest)).chain(files.iter().map(|(name, c)| (*name, c))) {
        archive.start_file(name, options)?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// The files of a bundle, in their order.
pub(crate) fn files(run: &RunId, journal: &[Record]) -> Result<Vec<(&'static str, Vec<u8>)>, PackError> {
    let replay = |source| PackError::Replay { run: run.to_string(), source };
    let view = RunView::of(run, journal).map_err(replay)?;
    let spec = Run::replay(journal).map_err(replay)?.created.spec;
    let mut lines = Vec::new();
    for record in journal {
        lines.extend(serde_json::to_vec(record).map_err(unsayable(JOURNAL))?);
        lines.push(b'\n');
    }
    let page = conductor_web::report(&view)
        .map_err(|error| PackError::Document { name: "report.html", source: error.into() })?;
    let mut files = vec![
        (JOURNAL, lines),
        (VIEW, pretty(VIEW, &view)?),
        ("spec.json", pretty("spec.json", &spec)?),
        ("results.json", pretty("results.json", &conductor_web::Results::of(&view))?),
        ("report.html", page.into_bytes()),
        ("junit.xml", conductor_web::junit(&view).into_bytes()),
        ("summary.md", conductor_web::markdown(&view).into_bytes()),
    ];
    if let Some(verdict) = &view.verdict {
        files.push(("verdict.json", pretty("verdict.json", verdict)?));
    }
    Ok(files)
}

fn pretty(name: &'static str, document: &impl Serialize) -> Result<Vec<u8>, PackError> {
    let mut text = serde_json::to_vec_pretty(document).map_err(unsayable(name))?;
    text.push(b'\n');
    Ok(text)
}

fn unsayable(name: &'static str) -> impl FnOnce(serde_json::Error) -> PackError {
    move |error| PackError::Document { name, source: error.into() }
}
