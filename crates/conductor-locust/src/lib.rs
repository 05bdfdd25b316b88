//! `LoadGenerator` and `KpiSource` over Locust's web interface, and the plugin that makes its counts exact.
//!
//! [`Locust`] drives a Locust master, or a Locust of one process, of 2.32 or newer; it needs nothing on Locust's side.
//! No phases, no control law and no retries live here.
//!
//! # The plugin
//! [`PLUGIN`] is a Python file to put beside a team's locustfile, which stays as it is:
//!
//! ```text
//! locust -f locustfile.py,conductor_locust.py --master --stop-timeout 10
//! locust -f locustfile.py,conductor_locust.py --worker
//! ```
//!
//! It must be loaded by the master and by every worker. `--stop-timeout` (seconds, at the master) lets requests in
//! flight finish when users stop, so that they are counted. With the plugin
//!
//! * every request of `HttpUser` and `FastHttpUser` carries `X-Load-Test: true`, `X-Load-Test-Run: <run>` and the
//!   run's further headers; a header of the same name in the locustfile wins;
//! * the KPI is counted in event time, per whole second, over all workers: windows are exact, and complete about
//!   three seconds after they end;
//! * response times and response codes are known per window, and lost workers, clock skew and overload are noticed;
//! * workers of a master that was replaced are told to quit, instead of firing unseen for a minute.
//!
//! What counts as the KPI is a [`KpiEvent`]: a request by its row in Locust's statistics, or an explicit call in the
//! locustfile, `from conductor_locust import kpi` and `kpi()` (or `kpi("orders")`).
//!
//! Without the plugin requests carry no headers, only requests by method and name can be the KPI, and the count is a
//! difference of Locust's cumulative counters: a window of 10 s is off by up to 20 %, one of 60 s by about 1 %.
//!
//! # Marks
//! | mark | what happened | what it does to the window |
//! |---|---|---|
//! | `workerLost` | a worker went away or was silent for some seconds | its last 3 s or less are not counted; its users are gone until the next `set` |
//! | `workerJoined` | a worker came, or came back | users are spread anew by the next `set` |
//! | `counterReset` | Locust's statistics were reset | without the plugin the count of this window is unknown; with it, nothing |
//! | `generatorRestarted` | the master is a new process | the count of this window is unknown |
//! | `generatorBound` | a process of Locust used more than 90 % of its core, or stood still for seconds | response times are Locust's own, not the system's |
//! | `approximate` | counted without the plugin, or a worker reported late | some percent of error |
//! | `clockSkew` | clocks differ by more than a second | seconds are shifted to the master's, the edges are blurred |

mod api;
mod csv;
mod driver;
mod guard;
mod histogram;
mod memory;
mod requests;
mod sampling;
mod settings;
mod stopping;
mod target;

pub use driver::Locust;
pub use settings::{CallEvent, KpiEvent, LocustSettings, RequestEvent};

/// The plugin, a Python file named [`PLUGIN_FILE`] to put beside a locustfile.
pub const PLUGIN: &str = include_str!("../plugin/conductor_locust.py");

/// The name the plugin's file must have, for locustfiles that import from it.
pub const PLUGIN_FILE: &str = "conductor_locust.py";

/// Version of what the plugin serves; another one is refused.
const PLUGIN_VERSION: &str = "1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugin_in_the_binary_serves_the_version_the_driver_reads() {
        assert!(PLUGIN.contains(&format!("VERSION = \"{PLUGIN_VERSION}\"")));
    }
}
