//! What is changed in a real cluster, and put back: exactly, whoever interferes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

mod answers;
mod argo_rollouts;
mod argo_rollouts_blue_green;
mod bed;
mod connections;
mod contract;
mod crashes;
mod deliveries;
mod everything;
mod let_go;
mod looks;
mod markers;
mod others;
mod plans;
mod progress;
mod refusals;
mod remade;
mod restored;
mod room;
mod scalables;
mod scaled_objects;
mod scene;
mod shapes;
mod stacks;
mod stateful_sets;
mod watches;
