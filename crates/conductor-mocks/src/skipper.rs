//! Skipper's metrics: how many requests each route has taken, in either of its formats.

use conductor_core::mocks::RouteCounts;
use conductor_core::ports::{FailureKind, PortError};
use futures::future::try_join_all;
use reqwest::Client;

use crate::call;
use crate::settings::{RouteNames, RouterSettings};

/// The counter that `-serve-route-counter` adds in the format of Prometheus; the prefix is Skipper's default.
const COUNTER: &str = "skipper_serve_route_count{";
/// What the timers that `-serve-route-metrics` adds begin with in its JSON.
const TIMER: &str = "skipper.serveroute.";
/// The status by which Hoverfly says that its simulation has no answer.
const NO_ANSWER: &str = "502";

/// All instances of one Skipper.
#[derive(Debug)]
pub(crate) struct Skipper {
    client: Client,
    metrics: Vec<String>,
    routes: RouteNames,
}

impl Skipper {
    pub(crate) fn new(client: Client, settings: &RouterSettings) -> Self {
        Self { client, metrics: settings.metrics.clone(), routes: settings.routes.clone() }
    }

    /// What the routes of all instances have taken since they began.
    pub(crate) async fn counts(&self) -> Result<RouteCounts, PortError> {
        let of = |url: &String| {
            let url = url.clone();
            async move {
                let act = format!("could not read the metrics of Skipper at {url}");
                let text = call::text(self.client.get(&url), &act).await?;
                self.count(&text).ok_or_else(|| {
                    let expected = "expected those of Skipper, such as http://skipper:9911/metrics";
                    PortError::new(FailureKind::Rejected, format!("{act}: it answers with something else; {expected}"))
                })
            }
        };
        let counts = try_join_all(self.metrics.iter().map(of)).await?;
        Ok(counts.into_iter().fold(RouteCounts::default(), |all, one| RouteCounts {
            mock: all.mock + one.mock,
            missed: all.missed + one.missed,
            leak: all.leak + one.leak,
            real: all.real + one.real,
        }))
    }

    /// `None` where it is neither format. A route that has taken nothing yet has no counter.
    fn count(&self, text: &str) -> Option<RouteCounts> {
        let served = if text.trim_start().starts_with('{') { timers(text)? } else { counters(text)? };
        let mut counts = RouteCounts::default();
        for Served { route, status, count } in served {
            let is = |names: &[String]| names.contains(&route);
            if is(&self.routes.mock) {
                counts.mock += count;
                counts.missed += if status.as_deref() == Some(NO_ANSWER) { count } else { 0 };
            } else if is(&self.routes.leak) {
                counts.leak += count;
            } else if is(&self.routes.real) {
                counts.real += count;
            }
        }
        Some(counts)
    }
}

/// How many requests of one status a route has taken.
struct Served {
    route: String,
    status: Option<String>,
    count: u64,
}

/// Those of the format of Prometheus.
fn counters(text: &str) -> Option<Vec<Served>> {
    if !text.lines().any(|line| line.starts_with("# TYPE")) {
        return None;
    }
    let served = |line: &str| {
        let (labels, value) = line.strip_prefix(COUNTER)?.rsplit_once('}')?;
        let value = value.split_whitespace().next()?.parse::<f64>().ok()?;
        let label = |name: &str| {
            let found = labels.split(',').find_map(|label| label.strip_prefix(name)?.strip_prefix("=\""))?;
            Some(found.trim_end_matches('"').to_owned())
        };
        Some(Served { route: label("route")?, status: label("code"), count: value as u64 })
    };
    Some(text.lines().filter_map(served).collect())
}

/// Those of its JSON, whose names are `serveroute.<route>[.<method>][.<status>]`.
fn timers(text: &str) -> Option<Vec<Served>> {
    let metrics: serde_json::Value = serde_json::from_str(text).ok()?;
    let Some(timers) = metrics.get("timers").and_then(serde_json::Value::as_object) else {
        return metrics.get("gauges").map(|_| Vec::new());
    };
    let served = |(name, timer): (&String, &serde_json::Value)| {
        let mut parts = name.strip_prefix(TIMER)?.split('.');
        let route = parts.next()?.to_owned();
        let status = parts.next_back().filter(|part| part.parse::<u16>().is_ok()).map(str::to_owned);
        Some(Served { route, status, count: timer.get("count")?.as_u64()? })
    };
    Some(timers.iter().filter_map(served).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipper() -> Skipper {
        let names = |name: &str| vec![name.to_owned()];
        let routes = RouteNames { mock: names("psp_mock"), leak: names("psp_leak"), real: names("psp_real") };
        Skipper { client: Client::builder().no_proxy().build().unwrap(), metrics: vec![], routes }
    }

    #[test]
    fn both_formats_count_the_same() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let prometheus = "# TYPE skipper_serve_route_count counter\n\
            skipper_serve_route_count{code=\"200\",method=\"POST\",route=\"psp_mock\"} 2000\n\
            skipper_serve_route_count{code=\"502\",method=\"POST\",route=\"psp_mock\"} 3\n\
            skipper_serve_route_count{code=\"421\",method=\"GET\",route=\"psp_leak\"} 5\n\
            skipper_serve_route_count{code=\"200\",method=\"GET\",route=\"psp_real\"} 1.2e+06\n\
            skipper_serve_route_count{code=\"200\",method=\"GET\",route=\"psp_real_too\"} 9\n";
        let json = serde_json::json!({ "gauges": {}, "timers": {
            "skipper.serveroute.psp_mock.POST.200": { "count": 2000 },
            "skipper.serveroute.psp_mock.POST.502": { "count": 3 },
            "skipper.serveroute.psp_leak.GET.421": { "count": 5 },
            "skipper.serveroute.psp_real.GET.200": { "count": 1_200_000 },
            "skipper.serveroute.psp_real_too.GET.200": { "count": 9 },
            "skipper.routelookup": { "count": 9 },
        }});
        let expected = RouteCounts { mock: 2003, missed: 3, leak: 5, real: 1_200_000 };
        assert_eq!(skipper().count(prometheus), Some(expected));
        assert_eq!(skipper().count(&json.to_string()), Some(expected));
        assert_eq!(skipper().count("# TYPE up gauge\n"), Some(RouteCounts::default()), "no request has come yet");
        assert_eq!(skipper().count("<html>"), None);
        assert_eq!(skipper().count("{\"error\": 1}"), None);
    }
}
