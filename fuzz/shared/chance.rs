//! Inputs for tests: what the fuzzer begins with or has found, and bytes by chance that are the same each time.

use std::path::Path;

/// The inputs in a folder, by their names.
pub(crate) fn kept(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).expect("a file")).collect()
}

/// Some bytes, up to two hundred: splitmix64 from a seed.
pub(crate) fn drawn(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let length = next() as usize % 200 + 1;
    (0..length).map(|_| next() as u8).collect()
}
