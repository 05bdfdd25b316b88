//! The service over gRPC: messages to the domain and back at the edge, errors to statuses, and what serves it.
//!
//! * [`Service`] — the methods of `conductor.v1.LoadTestService` over a conductor,
//! * [`Declarations`] — what it must be told by whoever knows environments,
//! * [`Caller`] — who calls, where a layer in front has found out,
//! * [`CallObserver`] — who hears how long calls took,
//! * [`serve`] — the service with health and reflection on a listener, within [`Limits`].

mod answered;
mod code;
mod contract;
mod declarations;
mod document;
mod json;
mod messages;
mod server;
mod service;
mod status;
mod values;

pub use answered::CallObserver;
pub use declarations::{Caller, Declarations};
pub use server::{Limits, serve};
pub use service::Service;
