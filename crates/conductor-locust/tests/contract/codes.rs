//! Responses by status code, of users who ask for a known number of each.

use conductor_core::load::KpiSample;
use conductor_core::ports::LoadGenerator;
use conductor_core::responses::NO_RESPONSE;
use conductor_locust::PLUGIN;
use jiff::Timestamp;

use crate::bed::{Bed, orders, sample_past, tags, until, users};
use crate::load::before_any_load;
use crate::target::Target;

const BOTH: &str = "team.py,conductor_locust.py";
/// How often each user goes round.
const ROUNDS: u64 = 15;

/// Users of both kinds who go round fifteen times: two orders, two pages, of which one is not what they expect, one page that there is
/// not, one server that nobody is at, and two calls of another protocol.
const ROUND: &str = r#"
from locust import FastHttpUser, HttpUser, constant, task

class Round:
    left = 15

    def go(self):
        if self.left == 0:
            return
        self.left -= 1
        self.client.post("/orders", json={})
        self.client.post("/orders", json={})
        self.client.get("/browse")
        with self.client.get("/browse", catch_response=True) as response:
            response.failure("not what was expected")
        self.client.get("/nowhere")
        self.client.get("http://127.0.0.1:1/")
        call = {"request_type": "rpc", "name": "call", "response_time": 1.0, "response_length": 0}
        self.environment.events.request.fire(**call, response=None, exception=None, context={})
        self.environment.events.request.fire(**call, response=None, exception=ValueError("refused"), context={})

class Slow(Round, HttpUser):
    wait_time = constant(0.05)
    round = task(lambda self: self.go())

class Fast(Round, FastHttpUser):
    wait_time = constant(0.05)
    round = task(lambda self: self.go())
"#;

/// Everything that these two users have done once they are through.
async fn both_through(bed: &Bed, target: &Target, workers: u32) -> KpiSample {
    let locust = bed.ready(bed.settings(), orders(), workers).await;
    let begun = before_any_load().await;
    locust.set(&tags("r-1"), &users(2)).await.unwrap();
    until("both users are through", async || target.orders("r-1") == 4 * ROUNDS).await;
    locust.stop(&"r-1".parse().unwrap()).await.unwrap();
    sample_past(&locust, "r-1", begun, Timestamp::now()).await
}

fn codes(sample: &KpiSample) -> Option<Vec<(u16, u64)>> {
    sample.responses.as_ref().map(|codes| codes.iter().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_process_tells_responses_by_their_code() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ROUND);
    bed.standalone(BOTH);
    let sample = both_through(&bed, &target, 0).await;
    let expected = [(NO_RESPONSE, 2), (200, 4), (201, 4), (404, 2)].map(|(code, count)| (code, count * ROUNDS));
    assert_eq!(codes(&sample), Some(expected.to_vec()), "{sample:?}\n{}", bed.logs());
    assert_eq!((sample.requests, sample.failures), (16 * ROUNDS, 8 * ROUNDS), "what is not by HTTP is a request, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_report_codes_to_their_master_which_adds_them_up() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ROUND);
    bed.master(BOTH);
    bed.worker(BOTH);
    bed.worker(BOTH);
    let sample = both_through(&bed, &target, 2).await;
    let expected = [(NO_RESPONSE, 2), (200, 4), (201, 4), (404, 2)].map(|(code, count)| (code, count * ROUNDS));
    assert_eq!(codes(&sample), Some(expected.to_vec()), "{sample:?}\n{}", bed.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_worker_has_an_older_plugin_nothing_is_told_rather_than_a_part() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ROUND);
    let older = PLUGIN.replace("            \"codes\": codes,\n", "");
    assert_ne!(older, PLUGIN);
    bed.file("older.py", &older);
    bed.master(BOTH);
    bed.worker(BOTH);
    bed.worker("team.py,older.py");
    let sample = both_through(&bed, &target, 2).await;
    assert_eq!((sample.count, codes(&sample)), (Some(4 * ROUNDS), None), "{sample:?}\n{}", bed.logs());
}
