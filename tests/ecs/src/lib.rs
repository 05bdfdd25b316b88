//! AWS ECS on loopback, for tests: [moto](https://docs.getmoto.org), and in front of it what moto does not model.
//!
//! ```no_run
//! use conductor_ecs_bed::{EcsBed, ServiceMade, User};
//! use serde_json::json;
//!
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let bed = EcsBed::start().await?;
//! bed.make_cluster("test").await?;
//! bed.make_service(ServiceMade::new("test", "pay", "registry.example/pay:v1", 3)).await?;
//! // A program under test uses `bed.endpoint()`, or what stands in `bed.environment(User::Conductor)`.
//! // Somebody else scales meanwhile.
//! let by_hand = json!({ "cluster": "test", "service": "pay", "desiredCount": 1 });
//! bed.actor(User::OnCall).call("UpdateService", by_hand).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What happens by itself does so by [`EcsBed::clock`]: tasks start one after the other, at [`EcsBed::set_pace`]. What becomes of a
//! deployment is chosen by its image: see [`Behaviour`]. An [`Autoscaler`] fights for its number. [`EcsBed::set_lag_of`] lets
//! answers show for a time what was before.
//!
//! Requests can go wrong, and can be held:
//!
//! ```no_run
//! # use std::process::Command;
//! use std::time::Duration;
//!
//! use conductor_ecs_bed::{EcsBed, Effect, Fault, Moment, Requests, User};
//!
//! # async fn test(bed: &EcsBed, mut program: Command) -> Result<(), Box<dyn std::error::Error>> {
//! program.envs(bed.environment(User::Conductor));
//!
//! // The second update is done, but nobody hears that.
//! let updates = Requests::all().operation("UpdateService");
//! let lost = bed.inject(Fault::new(updates, Effect::Drop(Moment::After)).after(1).once());
//!
//! // The program dies when its third write is done and the fourth is not.
//! let stop = bed.stop_at(Requests::writes().by(User::Conductor.access_key()), 3, Moment::After);
//! let mut process = program.spawn()?;
//! stop.reached(Duration::from_secs(60)).await;
//! process.kill()?;
//! drop(stop);
//! lost.happened(1).await;
//! # Ok(())
//! # }
//! ```
//!
//! A bed listens on two ports of loopback, which the kernel chose, and on no other address: moto's own, which nobody else needs, and that
//! of the front. Nothing of it outlives its process, and there is nothing on disk. Beds do not know of each other, even where one goes on with
//! the moto of another that has ended, which is quicker than to start one: [`EcsBed::start_with`]. Nothing here knows the conductor.

mod account;
mod actor;
mod bed;
mod clock;
mod error;
mod fault;
mod front;
mod loopback;
mod made;
mod moto;
mod motos;
mod operations;
mod reply;
mod seen;
mod shared;
mod throttle;
mod who;
mod world;

pub use actor::{Actor, User};
pub use bed::EcsBed;
pub use clock::Clock;
pub use conductor_bed::{Moment, until};
pub use error::BedError;
pub use fault::{Effect, Fault, Injected, Requests, Stop};
pub use made::{Made, ServiceMade};
pub use motos::Motos;
pub use seen::Seen;
pub use throttle::Rate;
pub use who::Who;
pub use world::{Answers, Autoscaler, Behaviour, Pull};
