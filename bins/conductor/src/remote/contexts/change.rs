//! Changing which context is the current one: one line of the file, so that everything else stays as its author wrote it.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::exit::Failed;

/// Writes the name as `current`. `current` reads what a file says then, so that a file is replaced only where the new one
/// says what it should.
pub(super) fn choose(file: &Path, name: &str, current: impl Fn(&Path) -> Option<String>) -> Result<(), Failed> {
    // A link stays one: what it names is replaced.
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let act = || format!("could not write {}", file.display());
    let text = std::fs::read_to_string(&file).with_context(act).map_err(Failed::because)?;
    let new = beside(&file);
    let written = std::fs::write(&new, with_current(&text, name)).and_then(|()| {
        let permissions = std::fs::metadata(&file)?.permissions();
        std::fs::set_permissions(&new, permissions)
    });
    let done = written.with_context(act).map_err(Failed::because).and_then(|()| {
        if current(&new).as_deref() != Some(name) {
            let problem = "`current` does not stand on a line of its own";
            return Err(Failed::input(format!("{}: {problem}; expected `current: \"{name}\"`", file.display())));
        }
        std::fs::rename(&new, &file).with_context(act).map_err(Failed::because)
    });
    if done.is_err() {
        // What went wrong is told; that a file of ours stays behind as well would help nobody.
        let _ = std::fs::remove_file(&new);
    }
    done
}

/// A file of this process in the same folder, so that renaming it is one step.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    file.with_file_name(name)
}

/// The text with another `current`, in place of the one it has or before everything else.
fn with_current(text: &str, name: &str) -> String {
    let line = format!("current: \"{name}\"");
    let mut lines: Vec<&str> = text.lines().collect();
    match lines.iter().position(|line| line.starts_with("current:")) {
        Some(position) => lines[position] = &line,
        None => {
            let is_start = |line: &&str| line.starts_with('#') || line.trim().is_empty() || line.starts_with("---");
            let position = lines.iter().take_while(|line| is_start(line)).count();
            lines.insert(position, &line);
        }
    }
    lines.join("\n") + "\n"
}
