//! All that a run has left as evidence, in one archive that opens anywhere: [`pack`] makes it of a journal, [`open`] reads it.
//!
//! It is a ZIP of few files, each named in `manifest.json` with its size and SHA-256. The journal is what counts: whoever opens
//! the bundle folds it again and looks whether it says what the bundle says. That finds what was changed here or there; who
//! changes the journal and all that follows from it makes another bundle, which only a signature beside it could tell.
//!
//! An archive is a stranger's: nothing is unpacked onto a disk, only known names are read, and no more than [`MOST_BYTES`].

mod error;
mod manifest;
mod open;
mod pack;

pub use error::{OpenError, PackError};
pub use manifest::{Entry, Manifest};
pub use open::{Opened, open};
pub use pack::pack;

/// The bytes that a bundle may have altogether, unpacked: a run of a week at ten seconds has less than a tenth of that.
pub const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// The records of the run, one JSON document a line, oldest first.
const JOURNAL: &str = "journal.jsonl";
/// What the journal says, as it was read when the bundle was made.
const VIEW: &str = "view.json";
const MANIFEST: &str = "manifest.json";
/// What there may be in a bundle, besides its manifest.
const NAMES: [&str; 8] =
    [JOURNAL, VIEW, "spec.json", "verdict.json", "results.json", "report.html", "junit.xml", "summary.md"];

#[cfg(test)]
mod tests;
