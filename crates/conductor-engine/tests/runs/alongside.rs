//! What only serves a test, such as mocks and load workers, is scaled with it, and production is not asked for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::failure::{Failure, FailureKind, PortError};
use conductor_core::ports::{Ports, Production, ReleaseSource};
use conductor_core::spec::{Intent, ScaleChoice, VersionChoice};
use conductor_core::verdict::Outcome;

use crate::bed::{Bed, load_workers, outcome, verdict};

/// A production that knows nothing but what is under test.
struct UnderTest(Arc<dyn ReleaseSource>);

#[async_trait]
impl ReleaseSource for UnderTest {
    async fn production(&self, names: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
        match names.iter().find(|name| **name == load_workers()) {
            Some(name) => Err(PortError::new(FailureKind::Rejected, format!("there is no {name} in production"))),
            None => self.0.production(names).await,
        }
    }
}

/// A bed whose load test has two load workers besides, of which production has none.
fn bed() -> Bed {
    let mut bed = Bed::scaling_workers(|plant| plant.environment.workers.users_per_worker = Some(300));
    bed.created.spec.load.workers = None;
    let scale = ScaleChoice::Exactly { replicas: Some(2), cpu: None, memory: None };
    bed.created.scope.push(Intent { support: true, ..Intent::new(load_workers(), VersionChoice::Keep, scale) });
    bed.wrapped(|ports| Ports { releases: Arc::new(UnderTest(ports.releases)), ..ports })
}

#[tokio::test(start_paused = true)]
async fn what_only_serves_a_test_is_scaled_with_it_and_production_is_not_asked_for_it() {
    let planned = bed().plan().await.unwrap_or_else(|error| panic!("{}", Failure::of("", &error)));
    let steps: Vec<String> = planned.plan.scale_steps.iter().map(ToString::to_string).collect();
    assert!(steps.contains(&"load-workers: 1 replica → 2 replicas".to_owned()), "{steps:?}");
    let bed = bed();
    let view = bed.run().await;
    assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
    bed.assert_clean(&view, "alongside");
}
