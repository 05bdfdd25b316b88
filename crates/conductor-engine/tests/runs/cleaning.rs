//! The run's data goes however long it takes to come, and one store that does not answer keeps nothing of the others.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::ports::{PortError, TableCount, TestDataStore};
use conductor_core::run::RunId;
use conductor_engine::Ports;

use crate::bed::{Bed, verdict};

/// It can be looked at, and never ends a deletion.
struct Stuck;

#[async_trait]
impl TestDataStore for Stuck {
    fn name(&self) -> String {
        "archive".to_owned()
    }

    async fn count(&self, _run: &RunId) -> Result<Vec<TableCount>, PortError> {
        Ok(vec![TableCount { table: "copies".to_owned(), rows: 3 }])
    }

    async fn delete(&self, _run: &RunId) -> Result<Vec<TableCount>, PortError> {
        std::future::pending().await
    }

    async fn check(&self) -> Result<Vec<String>, PortError> {
        Ok(Vec::new())
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_ends_is_a_failure_of_its_own_and_what_the_others_deleted_is_told() {
    let bed = Bed::healthy().wrapped(|mut ports: Ports| {
        ports.test_data.push(Arc::new(Stuck));
        ports
    });
    let view = bed.run().await;
    assert!(bed.is_as_before());
    assert_eq!(bed.environment.rows(&view.id), 0);
    assert!(view.deleted.iter().any(|table| table.table == "shop/orders" && table.rows > 4000), "{:?}", view.deleted);
    let failures = &view.ending.as_ref().unwrap().teardown_failures;
    let told: Vec<(&str, &str)> =
        failures.iter().map(|failure| (failure.activity.as_str(), failure.message.as_str())).collect();
    assert_eq!(told, [("delete the run's data in archive", "not done within 28m")]);
    assert!(!verdict(&view).restored);
}

/// A run whose rows come so long after the load, with the environment's time for late rows.
async fn with_rows_late_by(delay: &str, settle: Option<Duration>) -> (Bed, conductor_core::view::RunView) {
    let bed = Bed::new(|plant| {
        plant.environment.test_data[0].write_delay = delay.parse().unwrap();
        let delays = &mut plant.environment.delays;
        (delays.roll_out, delays.scale) = Default::default();
    });
    let bed = bed.wrapped(move |ports: Ports| Ports { settle, ..ports });
    let view = bed.run().await;
    (bed, view)
}

#[tokio::test(start_paused = true)]
async fn an_environment_says_how_late_rows_may_come() {
    let (bed, view) = with_rows_late_by("4m", Some(Duration::from_secs(300))).await;
    bed.assert_clean(&view, "late rows");
    let late = view.deleted.iter().find(|table| table.table == "shop/orders (late)");
    assert!(late.is_some_and(|table| table.rows > 0), "{:?}", view.deleted);
    let (_, view) = with_rows_late_by("4m", None).await;
    assert!(!view.deleted.iter().any(|table| table.table.ends_with("(late)")), "{:?}", view.deleted);
}
