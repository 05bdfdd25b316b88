//! A conductor that dies at any of its writes, there or back: another one puts everything back, by the journal or by what is
//! left in the cluster alone, and what the dead one has sent comes to nothing when it arrives later.

use std::time::Duration;

use conductor_kubernetes_bed::{Effect, Fault, FaultProxy, Moment, Requests, Stop, Then, until};
use futures::future::join_all;

use crate::bed::PATIENCE;
use crate::scene::{By, Scaling, Scene};

/// Longer than the two seconds after which an autoscaler looks again, and acts by what a conductor has left it with.
const AUTOSCALED: Duration = Duration::from_secs(3);

/// On which way the conductor dies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Dies {
    OnTheWayThere,
    OnTheWayBack,
}

/// One death.
#[derive(Clone, Copy, Debug)]
struct Death {
    scaling: Scaling,
    dies: Dies,
    /// At which write.
    write: u32,
    at: Moment,
    by: By,
}

impl Scaling {
    /// True where somebody else writes the same field.
    fn is_contested(self) -> bool {
        matches!(self, Self::Horizontal | Self::Keda | Self::AutoscaledStatefulSet | Self::AutoscaledScalable)
    }
}

impl Death {
    fn name(self) -> String {
        let Self { scaling, dies, write, at, by } = self;
        format!("{scaling:?}-{dies:?}-{write}-{at:?}-{by:?}").to_lowercase()
    }
}

async fn die(death: Death) {
    let scene = Scene::scaled_by(death.scaling, &death.name(), &["shop"]).await;
    let bed = &scene.bed;
    if death.dies == Dies::OnTheWayBack {
        scene.perform(&bed.conductor(1).await).await;
    }
    let proxy = bed.proxy().await;
    let stop = proxy.stop_at(Requests::writes(), death.write, death.at);
    {
        let conductor = bed.behind(&proxy, 2).await;
        let acts = async {
            match death.dies {
                Dies::OnTheWayThere => scene.perform(&conductor).await,
                Dies::OnTheWayBack => scene.restore(&conductor, death.by).await,
            }
        };
        tokio::select! {
            () = stop.reached(PATIENCE) => {}
            () = acts => panic!("{death:?}: there are not so many writes"),
        }
        // It is dead at the end of this block, in the middle of what it did.
    }
    if death.scaling.is_contested() {
        tokio::time::sleep(AUTOSCALED).await;
    }
    scene.restore(&bed.conductor(3).await, death.by).await;
    assert_back(&scene, death, "right after the restore").await;
    late(&proxy, stop, death).await;
    if death.by == By::Cluster {
        // Nobody knew of the run when its first write was still to come.
        assert!(!bed.restore_from_cluster(&bed.conductor(4).await).await || is_unknown(death), "{death:?}");
    }
    assert_back(&scene, death, "after the late write").await;
    let left = bed.left_behind(&bed.conductor(5).await).await;
    assert!(left.is_empty(), "{death:?}: {left:?}");
}

/// Where an autoscaler alone was written to, nothing in the cluster tells what the replicas were before it moved them.
async fn assert_back(scene: &Scene, death: Death, when: &str) {
    let Death { scaling, dies, write, at, by } = death;
    let is_the_only_one = dies == Dies::OnTheWayThere && (write == 1 || (write, at) == (2, Moment::Before));
    if scaling == Scaling::AutoscaledScalable && is_the_only_one && by == By::Cluster {
        scene.assert_as_before(when).await;
    } else {
        scene.assert_exactly_as_before(when).await;
    }
}

/// True where nothing of the run is in the cluster when its conductor dies.
fn is_unknown(death: Death) -> bool {
    death.dies == Dies::OnTheWayThere && death.write == 1 && death.at == Moment::Before
}

/// Lets what was held go on, now that nobody wants it any more.
async fn late(proxy: &FaultProxy, stop: Stop, death: Death) {
    let index = usize::try_from(death.write - 1).unwrap();
    stop.go_on();
    let status = until("the late write is answered", PATIENCE, async || proxy.writes()[index].server).await;
    // An autoscaler may have been quicker: nothing was written, and the conductor would have looked again.
    let refused = [200, 422].contains(&status) && death.scaling.is_contested();
    let expected = match death.at {
        Moment::After if refused => status,
        Moment::After => 200,
        Moment::Before if death.by == By::Cluster && is_unknown(death) => 200,
        Moment::Before => 422,
    };
    assert_eq!(status, expected, "{death:?}");
}

