//! The programs of the image: static, so that they need nothing of the system that they run on.

use std::path::PathBuf;

use crate::program;

/// The C library is linked in, and with it what finds the addresses of names.
const FLAGS: &str = "-C target-feature=+crt-static";

/// Builds both programs, and answers with the folder that they are in.
///
/// # Errors
/// When they cannot be built.
pub(crate) fn build() -> Result<PathBuf, String> {
    let (host, built) = (program::host()?, program::target()?.join("image"));
    let mut build = program::cargo();
    build.args(["build", "--release", "--locked", "-p", "conductor", "-p", "conductord", "--target", &host]);
    program::run(build.arg("--target-dir").arg(&built).env("RUSTFLAGS", FLAGS))?;
    Ok(built.join(host).join("release"))
}
