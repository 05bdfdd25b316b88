//! The conductor end to end, with real processes. It is one program, so that those that wait leave room for others to its end.

mod alerts;
mod callers;
mod chart;
mod commands;
mod databases;
mod ecs;
mod faults;
mod figures;
mod grafana;
mod image;
mod inputs;
mod kills;
mod kpis;
mod kubernetes;
mod mixed;
mod observed;
mod partition;
mod queue;
mod server;
mod servers;
mod shared_journal;
mod slos;
mod staged;
mod verdicts;
mod workers;