/// The four deaths of a write. Of most kinds one of them, by turns, the way back two turns on; of a plain deployment, and of
/// every kind where `CONDUCTOR_ALL_DEATHS` is set, as `cargo verify --full` does, all four.
fn deaths(scaling: Scaling, dies: Dies, write: u32) -> Vec<(Moment, By)> {
    let [journal, cluster] = [By::Journal, By::Cluster].map(|by| move |at| (at, by));
    let all = [journal(Moment::Before), cluster(Moment::After), cluster(Moment::Before), journal(Moment::After)];
    if scaling == Scaling::Alone || std::env::var_os("CONDUCTOR_ALL_DEATHS").is_some() {
        return all.to_vec();
    }
    let turn = usize::try_from(if dies == Dies::OnTheWayThere { write - 1 } else { write + 1 }).unwrap();
    vec![all[turn % all.len()]]
}

async fn die_at_each_write(scaling: Scaling, dies: Dies, writes: u32) {
    let all =
        (1..=writes).flat_map(|write| deaths(scaling, dies, write).into_iter().map(move |(at, by)| (write, at, by)));
    join_all(all.map(|(write, at, by)| die(Death { scaling, dies, write, at, by }))).await;
}

#[tokio::test]
async fn a_way_there_that_ends_at_any_write_is_gone_back() {
    die_at_each_write(Scaling::Alone, Dies::OnTheWayThere, 2).await;
}

#[tokio::test]
async fn a_way_back_that_ends_at_any_write_is_gone_on_with() {
    die_at_each_write(Scaling::Alone, Dies::OnTheWayBack, 2).await;
}

#[tokio::test]
async fn a_way_there_of_an_autoscaled_application_that_ends_at_any_write_is_gone_back() {
    die_at_each_write(Scaling::Horizontal, Dies::OnTheWayThere, 3).await;
}

#[tokio::test]
async fn a_way_back_of_an_autoscaled_application_that_ends_at_any_write_is_gone_on_with() {
    die_at_each_write(Scaling::Horizontal, Dies::OnTheWayBack, 4).await;
}

#[tokio::test]
async fn a_way_there_of_an_application_that_keda_scales_that_ends_at_any_write_is_gone_back() {
    die_at_each_write(Scaling::Keda, Dies::OnTheWayThere, 3).await;
}

#[tokio::test]
async fn a_way_back_of_an_application_that_keda_scales_that_ends_at_any_write_is_gone_on_with() {
    die_at_each_write(Scaling::Keda, Dies::OnTheWayBack, 4).await;
}

#[tokio::test]
async fn a_way_there_of_a_stateful_set_that_ends_at_any_write_is_gone_back() {
    tokio::join!(
        die_at_each_write(Scaling::StatefulSet, Dies::OnTheWayThere, 2),
        die_at_each_write(Scaling::AutoscaledStatefulSet, Dies::OnTheWayThere, 3),
    );
}

#[tokio::test]
async fn a_way_back_of_a_stateful_set_that_ends_at_any_write_is_gone_on_with() {
    tokio::join!(
        die_at_each_write(Scaling::StatefulSet, Dies::OnTheWayBack, 2),
        die_at_each_write(Scaling::AutoscaledStatefulSet, Dies::OnTheWayBack, 4),
    );
}

#[tokio::test]
async fn a_way_there_of_a_stack_that_ends_at_any_write_is_gone_back() {
    die_at_each_write(Scaling::Stack, Dies::OnTheWayThere, 2).await;
}

#[tokio::test]
async fn a_way_back_of_a_stack_that_ends_at_any_write_is_gone_on_with() {
    die_at_each_write(Scaling::Stack, Dies::OnTheWayBack, 2).await;
}

#[tokio::test]
async fn a_way_there_of_an_autoscaled_stack_that_ends_at_any_write_is_gone_back() {
    die_at_each_write(Scaling::AutoscaledStack, Dies::OnTheWayThere, 2).await;
}

#[tokio::test]
async fn a_way_back_of_an_autoscaled_stack_that_ends_at_any_write_is_gone_on_with() {
    die_at_each_write(Scaling::AutoscaledStack, Dies::OnTheWayBack, 4).await;
}

#[tokio::test]
async fn no_way_of_a_stack_has_more_writes_than_those_at_which_conductors_die_here() {
    for (name, scaling, there, back) in
        [("writes-stack", Scaling::Stack, 2, 2), ("writes-autoscaled-stack", Scaling::AutoscaledStack, 2, 4)]
    {
        count_writes(name, scaling, there, back).await;
    }
}

#[tokio::test]
async fn a_way_there_of_a_scalable_that_ends_at_any_write_is_gone_back() {
    die_at_each_write(Scaling::Scalable, Dies::OnTheWayThere, 1).await;
    die_at_each_write(Scaling::AutoscaledScalable, Dies::OnTheWayThere, 2).await;
}

