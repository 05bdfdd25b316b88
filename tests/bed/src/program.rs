//! The programs of a bed: where they are, and running one to its end. Installing them is for `cargo verify`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// Where an installation is: where a variable says, else behind the link that it has made in cargo's target folder.
pub fn find(variable: &str, link: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| linked(link), PathBuf::from)
}

/// Where an installation has made a link, if it has: beside the tests, in cargo's target folder.
pub fn linked(link: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    test.ancestors().nth(3).map_or_else(PathBuf::new, |target| target.join("tools").join(link))
}

/// Runs a program to its end.
///
/// # Errors
/// When it cannot be started, or fails, with what it said of that.
pub fn run(program: &'static str, command: &mut Command) -> Result<(), Error> {
    let output = command.output().map_err(Error::start(program))?;
    if output.status.success() {
        return Ok(());
    }
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Error::Ended { program, status: output.status, log })
}

/// An example of the package whose test this is called from: cargo builds examples beside tests.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    test.ancestors().nth(2).unwrap_or(Path::new("")).join("examples").join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_told_with_what_it_said() {
        run("sh", Command::new("sh").args(["-c", "true"])).unwrap();
        let error = run("sh", Command::new("sh").args(["-c", "echo no >&2; exit 4"])).unwrap_err();
        assert_eq!(error.to_string(), "sh ended with exit status: 4:\nno\n");
        let error = run("program", &mut Command::new("/nowhere/program")).unwrap_err();
        assert_eq!(error.to_string(), "could not start program");
    }

    #[test]
    fn an_installation_is_where_its_variable_says_or_in_the_target_folder() {
        let path = std::env::var_os("PATH").unwrap();
        assert_eq!(find("PATH", "kubernetes"), PathBuf::from(path));
        let linked = find("CONDUCTOR_BED_HAS_NO_SUCH_VARIABLE", "kubernetes");
        assert!(linked.ends_with("tools/kubernetes"), "{}", linked.display());
    }
}
