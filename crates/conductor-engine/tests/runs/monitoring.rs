//! Figures of objectives and the saturation of applications, beside a whole run: what is read is kept and judged, what cannot be had
//! refuses a run before the load, and what is away or stuck while there is load touches nothing of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use conductor_core::figures::Reading;
use conductor_core::ports::{FailureKind, FigureSource, PortError, Ports, SaturationSource};
use conductor_core::run::RunId;
use conductor_core::saturation::Used;
use conductor_core::slo::SloStatus;
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;
use jiff::Timestamp;

use crate::bed::{Bed, verdict};

/// What the source does while there is load; it is well before.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Habit {
    /// It gives this figure.
    Gives(f64),
    /// It never answers.
    Sticks,
    /// Nobody answers.
    IsAway,
    /// It does not understand the query, and says so before the load.
    Refuses,
}

struct Monitor(Habit);

impl Monitor {
    async fn answer<T>(&self, given: impl FnOnce(f64) -> T) -> Result<T, PortError> {
        match self.0 {
            Habit::Gives(figure) => Ok(given(figure)),
            Habit::Sticks => std::future::pending().await,
            Habit::IsAway => Err(PortError::new(FailureKind::Unavailable, "could not reach Prometheus")),
            Habit::Refuses => Err(PortError::new(FailureKind::Rejected, "parse error: unexpected }")),
        }
    }
}

#[async_trait]
impl FigureSource for Monitor {
    async fn check(&self, _run: &RunId, queries: &[String]) -> Result<Vec<String>, PortError> {
        assert_eq!(queries, ["cpu"]);
        if self.0 == Habit::Refuses { self.answer(|_| Vec::new()).await } else { Ok(Vec::new()) }
    }

    async fn read(
        &self,
        _run: &RunId,
        queries: &[String],
        at: Timestamp,
    ) -> Result<(Timestamp, BTreeMap<String, Reading>), PortError> {
        self.answer(|figure| (at, queries.iter().map(|query| (query.clone(), Reading::of(figure))).collect())).await
    }
}

#[async_trait]
impl SaturationSource for Monitor {
    fn threshold(&self) -> f64 {
        0.9
    }

    async fn read(&self, _run: &RunId, at: Timestamp) -> Result<(Timestamp, Vec<Used>), PortError> {
        self.answer(|ratio| (at, vec![Used { application: "checkout".parse().unwrap(), ratio }])).await
    }
}

fn monitored(slo: &str, figures: Option<Habit>, saturation: Option<Habit>) -> Bed {
    let mut bed = Bed::healthy().wrapped(move |ports: Ports| Ports {
        figures: figures.map(|habit| Arc::new(Monitor(habit)) as _),
        saturation: saturation.map(|habit| Arc::new(Monitor(habit)) as _),
        ..ports
    });
    bed.created.spec.slos = vec![slo.parse().unwrap()];
    bed
}

/// How the load was steered: users wanted after each interval, and when it was measured.
fn steered(view: &RunView) -> Vec<(f64, u64)> {
    view.ticks.iter().map(|tick| (tick.at_s.round(), tick.users_wanted)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_read_is_kept_with_every_interval_and_judged() {
    let bed =
        monitored("prometheus(\"cpu\") < 0.7 for 1m during load", Some(Habit::Gives(0.5)), Some(Habit::Gives(0.3)));
    let view = bed.run().await;
    bed.assert_clean(&view, "well");
    assert_eq!((verdict(&view).outcome, verdict(&view).slos[0].status), (Outcome::Passed, SloStatus::Met));
    assert_eq!((verdict(&view).slos[0].observed, verdict(&view).slos[0].measured), (Some(0.5), 1.0));
    let mut end_s = 0.0;
    for tick in &view.ticks {
        let (figures, saturation) = (tick.figures.as_ref().unwrap(), tick.saturation.as_ref().unwrap());
        assert_eq!(figures.from_s, end_s, "one follows the other");
        assert_eq!((saturation.read, saturation.highest[0].ratio), (1, 0.3));
        end_s = figures.to_s;
    }
    assert_eq!(end_s, view.profile.end_s(), "to the end of the load, and not after it");
    let healthy = Bed::healthy().run().await;
    assert_eq!(steered(&view), steered(&healthy));
}

#[tokio::test(start_paused = true)]
async fn a_figure_beyond_its_limit_ends_a_run_that_wants_it() {
    let slo = "prometheus(\"cpu\") < 0.7 for 1m during load then abort";
    let bed = monitored(slo, Some(Habit::Gives(0.7)), None);
    let view = bed.run().await;
    bed.assert_clean(&view, "aborted");
    assert_eq!((verdict(&view).outcome, verdict(&view).causes[0].code.as_str()), (Outcome::Failed, "slo_breached"));
    let message = &verdict(&view).causes[0].message;
    assert_eq!(*message, format!("{slo} was breached: 0.7 against 0.7, beyond it in 1 of 1 measurements"));
    assert_eq!(view.ticks.last().unwrap().broken_slos, [slo]);
    let journal = bed.journal(&view.id).await;
    assert_eq!(RunView::of(&view.id, &journal).unwrap().verdict, view.verdict, "from what was stored alone");
}

#[tokio::test(start_paused = true)]
async fn what_is_away_or_stuck_changes_nothing_but_that_it_is_not_judged() {
    let healthy = Bed::healthy().run().await;
    for (habit, why) in [(Habit::Sticks, "it did not answer in time"), (Habit::IsAway, "could not reach Prometheus")] {
        let bed = monitored("prometheus(\"cpu\") < 0.7 during load", Some(habit), Some(habit));
        let view = bed.run().await;
        bed.assert_clean(&view, why);
        let cause = &verdict(&view).causes[0];
        assert_eq!((cause.outcome, cause.code.as_str()), (Outcome::Invalid, "slo_unmeasured"), "{habit:?}");
        assert!(cause.message.contains("had a value in 0 % of its part of the load"), "{}", cause.message);
        assert!(cause.message.contains(&format!("; at last: {why}")), "{}", cause.message);
        let told = view.events.iter().filter(|event| event.message.contains("read the figures of the objectives: "));
        assert_eq!(told.count(), 1, "once, and not with every interval");
        assert!(view.ticks.iter().all(|tick| tick.saturation.as_ref().unwrap().failure.is_some()));
        let users = |view: &RunView| view.ticks.iter().map(|tick| tick.users_wanted).collect::<Vec<_>>();
        assert_eq!(users(&view), users(&healthy), "{habit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_be_no_figure_refuses_the_run_before_anything_is_changed() {
    let slo = "prometheus(\"cpu\") < 0.7";
    let cases = [
        (Some(Habit::Refuses), None, "check the figures of the objectives: parse error: unexpected }"),
        (
            None,
            None,
            "spec.slos has an objective of prometheus(\"cpu\"), and the environment does not say which Prometheus; expected \
             figures: { prometheus: { url: … } } in the environment's spec",
        ),
        (
            Some(Habit::Gives(0.1)),
            Some(Habit::Refuses),
            "read the saturation of the applications: parse error: unexpected }",
        ),
    ];
    for (figures, saturation, why) in cases {
        let bed = monitored(slo, figures, saturation);
        let view = bed.run().await;
        bed.assert_clean(&view, why);
        let cause = &verdict(&view).causes[0];
        assert_eq!(cause.code, "run_failed");
        assert!(cause.message.contains(why), "{}", cause.message);
        assert_eq!(view.ticks, [], "no load");
    }
}
