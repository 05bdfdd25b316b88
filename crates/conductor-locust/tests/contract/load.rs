//! Load as it should be: tags, exact counts, what counts as the KPI, and what is refused before any load.

use conductor_core::load::Mark;
use conductor_core::ports::{FailureKind, KpiSource, LoadGenerator};
use conductor_locust::{CallEvent, KpiEvent, RequestEvent};
use jiff::Timestamp;

use crate::bed::{Bed, ORDERS, driver, orders, sample_past, tags, until, users};
use crate::target::Target;

const BOTH: &str = "team.py,conductor_locust.py";

/// Waits for the next whole second, with which windows begin: one that began now would leave out the rest of this one.
pub(crate) async fn before_any_load() -> Timestamp {
    let begin = Timestamp::from_second(Timestamp::now().as_second() + 1).unwrap();
    until("the next second", async || Timestamp::now() >= begin).await;
    begin
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_process_tags_every_request_and_counts_every_order_once() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ORDERS);
    bed.standalone(BOTH);
    let locust = bed.ready(bed.settings(), orders(), 0).await;
    assert_eq!(locust.check().await.unwrap().counting, "counted exactly, in event time");

    let begun = before_any_load().await;
    locust.set(&tags("r-1"), &users(4)).await.unwrap();
    until("some hundred orders came", async || target.orders("r-1") >= 200).await;
    locust.stop(&"r-1".parse().unwrap()).await.unwrap();
    locust.set(&tags("r-2"), &users(4)).await.unwrap();
    until("orders of the next run came", async || target.orders("r-2") >= 50).await;
    locust.stop(&"r-2".parse().unwrap()).await.unwrap();
    let stopped = Timestamp::now();
    let seen = target.seen();

    let first = sample_past(&locust, "r-1", begun, stopped).await;
    let second = sample_past(&locust, "r-2", begun, stopped).await;
    let counted = (first.count, second.count);
    assert_eq!(counted, (Some(target.orders("r-1")), Some(target.orders("r-2"))), "{}", bed.logs());
    // A request that failed, as one that the stop cuts off, may never have come to the target.
    let (requests, failed) = (first.requests + second.requests, first.failures + second.failures);
    let came = requests - failed..=requests;
    assert!(came.contains(&(seen.len() as u64)), "{} came, not {came:?}\n{}", seen.len(), bed.logs());
    assert!(first.latency.unwrap().p99_ms >= first.latency.unwrap().p50_ms);
    assert_eq!(first.marks, []);

    for client in ["http", "fast"] {
        let of_client = seen.iter().filter(|seen| seen.header("X-Client") == client);
        let (orders, browses): (Vec<_>, Vec<_>) = of_client.partition(|seen| seen.path == "/orders");
        assert!(orders.len() > 50 && browses.len() > 50, "{client} sent too little to judge by");
        assert!(orders.iter().all(|seen| seen.header("X-Load-Test") == "true"));
        assert!(browses.iter().all(|seen| seen.header("X-Load-Test") == "own"), "own headers are kept");
        assert!(orders.iter().chain(&browses).all(|seen| seen.header("X-Team") == "checkout"));
        assert!(orders.iter().chain(&browses).all(|seen| seen.header("X-Load-Test-Run").starts_with("r-")));
    }
    assert_eq!(target.seen().len(), seen.len(), "nothing comes after a stop that was proved");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_count_by_a_field_of_the_answer_and_every_window_is_right() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ORDERS);
    bed.master(BOTH);
    bed.worker(BOTH);
    bed.worker(BOTH);
    let event = KpiEvent::Request(RequestEvent {
        method: "POST".into(),
        name: "/orders".into(),
        status: Some(201),
        field: Some("/order/state".into()),
        equals: Some("accepted".into()),
    });
    let locust = bed.ready(bed.settings(), event, 2).await;
    let run = "r-1".parse().unwrap();

    let begun = before_any_load().await;
    locust.set(&tags("r-1"), &users(6)).await.unwrap();
    let mut samples = vec![sample_past(&locust, "r-1", begun, begun + jiff::SignedDuration::from_secs(5)).await];
    for _ in 0..2 {
        let since = samples.last().unwrap().to;
        samples.push(sample_past(&locust, "r-1", since, since + jiff::SignedDuration::from_secs(4)).await);
    }
    let status = locust.status().await.unwrap();
    assert_eq!((status.users, status.workers, status.marks.as_slice()), (6, Some(2), [].as_slice()));
    locust.stop(&"r-1".parse().unwrap()).await.unwrap();
    let stopped = Timestamp::now();
    samples.push(sample_past(&locust, "r-1", samples.last().unwrap().to, stopped).await);

    let accepted = target.count(|seen| seen.accepted);
    let counted: u64 = samples.iter().map(|sample| sample.count.unwrap()).sum();
    assert_eq!(counted, accepted, "{}", bed.logs());
    for sample in &samples[1..3] {
        let truth = target.count(|seen| seen.accepted && seen.at >= sample.from && seen.at < sample.to) as f64;
        let off = (sample.count.unwrap() as f64 - truth).abs();
        assert!(truth > 50.0 && off <= (truth * 0.05).max(3.0), "{off} of {truth} off in {sample:?}");
    }
    let again = locust.sample(&run, begun).await.unwrap();
    assert_eq!(again.count, Some(accepted), "the same window read again says the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explicit_call_counts_once_though_the_file_is_loaded_twice() {
    let target = Target::start().await;
    let calling = ORDERS.replace("        self.client.get(", "        kpi(\"orders\")\n        self.client.get(");
    let mut bed = Bed::new(&target.url, &format!("from conductor_locust import kpi\n{calling}"));
    bed.standalone(BOTH);
    let event = KpiEvent::Call(CallEvent { name: "orders".into() });
    let locust = bed.ready(bed.settings(), event, 0).await;
    let begun = before_any_load().await;
    locust.set(&tags("r-1"), &users(2)).await.unwrap();
    until("some orders came", async || target.orders("r-1") >= 40).await;
    locust.stop(&"r-1".parse().unwrap()).await.unwrap();
    let sample = sample_past(&locust, "r-1", begun, Timestamp::now()).await;
    assert_eq!(sample.count, Some(target.orders("r-1")), "{}", bed.logs());
    assert!(target.seen().iter().all(|seen| seen.header("X-Load-Test-Run") == "r-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kpi_event_that_never_happens_is_zero_while_requests_flow() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ORDERS);
    bed.standalone(BOTH);
    let locust = bed.ready(bed.settings(), KpiEvent::request("POST", "/order"), 0).await;
    let begun = Timestamp::now();
    locust.set(&tags("r-1"), &users(1)).await.unwrap();
    let sample = sample_past(&locust, "r-1", begun, begun + jiff::SignedDuration::from_secs(2)).await;
    assert_eq!(sample.count, Some(0));
    assert!(sample.requests > 5, "{sample:?}");
    locust.stop(&"r-1".parse().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_plugin_counters_are_compared_and_the_cost_is_said() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ORDERS);
    bed.standalone("team.py");
    let locust = bed.ready(bed.settings(), orders(), 0).await;
    let counting = locust.check().await.unwrap().counting;
    assert!(counting.contains("20 % in 10 s") && counting.contains("conductor_locust.py"), "{counting}");

    let run = "r-1".parse().unwrap();
    locust.set(&tags("r-1"), &users(2)).await.unwrap();
    let first = locust.sample(&run, Timestamp::now()).await.unwrap();
    assert_eq!((first.from, first.count), (first.to, Some(0)), "counting begins with the first sample");
    until("some orders came", async || target.orders("") >= 60).await;
    let second = locust.sample(&run, first.to).await.unwrap();
    let truth = target.count(|seen| seen.path == "/orders" && seen.at > second.from && seen.at <= second.to);
    assert!(second.count.unwrap().abs_diff(truth) <= 4, "{truth} orders, but {second:?}");
    assert_eq!((second.marks.as_slice(), second.latency), ([Mark::Approximate].as_slice(), None));

    locust.reset_statistics().await.unwrap();
    let third = locust.sample(&run, second.to).await.unwrap();
    assert_eq!(third.count, None, "a counter that went down is unknown, not negative");
    assert!(third.marks.contains(&Mark::CounterReset));
    locust.stop(&"r-1".parse().unwrap()).await.unwrap();

    let calls = driver(bed.settings(), KpiEvent::Call(CallEvent { name: "kpi".into() }));
    let error = calls.check().await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(error.to_string().contains("plugin"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_shape_and_somebody_elses_load_are_refused() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ORDERS);
    bed.file(
        "shape.py",
        "from locust import LoadTestShape\nclass S(LoadTestShape):\n    def tick(self):\n        return None\n",
    );
    bed.standalone("team.py,shape.py,conductor_locust.py");
    let locust = driver(bed.settings(), orders());
    until("the shape is named", async || {
        let error = locust.check().await.unwrap_err();
        error.kind == FailureKind::Rejected && error.to_string().contains("load shape")
    })
    .await;

    let mut busy = Bed::new(&target.url, ORDERS);
    busy.standalone(BOTH);
    let other = busy.ready(busy.settings(), orders(), 0).await;
    other.set(&tags("theirs"), &users(1)).await.unwrap();
    let error = driver(busy.settings(), orders()).check().await.unwrap_err();
    assert!(error.to_string().contains("busy: it runs 1 users of run theirs"), "{error}");
    other.stop(&"theirs".parse().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_are_not_ours_are_refused_by_name() {
    let target = Target::start().await;
    let mut bed = Bed::new(&target.url, ORDERS);
    bed.file("other.py", &ORDERS.replace("Slow", "Unknown"));
    bed.master(BOTH);
    let locust = driver(bed.settings(), orders());
    until("the missing workers are named", async || {
        let error = locust.check().await.unwrap_err();
        error.kind == FailureKind::Unavailable && error.to_string().contains("has 0 workers")
    })
    .await;
    let plain = bed.worker("team.py");
    until("the worker without the plugin is named", async || {
        locust.check().await.is_err_and(|error| error.to_string().contains("without the conductor's plugin"))
    })
    .await;
    bed.process(plain).kill();
    bed.worker("other.py,conductor_locust.py");
    until("the worker with other users is named", async || {
        locust
            .check()
            .await
            .is_err_and(|error| error.kind == FailureKind::Rejected && error.to_string().contains("other user classes"))
    })
    .await;
}
