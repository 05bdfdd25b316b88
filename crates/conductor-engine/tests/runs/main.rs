//! Whole runs of the engine in a model environment, on a paused clock: whatever happens, everything is put back.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod adoptions;
mod alerts;
mod alongside;
mod altered;
mod annotations;
mod bed;
mod beside;
mod cleaning;
mod crashes;
mod cross_checks;
mod doubles;
mod drifts;
mod faults;
mod followed;
mod former;
mod guards;
mod healthy;
mod layouts;
mod looks;
mod mocks;
mod monitoring;
mod observed;
mod outside;
mod ownership;
mod parity;
mod pauses;
mod plans;
mod progress;
mod rechecks;
mod requests;
mod resumed;
mod reverts;
mod room;
mod searches;
mod stewards;
mod stops;
mod stores;
mod stuck;
mod turns;
mod unguarded;
mod updates;
mod verdicts;
mod workers;
