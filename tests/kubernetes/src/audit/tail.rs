//! The audit log from a moment on, piece by piece: counting thousands of writes needs no more memory than one piece.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use conductor_bed::Error;

use super::{Entry, parse};
use crate::cluster::Cluster;
use crate::component::file;
use crate::error::BedError;

/// What is written from now on, in the order of the answers.
#[derive(Debug)]
pub struct AuditTail {
    file: PathBuf,
    /// How much of the file has been told.
    told: u64,
}

impl Cluster {
    /// The writes that are answered from now on. The API server logs each before its answer is sent.
    pub fn audit_tail(&self) -> AuditTail {
        let file = self.folder.file(file::AUDIT_LOG);
        let told = std::fs::metadata(&file).map_or(0, |log| log.len());
        AuditTail { file, told }
    }
}

impl AuditTail {
    /// What was answered since this was asked last; a line that is being written is left for the next time.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn news(&mut self) -> Result<Vec<Entry>, BedError> {
        let mut bytes = Vec::new();
        let read = File::open(&self.file).and_then(|mut log| {
            log.seek(SeekFrom::Start(self.told))?;
            log.read_to_end(&mut bytes)
        });
        read.map_err(Error::file("read", &self.file))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.told += whole as u64;
        Ok(parse(&String::from_utf8_lossy(&bytes[..whole]))?.0)
    }
}
