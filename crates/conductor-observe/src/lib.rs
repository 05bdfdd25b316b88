//! What watches the business from outside the load generator: sources of the KPI that the business counts itself.
//!
//! * [`PrometheusKpi`] — a counter or a rate that Prometheus has scraped.
//! * [`SqlKpi`] — rows of a PostgreSQL, MySQL, MariaDB or SQLite database, counted by one read-only statement.
//! * [`HttpKpi`] — a number in the answer to a GET.
//!
//! Each is a [`KpiSource`](conductor_core::ports::KpiSource), may steer a load or check another one's count, and knows
//! neither of these parts. What cannot be counted is never zero: it is an error, or a window without a count.
//!
//! Figures of Prometheus beside the KPI: those that objectives name ([`PrometheusFigures`]), and how much each application uses of
//! what it may have ([`PrometheusSaturation`]).
//!
//! And what tells people of a run while it goes on: [`notifiers`] of a webhook, Slack, Teams or Alertmanager, by [`AlertsSettings`].
//! [`GrafanaSettings`] make links to the dashboards that show it, and write there what happens in it.

#![forbid(unsafe_code)]

mod figures;
mod grafana;
mod kpi;
mod notify;

pub use figures::{FiguresSettings, PrometheusFigures, PrometheusSaturation, PrometheusServer, SaturationSettings};
pub use grafana::{DashboardSettings, GrafanaSettings};
pub use kpi::{
    Credentials, HttpKpi, HttpKpiSettings, NumberKind, Per, PrometheusKpi, PrometheusKpiSettings, SqlKpi,
    SqlKpiSettings, SqlServerSettings, SqliteFileSettings, TimeFormat, Wrong,
};
pub use notify::{
    AlertmanagerSettings, AlertsSettings, NamedNotifier, ReceiverSettings, SlackSettings, TeamsSettings,
    WebhookSettings, notifiers,
};
