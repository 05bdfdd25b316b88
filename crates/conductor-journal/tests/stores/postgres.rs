//! The store that many conductors share: every case, and what is special to leases, the network and the server.

mod bed;
mod database;
mod leases;
mod owners;
mod schema;
mod settings;
mod writers;

use crate::cases::cases;
use bed::PostgresBed;

cases!(PostgresBed);
