//! The domain of the load test conductor: what a load test is, how a run goes there and back, and when it passed.
//!
//! Everything here is pure. Time and input are arguments; nothing reads a clock, the environment or a file, and nothing
//! waits. The tour, in reading order:
//!
//! * [`spec`] — what a caller declares, valid by construction ([`units`], [`app`], [`release`] are its words),
//! * [`phase`] — states, events, commands, and [`phase::step`], the only place where state changes,
//! * [`scale`], [`restore`] and [`recheck`] — the plan of a run, the way back, and whether that lasts, as pure differences,
//! * [`ramp`] — the control law that steers users by the KPI; [`search`] moves its set-point,
//! * [`learnt`] — what a finished run teaches the next one of the same load test,
//! * [`layout`] — whether load generators and mocks run on nodes of the applications under test,
//! * [`parity`] — in what a test environment differs from production, and what of that is waived,
//! * [`sizing`] — how many workers of the load generator a target needs; [`phase::Workers`] asks for them during the load,
//! * [`run`] and [`view`] — a journal's records, folded into a state and into what people look at,
//! * [`slo`] — objectives of response times and failures, read, and judged by [`requests`] as they are counted by name,
//! * [`verdict`] — whether the run was valid and whether it passed,
//! * [`alert`] — what people are told of a run while it goes on; [`annotation`] and [`links`] — what is written of it where its
//!   figures are looked at, and where that is,
//! * [`ports`] — what the conductor asks of the world ([`load`], [`failure`], [`caller`] are their words).
//!
//! A run by hand: every event goes into a journal, and the run answers with what to do.
//!
//! ```
//! use conductor_core::phase::{Command, Event};
//! use conductor_core::restore::ForeignPolicy;
//! use conductor_core::run::{Created, Record, Run};
//! use conductor_core::spec::LoadTestSpec;
//!
//! let spec: LoadTestSpec = serde_json::from_value(serde_json::json!({
//!     "apiVersion": "loadtest-conductor.dev/v1alpha1",
//!     "kind": "LoadTest",
//!     "metadata": { "name": "cyber-week" },
//!     "spec": {
//!         "environment": "shop",
//!         "kpi": { "name": "orders", "target": "7200/min" },
//!         "rampUp": "30m",
//!         "plateau": "90m"
//!     }
//! }))?;
//! let scope = spec.scope(&["checkout".parse()?])?;
//! let environment = serde_json::Value::Null;
//! let created = Created::new(spec, scope, ForeignPolicy::Report, environment);
//!
//! let at = "2026-11-24T14:00:00Z".parse()?;
//! let mut run = Run::begin(&Record { revision: 1, at, event: Event::Created(Box::new(created)) })?;
//! assert_eq!(run.state.on_entry(), [Command::Start]);
//! let commands = run.apply(&Record { revision: 2, at, event: Event::Started })?;
//! assert_eq!(commands, [Command::Check]);
//! // Nothing was changed yet, so that a stop ends the run at once.
//! run.apply(&Record { revision: 3, at, event: Event::StopRequested { by: "ops".to_owned() } })?;
//! assert_eq!(run.state.name(), "Finished");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The example `embed` goes on from here, through the load to the verdict.

#![forbid(unsafe_code)]

pub mod alert;
pub mod annotation;
pub mod app;
pub mod caller;
pub mod capacity;
pub mod crosscheck;
pub mod failure;
pub mod figures;
#[cfg(test)]
mod fixtures;
pub mod guard;
pub mod layout;
pub mod learnt;
pub mod links;
pub mod load;
pub mod mocks;
pub mod parity;
pub mod phase;
pub mod ports;
pub mod quantity;
pub mod ramp;
pub mod recheck;
pub mod release;
pub mod requests;
pub mod responses;
pub mod restore;
pub mod run;
pub mod saturation;
pub mod scale;
pub mod search;
pub mod sizing;
pub mod slo;
pub mod spec;
pub mod units;
pub mod verdict;
pub mod view;
