//! Load generators or mocks on nodes of the applications under test: told in the checks, before the load and during it, and judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::layout::{LayoutMoment, LayoutSight, Placed};
use conductor_core::phase::Level;
use conductor_core::ports::{FailureKind, Layout, PortError, Ports};
use conductor_core::spec::SharedNodesRule;
use conductor_core::verdict::Outcome;
use conductor_core::view::RunView;

use crate::bed::{Bed, load_workers, outcome, verdict};

/// A load worker that has come to the node of the shop when it is looked at for the so-many-th time.
struct Comes {
    at: u32,
    looks: AtomicU32,
}

#[async_trait]
impl Layout for Comes {
    async fn look(
        &self,
        under_test: &[ApplicationId],
        beside: &[ApplicationId],
    ) -> Result<Option<LayoutSight>, PortError> {
        assert!(!under_test.contains(&load_workers()) && !under_test.is_empty(), "{under_test:?}");
        assert_eq!(beside, [load_workers()]);
        let look = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
        let placed = |node: &str, pod: &str| [Placed { node: node.to_owned(), pod: pod.to_owned() }];
        let node = if look >= self.at { "node-1" } else { "load-1" };
        Ok(Some(LayoutSight::of(&placed(node, "load/worker-0"), &placed("node-1", "shop/shop-0"))))
    }
}

/// One that cannot tell.
struct Unread(FailureKind);

#[async_trait]
impl Layout for Unread {
    async fn look(&self, _: &[ApplicationId], _: &[ApplicationId]) -> Result<Option<LayoutSight>, PortError> {
        Err(PortError::new(self.0, "pods is forbidden"))
    }
}

/// A bed whose layout is told by this.
fn bed<L: Layout + 'static>(layout: impl Fn() -> L + Send + Sync + 'static) -> Bed {
    Bed::scaling_workers(|plant| plant.environment.workers.count = 4)
        .wrapped(move |ports| Ports { layout: Some(Arc::new(layout())), ..ports })
}

/// A run beside which a load worker comes to the node of the shop by the so-many-th look.
async fn run(at: u32) -> RunView {
    bed(move || Comes { at, looks: AtomicU32::new(0) }).run().await
}

fn codes(view: &RunView) -> Vec<&str> {
    verdict(view).causes.iter().map(|cause| cause.code.as_str()).collect()
}

/// What a run warns of about nodes.
fn warned(view: &RunView) -> Vec<&str> {
    let warnings = view.events.iter().filter(|event| event.level == Level::Warning);
    warnings.map(|event| event.message.as_str()).filter(|message| message.contains("nodes")).collect()
}

const SHARED: &str =
    "load generators or mocks run on nodes of applications under test: node-1 has load/worker-0 beside shop/shop-0";

#[tokio::test(start_paused = true)]
async fn a_run_whose_load_is_beside_the_applications_is_told_so_and_is_invalid() {
    let view = run(1).await;
    assert_eq!((outcome(&view), codes(&view)), (Outcome::Invalid, vec!["shared_nodes"]));
    let told = ["during the checks", "before the load", "during the load"].map(|when| format!("{when}, {SHARED}"));
    assert_eq!(warned(&view), told);
    assert_eq!(verdict(&view).causes[0].message, told[1], "by then everything is in its place");
}

#[tokio::test(start_paused = true)]
async fn what_comes_there_while_load_is_generated_is_seen() {
    let view = run(3).await;
    assert_eq!(codes(&view), ["shared_nodes"]);
    assert_eq!(warned(&view), [format!("during the load, {SHARED}")]);
    let looks: Vec<LayoutMoment> = view.layout.iter().map(|look| look.when).collect();
    assert_eq!(looks, [LayoutMoment::Preflight, LayoutMoment::BeforeLoad, LayoutMoment::DuringLoad]);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_load_is_elsewhere_says_nothing_of_it() {
    let view = run(u32::MAX).await;
    assert_eq!((outcome(&view), codes(&view), warned(&view)), (Outcome::Passed, vec![], vec![]));
    assert_eq!(view.layout.len(), 3, "that it was looked at is in the journal");
}

#[tokio::test(start_paused = true)]
async fn a_load_test_may_be_content_with_nodes_that_are_shared() {
    let mut bed = bed(|| Comes { at: 1, looks: AtomicU32::new(0) });
    bed.created.spec.verdict.shared_nodes = SharedNodesRule::Warn;
    let view = bed.run().await;
    assert_eq!((outcome(&view), codes(&view)), (Outcome::Warned, vec!["shared_nodes"]));
}

#[tokio::test(start_paused = true)]
async fn a_layout_that_cannot_be_read_stops_nothing_and_is_warned_of() {
    for kind in [FailureKind::Rejected, FailureKind::Unavailable] {
        let view = bed(move || Unread(kind)).run().await;
        assert_eq!((outcome(&view), codes(&view)), (Outcome::Warned, vec!["layout_unread"]), "{kind:?}");
        assert_eq!(
            verdict(&view).causes[0].message,
            "during the load, whether load and applications share nodes could not be read: pods is forbidden"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_tells_what_is_shared_now() {
    let plan = bed(|| Comes { at: 1, looks: AtomicU32::new(0) }).plan().await.unwrap();
    assert_eq!(plan.layout.unwrap().troubles(), [SHARED]);
}
