//! Why a bundle could not be made, or is not believed.

use conductor_core::run::ReplayError;
use zip::result::ZipError;

/// A bundle could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The journal is none.
    #[error("the journal of run {run} cannot be read")]
    Replay {
        /// The run.
        run: String,
        /// Why.
        #[source]
        source: ReplayError,
    },
    /// A document could not be written.
    #[error("{name} could not be written")]
    Document {
        /// The file.
        name: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The archive could not be written.
    #[error("the archive could not be written")]
    Archive(#[from] ZipError),
    /// The archive could not be written.
    #[error("the archive could not be written")]
    Write(#[from] std::io::Error),
}

/// A bundle is not one, or not what was made.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is no archive, or a damaged one.
    #[error("it is no ZIP archive, or only a part of one; expected a file that conductor bundle has made")]
    Archive(#[source] ZipError),
    /// It has something that a bundle has not.
    #[error("it has {name:?}, which no bundle has; expected one of {expected}")]
    Stranger {
        /// The name in the archive.
        name: String,
        /// The names that there may be.
        expected: String,
    },
    /// It has a file twice.
    #[error("it has {0} twice; expected each file once")]
    Twice(String),
    /// Something is not there.
    #[error("it has no {0}, which every bundle has")]
    Missing(String),
    /// It is too large.
    #[error("it has more than {most} bytes when it is unpacked, at {name}; no bundle is that large")]
    TooLarge {
        /// The file with which it is.
        name: String,
        /// How many there may be.
        most: u64,
    },
    /// A file could not be unpacked.
    #[error("{name} could not be unpacked")]
    Unpack {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file is not what it is said to be.
    #[error("{name} is not JSON of a run as this version knows them")]
    Document {
        /// The file, with the line where it has several documents.
        name: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It is of another kind or version.
    #[error("manifest.json is of {found}; expected {expected}")]
    Kind {
        /// What it says.
        found: String,
        /// What is known.
        expected: String,
    },
    /// A file was changed.
    #[error("{name} was changed after the bundle was made: it has {found}, and manifest.json says {expected}")]
    Changed {
        /// The file.
        name: String,
        /// Its size or sum.
        found: String,
        /// What the manifest says.
        expected: String,
    },
    /// A file is not named.
    #[error("{0} is not named in manifest.json: it was added after the bundle was made")]
    Added(String),
    /// The journal is none.
    #[error("journal.jsonl is no journal of a run: it was changed, or an incompatible version has made it")]
    Replay(#[source] ReplayError),
    /// What follows from the journal is not what the bundle says.
    #[error(
        "{name} does not say what follows from journal.jsonl: one of them was changed, and manifest.json after that"
    )]
    Disagrees {
        /// The file.
        name: &'static str,
    },
}
