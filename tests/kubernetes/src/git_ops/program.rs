//! Programs of this machine that are called and answer: `tar` and `git`.

use std::process::{Output, Stdio};

use conductor_bed::Error;
use tokio::process::Command;

use crate::error::BedError;

/// What a program writes, where it does what it is asked for.
///
/// # Errors
/// When it is not there, or complains.
pub(super) async fn output(program: &'static str, act: &str, command: &mut Command) -> Result<Vec<u8>, BedError> {
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).kill_on_drop(true).output().await.map_err(Error::start(program))?;
    if status.success() {
        return Ok(stdout);
    }
    Err(BedError::Refused { program, act: act.to_owned(), complaint: String::from_utf8_lossy(&stderr).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_complaint_is_told_with_who_complains_of_what() {
        let mut shell = Command::new("sh");
        let error = output("sh", "pack", shell.args(["-c", "echo no room >&2; exit 3"])).await.unwrap_err();
        assert_eq!(error.to_string(), "could not pack: sh says\nno room\n");
        let error = output("nothing", "pack", &mut Command::new("/nowhere")).await.unwrap_err();
        assert_eq!(error.to_string(), "could not start nothing");
    }
}
