//! Sources of the KPI, each on the real thing: Prometheus, PostgreSQL, MariaDB, SQLite, and a service that counts.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod authority;
mod contract;
mod counting;
mod figures;
mod http;
mod prometheus;
mod prometheus_bed;
mod sql;
mod tls;
mod whose;
