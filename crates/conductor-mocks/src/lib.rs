//! Mocks by Hoverfly behind Skipper: a [`Mock`] proves by two probes that the mock answers what is tagged and only that, and reads
//! the counters of both while load is generated.
//!
//! What is found is told as it is ([`conductor_core::mocks`]); whether it is a proof or a leak is decided there. Counters alone
//! prove nothing: Hoverfly counts what it could not answer, too, and Skipper what a route has taken and not who answered. So a
//! probe bears an id of its own, by which it is found in Hoverfly's journal.

mod call;
mod hoverfly;
mod mock;
mod settings;
mod skipper;
mod violations;

pub use mock::Mock;
pub use settings::{
    HoverflySettings, MarkerSettings, MockSettings, ProbeSettings, RouteNames, RouterSettings, Secrets,
};
