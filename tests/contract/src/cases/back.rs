//! The way back, when nobody interferes; and production, which is only read.

use conductor_core::ports::Scaler;

use crate::bed::Bed;
use crate::run::{Run, fine, names};

/// Everything is put back exactly, and nothing of the run is left.
pub async fn the_way_back_leaves_exactly_what_was_there_before<B: Bed>() {
    let bed = B::fresh().await;
    let before = bed.state().await;
    let conductor = bed.conductor(1).await;
    let run = Run::like_production(&conductor).await;
    assert_eq!(bed.state().await, before, "looking changes nothing");
    fine(run.there(&conductor).await);
    assert_ne!(bed.state().await, before);
    assert_eq!(run.back(&conductor).await, []);
    assert_eq!(bed.state().await, before);
    assert!(fine(bed.conductor(2).await.left_behind(&names()).await).is_empty());
    for name in names() {
        let replicas = run.changes.baseline[&name].allocation.replicas;
        assert_eq!(bed.ready(&name).await, replicas, "{name}: it is ready as it was");
    }
}

/// Every method is idempotent, on the way back as well.
pub async fn a_second_way_back_changes_nothing<B: Bed>() {
    let bed = B::fresh().await;
    let conductor = bed.conductor(1).await;
    let run = Run::like_production(&conductor).await;
    fine(run.there(&conductor).await);
    let plan = run.restore_plan(&conductor, &run.changes).await;
    fine(run.put_back(&conductor, &plan).await);
    fine(conductor.let_go(&run.id, &names()).await);
    let done = (bed.state().await, bed.done().await);
    // The very commands of the first time, and then all of it as a new look would have it.
    fine(run.put_back(&conductor, &plan).await);
    fine(conductor.let_go(&run.id, &names()).await);
    assert_eq!(run.back(&conductor).await, []);
    assert_eq!((bed.state().await, bed.done().await), done);
}

/// [`ReleaseSource`](conductor_core::ports::ReleaseSource) has no method that writes, and nothing else does either.
pub async fn production_is_never_written_to<B: Bed>() {
    let bed = B::fresh().await;
    let before = bed.production().await;
    let conductor = bed.conductor(1).await;
    let run = Run::like_production(&conductor).await;
    fine(run.there(&conductor).await);
    assert_eq!(run.back(&conductor).await, []);
    assert!(!bed.done().await.is_empty(), "what is done is seen");
    assert_eq!(bed.done_in_production().await, [""; 0]);
    assert_eq!(bed.production().await, before);
}
