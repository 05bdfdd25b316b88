//! The engine: drives runs there and back. It does and never decides; the decisions are `conductor_core::phase::step`.
//!
//! * [`Conductor`] — the handle: start, stop, update, watch, follow, recover,
//! * [`Steward`] — keeps every unfinished run driven, lets those that wait begin, and hands all of them over at the end of a process,
//! * [`PortsFactory`] — makes what a run works with, its [`Ports`](conductor_core::ports::Ports),
//! * [`Announcer`] — tells receivers of alerts of the runs that are driven here,
//! * [`Annotating`] — writes what happens in them beside their figures,
//! * [`PortObserver`] — hears of every call of a port: [`observed`], [`ObservedFactory`],
//! * [`EngineOptions`] — patience, concurrency and pauses,
//! * [`plan`] — what a run would do, touching nothing,
//! * [`SystemClock`] and [`TokioClock`] — time.
//!
//! Every event goes into the journal before anything is done about it. One run is one task, one state is one activity,
//! and leaving a state drops its activity, which cancels the work. No adapter is named here.

mod activity;
mod alerts;
mod annotations;
mod beside;
mod clock;
mod conductor;
mod driver;
mod errors;
mod feed;
mod former;
mod gate;
mod journal;
mod observed;
mod options;
mod plan;
mod ports;
mod progress;
mod requests;
mod spans;
mod steward;

pub use alerts::{AlertReceiver, Announcer};
pub use annotations::Annotating;
pub use clock::{SystemClock, TokioClock};
pub use conductor::{Adoption, Conductor, HandOver, Recovery, Turn, is_gone};
pub use errors::{RecoverError, StartError, TurnError, UpdateError, ViewError};
pub use observed::{CallOutcome, ObservedFactory, PortCall, PortObserver, observed, observed_notifier};
pub use options::{EngineOptions, Retry};
pub use plan::{PlanReport, StoredRows, WorkersPlan, plan};
pub use ports::PortsFactory;
pub use progress::Progress;
pub use steward::{Steward, StewardOptions};
