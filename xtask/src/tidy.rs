//! Rules of the tree that no compiler checks: every file says its subject, stays short and leaves nothing for later.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::root;
use crate::stage::Counts;

const LONGEST_FILE: usize = 600;

/// Checks every Rust file of the workspace.
///
/// # Errors
/// Lists every file that breaks a rule, with the rule.
pub(crate) fn check() -> Result<Counts, String> {
    let mut files = Vec::new();
    for folder in ["crates", "bins", "examples", "fuzz", "tests", "xtask"] {
        collect(&root().join(folder), &mut files)?;
    }
    let mut problems = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).map_err(|error| format!("could not read {}: {error}", file.display()))?;
        problems.extend(broken(&text).map(|rule| format!("{}: {rule}", file.display())));
    }
    if problems.is_empty() { Ok(Counts::default()) } else { Err(problems.join("\n")) }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("could not list {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The rules a file breaks.
fn broken(text: &str) -> impl Iterator<Item = &'static str> {
    let subject = (!text.starts_with("//!")).then_some("it must begin with //! and its subject");
    let length = (text.lines().count() > LONGEST_FILE).then_some("it is longer than 600 lines: split it");
    subject.into_iter().chain(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_subject_or_too_long_is_named() {
        assert_eq!(broken("//! Good.\n").count(), 0);
        assert_eq!(broken("use std::fs;\n").count(), 1);
        assert_eq!(broken(&format!("//! Long.\n{}", "//\n".repeat(LONGEST_FILE))).count(), 1);
    }
}
