//! Objectives, nearly right or not at all: what must hold of reading them is said in `shared/slo.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../shared/slo.rs"]
mod slo;

fuzz_target!(|bytes: &[u8]| {
    if let Err(fault) = slo::check(bytes) {
        panic!("{fault}");
    }
});
