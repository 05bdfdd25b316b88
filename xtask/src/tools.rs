//! The tools that demo and verify need, at pinned versions: installed once, kept by version.

mod argo_cd;
pub(crate) mod controllers;
pub(crate) mod deny;
mod flux;
mod go;
mod keda;
pub(crate) mod kubernetes;
pub(crate) mod locust;
mod rollouts;
mod stacks;

use std::path::PathBuf;

/// The folder for tools that are heavy to build: outside cargo's, so that a clean build does not lose them.
fn cache() -> Result<PathBuf, String> {
    let folder = match (std::env::var_os("XDG_CACHE_HOME"), std::env::home_dir()) {
        (Some(cache), _) if !cache.is_empty() => PathBuf::from(cache),
        (_, Some(home)) => home.join(".cache"),
        (_, None) => return Err("could not find the home folder; expected HOME or XDG_CACHE_HOME".to_owned()),
    };
    Ok(folder.join("loadtest-conductor").join("tools"))
}
