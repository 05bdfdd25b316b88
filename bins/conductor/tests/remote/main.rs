//! The program at a real server: every verb that a server does, and how it finds and enters one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bed;
mod entering;
mod following;
mod looking;
mod queueing;
mod starting;
