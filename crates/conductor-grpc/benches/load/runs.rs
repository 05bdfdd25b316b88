//! Runs, started by clients as many.

use std::time::{Duration, Instant};

use conductor_proto::v1;
use conductor_proto::v1::load_test_service_client::LoadTestServiceClient;
use futures::StreamExt;
use tonic::transport::Channel;

use crate::figures::Spread;

/// Starts at the same time.
const AT_ONCE: usize = 8;

/// A client of the server.
pub(crate) type Client = LoadTestServiceClient<Channel>;

/// A client on a connection of its own.
pub(crate) async fn client(address: &str) -> Client {
    Client::connect(format!("http://{address}")).await.unwrap()
}

/// Who starts runs.
pub(crate) struct Clients {
    client: Client,
    interval: Duration,
}

impl Clients {
    /// Clients of the server there, whose runs are measured so often.
    pub(crate) async fn to(address: &str, interval: Duration) -> Self {
        Self { client: client(address).await, interval }
    }

    /// Starts the first so many runs, each in an environment of its own.
    pub(crate) async fn start_all(&self, runs: usize) -> (Vec<String>, Spread) {
        let started = futures::stream::iter(0..runs).map(|number| self.start(number)).buffered(AT_ONCE);
        let mut started = std::pin::pin!(started);
        let (mut ids, mut spread) = (Vec::with_capacity(runs), Spread::default());
        while let Some((id, took)) = started.next().await {
            ids.push(id);
            spread.add(took.as_secs_f64() * 1000.0);
        }
        (ids, spread)
    }

    /// Starts one, and tells how long the answer took.
    pub(crate) async fn start(&self, number: usize) -> (String, Duration) {
        let request = v1::StartLoadTestRequest {
            load_test: Some(self.load_test(number)),
            request_id: format!("request-{number}"),
        };
        let begun = Instant::now();
        let answer = self.client.clone().start_load_test(request).await.unwrap();
        (answer.into_inner().run.unwrap().id, begun.elapsed())
    }

    fn load_test(&self, number: usize) -> v1::LoadTest {
        v1::LoadTest {
            api_version: "loadtest-conductor.dev/v1alpha1".to_owned(),
            kind: "LoadTest".to_owned(),
            metadata: Some(v1::Metadata { name: "model".to_owned() }),
            spec: Some(v1::LoadTestSpec {
                environment: format!("model-{number}"),
                kpi: Some(v1::Kpi { name: "orders".to_owned(), target: Some("600/min".to_owned()) }),
                ramp_up: Some("10s".to_owned()),
                plateau: Some("1h".to_owned()),
                interval: Some(format!("{}s", self.interval.as_secs())),
                ..v1::LoadTestSpec::default()
            }),
        }
    }
}
