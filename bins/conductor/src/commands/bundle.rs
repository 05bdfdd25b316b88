//! `bundle`, and `report` of a bundle: all that a run has left as evidence, in one archive that opens anywhere.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use conductor_bundle::{MOST_BYTES, Opened, open, pack};

use crate::args::{Bundled, Global, Output, ReportFormat};
use crate::exit::{FAILED, Failed};
use crate::session::{Session, report_file, state_dir, write};
use crate::{answers, report};

/// The version of this program, which bundles tell.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// Makes a run's bundle.
pub(super) async fn bundle(session: Session, bundled: Bundled) -> Result<u8, Failed> {
    let run = session.run_or_newest(bundled.run).await?;
    let (store, _) = session.journal.sides();
    let journal = store.journal(&run, 0).await.map_err(Failed::because)?;
    let file = bundled.file.unwrap_or_else(|| session.state_dir.join("bundles").join(format!("{run}.zip")));
    write(&file, pack(&run, &journal, PROGRAM).map_err(Failed::because)?)?;
    answers::written(session.output, &run, &file)
}

/// Writes the report of a bundle's run, as this program makes it of the journal in it, if that is what was packed.
pub(super) fn report(
    global: &Global,
    bundle: &Path,
    format: ReportFormat,
    file: Option<PathBuf>,
) -> Result<u8, Failed> {
    let opened = read(global.output, bundle)?;
    let file = match file {
        Some(file) => Some(file),
        None if report::is_page(format) => Some(report_file(&state_dir(global)?, &opened.view.id)),
        None => None,
    };
    report::give(global.output, &opened.view, format, file)
}

/// Opens a bundle, and tells where another version of the program has seen something otherwise.
pub(super) fn read(output: Output, bundle: &Path) -> Result<Opened, Failed> {
    let name = bundle.display();
    let refused = |error: &dyn std::fmt::Display| Failed::input(format!("{name}: {error}"));
    let opened = File::open(bundle).map_err(|error| refused(&format!("could not be read: {error}")))?;
    let mut bytes = Vec::new();
    opened.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|error| refused(&format!("could not be read: {error}")))?;
    let opened = open(&bytes, PROGRAM).map_err(|error| Failed::with(FAILED, format!("{name}: {error}")))?;
    for other in &opened.otherwise {
        let made = &opened.manifest.program;
        answers::say(
            output,
            &format!("{name}: version {made} has seen {other} otherwise than this version, {PROGRAM}"),
        );
    }
    Ok(opened)
}
