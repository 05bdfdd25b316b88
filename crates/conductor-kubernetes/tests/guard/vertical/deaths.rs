//! A conductor that dies at any of its writes to a VerticalPodAutoscaler or its workload, there or back: another one puts
//! everything back, and what the dead one has sent comes to nothing when it arrives later.

use conductor_kubernetes_bed::{Moment, Requests, User, until};
use futures::future::join_all;
use serde_json::json;

use super::scene::{By, Scene};
use crate::bed::{PATIENCE, cluster};

/// On which way the conductor dies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Dies {
    There,
    Back,
}

/// One death, at a write to a resource.
#[derive(Clone, Copy, Debug)]
struct Death {
    dies: Dies,
    resource: &'static str,
    write: u32,
    at: Moment,
    by: By,
}

async fn die(death: Death) {
    let Death { dies, resource, write, at, by } = death;
    let name = format!("vpa-{dies:?}-{write}-{}-{at:?}-{by:?}", &resource[..6]).to_lowercase();
    let scene = Scene::new(&name, &json!(null), true).await;
    if dies == Dies::Back {
        let conductor = scene.open(1).await;
        scene.freeze(&conductor).await;
        scene.scale(&conductor).await;
    }
    let proxy = cluster().await.fault_proxy(&User::Admin).await.unwrap();
    let stop = proxy.stop_at(Requests::writes().resource(resource), write, at);
    {
        let conductor = scene.behind(&proxy, 2).await;
        let acts = async {
            match dies {
                Dies::There => {
                    scene.freeze(&conductor).await;
                    scene.scale(&conductor).await;
                }
                Dies::Back => drop(scene.restore(&conductor, by).await),
            }
        };
        tokio::select! {
            () = stop.reached(PATIENCE) => {}
            () = acts => panic!("{death:?}: there are not so many writes"),
        }
        // It is dead at the end of this block, in the middle of what it did.
    }
    // Nothing of the run is in the cluster before its first write, and after its last one.
    let is_first = dies == Dies::There && (resource, write, at) == (VERTICAL, 1, Moment::Before);
    let is_last = dies == Dies::Back && (resource, write, at) == (VERTICAL, 2, Moment::After);
    let is_unknown = by == By::Cluster && is_first;
    let is_known = by == By::Journal || !(is_first || is_last);
    assert_eq!(scene.restore(&scene.open(3).await, by).await, is_known, "{death:?}");
    scene.assert_as_before("right after the restore").await;
    stop.go_on();
    let status = until("the late write is answered", PATIENCE, async || {
        let writes = proxy.writes();
        let mut its = writes.iter().filter(|seen| seen.path.contains(resource));
        its.nth(usize::try_from(write - 1).unwrap())?.server
    })
    .await;
    let expected = if at == Moment::After || is_unknown { 200 } else { 422 };
    assert_eq!(status, expected, "{death:?}");
    if by == By::Cluster {
        // Nobody knew of the run when its first write was still to come.
        assert_eq!(scene.restore(&scene.open(4).await, by).await, is_unknown, "{death:?}");
    }
    scene.assert_as_before("after the late write").await;
}

const VERTICAL: &str = "verticalpodautoscalers";

async fn die_at_each_write(dies: Dies) {
    let mut deaths = Vec::new();
    for (resource, writes) in [(VERTICAL, 2), ("deployments", 1)] {
        for write in 1..=writes {
            for at in [Moment::Before, Moment::After] {
                for by in [By::Journal, By::Cluster] {
                    deaths.push(die(Death { dies, resource, write, at, by }));
                }
            }
        }
    }
    join_all(deaths).await;
}

#[tokio::test]
async fn a_way_there_that_ends_at_a_write_to_a_vertical_autoscaler_is_gone_back() {
    die_at_each_write(Dies::There).await;
}

#[tokio::test]
async fn a_way_back_that_ends_at_a_write_to_a_vertical_autoscaler_is_gone_on_with() {
    die_at_each_write(Dies::Back).await;
}
