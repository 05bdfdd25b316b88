//! A second source of the KPI says what it says, and touches nothing: neither the steering nor the time of the run.

use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::crosscheck::{Counter, Counts, CrossCheck};
use conductor_core::load::KpiSample;
use conductor_core::ports::{CheckingSource, FailureKind, KpiSource, PortError, Ports};
use conductor_core::run::RunId;
use conductor_core::view::RunView;
use jiff::Timestamp;

use crate::bed::{Bed, verdict};

/// What the second source does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Habit {
    /// It counts what the first one counts, and so many percent more.
    Counts(u64),
    /// It never answers.
    Sticks,
    /// Nobody answers.
    IsAway,
}

struct Second {
    first: Arc<dyn KpiSource>,
    habit: Habit,
}

#[async_trait]
impl KpiSource for Second {
    async fn sample(&self, run: &RunId, since: Timestamp) -> Result<KpiSample, PortError> {
        match self.habit {
            Habit::Counts(more) => {
                let sample = self.first.sample(run, since).await?;
                Ok(KpiSample { count: sample.count.map(|count| count * (100 + more) / 100), ..sample })
            }
            Habit::Sticks => std::future::pending().await,
            Habit::IsAway => Err(PortError::new(FailureKind::Unavailable, "could not reach the database")),
        }
    }
}

fn checked_by(habit: Habit) -> Bed {
    let counter = |name: &str, counts| Counter { name: name.to_owned(), counts };
    Bed::healthy().wrapped(move |ports: Ports| {
        let check = CrossCheck {
            steers: counter("the model", Counts::Run),
            checks: counter("the database", Counts::Everybody),
            tolerance: 0.05,
        };
        let source = Arc::new(Second { first: ports.kpi.clone(), habit });
        Ports { cross_check: Some(CheckingSource { source, check }), ..ports }
    })
}

fn codes(view: &RunView) -> Vec<&str> {
    verdict(view).causes.iter().map(|cause| cause.code.as_str()).collect()
}

/// How the load was steered: users wanted after each interval, and when it was measured.
fn steered(view: &RunView) -> Vec<(f64, u64)> {
    view.ticks.iter().map(|tick| (tick.at_s.round(), tick.users_wanted)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_second_source_that_agrees_is_kept_with_every_interval() {
    let view = checked_by(Habit::Counts(0)).run().await;
    assert_eq!(codes(&view), codes(&Bed::healthy().run().await));
    let counted: u64 = view.ticks.iter().filter_map(|tick| tick.cross.as_ref()?.count).sum();
    assert!(counted > 1_000, "{counted}");
}

#[tokio::test(start_paused = true)]
async fn orders_of_somebody_else_make_the_run_invalid() {
    let view = checked_by(Habit::Counts(20)).run().await;
    assert_eq!(codes(&view)[0], "foreign_traffic", "{:#?}", verdict(&view));
}

#[tokio::test(start_paused = true)]
async fn a_second_source_that_is_dead_changes_nothing_but_a_warning() {
    let healthy = Bed::healthy().run().await;
    for (habit, why) in [(Habit::Sticks, "it did not answer in time"), (Habit::IsAway, "could not reach the database")]
    {
        let bed = checked_by(habit);
        let view = bed.run().await;
        bed.assert_clean(&view, why);
        assert_eq!(codes(&view), [&["cross_check_missing"], &codes(&healthy)[..]].concat(), "{habit:?}");
        let message = &verdict(&view).causes[0].message;
        assert!(message.ends_with(&format!("at last: {why}")), "{message}");
        let (found, expected) = (steered(&view), steered(&healthy));
        assert_eq!(found[..found.len() - 1], expected[..expected.len() - 1], "{habit:?}");
    }
}
