//! Objectives that are nearly right, by the ten thousand: the same as the fuzz target `slo`, from fixed seeds and from what it has
//! found.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../../../../fuzz/shared/chance.rs"]
mod chance;
#[path = "../../../../fuzz/shared/slo.rs"]
mod slo;

use std::path::Path;

use chance::{drawn, kept};

/// Objectives that are made of chance.
const DRAWN: u64 = 20_000;

#[test]
fn whatever_is_read_is_refused_with_its_place_or_stays_what_it_is() {
    let check = |name: String, bytes: &[u8]| {
        if let Err(fault) = slo::check(bytes) {
            panic!("{name}, {bytes:?}: {fault}");
        }
    };
    let seeds = kept(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/slo"));
    assert!(!seeds.is_empty(), "the fuzzer begins with seeds");
    for (number, bytes) in seeds.iter().enumerate() {
        check(format!("seed {number}"), bytes);
    }
    for seed in 0..DRAWN {
        check(format!("number {seed}"), &drawn(seed));
    }
}
