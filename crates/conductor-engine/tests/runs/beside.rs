//! What is asked at each interval waits for nothing else that is: a measurement takes as long as the slowest answer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::load::{GeneratorFacts, GeneratorStatus, KpiSample, LoadSetting, Tags};
use conductor_core::mocks::{MockProof, MockSight, MockSpec};
use conductor_core::ports::{KpiSource, LoadGenerator, MockProbe, PortError, Ports, SaturationSource};
use conductor_core::requests::RequestWindow;
use conductor_core::run::RunId;
use conductor_core::saturation::Used;
use jiff::Timestamp;
use tokio::time::sleep;

use crate::bed::Bed;

/// How long each answer takes, in seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Delays {
    kpi: u64,
    status: u64,
    requests: u64,
    mock: u64,
    saturation: u64,
}

/// An environment whose answers take their time.
struct Slow {
    ports: Ports,
    delays: Delays,
}

async fn seconds(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

#[async_trait]
impl KpiSource for Slow {
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError> {
        seconds(self.delays.kpi).await;
        self.ports.kpi.sample(run, since).await
    }
}

#[async_trait]
impl LoadGenerator for Slow {
    async fn check(&self) -> Result<GeneratorFacts, PortError> {
        Ok(GeneratorFacts { by_name: true, ..self.ports.generator.check().await? })
    }

    async fn set(&self, tags: &Tags, setting: &LoadSetting) -> Result<(), PortError> {
        self.ports.generator.set(tags, setting).await
    }

    async fn status(&self) -> Result<GeneratorStatus, PortError> {
        seconds(self.delays.status).await;
        self.ports.generator.status().await
    }

    async fn requests(&self, run: &RunId, since: Timestamp) -> Result<Option<RequestWindow>, PortError> {
        seconds(self.delays.requests).await;
        self.ports.generator.requests(run, since).await
    }

    async fn stop(&self, run: &RunId) -> Result<(), PortError> {
        self.ports.generator.stop(run).await
    }
}

#[async_trait]
impl MockProbe for Slow {
    fn name(&self) -> String {
        "psp".to_owned()
    }

    async fn prove(&self, _tags: &Tags, _spec: &MockSpec) -> Result<MockProof, PortError> {
        unreachable!("the environment names no mock to prove")
    }

    async fn look(&self) -> MockSight {
        seconds(self.delays.mock).await;
        MockSight { name: self.name(), ..MockSight::default() }
    }
}

#[async_trait]
impl SaturationSource for Slow {
    fn threshold(&self) -> f64 {
        0.9
    }

    async fn read(&self, _run: &RunId, at: Timestamp) -> Result<(Timestamp, Vec<Used>), PortError> {
        seconds(self.delays.saturation).await;
        Ok((at, Vec::new()))
    }
}

/// How long after the end of its interval each measurement but the last was told, in seconds. An interval has ten.
async fn told_after(delays: Delays) -> Vec<f64> {
    let mut bed = Bed::healthy().wrapped(move |ports| {
        let slow = Arc::new(Slow { ports: ports.clone(), delays });
        Ports { kpi: slow.clone(), generator: slow.clone(), mocks: vec![slow.clone()], saturation: Some(slow), ..ports }
    });
    bed.created.spec.slos = vec!["p95(checkout) < 800ms".parse().unwrap()];
    let view = bed.run().await;
    bed.assert_clean(&view, &format!("{delays:?}"));
    let (_, ticks) = view.ticks.split_last().unwrap();
    assert!(ticks.len() > 10, "{delays:?}: {} measurements", ticks.len());
    ticks.iter().map(|tick| (tick.at_s % 10.0 * 10.0).round() / 10.0).collect()
}

#[tokio::test(start_paused = true)]
async fn a_measurement_takes_as_long_as_the_slowest_answer_whosever_it_is() {
    let usual = Delays { kpi: 2, status: 2, requests: 2, mock: 2, saturation: 2 };
    for (delays, longest) in [
        (Delays { kpi: 4, ..usual }, 4.0),
        (Delays { status: 4, ..usual }, 4.0),
        (Delays { requests: 4, ..usual }, 4.0),
        (Delays { mock: 4, ..usual }, 4.0),
        // Monitoring is asked before an interval ends: it is never waited for.
        (Delays { saturation: 9, ..usual }, 2.0),
        (usual, 2.0),
    ] {
        let told = told_after(delays).await;
        assert!(told.iter().all(|&after| after == longest), "{delays:?}: {told:?}");
    }
}
