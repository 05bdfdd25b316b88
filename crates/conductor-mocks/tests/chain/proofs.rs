//! Before load: the shipped chain is proved, and each way to break it is refused with what is wrong and what would be right.
#![allow(clippy::unwrap_used, reason = "tests")]

use conductor_core::mocks::{FaultKind, MockFault};
use conductor_core::ports::{FailureKind, MockProbe};

use crate::bed::{Chain, ROUTES, SIMULATION, made, tags};

/// The one fault, which is of this kind and says that.
fn is(faults: &[MockFault], kind: FaultKind, says: &str) {
    let [fault] = faults else { panic!("{faults:?}") };
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.to_string().contains(says), "{fault}");
}

/// The shipped routes, changed.
fn routes(from: &str, to: &str) -> String {
    assert!(ROUTES.contains(from), "{ROUTES}");
    ROUTES.replace(from, to)
}

#[tokio::test]
async fn the_shipped_chain_is_proved_again_and_again() {
    let chain = Chain::up().await;
    for round in 1..=3 {
        let proof = chain.prove().await.unwrap();
        let (mock, spec) = chain.mock();
        assert_eq!((proof.faults(&spec), mock.name()), (vec![], "payments".to_owned()), "{proof:#?}");
        let (tagged, untagged) = (proof.tagged.unwrap(), proof.untagged.unwrap());
        assert_eq!((tagged.status, tagged.mocked_by.as_deref()), (200, Some("payments-simulation")));
        assert_eq!((tagged.real_marker, untagged.real_marker), (Some(false), Some(true)));
        assert_eq!((proof.after.arrived, proof.after.routes.mock, proof.after.routes.real), (round, round, round));
    }
}

#[tokio::test]
async fn a_simulator_that_asks_the_real_dependency_gets_no_probe() {
    let mut chain = Chain::up().await;
    chain.mode("spy").await;
    is(&chain.faults().await, FaultKind::Broken, "is in mode spy; expected simulate");
    chain.start_hoverfly("-capture").await;
    let faults = chain.faults().await;
    let [mode, proxy] = faults.as_slice() else { panic!("{faults:?}") };
    assert!(mode.to_string().contains("is in mode capture; expected simulate"), "{mode}");
    assert!(
        proxy.to_string().contains("is a proxy and no webserver; expected one that was started with -webserver"),
        "{proxy}"
    );
    let sight = chain.look().await;
    assert_eq!((sight.arrived, sight.routes.mock + sight.routes.leak + sight.routes.real), (0, 0), "nothing was sent");
}

#[tokio::test]
async fn a_tagged_request_that_the_mocks_route_does_not_take_is_bypassed() {
    let chain = Chain::up().await;
    let mock = ROUTES.split_inclusive(";\n").find(|route| route.contains("payments_mock:")).unwrap();
    chain.route(&ROUTES.replace(mock, "")).await;
    is(&chain.faults().await, FaultKind::Bypassed, "X-Load-Test: true was stopped by the leak trap (status 421)");
    chain.route(&routes("Header(\"X-Load-Test\", \"true\")", "Header(\"X-Load-Test\", \"True\")")).await;
    is(
        &chain.faults().await,
        FaultKind::Bypassed,
        "expected the route to the mock to be there, to match exactly this value",
    );
    let trap_first =
        routes("HeaderRegexp(\"X-Load-Test\", \"(?s).*\")", "HeaderRegexp(\"X-Load-Test\", \"(?s).*\") && Weight(9)");
    chain.route(&trap_first).await;
    is(&chain.faults().await, FaultKind::Bypassed, "and to come before the trap");
    assert_eq!(chain.look().await.routes.real, 0, "the trap has kept all of it from the real dependency");
    let only_real = ROUTES.split_inclusive(";\n").find(|route| route.contains("payments_real:")).unwrap();
    chain.route(only_real).await;
    is(
        &chain.faults().await,
        FaultKind::Bypassed,
        "took the route to the real dependency; expected the one to the mock",
    );
}

#[tokio::test]
async fn a_way_that_strips_the_header_is_bypassed() {
    let stripping = "edge: Path(\"/edge\") -> dropRequestHeader(\"X-Load-Test\") -> setPath(\"/payments\") -> \"http://skipper:9090\";\n";
    let chain = Chain::with(&format!("{ROUTES}{stripping}"), SIMULATION).await;
    let mut settings = chain.settings();
    let url = settings["probe"]["url"].as_str().unwrap().replace("/payments", "/edge");
    settings["probe"]["url"] = url.into();
    let (mock, spec) = made(settings);
    let proof = mock.prove(&tags(), &spec).await.unwrap();
    is(&proof.faults(&spec), FaultKind::Bypassed, "took the route to the real dependency");
    assert!(proof.untagged.is_none(), "the real dependency gets no second one");
}

#[tokio::test]
async fn a_mock_that_answers_untagged_requests_is_broken() {
    let chain =
        Chain::with(&routes(" && Header(\"X-Load-Test\", \"true\") && Weight(1)", " && Weight(9)"), SIMULATION).await;
    is(&chain.faults().await, FaultKind::Broken, "the mock answered the probe without X-Load-Test (status 200)");
}

#[tokio::test]
async fn a_simulation_must_answer_and_say_so() {
    let silent = SIMULATION.replace("X-Mocked-By", "X-Other");
    is(
        &Chain::with(ROUTES, &silent).await.faults().await,
        FaultKind::Broken,
        "has no header X-Mocked-By; expected the simulation",
    );
    let other = SIMULATION.replace("\"/payments\"", "\"/refunds\"");
    let says = "the simulation has no answer for the tagged probe (status 502); expected a pair that matches it";
    is(&Chain::with(ROUTES, &other).await.faults().await, FaultKind::Broken, says);
}

#[tokio::test]
async fn a_marker_that_the_real_dependency_does_not_bear_is_no_proof() {
    let chain = Chain::up().await;
    let mut settings = chain.settings();
    settings["probe"]["realMarker"]["value"] = "bank".into();
    let (mock, spec) = made(settings);
    let faults = mock.prove(&tags(), &spec).await.unwrap().faults(&spec);
    is(&faults, FaultKind::Broken, "does not bear the mark of the real dependency; expected probe.realMarker in it");
}

#[tokio::test]
async fn what_does_not_answer_is_told_by_its_address_and_may_be_tried_again() {
    let mut chain = Chain::up().await;
    chain.stop_hoverfly();
    let error = chain.prove().await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable);
    assert!(error.to_string().starts_with("could not read the state of Hoverfly at http://127.0.0.1:"), "{error}");
    chain.start_hoverfly("-webserver").await;
    chain.stop_skipper();
    let error = chain.prove().await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unavailable);
    assert!(error.to_string().starts_with("could not read the metrics of Skipper at http://127.0.0.1:"), "{error}");
    let mut swapped = chain.settings();
    swapped["router"]["metrics"] =
        serde_json::json!([format!("{}/api/v2/hoverfly", swapped["hoverfly"]["admin"][0].as_str().unwrap())]);
    let (mock, spec) = made(swapped);
    let error = mock.prove(&tags(), &spec).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Rejected);
    assert!(error.to_string().contains("expected those of Skipper, such as http://skipper:9911/metrics"), "{error}");
}
