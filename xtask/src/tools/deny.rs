//! cargo-deny, built from its source once for each version.

use std::path::PathBuf;
use std::process::Command;

use super::cache;
use crate::program;

const VERSION: &str = "0.20.2";

/// The program, installed if need be.
pub(crate) fn install() -> Result<PathBuf, String> {
    let folder = cache()?.join(format!("cargo-deny-{VERSION}"));
    let file = folder.join("bin").join("cargo-deny");
    if !file.exists() {
        println!("building cargo-deny {VERSION} into {}, once for this machine", folder.display());
        program::run(
            Command::new(env!("CARGO"))
                .args(["install", "cargo-deny", "--version", VERSION, "--locked", "--root"])
                .arg(&folder)
                .current_dir(std::env::temp_dir()),
        )?;
    }
    Ok(file)
}
