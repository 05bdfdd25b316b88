//! A supervisor as a program of its own: what `conductor local supervise FOLDER` is.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: supervisor FOLDER");
        return ExitCode::from(2);
    };
    match conductor_local::supervise(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
