//! What every source of the KPI promises, of the model: its test data says what has happened.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use conductor_contract::kpi::{self, KpiBed};
use conductor_core::load::{LoadSetting, Tags};
use conductor_core::ports::{Clock, KpiSource, LoadGenerator};
use conductor_core::run::RunId;
use conductor_sim::{Plant, SimEnvironment};
use jiff::Timestamp;

/// A clock on which a wait passes at once.
#[derive(Default)]
struct Hand(Mutex<Duration>);

#[async_trait]
impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

/// A model whose users order for half a minute whenever something shall happen.
struct Model {
    clock: Arc<Hand>,
    environment: SimEnvironment,
}

impl KpiBed for Model {
    fn source(&self) -> &dyn KpiSource {
        &self.environment
    }

    fn run(&self) -> RunId {
        "run-1".parse().unwrap()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    async fn happen(&self, about: u64) {
        let tags = Tags { run: self.run(), headers: Default::default() };
        self.environment.set(&tags, &LoadSetting { users: about, spawn_rate: 1000.0 }).await.unwrap();
        self.pass(Duration::from_secs(30)).await;
        self.environment.stop(&self.run()).await.unwrap();
        self.pass(Duration::from_secs(5)).await;
    }

    async fn happened(&self) -> u64 {
        self.environment.rows(&self.run())
    }
}

fn model(noise: &str, report_delay: &str) -> Model {
    let plant: Plant = serde_json::from_value(serde_json::json!({
        "run": { "target": "1500/min" },
        "journey": { "thinkTime": "9800ms", "checkoutRatio": 1.0 },
        "checkout": { "serviceTime": "200ms", "capacity": "3000/min" },
        "kpi": { "reportDelay": report_delay },
        "generator": { "maxSpawnRate": "1000/s" },
        "environment": {
            "noise": noise,
            "testData": [{ "name": "db", "tables": [{ "name": "orders", "rowsPerKpi": 1 }] }],
        },
    }))
    .unwrap();
    let clock = Arc::new(Hand::default());
    Model { environment: SimEnvironment::new(plant, clock.clone()).unwrap(), clock }
}

#[tokio::test]
async fn windows_of_the_model_add_up_whatever_its_delay_and_chance() {
    for noise in ["none", "binomial"] {
        for report_delay in ["0s", "3s", "10s"] {
            kpi::windows_add_up(&model(noise, report_delay)).await;
            kpi::a_lost_answer_is_in_the_next_window(&model(noise, report_delay)).await;
        }
    }
}
