//! A conductor that dies at any write of a delivery, there or back: another one puts everything back, by the journal or by what
//! is left in the cluster alone, and what the dead one has sent comes to nothing when it arrives later. A creation cannot be kept
//! from that: what its delivery deploys then stays.

use conductor_kubernetes_bed::{Moment, Requests, Verb, until};
use futures::future::join_all;
use serde_json::json;

use super::{Delivered, by_id, manifests, settings};
use crate::bed::{PATIENCE, text};
use crate::scene::By;

/// On which way the conductor dies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Dies {
    There,
    Back,
}

/// A write of either way, in their order.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Write {
    /// The workload is marked, and left to the delivery.
    Announce,
    /// The object of the delivery is made.
    Create,
    /// The workload is taken over from it.
    TakeOver,
    Scale,
    ScaleBack,
    /// The object of the delivery goes.
    Delete,
    RollBack,
}

impl Dies {
    /// The verbs of its writes.
    fn verbs(self) -> Vec<Verb> {
        let verb = |write: &Write| match write {
            Write::Create => Verb::Create,
            Write::Delete => Verb::Delete,
            Write::Announce | Write::TakeOver | Write::Scale | Write::ScaleBack | Write::RollBack => Verb::Patch,
        };
        self.writes().iter().map(verb).collect()
    }

    const fn writes(self) -> &'static [Write] {
        match self {
            Self::There => &[Write::Announce, Write::Create, Write::TakeOver, Write::Scale],
            Self::Back => &[Write::ScaleBack, Write::Delete, Write::RollBack],
        }
    }
}

/// One death.
#[derive(Clone, Copy, Debug)]
struct Death {
    dies: Dies,
    write: Write,
    at: Moment,
    by: By,
}

impl Death {
    /// True where the cluster tells nothing of the run, before its first write and after its last one.
    fn is_unknown(self) -> bool {
        matches!((self.write, self.at), (Write::Announce, Moment::Before) | (Write::RollBack, Moment::After))
    }

    /// What the API server answers the write with, once it may go on.
    fn answer(self) -> u16 {
        match (self.write, self.at) {
            (Write::Create, _) => 201,
            (Write::Announce, Moment::Before) if self.by == By::Cluster => 200,
            (Write::Delete, Moment::Before) => 404,
            (_, Moment::Before) => 422,
            (_, Moment::After) => 200,
        }
    }
}

/// Goes the whole way back; false where nothing is known of the run.
async fn restore(shop: &Delivered, epoch: u64, by: By) -> bool {
    let conductor = shop.bed.conductor(epoch).await;
    if by == By::Cluster {
        return shop.bed.restore_from_cluster(&conductor).await;
    }
    assert_eq!(shop.bed.restore(&conductor, &shop.changes).await, [""; 0]);
    true
}

async fn die(death: Death) {
    let Death { dies, write, at, by } = death;
    let shop = delivered(&format!("delivery-{write:?}-{at:?}-{by:?}").to_lowercase()).await;
    let plan = &shop.changes.plan;
    if dies == Dies::Back {
        let done = shop.bed.perform(&shop.bed.conductor(1).await, plan).await;
        done.unwrap_or_else(|error| panic!("{death:?}: {}", text(&error)));
    }
    let proxy = shop.bed.proxy().await;
    let index = dies.writes().iter().position(|one| *one == write).unwrap();
    let stop = proxy.stop_at(Requests::writes(), u32::try_from(index).unwrap() + 1, at);
    {
        let conductor = shop.bed.behind(&proxy, 2).await;
        let acts = async {
            match dies {
                Dies::There => {
                    shop.bed.perform(&conductor, plan).await.unwrap_or_else(|error| panic!("{}", text(&error)))
                }
                Dies::Back => drop(shop.bed.restore(&conductor, &shop.changes).await),
            }
        };
        tokio::select! {
            () = stop.reached(PATIENCE) => {}
            () = acts => panic!("{death:?}: there are not so many writes"),
        }
        // It is dead at the end of this block, in the middle of what it did.
    }
    let is_known = by == By::Journal || !death.is_unknown();
    assert_eq!(restore(&shop, 3, by).await, is_known, "{death:?}");
    shop.assert_back(&format!("{death:?}, right after the restore")).await;
    stop.go_on();
    let status = until("the late write is answered", PATIENCE, async || proxy.writes()[index].server).await;
    assert_eq!(status, death.answer(), "{death:?}");
    if (write, at) == (Write::Create, Moment::Before) {
        return assert_deployed_late(&shop, death).await;
    }
    // Nobody knew of the run when its first write was still to come.
    let is_late = !is_known && write == Write::Announce;
    assert_eq!(restore(&shop, 4, By::Cluster).await, is_late, "{death:?}");
    shop.assert_back(&format!("{death:?}, after the late write")).await;
}

/// The delivery does what its object says, and nothing tells that a run has made it but the object.
async fn assert_deployed_late(shop: &Delivered, death: Death) {
    let task = format!("run-{}-checkout Succeeded", shop.bed.namespace);
    until("what came late is deployed", PATIENCE, async || (shop.phases().await == [task.clone()]).then_some(())).await;
    let late = shop.bed.conductor(4).await;
    let found = shop.bed.observe(&late).await["checkout"].release.clone();
    assert_eq!(found.containers()["main"], "registry.example/checkout:2", "{death:?}");
    assert!(!shop.bed.restore_from_cluster(&late).await, "{death:?}");
}

async fn delivered(namespace: &str) -> Delivered {
    let shop = Delivered::new(namespace, &settings(&by_id(), &json!({}))).await;
    shop.delivery.say("d-7", manifests("registry.example/checkout:2"));
    shop
}

async fn die_at_each_write(dies: Dies) {
    let moments = dies.writes().iter().flat_map(|write| [Moment::Before, Moment::After].map(|at| (*write, at)));
    let deaths = moments.flat_map(|(write, at)| [By::Journal, By::Cluster].map(|by| Death { dies, write, at, by }));
    join_all(deaths.map(die)).await;
}

#[tokio::test]
async fn a_delivery_that_ends_at_any_write_is_gone_back() {
    die_at_each_write(Dies::There).await;
}

#[tokio::test]
async fn a_way_back_of_a_delivery_that_ends_at_any_write_is_gone_on_with() {
    die_at_each_write(Dies::Back).await;
}

#[tokio::test]
async fn no_way_of_a_delivery_has_more_writes_than_those_at_which_conductors_die_here() {
    let shop = delivered("delivery-writes").await;
    let proxy = shop.bed.proxy().await;
    let conductor = shop.bed.behind(&proxy, 1).await;
    shop.bed.perform(&conductor, &shop.changes.plan).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    let verbs = || proxy.writes().iter().map(|write| write.verb).collect::<Vec<_>>();
    assert_eq!(verbs(), Dies::There.verbs(), "there");
    assert_eq!(shop.bed.restore(&conductor, &shop.changes).await, [""; 0]);
    assert_eq!(verbs(), [Dies::There, Dies::Back].map(Dies::verbs).concat(), "back");
    shop.assert_back("after a whole run").await;
}
