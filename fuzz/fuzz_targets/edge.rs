//! Callers of the server who know nothing of it, or mean harm: what must hold is said in `shared/edge.rs`.
#![no_main]

use std::cell::{Cell, RefCell};

use libfuzzer_sys::fuzz_target;

#[path = "../shared/edge.rs"]
mod edge;

use edge::Edge;

/// Callers of one server: its run keeps what is asked of it.
const CALLERS: u32 = 2000;
/// After so many of them it is looked whether others are served.
const BETWEEN: u32 = 16;

thread_local! {
    static EDGE: RefCell<Edge> = RefCell::new(Edge::new());
    static TAKEN: Cell<u32> = const { Cell::new(0) };
}

fuzz_target!(|bytes: &[u8]| {
    let taken = TAKEN.get() + 1;
    TAKEN.set(taken);
    EDGE.with_borrow_mut(|edge| {
        if taken.is_multiple_of(CALLERS) {
            *edge = Edge::new();
        }
        let told = edge.take(bytes).and_then(|()| if taken.is_multiple_of(BETWEEN) { edge.is_well() } else { Ok(()) });
        if let Err(fault) = told {
            panic!("{fault}");
        }
    });
});
