//! Load beside the applications under test: the checks tell it, and the run is invalid.

use conductor_tests::ClusterBed;
use serde_json::Value;

use super::PATIENT;

#[test]
fn a_run_whose_locust_is_on_a_node_of_the_shop_is_told_so_at_once_and_is_invalid() {
    let bed = ClusterBed::new("sharing", PATIENT);
    bed.with_locust_beside_the_shop();
    bed.bring_up();
    let (objects, rows) = (bed.objects(), bed.rows());
    let shared = "load generators or mocks run on nodes of applications under test: node-1 has shop-sharing/locust-";
    let outside = "load generators or mocks outside of the load pool";
    let plan = bed.conductor(&["plan", &bed.path("loadtest.yaml")]).succeeded();
    assert!(plan.contains(shared) && plan.contains(outside), "{plan}");

    let mut running = bed.start();
    running.line(&format!("during the checks, {shared}"));
    running.line(&format!("before the load, {shared}"));
    let ended = running.wait().ended_with(3);
    let verdict = &bed.view()["verdict"];
    assert_eq!((&verdict["outcome"], &verdict["restored"]), (&"invalid".into(), &true.into()), "{}", ended.out);
    let cause = &verdict["causes"][0];
    assert_eq!(cause["code"], "shared_nodes", "{}", ended.out);
    assert!(cause["message"].as_str().unwrap().starts_with(&format!("before the load, {shared}")), "{cause}");
    let evidence = cause["evidence"][0]["what"].as_str().unwrap();
    assert!(evidence.contains(" beside shop-sharing/shop-"), "{evidence}");
    bed.assert_back(&objects, &rows);
    let run = bed.view()["id"].as_str().unwrap().to_owned();
    let again = bed.conductor(&["verdict", &run]).ended_with(3);
    assert!(again.out.contains("shared_nodes"), "{}", again.out);

    // With a load test that is content with it, as that of a cluster with one node must be.
    bed.edit("loadtest.yaml", "rampUp: 10s", "verdict: { sharedNodes: ignore }\n  rampUp: 10s");
    bed.start().wait();
    let verdict = &bed.view()["verdict"];
    let codes: Vec<&Value> = verdict["causes"].as_array().unwrap().iter().map(|cause| &cause["code"]).collect();
    assert!(!codes.iter().any(|code| *code == "shared_nodes"), "{codes:?}");
}
