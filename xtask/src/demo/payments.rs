//! Where the payments of the demo's orders went: to the mock, says the run; not to the provider, says the provider.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::shop::Shop;

/// How long the provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Payments that the provider has taken since it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Those with the tag of a load test.
    tagged: u64,
    /// The others.
    untagged: u64,
}

impl Taken {
    /// What the provider's metrics say.
    fn read(metrics: &str) -> Option<Self> {
        let counted = |tagged: bool| {
            let name = format!("payments_taken_total{{tagged=\"{tagged}\"}} ");
            metrics.lines().find_map(|line| line.strip_prefix(&name))?.trim().parse().ok()
        };
        Some(Self { tagged: counted(true)?, untagged: counted(false)? })
    }
}

impl Shop {
    /// Asks the payment provider itself.
    pub(super) fn payments_taken(&self) -> Result<Taken, String> {
        let port = self.status("payments")?["port"].as_u64().ok_or("the payment provider has no port")?;
        let address = format!("127.0.0.1:{port}");
        let metrics = get(&address, "/metrics")
            .map_err(|error| format!("could not ask the payment provider at {address}: {error}"))?;
        Taken::read(&metrics).ok_or_else(|| format!("the payment provider does not tell what it has taken: {metrics}"))
    }
}

fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The mock was proved, it took the payment of every order, and the provider got the untagged probe and nothing else.
pub(super) fn check(view: &Value, before: Taken, after: Taken) -> Result<(), String> {
    let number =
        |value: &Value, name: &str| value[name].as_u64().ok_or_else(|| format!("{name} is missing in {value}"));
    let proof = &view["mocks"][0];
    let by = proof["tagged"]["mockedBy"].as_str().ok_or_else(|| format!("the mock was not proved: {proof}"))?;
    if proof["untagged"]["realMarker"] != true {
        return Err(format!("it was not proved that the provider takes what is not tagged: {proof}"));
    }
    println!("✔ before the load a tagged payment was taken by the mock ({by}), an untagged one by the provider");
    let ticks = view["ticks"].as_array().ok_or("there are no ticks")?;
    let orders: u64 = ticks.iter().filter_map(|tick| tick["count"].as_u64()).sum();
    let last = ticks.iter().rev().map(|tick| &tick["mocks"][0]["routes"]).find(|routes| routes.is_object());
    let last = last.ok_or("the mock was not watched during the load")?;
    let during = |route: &str| Ok::<_, String>(number(last, route)? - number(&proof["after"]["routes"], route)?);
    let (mock, elsewhere) = (during("mock")?, during("missed")? + during("leak")? + during("real")?);
    if mock < orders || elsewhere > 0 {
        return Err(format!("of the payments of {orders} orders the mock took {mock}, and {elsewhere} went elsewhere"));
    }
    let probe = Taken { untagged: before.untagged + 1, ..before };
    if after != probe {
        return Err(format!("the provider should have taken {probe:?}, but it says {after:?}"));
    }
    println!("✔ during it the mock took {mock} payments, for {orders} orders; the provider, by its own count, none");
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BEFORE: Taken = Taken { tagged: 0, untagged: 3 };
    const AFTER: Taken = Taken { tagged: 0, untagged: 4 };

    fn view(mock: u64, leak: u64) -> Value {
        let routes = |mock: u64, leak: u64| json!({ "mock": mock, "missed": 0, "leak": leak, "real": 1 });
        json!({
            "mocks": [{
                "tagged": { "mockedBy": "payments-simulation" },
                "untagged": { "realMarker": true },
                "after": { "routes": routes(1, 0) },
            }],
            "ticks": [{ "count": 40 }, { "count": 60, "mocks": [{ "routes": routes(mock, leak) }] }, { "count": null }],
        })
    }

    #[test]
    fn every_order_is_paid_at_the_mock_and_none_at_the_provider() {
        assert_eq!(check(&view(101, 0), BEFORE, AFTER), Ok(()));
        let error = check(&view(100, 0), BEFORE, AFTER).unwrap_err();
        assert_eq!(error, "of the payments of 100 orders the mock took 99, and 0 went elsewhere");
        assert!(check(&view(101, 2), BEFORE, AFTER).unwrap_err().ends_with("took 100, and 2 went elsewhere"));
        let error = check(&view(101, 0), BEFORE, Taken { tagged: 1, ..AFTER }).unwrap_err();
        assert!(error.ends_with("but it says Taken { tagged: 1, untagged: 4 }"), "{error}");
    }

    #[test]
    fn a_run_without_proof_is_refused() {
        let mut unproved = view(101, 0);
        unproved["mocks"] = json!([]);
        assert!(check(&unproved, BEFORE, AFTER).unwrap_err().starts_with("the mock was not proved"));
        let mut unwatched = view(101, 0);
        unwatched["ticks"] = json!([{ "count": 1 }]);
        assert!(check(&unwatched, BEFORE, AFTER).unwrap_err().contains("was not watched"));
    }

    #[test]
    fn the_providers_count_is_read_from_its_metrics() {
        let metrics = "# TYPE payments_taken_total counter\npayments_taken_total{tagged=\"true\"} 2\npayments_taken_total{tagged=\"false\"} 7\n";
        assert_eq!(Taken::read(metrics), Some(Taken { tagged: 2, untagged: 7 }));
        assert_eq!(Taken::read("nothing"), None);
    }
}
