//! The tools that demo and verify need, at pinned versions: installed once, kept by version.

pub(crate) mod alertmanager;
mod argo_cd;
pub(crate) mod chromium;
pub(crate) mod collector;
pub(crate) mod controllers;
mod debian;
pub(crate) mod deny;
mod flux;
mod go;
pub(crate) mod grafana;
pub(crate) mod grpcurl;
pub(crate) mod helm;
pub(crate) mod hoverfly;
pub(crate) mod junitparser;
mod keda;
pub(crate) mod kubernetes;
pub(crate) mod locust;
pub(crate) mod mariadb;
pub(crate) mod moto;
pub(crate) mod postgres;
pub(crate) mod prometheus;
mod python;
mod rollouts;
pub(crate) mod skipper;
mod stacks;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// The folder for tools that are heavy to build: outside cargo's, so that a clean build does not lose them.
fn cache() -> Result<PathBuf, String> {
    let folder = match (std::env::var_os("XDG_CACHE_HOME"), std::env::home_dir()) {
        (Some(cache), _) if !cache.is_empty() => PathBuf::from(cache),
        (_, Some(home)) => home.join(".cache"),
        (_, None) => return Err("could not find the home folder; expected HOME or XDG_CACHE_HOME".to_owned()),
    };
    Ok(folder.join("loadtest-conductor").join("tools"))
}

/// Locks a file, for as long as this process or a child has it open, and says what another process `does` meanwhile.
fn alone(path: &Path, does: &str) -> Result<File, String> {
    let failed = |error: std::io::Error| format!("could not lock {}: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let file = File::create(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            println!("waiting for another process, which {does}");
            file.lock().map_err(failed)?;
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    Ok(file)
}

/// Lets a link point to a folder, in one step, so that nobody who follows it meanwhile is lost.
fn link(folder: &Path, link: &Path) -> Result<(), String> {
    if fs::read_link(link).is_ok_and(|target| target == folder) {
        return Ok(());
    }
    let failed = |error: std::io::Error| format!("could not link {} to {}: {error}", link.display(), folder.display());
    let mut fresh = link.as_os_str().to_owned();
    fresh.push(format!(".{}", std::process::id()));
    if let Some(parent) = link.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    std::os::unix::fs::symlink(folder, &fresh).map_err(failed)?;
    fs::rename(&fresh, link).map_err(failed)
}

/// FNV-1a: it tells states of a file apart, and is the same on every machine and with every compiler.
fn fingerprint<'a>(texts: impl Iterator<Item = &'a String>) -> u64 {
    let bytes = texts.flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_texts_have_another_fingerprint() {
        let of = |texts: [&str; 2]| fingerprint(texts.map(str::to_owned).iter());
        assert_ne!(of(["a", "b"]), of(["a", "c"]));
        assert_ne!(of(["ab", ""]), of(["a", "b"]));
        // The published value of the empty text, with the zero that ends it.
        assert_eq!(fingerprint([String::new()].iter()), 0xaf63_bd4c_8601_b7df);
    }
}
