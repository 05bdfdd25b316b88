//! What every source of the KPI promises, of Locust with its plugin: the target's own log says what has happened.

use std::time::Duration;

use conductor_contract::kpi::{self, KpiBed};
use conductor_core::ports::{KpiSource, LoadGenerator};
use conductor_core::run::RunId;
use conductor_locust::Locust;
use jiff::Timestamp;

use crate::bed::{Bed, ORDERS, orders, tags, until, users};
use crate::target::Target;

const RUN: &str = "r-1";

/// A Locust whose users order for a while whenever something shall happen.
struct Ordering {
    locust: Locust,
    target: Target,
}

impl KpiBed for Ordering {
    fn source(&self) -> &dyn KpiSource {
        &self.locust
    }

    fn run(&self) -> RunId {
        RUN.parse().unwrap()
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn happen(&self, about: u64) {
        let wanted = self.happened().await + about;
        self.locust.set(&tags(RUN), &users(2)).await.unwrap();
        until("users have ordered", async || self.happened().await >= wanted).await;
        self.locust.stop(&self.run()).await.unwrap();
    }

    async fn happened(&self) -> u64 {
        self.target.orders(RUN)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_of_a_master_with_two_workers_add_up_through_stops_and_starts() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ORDERS);
    const BOTH: &str = "team.py,conductor_locust.py";
    bed.master(BOTH);
    bed.worker(BOTH);
    bed.worker(BOTH);
    let locust = bed.ready(bed.settings(), orders(), 2).await;
    let ordering = Ordering { locust, target };
    kpi::windows_add_up(&ordering).await;
    kpi::a_lost_answer_is_in_the_next_window(&ordering).await;
}
