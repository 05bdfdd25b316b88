//! Callers who know nothing of the server, or mean harm, by the thousand: the same as the fuzz target `edge`, from fixed seeds and
//! from what it has found. None of them stops the server, and none of them stays in its memory.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../../../../fuzz/shared/chance.rs"]
mod chance;
#[path = "../../../../fuzz/shared/edge.rs"]
mod edge;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use chance::{drawn, kept};
use edge::Edge;

/// Callers before the memory is looked at, and then once more.
const CALLERS: u64 = 1000;
/// What the second thousand may take on top of the first, in KiB: what an allocator keeps differs by as much.
const MOST_KIB: u64 = 1024;

/// Panics of this process. Those of a task are caught by the runtime, and nobody would hear of them.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// The one test of this process: its memory is nobody else's.
#[test]
fn whatever_callers_say_others_are_served_and_the_memory_does_not_grow() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        told(panic);
    }));
    let edge = Edge::new();
    let take = |name: &str, bytes: &[u8]| {
        let taken = edge.take(bytes);
        assert!(taken.is_ok() && PANICS.load(Ordering::Relaxed) == 0, "{name}, {bytes:?}: {taken:?}");
    };
    for bytes in kept(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/edge")) {
        take("a seed", &bytes);
    }
    let thousand = |first: u64| {
        (first..first + CALLERS).for_each(|seed| take(&format!("number {seed}"), &drawn(seed)));
        edge.is_well().unwrap();
        memory_kib()
    };
    let first = thousand(0);
    let second = thousand(CALLERS);
    assert!(second <= first + MOST_KIB, "{first} KiB after a thousand callers, {second} KiB after another thousand");
}

fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
