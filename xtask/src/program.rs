//! Starting other programs: by their full name in every error, with what they print passed on or kept.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The workspace's root.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The folder into which cargo builds, wherever it was told to.
pub(crate) fn target() -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(|error| format!("could not find this program's file: {error}"))?;
    let folder = this.ancestors().nth(2).map(Path::to_owned);
    folder.ok_or_else(|| format!("{} is not in a folder of cargo's", this.display()))
}

/// Cargo, in the workspace's root.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root());
    if std::env::var_os("CI").is_some() {
        // Nothing is built there a second time, and what a next build would need takes long to write down.
        cargo.env("CARGO_INCREMENTAL", "0");
    }
    cargo
}

/// The machine that rustc builds for where none is named. One that is named keeps flags of the programs out of what builds them.
///
/// # Errors
/// When rustc cannot be asked, or does not say.
pub(crate) fn host() -> Result<String, String> {
    let version = quietly(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc does not name its host")?;
    Ok(host.to_owned())
}

/// Runs a program and passes on what it prints.
///
/// # Errors
/// When it cannot be started, or ends with an error.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let shown = shown(command);
    let status = command.status().map_err(|error| format!("could not start {shown}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown} ended with {status}")) }
}

/// Runs a program and keeps what it prints; nothing is shown unless it fails.
///
/// # Errors
/// When it cannot be started, or ends with an error; the text has all it printed.
pub(crate) fn quietly(command: &mut Command) -> Result<String, String> {
    let shown = shown(command);
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().map_err(|error| format!("could not start {shown}: {error}"))?;
    let text = String::from_utf8_lossy(&stdout).into_owned();
    if status.success() {
        Ok(text)
    } else {
        Err(format!("{shown} ended with {status}\n{text}{}", String::from_utf8_lossy(&stderr)))
    }
}

/// True when a program can be started.
pub(crate) fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy);
    words.collect::<Vec<_>>().join(" ")
}
