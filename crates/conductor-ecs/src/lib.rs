//! AWS ECS as a place to deploy to and to scale in: production's versions and allocation are read from one cluster, put into
//! another, and everything there is put back exactly.
//!
//! Nothing here knows of phases or of load.

mod answer;
mod attempts;
mod capacity;
mod change;
mod connect;
mod definition;
mod drift;
mod environment;
mod guard;
mod judge;
mod left_behind;
mod life;
mod looks;
mod marker;
mod pace;
mod place;
mod production;
mod reader;
mod remains;
mod resources;
mod revisions;
mod sends;
mod service;
mod settings;
mod settle;
mod signs;
mod stopped;
mod theirs;
mod unfit;
mod wanted;
mod writer;

pub use environment::EcsEnvironment;
pub use settings::{AccountSettings, Application, EcsSettings, InProduction, ProductionSettings, Rates};
