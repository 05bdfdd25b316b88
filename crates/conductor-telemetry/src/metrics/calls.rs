//! How long calls take and what becomes of them: those of ports, and those that the server answers.

use std::time::Duration;

use conductor_engine::{PortCall, PortObserver};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// From a look that is answered at once to a rollout of many replicas.
const PORT_SECONDS: [f64; 10] = [0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0, 1800.0];
/// From an answer out of memory to one that the journal is waited for.
const API_SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// The calls of ports. Ports, methods and outcomes are words of the program, so that there are only so many series.
pub struct PortCalls {
    seconds: Family<PortLabels, Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PortLabels {
    port: &'static str,
    method: &'static str,
    outcome: &'static str,
}

impl PortCalls {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let seconds = Family::<PortLabels, Histogram>::new_with_constructor(|| Histogram::new(PORT_SECONDS));
        let help = "How long calls of ports took, by what became of them: ok, a kind of failure, or abandoned";
        registry.register_with_unit("conductor_port_call_duration", help, Unit::Seconds, seconds.clone());
        Self { seconds }
    }
}

impl PortObserver for PortCalls {
    fn called(&self, call: PortCall) {
        let labels = PortLabels { port: call.port, method: call.method, outcome: call.outcome.name() };
        self.seconds.get_or_create(&labels).observe(call.took.as_secs_f64());
    }
}

/// The requests that the server answers.
pub struct ApiCalls {
    seconds: Family<ApiLabels, Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ApiLabels {
    method: &'static str,
    code: &'static str,
}

impl ApiCalls {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let seconds = Family::<ApiLabels, Histogram>::new_with_constructor(|| Histogram::new(API_SECONDS));
        let help = "How long requests of the API took, by method and status code; of a stream, until its end";
        registry.register_with_unit("conductor_api_request_duration", help, Unit::Seconds, seconds.clone());
        Self { seconds }
    }

    /// A request was answered. Both words are of the program, such as `StartLoadTest` and `OK`: what a caller sends is no
    /// label, or anybody could make as many series as they like.
    pub fn answered(&self, method: &'static str, code: &'static str, took: Duration) {
        self.seconds.get_or_create(&ApiLabels { method, code }).observe(took.as_secs_f64());
    }
}
