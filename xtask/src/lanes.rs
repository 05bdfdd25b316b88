//! Programs of tests that run beside each other: most of them wait for real servers, while a few keep a cluster busy.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::thread;

use serde_json::Value;

use crate::program;
use crate::stage::{self, Counts};

/// The names of all test targets, but for those of one crate.
///
/// # Errors
/// When cargo cannot tell them.
pub(crate) fn targets_but_of(crate_name: &str) -> Result<BTreeSet<String>, String> {
    let text = program::quietly(program::cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let told: Value =
        serde_json::from_str(&text).map_err(|error| format!("could not read cargo's metadata: {error}"))?;
    Ok(targets(&told, crate_name))
}

fn targets(metadata: &Value, but_of: &str) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten().filter(|package| package["name"] != but_of);
    let targets = packages.flat_map(|package| package["targets"].as_array().into_iter().flatten());
    let tests = targets.filter(|target| target["kind"].as_array().is_some_and(|kinds| kinds.contains(&"test".into())));
    tests.filter_map(|target| target["name"].as_str().map(str::to_owned)).collect()
}

/// Cargo's arguments for some test targets.
pub(crate) fn of<'a>(command: &[&'a str], targets: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
    let named = targets.into_iter().flat_map(|name| ["--test", name.as_str()]);
    command.iter().copied().chain(named).collect()
}

/// Runs two commands of cargo's at the same time, whose programs are built: what the second one prints follows that of the first.
///
/// # Errors
/// As [`stage::cargo`].
pub(crate) fn both(first: &[&str], second: &[&str], environment: &[(&str, OsString)]) -> Result<Counts, String> {
    let mut held = Vec::new();
    let (one, other) = thread::scope(|scope| {
        let other = scope.spawn(|| stage::cargo_to(second, environment, &mut |line| held.push(line.to_owned())));
        (stage::cargo(first, environment), other.join())
    });
    held.iter().for_each(|line| println!("{line}"));
    let mut counts = one?;
    counts.add(other.map_err(|_| "the second lane of tests panicked".to_owned())??);
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn test_targets_are_found_but_for_those_of_one_crate() {
        let target = |kind: &str, name: &str| json!({ "kind": [kind], "name": name });
        let metadata = json!({ "packages": [
            { "name": "core", "targets": [target("lib", "core"), target("test", "recorded"), target("bench", "ramp")] },
            { "name": "journal", "targets": [target("test", "stores")] },
            { "name": "whole", "targets": [target("test", "e2e")] },
        ] });
        let found = targets(&metadata, "whole");
        assert_eq!(found.iter().collect::<Vec<_>>(), ["recorded", "stores"]);
        assert_eq!(of(&["test"], &found), ["test", "--test", "recorded", "--test", "stores"]);
    }

    #[test]
    fn all_test_targets_of_this_repository_but_one_are_found() {
        let found = targets_but_of("conductor-tests").unwrap();
        assert!(["changes", "guard", "stores"].iter().all(|name| found.contains(*name)), "{found:?}");
        assert!(!found.contains("e2e"));
    }
}
