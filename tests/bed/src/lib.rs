//! What the test beds stand on: what a bed starts or makes is gone when its owner is, however that one ends.
//!
//! A [`Keeper`] runs processes, in a [`Folder`] where they need one, perhaps as another [`Identity`]. What a program under test talks to
//! goes through a front that fails when it is told to: of connections that is a [`Front`], of HTTP a [`Server`], whose requests a
//! record of [`Faults`] sees first. Nothing here knows what a bed is a bed of.

mod accept;
mod ending;
mod error;
mod faults;
mod folder;
mod front;
mod identity;
mod keeper;
pub mod log;
pub mod loopback;
pub mod process;
pub mod program;
mod ready;
mod server;
mod template;
mod wait;
mod worker;

pub use nix::sys::signal::Signal;

pub use accept::accept;
pub use ending::{Stopped, ask_to_end, stop};
pub use error::Error;
pub use faults::{Act, Condition, Fault, Faults, Hold, Injected, Moment, Stop};
pub use folder::{Folder, Folders};
pub use front::{Backend, Front, WhenOpened};
pub use identity::Identity;
pub use keeper::{Ending, Keeper};
pub use ready::ready;
pub use server::{Dropped, Server};
pub use template::Template;
pub use wait::{LOOK_EVERY, until};
pub use worker::Worker;
