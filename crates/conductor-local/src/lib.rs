//! The process substrate: an application is a command line, its replicas are processes of this machine.
//!
//! A supervisor in a process of its own ([`up`], [`status`], [`down`]) keeps the applications of an environment running,
//! so that there is a before and an after of a load test; [`LocalEnvironment`] deploys and scales through it. What
//! "production" runs is told by a release manifest, a file. Of a supervisor that dies nothing is left: the kernel ends
//! its processes with it (on Linux).
//!
//! | file | subject |
//! |---|---|
//! | `settings` | what an environment's file says, and what is wrong with it |
//! | `supervisor`, `application`, `replica` | the supervising process, its loop for each application, one process |
//! | `reconcile` | the decisions: which replicas to start and to stop (pure) |
//! | `lifecycle`, `wire` | coming up and going down, and the words over the supervisor's socket |
//! | `environment`, `manifest` | the ports, and what production runs |

mod application;
mod command;
mod environment;
mod error;
mod front;
mod lifecycle;
mod manifest;
mod reconcile;
mod replica;
mod settings;
mod spawn;
mod state;
mod supervisor;
mod wire;

pub use environment::LocalEnvironment;
pub use error::LocalError;
pub use lifecycle::{down, status, up};
pub use settings::{Application, LocalSettings, Port, PortMode, Ready, catalogue};
pub use supervisor::supervise;
pub use wire::{ApplicationStatus, ReplicaState, ReplicaStatus, Status};
