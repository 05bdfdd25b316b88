//! The audit trail: what it tells of changes, and what is done when it cannot be written.

use std::path::Path;

use conductor_access::Secret;
use conductor_grpc::Limits;
use conductor_proto::v1;
use serde_json::{Value, json};
use tonic::Code;

use crate::bed::{Bed, Callers, GATED, LONGEST, by, load_test, long_load_test, trailed};

/// The records without their times and addresses, which are looked at.
pub(crate) fn records(trail: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(trail).unwrap();
    let mut records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for record in &mut records {
        let record = record.as_object_mut().unwrap();
        assert!(record.remove("peer").unwrap().as_str().unwrap().starts_with("127.0.0.1:"));
        record.remove("at").unwrap().as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    }
    records
}

fn record(caller: &str, method: &str, run: Option<&str>, outcome: &str) -> Value {
    let mut record = json!({ "caller": caller, "source": "token", "method": method, "outcome": outcome });
    record["environment"] = "model".into();
    if let Some(run) = run {
        record["run"] = run.into();
    }
    record
}

#[tokio::test]
async fn every_change_is_told_before_and_after_and_so_is_who_was_refused() {
    let callers = Callers::with(&["operator@model", "viewer@model", "admin@other"]);
    let trail = callers.folder.path().join("audit");
    let mut bed = Bed::behind(trailed(callers.access(), &trail), Limits::default()).await;
    let (operator, viewer) = (callers.token("operator@model"), callers.token("viewer@model"));
    let start = |token, load_test| {
        by(token, v1::StartLoadTestRequest { load_test: Some(load_test), request_id: String::new() })
    };
    let unknown = Secret::new("ltc_nobody");
    bed.client.start_load_test(start(Some(&unknown), load_test())).await.unwrap_err();
    bed.client.start_load_test(start(Some(viewer), load_test())).await.unwrap_err();
    let run = bed.started_by(Some(operator), long_load_test()).await.id;
    bed.client.start_load_test(start(Some(operator), load_test())).await.unwrap_err();
    let stop = |id: &str| v1::StopLoadTestRequest { id: id.to_owned() };
    bed.client.stop_load_test(by(Some(callers.token("admin@other")), stop(&run))).await.unwrap_err();
    bed.client.stop_load_test(by(Some(operator), stop("no-run"))).await.unwrap_err();
    let update = v1::UpdateLoadTestRequest { id: run.clone(), target: "lots".to_owned(), within: None, plateau: None };
    bed.client.update_load_test(by(Some(operator), update)).await.unwrap_err();
    bed.client.get_load_test(by(Some(operator), v1::GetLoadTestRequest { id: run.clone() })).await.unwrap();
    bed.client.stop_load_test(by(Some(operator), stop(&run))).await.unwrap();

    let run = Some(run.as_str());
    let mut unfound = record("operator@model", "StopLoadTest", Some("no-run"), "failed");
    unfound.as_object_mut().unwrap().remove("environment");
    let expected = [
        json!({ "method": "StartLoadTest", "outcome": "unauthenticated" }),
        record("viewer@model", "StartLoadTest", None, "forbidden"),
        record("operator@model", "StartLoadTest", None, "allowed"),
        record("operator@model", "StartLoadTest", run, "done"),
        record("operator@model", "StartLoadTest", None, "allowed"),
        record("operator@model", "StartLoadTest", None, "failed"),
        record("admin@other", "StopLoadTest", run, "forbidden"),
        unfound,
        record("operator@model", "UpdateLoadTest", run, "allowed"),
        record("operator@model", "UpdateLoadTest", run, "failed"),
        record("operator@model", "StopLoadTest", run, "allowed"),
        record("operator@model", "StopLoadTest", run, "done"),
    ];
    assert_eq!(records(&trail), expected);
    let text = std::fs::read_to_string(&trail).unwrap();
    assert!(!text.contains(operator.reveal()) && !text.contains(unknown.reveal()));
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_nothing_half_done() {
    let callers = Callers::with(&["operator"]);
    let token = Some(callers.token("operator"));
    let trail = callers.folder.path().join("audit");
    let mut bed = Bed::behind(trailed(callers.access(), &trail), Limits::default()).await;
    let mut load_test = long_load_test();
    load_test.spec.as_mut().unwrap().environment = GATED.to_owned();
    let request = v1::StartLoadTestRequest { load_test: Some(load_test), request_id: String::new() };
    let mut client = bed.client.clone();
    {
        let call = std::pin::pin!(client.start_load_test(by(token, request)));
        tokio::select! {
            answer = call => panic!("it was answered before the gate was opened: {answer:?}"),
            () = bed.gate.reached.notified() => {}
        }
    }
    // Answered on the same connection after that, so that the server knows by then that nobody waits for the start.
    let list = || by(token, v1::ListLoadTestsRequest::default());
    assert!(bed.client.list_load_tests(list()).await.unwrap().into_inner().runs.is_empty());
    bed.gate.open.notify_one();
    let told = async {
        while records(&trail).len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONGEST, told).await.unwrap();
    let runs = bed.client.list_load_tests(list()).await.unwrap().into_inner().runs;
    let last = records(&trail).pop().unwrap();
    assert_eq!((&last["outcome"], &last["run"]), (&json!("done"), &json!(runs[0].id)));
}

#[tokio::test]
async fn nothing_is_changed_while_the_trail_cannot_be_written() {
    let callers = Callers::with(&["operator@model"]);
    let token = Some(callers.token("operator@model"));
    // The one file of every Linux that opens and is always full.
    let mut bed = Bed::behind(trailed(callers.access(), Path::new("/dev/full")), Limits::default()).await;
    let request = v1::StartLoadTestRequest { load_test: Some(load_test()), request_id: String::new() };
    let status = bed.client.start_load_test(by(token, request)).await.unwrap_err();
    let text = "the audit trail cannot be written; nothing is changed until it can be";
    assert_eq!((status.code(), status.message()), (Code::Unavailable, text));
    let page = bed.client.list_load_tests(by(token, v1::ListLoadTestsRequest::default())).await.unwrap().into_inner();
    assert!(page.runs.is_empty(), "it was not started, and can be looked at");
    let request = v1::PlanLoadTestRequest { load_test: Some(load_test()) };
    assert!(bed.client.plan_load_test(by(token, request)).await.is_ok());
}
