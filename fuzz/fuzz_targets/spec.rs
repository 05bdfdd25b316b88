//! Load tests and environments, nearly right or not at all: what must hold of reading them is said in `shared/spec.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../shared/spec.rs"]
mod spec;

use spec::Documents;

thread_local! {
    static DOCUMENTS: Documents = Documents::new();
}

fuzz_target!(|bytes: &[u8]| {
    if let Err(fault) = DOCUMENTS.with(|documents| documents.check(bytes)) {
        panic!("{fault}");
    }
});
