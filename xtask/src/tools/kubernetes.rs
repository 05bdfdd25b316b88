//! The programs of the Kubernetes test bed, built from a pinned Go module once for each state of it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::cache;
use crate::program::{self, root};

/// The module, whose `tool` lines name every program.
const GO_MOD: &str = include_str!("../../../tests/kubernetes/tools/go.mod");
const GO_SUM: &str = include_str!("../../../tests/kubernetes/tools/go.sum");

/// What must be there after a build. Go names etcd after the last part of its package, `server`.
const PROGRAMS: [(&str, &str); 6] = [
    ("server", "etcd"),
    ("kube-apiserver", "kube-apiserver"),
    ("kube-controller-manager", "kube-controller-manager"),
    ("kube-scheduler", "kube-scheduler"),
    ("kubectl", "kubectl"),
    ("kwok", "kwok"),
];

/// The folder with the programs, built if need be. The target folder gets a link to it, by which tests find it.
pub(crate) fn install() -> Result<PathBuf, String> {
    let folder = cache()?.join(entry());
    if !folder.exists() {
        let alone = lock(&folder.with_file_name(format!("{}.lock", entry())))?;
        if !folder.exists() {
            build(&folder, alone)?;
        }
    }
    link(&folder, &program::target()?.join("tools").join("kubernetes"))?;
    Ok(folder)
}

/// The release of Kubernetes that the module requires, as in `1.36.2`.
fn version() -> &'static str {
    required("k8s.io/kubernetes v")
}

/// The oldest Go that the module can be built with, as in `1.26.0`.
fn go_version() -> &'static str {
    required("go ")
}

/// What follows a word at the beginning of a line of the module file.
fn required(word: &str) -> &'static str {
    GO_MOD
        .lines()
        .find_map(|line| line.trim().strip_prefix(word))
        .and_then(|rest| rest.split(' ').next())
        .unwrap_or("?")
}

/// The name in the cache: another for every change of what is built or how.
fn entry() -> String {
    let texts = [GO_MOD, GO_SUM].map(str::to_owned);
    format!("kubernetes-{}-{:016x}", version(), fingerprint(texts.iter().chain(&arguments())))
}

/// FNV-1a: it tells states of a file apart, and is the same on every machine and with every compiler.
fn fingerprint<'a>(texts: impl Iterator<Item = &'a String>) -> u64 {
    let bytes = texts.flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// How Go is called, without the place for the programs.
fn arguments() -> Vec<String> {
    // Without these the API server says that it is v0.0.0.
    let set = |name: &str, value: &str| format!("-X k8s.io/component-base/version.{name}={value}");
    let mut numbers = version().split('.');
    let major = set("gitMajor", numbers.next().unwrap_or_default());
    let minor = set("gitMinor", numbers.next().unwrap_or_default());
    let linking = ["-s -w".to_owned(), set("gitVersion", &format!("v{}", version())), major, minor].join(" ");
    let words = ["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", &linking];
    words.map(str::to_owned).to_vec()
}

/// Locks a file, for as long as this process or a child has it open.
fn lock(path: &Path) -> Result<File, String> {
    let failed = |error: std::io::Error| format!("could not lock {}: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let file = File::create(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            println!("waiting for another process, which builds Kubernetes {}", version());
            file.lock().map_err(failed)?;
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    Ok(file)
}

/// Builds into a folder beside the entry, which becomes the entry when all of it is there.
///
/// Go gets the lock as its input, which it does not read: should this process be killed, nobody else builds before Go
/// has ended, too.
fn build(folder: &Path, alone: File) -> Result<(), String> {
    check_go()?;
    println!("building Kubernetes {} into {}, once for this machine;", version(), folder.display());
    println!("it takes some six minutes on two cores, and 4 GB in the caches of Go");
    let begun = Instant::now();
    let part = folder.with_file_name(format!("{}.part", entry()));
    let failed = |act: &str, error: std::io::Error| format!("could not {act} {}: {error}", part.display());
    if part.exists() {
        fs::remove_dir_all(&part).map_err(|error| failed("remove", error))?;
    }
    fs::create_dir_all(&part).map_err(|error| failed("make", error))?;
    let mut go = Command::new("go");
    go.args(arguments()).arg("-o").arg(&part).arg("tool").env("CGO_ENABLED", "0").current_dir(module()).stdin(alone);
    program::run(&mut go)?;
    for (built, name) in PROGRAMS {
        fs::rename(part.join(built), part.join(name)).map_err(|error| failed(&format!("find {name} in"), error))?;
    }
    fs::rename(&part, folder).map_err(|error| failed("finish", error))?;
    println!("built Kubernetes {} in {:.0} s", version(), begun.elapsed().as_secs_f64());
    Ok(())
}

/// Go itself says best whether it can read the module: it may fetch a newer one for it.
fn check_go() -> Result<(), String> {
    let needed = format!("go {} or newer is needed to build Kubernetes {} for its tests", go_version(), version());
    if !program::is_there("go") {
        return Err(format!("{needed}; there is none in PATH"));
    }
    let read = program::quietly(Command::new("go").args(["list", "-m"]).current_dir(module()));
    read.map(drop).map_err(|error| format!("{needed}\n{error}"))
}

fn module() -> PathBuf {
    root().join("tests").join("kubernetes").join("tools")
}

/// Lets a link point to a folder, in one step, so that nobody who follows it meanwhile is lost.
fn link(folder: &Path, link: &Path) -> Result<(), String> {
    if fs::read_link(link).is_ok_and(|target| target == folder) {
        return Ok(());
    }
    let failed = |error: std::io::Error| format!("could not link {} to {}: {error}", link.display(), folder.display());
    let fresh = link.with_file_name(format!("kubernetes.{}", std::process::id()));
    if let Some(parent) = link.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    std::os::unix::fs::symlink(folder, &fresh).map_err(failed)?;
    fs::rename(&fresh, link).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_names_its_versions() {
        for version in [version(), go_version()] {
            let numbers: Vec<Result<u32, _>> = version.split('.').map(str::parse).collect();
            assert!(numbers.len() == 3 && numbers.iter().all(Result::is_ok), "{version}");
        }
    }

    #[test]
    fn every_change_of_the_module_has_another_entry() {
        let of = |texts: [&str; 2]| fingerprint(texts.map(str::to_owned).iter());
        assert_ne!(of(["a", "b"]), of(["a", "c"]));
        assert_ne!(of(["ab", ""]), of(["a", "b"]));
        // The published value of the empty text, with the zero that ends it.
        assert_eq!(fingerprint([String::new()].iter()), 0xaf63_bd4c_8601_b7df);
    }
}
