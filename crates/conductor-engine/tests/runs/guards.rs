//! Putting off the end of a freeze is in nobody's way: neither while the run goes on, nor when it is over. What others change
//! before it holds ends the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::guard::Guarded;
use conductor_core::phase::Cause;
use conductor_core::ports::{EnvironmentGuard, PortError};
use conductor_core::run::RunId;
use conductor_core::verdict::Outcome;
use conductor_engine::Recovery;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::altered::{Altered, altered};
use crate::bed::{Bed, died_after, outcome, over, verdict};

/// What the engine asks of a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Freeze,
    Extend,
    Thaw,
}

/// A guard before whose calls something happens.
pub(crate) struct Before<F> {
    pub(crate) guard: Arc<dyn EnvironmentGuard>,
    pub(crate) happens: F,
}

#[async_trait]
impl<F> Altered for Before<F>
where
    F: Fn(Asked) -> BoxFuture<'static, ()> + Send + Sync,
{
    fn guard(&self) -> &dyn EnvironmentGuard {
        &*self.guard
    }

    async fn freeze(&self, run: &RunId, names: &[ApplicationId], until: Timestamp) -> Result<Guarded, PortError> {
        (self.happens)(Asked::Freeze).await;
        self.guard.freeze(run, names, until).await
    }

    async fn extend(&self, run: &RunId, until: Timestamp) -> Result<(), PortError> {
        (self.happens)(Asked::Extend).await;
        self.guard.extend(run, until).await
    }

    async fn thaw(&self, run: &RunId) -> Result<(), PortError> {
        (self.happens)(Asked::Thaw).await;
        self.guard.thaw(run).await
    }
}

/// The bed with something that happens before each call of its guard.
fn with_guard<F>(bed: Bed, happens: F) -> Bed
where
    F: Fn(Asked) -> BoxFuture<'static, ()> + Clone + Send + Sync + 'static,
{
    bed.wrapped(move |ports| {
        let happens = happens.clone();
        altered(ports, |guard| Before { guard, happens })
    })
}

#[tokio::test(start_paused = true)]
async fn a_freeze_whose_end_is_being_put_off_can_be_lifted() {
    // Putting it off gets no answer, and needs until then what lifting it needs, too.
    let needed = Arc::new(Mutex::new(()));
    let bed = with_guard(Bed::healthy(), move |asked| {
        let needed = Arc::clone(&needed);
        async move {
            let _needed = needed.lock().await;
            if asked == Asked::Extend {
                std::future::pending::<()>().await;
            }
        }
        .boxed()
    });
    let view = bed.run().await;
    assert_eq!(outcome(&view), Outcome::Passed, "{:?}", verdict(&view));
    bed.assert_clean(&view, "lifted");
}

#[tokio::test(start_paused = true)]
async fn what_others_change_after_the_baseline_and_before_the_freeze_ends_the_run_and_stays() {
    let bed = Bed::healthy();
    let environment = bed.environment.clone();
    let bed = with_guard(bed, move |asked| {
        if asked == Asked::Freeze {
            assert!(environment.change(&"shop".parse().unwrap(), Some("theirs"), Some(2)));
        }
        std::future::ready(()).boxed()
    });
    let view = bed.run().await;
    let Cause::Failed(failure) = &view.ending.as_ref().unwrap().cause else { panic!("{:?}", view.ending) };
    assert_eq!(
        failure.to_string(),
        "look whether everything is as it was recorded: shop: version of main is theirs, not v1; shop: replicas is 2, \
         not 1; expected no change until the freeze: start the run again"
    );
    assert!(!verdict(&view).causes.iter().any(|cause| cause.code == "not_restored"), "{:?}", verdict(&view));
    let found = bed.environment.observed().remove("shop").unwrap();
    assert_eq!((found.release.to_string().as_str(), found.allocation.replicas), ("theirs", 2), "theirs was taken back");
}

/// Until then others take the run for dead, and what is frozen is so for whoever froze it.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_taken_over_gives_a_sign_of_life_before_anything_else() {
    for how in [Recovery::TearDown, Recovery::Continue] {
        let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        let bed = with_guard(Bed::healthy(), move |call| {
            noted.lock().unwrap().push(call);
            std::future::ready(()).boxed()
        });
        let run = died_after(&bed, 12, None).await.unwrap();
        asked.lock().unwrap().clear();
        let other = bed.conductor();
        other.recover(&run, how).await.unwrap();
        let view = over(&other, &run).await;
        bed.assert_clean(&view, "taken over");
        let asked = asked.lock().unwrap();
        assert_eq!((asked.first(), asked.last()), (Some(&Asked::Extend), Some(&Asked::Thaw)), "{how:?}: {asked:?}");
    }
}

/// Whoever took it over must not wait for ever for a cluster that does not answer.
#[tokio::test(start_paused = true)]
async fn a_sign_of_life_that_gets_no_answer_keeps_nothing_from_being_put_back() {
    let bed = with_guard(Bed::healthy(), |asked| match asked {
        Asked::Extend => std::future::pending().boxed(),
        Asked::Freeze | Asked::Thaw => std::future::ready(()).boxed(),
    });
    let run = died_after(&bed, 12, None).await.unwrap();
    let other = bed.conductor();
    other.recover(&run, Recovery::TearDown).await.unwrap();
    bed.assert_clean(&over(&other, &run).await, "taken over without an answer");
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_go_on_while_the_journal_cannot_be_written() {
    let signs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&signs);
    let bed = with_guard(Bed::healthy(), move |asked| {
        counted.fetch_add(u32::from(asked == Asked::Extend), Ordering::Relaxed);
        std::future::ready(()).boxed()
    });
    let conductor = bed.conductor();
    let run = conductor.start(bed.created.clone()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    bed.store.set_unavailable(true);
    let before = signs.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(15 * 60)).await;
    let given = signs.load(Ordering::Relaxed) - before;
    assert!(given >= 4, "{given} in a quarter of an hour");
    bed.store.set_unavailable(false);
    bed.assert_clean(&over(&conductor, &run).await, "after the outage");
}
