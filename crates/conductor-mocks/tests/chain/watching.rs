//! During load: what goes wrong is seen by the second look after it at the latest, with how many requests it was.
#![allow(clippy::unwrap_used, reason = "tests")]

use conductor_core::mocks::{FaultKind, LeakPolicy, MockSpec, Watch};

use crate::bed::{Chain, ROUTES};

/// A chain that was proved, and is watched since.
struct Watched {
    chain: Chain,
    watch: Watch,
    looks: u32,
}

impl Watched {
    async fn begin(on_leak: LeakPolicy) -> Self {
        let chain = Chain::up().await;
        let (_, spec) = chain.mock();
        let proof = chain.prove().await.unwrap();
        assert_eq!(proof.faults(&spec), []);
        let watch = Watch::begin(&[MockSpec { on_leak, ..spec }], &[proof.after]);
        Self { chain, watch, looks: 0 }
    }

    /// One interval: tagged load, as the applications hand it on, and a look at its end.
    async fn tick(&mut self, tag: Option<&str>) {
        self.chain.pay(20, tag).await;
        self.look().await;
    }

    async fn look(&mut self) {
        let sight = self.chain.look().await;
        self.looks += 1;
        self.watch.see(&[sight], f64::from(self.looks) * 10.0, true);
    }

    /// The one fault by now: its kind and what it says.
    fn fault(&self) -> (FaultKind, Option<u64>, String) {
        let [fault] = self.watch.faults() else { panic!("{:#?}", self.watch.faults()) };
        (fault.kind, fault.requests, fault.to_string())
    }
}

#[tokio::test]
async fn load_that_the_mock_answers_is_no_fault() {
    let mut watched = Watched::begin(LeakPolicy::Abort).await;
    for _ in 0..4 {
        watched.tick(Some("true")).await;
    }
    assert_eq!(watched.watch.faults(), []);
    assert_eq!(watched.chain.pay(1, Some("true")).await, 200);
}

#[tokio::test]
async fn a_mode_that_is_switched_is_seen_at_the_next_look() {
    let mut watched = Watched::begin(LeakPolicy::Abort).await;
    watched.tick(Some("true")).await;
    watched.chain.mode("spy").await;
    watched.look().await;
    let (kind, _, told) = watched.fault();
    assert_eq!(kind, FaultKind::Broken);
    assert!(told.contains("is in mode spy; expected simulate"), "{told}");
    assert!(watched.watch.ends(), "the environment wants runs to end");
}

#[tokio::test]
async fn a_route_that_is_removed_is_seen_by_what_the_trap_stops() {
    let mut watched = Watched::begin(LeakPolicy::Mark).await;
    watched.tick(Some("true")).await;
    let mock = ROUTES.split_inclusive(";\n").find(|route| route.contains("payments_mock:")).unwrap();
    watched.chain.route(&ROUTES.replace(mock, "")).await;
    watched.tick(Some("true")).await;
    watched.look().await;
    let (kind, requests, told) = watched.fault();
    assert_eq!((kind, requests), (FaultKind::Bypassed, Some(20)), "{told}");
    assert!(told.contains("tagged requests were stopped by the leak trap"), "{told}");
    assert!(!watched.watch.ends());
}

#[tokio::test]
async fn a_header_that_is_stripped_or_changed_is_seen() {
    let mut watched = Watched::begin(LeakPolicy::Mark).await;
    watched.tick(None).await;
    watched.look().await;
    let (kind, requests, told) = watched.fault();
    assert_eq!((kind, requests), (FaultKind::Bypassed, Some(20)), "{told}");
    assert!(told.contains("requests took the route to the real dependency during the load"), "{told}");
    watched.tick(Some("True")).await;
    watched.look().await;
    assert_eq!(watched.watch.faults().len(), 2);
}

#[tokio::test]
async fn what_comes_to_the_mock_past_the_router_is_seen_by_the_second_look() {
    let mut watched = Watched::begin(LeakPolicy::Mark).await;
    watched.tick(Some("true")).await;
    for _ in 0..5 {
        assert_eq!(watched.chain.pay_past_the_router().await, 200);
    }
    watched.look().await;
    watched.look().await;
    let (kind, requests, told) = watched.fault();
    assert_eq!((kind, requests), (FaultKind::Broken, Some(5)), "{told}");
    assert!(told.contains("requests came to the mock that its route has not taken"), "{told}");
}

#[tokio::test]
async fn a_simulator_that_dies_is_seen_by_the_second_look() {
    let mut watched = Watched::begin(LeakPolicy::Mark).await;
    watched.chain.stop_hoverfly();
    watched.look().await;
    assert_eq!(watched.watch.faults(), [], "one look may fail");
    watched.look().await;
    let (kind, _, told) = watched.fault();
    assert_eq!(kind, FaultKind::Broken);
    assert!(told.contains("it could not be watched"), "{told}");
}
