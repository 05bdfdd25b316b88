//! A model environment that implements every port: a world in which a load test of hours takes milliseconds.
//!
//! * [`Plant`] — what the model is like: journeys, checkout, KPI, what changes, and what surrounds it in a run,
//! * [`scenarios`] — plants with names, [`table`] — algorithms compared on plants, [`Course`] — one run to look at,
//! * [`goals`] — what the control law must reach on them, [`judge`] — whether it does, [`held_out`] — plants by chance,
//! * [`SimEnvironment`] — the world itself, and the ways into it, its [`Ports`](conductor_core::ports::Ports),
//! * [`MemoryStore`] — journals and stop requests in memory, for tests.
//!
//! All of it reads time through [`conductor_core::ports::Clock`] and none of it does input or output. The same plant,
//! asked the same things at the same times, gives the same answers.

mod calls;
mod course;
mod draw;
mod environment;
mod goals;
mod guard;
mod kernel;
mod model;
mod network;
mod plant;
mod ports;
mod saturation;
mod scenarios;
mod score;
mod store;
mod table;
mod trial;

pub use calls::CallRecord;
pub use course::{Course, CourseWindow};
pub use environment::SimEnvironment;
pub use goals::{Bound, Check, Goal, GoalTrials, HeldOut, Measure, Outcome, Statistic, goals, held_out, judge};
pub use plant::{
    Call, CallFault, CallOutcome, CapacityDrop, CapacityModel, CheckoutModel, DelayModel, EnvironmentModel, Fault,
    FaultKind, GeneratorLimits, Hints, JourneyModel, KpiModel, LostSample, Noise, Origin, Plant, PlantApplication,
    PlantError, PlantFile, RatioModel, RatioStep, RunModel, Running, TableModel, TestDataModel, WarmUpModel,
    WorkerModel,
};
pub use scenarios::scenarios;
pub use score::Score;
pub use store::MemoryStore;
pub use table::{Row, ScoreTable, Spread, Trials, table};
pub use trial::Insight;
pub use trial::law::{Algorithm, UnknownAlgorithm};
