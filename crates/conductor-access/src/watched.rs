//! Files that are read again when they have changed.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Times of files are as coarse as the kernel's tick, so that a file which was changed just before it was looked at may
/// change once more and look the same. Only one that was left alone for this long before is trusted to show a change.
const SETTLED: Duration = Duration::from_secs(1);

/// Some files as they were when they were looked at. A link is followed, so that a mounted secret which is swapped by
/// one is seen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Look {
    marks: Vec<Mark>,
    settled: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Mark {
    path: PathBuf,
    file: Option<(u64, u64, u64, i64, i64)>,
}

impl Look {
    /// Looks at files. One that cannot be looked at is a look too: reading it will say why.
    pub(crate) fn at<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let now = SystemTime::now();
        let mut settled = true;
        let marks = paths
            .into_iter()
            .map(|path| {
                let file = fs::metadata(path).ok();
                settled &= file.as_ref().is_none_or(|file| is_settled(file.modified(), now));
                let file = file.map(|of| (of.dev(), of.ino(), of.len(), of.ctime(), of.ctime_nsec()));
                Mark { path: path.to_owned(), file }
            })
            .collect();
        Self { marks, settled }
    }

    /// Whether the files need no other reading since an earlier look.
    pub(crate) fn is_as_at(&self, earlier: &Self) -> bool {
        earlier.settled && self.marks == earlier.marks
    }
}

fn is_settled(modified: io::Result<SystemTime>, now: SystemTime) -> bool {
    modified.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age >= SETTLED))
}
