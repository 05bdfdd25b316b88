//! Whole runs of the engine in a model environment, on a paused clock: whatever happens, everything is put back.

mod bed;
mod crashes;
mod doubles;
mod faults;
mod healthy;
mod ownership;
mod stops;
mod stores;
