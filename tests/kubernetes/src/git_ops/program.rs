//! Programs of this machine that are called and answer: `tar` and `git`.

use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::error::BedError;

/// What a program writes, where it does what it is asked for.
///
/// # Errors
/// When it is not there, or complains.
pub(super) async fn output(program: &'static str, act: &str, command: &mut Command) -> Result<Vec<u8>, BedError> {
    let Output { status, stdout, stderr } = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| BedError::Start { program, source })?;
    if status.success() {
        return Ok(stdout);
    }
    Err(BedError::Refused { program, act: act.to_owned(), complaint: String::from_utf8_lossy(&stderr).into_owned() })
}
