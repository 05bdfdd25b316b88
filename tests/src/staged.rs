//! Staged runs: whole runs on real parts in which one thing is wrong, on purpose, and what the conductor has to make of each.
//!
//! A [`Case`] is data: what there is ([`Scenery`]), what is disturbed and when, the outcome and the first reason that are right. To
//! add one, write it in a file of `cases` and name that in [`cases()`]; what it disturbs it finds in the [`Scene`]. Cases share
//! nothing, so that some of them go on at the same time ([`play`]); what has become of all is one [`Table`].

mod case;
mod cases;
mod chain;
mod front;
mod play;
mod prometheus;
mod scene;
mod table;

pub use case::{Case, Expected, Kpi, Scenery};
pub use cases::{cases, clean};
pub use front::StuckFront;
pub use play::{Played, play};
pub use prometheus::Prometheus;
pub use scene::Scene;
pub use table::Table;
