//! Sources of the KPI, each on the real thing: Prometheus, PostgreSQL, MariaDB, SQLite, and a service that counts.

mod contract;
mod counting;
mod http;
mod prometheus;
mod prometheus_bed;
mod sql;
