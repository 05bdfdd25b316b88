//! What the programs of a bed say, in files.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use crate::error::Error;

/// How many lines of a log are shown.
pub const LINES: usize = 20;

/// A log, empty.
///
/// # Errors
/// When it cannot be written.
pub fn create(path: &Path) -> Result<File, Error> {
    File::create(path).map_err(Error::file("write", path))
}

/// Lets a program write all that it says into a log that is empty.
///
/// # Errors
/// When the log cannot be written.
pub fn attach(command: &mut Command, path: &Path) -> Result<(), Error> {
    let log = create(path)?;
    let errors = log.try_clone().map_err(Error::file("write", path))?;
    command.stdout(log).stderr(errors);
    Ok(())
}

/// The last lines of a log; empty where there is none.
pub fn end(path: &Path) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_what_a_program_says_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert_eq!(end(&path), "");
        let mut command = Command::new("sh");
        command.args(["-c", "seq 1 29; echo line 30 >&2"]);
        attach(&mut command, &path).unwrap();
        command.status().unwrap();
        let end = end(&path);
        assert!(end.starts_with("11\n") && end.ends_with("\n29\nline 30"), "{end}");
        let error = attach(&mut command, &path.join("log")).unwrap_err().to_string();
        assert_eq!(error, format!("could not write {}/log", path.display()));
    }
}
