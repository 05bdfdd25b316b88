//! The service over gRPC: messages to the domain and back at the edge, errors to statuses, and what serves it.
//!
//! * [`Service`] — the methods of `conductor.v1.LoadTestService` over a conductor,
//! * [`Declarations`] — what it must be told by whoever knows environments,
//! * [`Door`] — who may call, over which connections, and where it is written down,
//! * [`CallObserver`] — who hears how long calls took,
//! * [`serve`] — the service with health and reflection on a listener, within [`Limits`]; [`serve_streams`] — on connections
//!   that others have made.

mod again;
mod answered;
mod call;
mod changes;
mod code;
mod connections;
mod contract;
mod deadline;
mod declarations;
mod document;
mod door;
mod in_time;
mod json;
mod limits;
mod messages;
mod method;
mod pages;
mod server;
mod service;
mod status;
mod values;

pub use answered::CallObserver;
pub use declarations::Declarations;
pub use door::Door;
pub use limits::Limits;
pub use server::{serve, serve_streams};
pub use service::Service;