#[tokio::test]
async fn a_way_back_of_a_scalable_that_ends_at_any_write_is_gone_on_with() {
    die_at_each_write(Scaling::Scalable, Dies::OnTheWayBack, 1).await;
    die_at_each_write(Scaling::AutoscaledScalable, Dies::OnTheWayBack, 3).await;
}

#[tokio::test]
async fn no_way_of_a_scalable_has_more_writes_than_those_at_which_conductors_die_here() {
    for (name, scaling, there, back) in
        [("writes-scalable", Scaling::Scalable, 1, 1), ("writes-scaled-scalable", Scaling::AutoscaledScalable, 2, 3)]
    {
        count_writes(name, scaling, there, back).await;
    }
}

#[tokio::test]
async fn a_way_there_of_an_argo_rollout_that_ends_at_any_write_is_gone_back() {
    die_at_each_write(Scaling::Canary, Dies::OnTheWayThere, 4).await;
}

#[tokio::test]
async fn a_way_back_of_an_argo_rollout_that_ends_at_any_write_is_gone_on_with() {
    die_at_each_write(Scaling::Canary, Dies::OnTheWayBack, 4).await;
}

#[tokio::test]
async fn a_way_there_of_a_blue_green_argo_rollout_that_ends_at_any_write_is_gone_back() {
    die_at_each_write(Scaling::BlueGreen, Dies::OnTheWayThere, 4).await;
}

#[tokio::test]
async fn a_way_back_of_a_blue_green_argo_rollout_that_ends_at_any_write_is_gone_on_with() {
    die_at_each_write(Scaling::BlueGreen, Dies::OnTheWayBack, 4).await;
}

#[tokio::test]
async fn no_way_has_more_writes_than_those_at_which_conductors_die_here() {
    for (name, scaling, there, back) in [
        ("writes", Scaling::Alone, 2, 2),
        ("writes-autoscaled", Scaling::Horizontal, 3, 4),
        ("writes-keda", Scaling::Keda, 3, 4),
        ("writes-stateful-set", Scaling::StatefulSet, 2, 2),
        ("writes-autoscaled-stateful-set", Scaling::AutoscaledStatefulSet, 3, 4),
        ("writes-argo-rollout", Scaling::Canary, 4, 4),
        ("writes-blue-green-argo-rollout", Scaling::BlueGreen, 4, 4),
    ] {
        count_writes(name, scaling, there, back).await;
    }
}

async fn count_writes(name: &str, scaling: Scaling, there: usize, back: usize) {
    let scene = Scene::scaled_by(scaling, name, &["shop"]).await;
    let proxy = scene.bed.proxy().await;
    let conductor = scene.bed.behind(&proxy, 1).await;
    // Those that were refused because an autoscaler was quicker have written nothing.
    let written = || proxy.writes().iter().filter(|write| write.server == Some(200)).count();
    scene.perform(&conductor).await;
    assert_eq!(written(), there, "{name}, there");
    scene.restore(&conductor, By::Journal).await;
    assert_eq!(written(), there + back, "{name}, back");
    scene.assert_exactly_as_before("after a whole run").await;
}

/// Longer than a way back takes on a busy machine.
const LATE: Duration = Duration::from_secs(25);

#[tokio::test]
async fn a_write_that_its_own_conductor_has_given_up_changes_nothing_any_more() {
    join_all([1, 2, 3].map(async |write| {
        let scene = Scene::new(&format!("given-up-{write}"), &["shop"], true).await;
        let proxy = scene.bed.proxy().await;
        let late = Effect::Silence { at: Moment::Before, time: LATE, then: Then::GoOn };
        proxy.inject(Fault::new(Requests::writes(), late).after(write - 1).once());
        let conductor = scene.bed.behind(&proxy, 1).await;
        let count = usize::try_from(write).unwrap();
        tokio::select! {
            () = until("the write is under way", PATIENCE, async || (proxy.writes().len() == count).then_some(())) => {}
            () = scene.perform(&conductor) => panic!("there are not so many writes"),
        }
        // Somebody stops the run: the same conductor goes back, past the write that is under way.
        scene.restore(&conductor, By::Journal).await;
        let answered = async || proxy.writes()[count - 1].server;
        assert_eq!(answered().await, None, "the way back took longer than the write is late");
        assert_eq!(until("the late write is answered", PATIENCE, answered).await, 422, "write {write}");
        scene.assert_as_before("after the late write").await;
    }))
    .await;
}
