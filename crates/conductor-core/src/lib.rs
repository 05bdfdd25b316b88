//! The domain of the load test conductor: what a load test is, how a run goes there and back, and when it passed.
//!
//! Everything here is pure. Time and input are arguments; nothing reads a clock, the environment or a file, and nothing
//! waits. The tour, in reading order:
//!
//! * [`spec`] — what a caller declares, valid by construction ([`units`], [`app`], [`release`] are its words),
//! * [`phase`] — states, events, commands, and [`phase::step`], the only place where state changes,
//! * [`scale`] and [`restore`] — the plan of a run and the way back, as pure differences,
//! * [`ramp`] — the control law that steers users by the KPI,
//! * [`run`] and [`view`] — a journal's records, folded into a state and into what people look at,
//! * [`verdict`] — whether the run was valid and whether it passed,
//! * [`ports`] — what the conductor asks of the world ([`load`], [`failure`] are their words).

pub mod app;
pub mod failure;
pub mod load;
pub mod phase;
pub mod ports;
pub mod ramp;
pub mod release;
pub mod restore;
pub mod run;
pub mod scale;
pub mod spec;
pub mod units;
pub mod verdict;
pub mod view;
