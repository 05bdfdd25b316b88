//! Runs of a server look as those of this machine do.

use conductor_core::ports::RunSummary;
use conductor_core::view::RunView;

use crate::bed::Bed;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_started_followed_to_its_end_and_shown_by_every_verb() {
    let bed = Bed::start().await;
    assert_eq!(bed.ask(&["list"]).await.good(), "no runs\n");
    let told = bed.ask(&["get"]).await.bad(2);
    assert_eq!(told, format!("error: there are no runs at http://{}\n", bed.address));

    let file = bed.load_test("3m");
    let told = bed.ask(&["start", &file, "--wait"]).await.good();
    for part in
        ["was started at http://127.0.0.1:", "== GENERATE_LOAD", "verdict    passed", "restored   everything is as"]
    {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let runs: Vec<RunSummary> = serde_json::from_str(&bed.ask(&["list", "--output", "json"]).await.good()).unwrap();
    let [run] = &runs[..] else { panic!("{runs:?}") };
    assert_eq!((run.name.as_str(), run.environment.as_str(), run.finished), ("model", "model", true));
    let run = run.id.as_str();
    assert!(told.contains(&format!("report     conductor report {run} writes it")), "{told}");
    let listed = bed.ask(&["list"]).await.good();
    assert!(listed.starts_with(run) && listed.contains("ended") && listed.ends_with("model\n"), "{listed}");

    let shown = bed.ask(&["get"]).await.good();
    assert!(told.contains(&shown), "the summary of a run is the end of its story:\n{shown}\n{told}");
    assert!(bed.ask(&["watch", run]).await.good().ends_with(&shown));
    let view: RunView = serde_json::from_str(&bed.ask(&["get", run, "--output", "json"]).await.good()).unwrap();
    assert_eq!((view.id.as_str(), view.verdict.is_some()), (run, true));
    for tick in &view.ticks {
        assert!(told.contains(&format!("users {}", tick.users.unwrap())), "{tick:?}");
    }

    let written = bed.ask(&["report", run]).await.good();
    let report = std::fs::read_to_string(written.trim()).unwrap();
    assert!(written.contains("state/reports/") && report.contains(run), "{written}");
    assert_eq!(bed.ask(&["stop", run]).await.good(), format!("run {run} has ended already\n"));
    assert_eq!(bed.ask(&["stop"]).await.good(), "nothing to stop: every run has ended\n");
    assert!(bed.ask(&["get", "nobody"]).await.bad(2).contains("nobody"));
    let late = bed.ask(&["update", "--target", "9/min"]).await.bad(1);
    assert!(late.starts_with("error: ") && late.contains(run), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_a_server_is_told_as_one_of_this_machine() {
    let bed = Bed::start().await;
    let file = bed.load_test("3m");
    let text = bed.ask(&["plan", &file]).await.good();
    for part in ["would deploy\n", "would scale\n", "would generate load with", "time limits\n  checks "] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&bed.ask(&["plan", &file, "--output", "json"]).await.good()).unwrap();
    let limit = &json["deadlines"][0];
    assert_eq!((limit["activity"].as_str(), limit["limit"].as_str()), (Some("checks"), Some("2m")));
    assert_eq!(bed.ask(&["list"]).await.good(), "no runs\n", "nothing is begun");
}
