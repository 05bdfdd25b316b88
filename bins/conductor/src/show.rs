//! What people see: progress line by line, the live view, the summary at the end, plans and lists.

pub(crate) mod display;
mod figures;
mod goals;
mod live;
mod parity;
mod plan;
pub(crate) mod plot;
mod progress;
mod scores;
mod summary;
mod verdict;
mod verdicts;
mod workloads;

pub(crate) use goals::goals;
pub(crate) use plan::plan;
pub(crate) use scores::scores;
pub(crate) use summary::{left_behind, runs, summary};
pub(crate) use verdict::verdict;
pub(crate) use verdicts::verdicts;
