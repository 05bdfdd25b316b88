//! Load tests and environments that are nearly right, by the thousand: the same as the fuzz target `spec`, from fixed seeds and from
//! what it has found.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../../../../fuzz/shared/chance.rs"]
mod chance;
#[path = "../../../../fuzz/shared/spec.rs"]
mod spec;

use std::path::Path;

use chance::{drawn, kept};
use spec::Documents;

/// Documents that are made of chance.
const DRAWN: u64 = 1_000;

#[test]
fn whatever_is_read_is_refused_with_its_place_or_stays_what_it_is() {
    let documents = Documents::new();
    let check = |name: String, bytes: &[u8]| {
        if let Err(fault) = documents.check(bytes) {
            panic!("{name}, {bytes:?}: {fault}");
        }
    };
    for (number, bytes) in kept(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/spec")).iter().enumerate()
    {
        check(format!("seed {number}"), bytes);
    }
    for seed in 0..DRAWN {
        check(format!("number {seed}"), &drawn(seed));
    }
}
