//! Every method, for somebody who may call it.

use conductor_core::view::RunView;
use conductor_grpc::Limits;
use conductor_proto::v1;
use tonic::Code;
use tonic_types::StatusExt;

use crate::bed::{Bed, LONGEST, load_test, long_load_test};

#[tokio::test]
async fn a_run_is_started_watched_to_its_end_and_shown() {
    let mut bed = Bed::start(Limits::default()).await;
    let run = bed.started().await;
    let all = bed.watched(&run.id, 0).await;
    let revisions: Vec<u64> = all.iter().map(|update| update.revision).collect();
    assert_eq!(revisions, (1..=all.len() as u64).collect::<Vec<_>>(), "each record once and in order");
    assert!(all.iter().filter(|update| update.tick.is_some()).count() > 10, "{all:?}");
    let entered: Vec<v1::Phase> = all.iter().filter(|update| update.entered).map(|update| update.phase()).collect();
    assert_eq!(entered.last(), Some(&v1::Phase::Finished));
    assert!(entered.contains(&v1::Phase::GenerateLoad), "{entered:?}");
    let verdict = all.last().unwrap().verdict.clone().unwrap();
    assert!(verdict.restored, "{verdict:?}");
    assert_eq!(bed.watched(&run.id, 5).await, all[5..], "it resumes from a revision");

    let request = v1::GetLoadTestRequest { id: run.id.clone() };
    let shown = bed.client.get_load_test(request).await.unwrap().into_inner().run.unwrap();
    assert_eq!((shown.phase(), shown.revision), (v1::Phase::Finished, all.len() as u64));
    assert_eq!(shown.verdict, Some(verdict));
    let ticks: Vec<v1::Tick> = all.iter().filter_map(|update| update.tick.clone()).collect();
    assert_eq!(shown.ticks, ticks, "a watch tells the ticks of the run");
    for tick in &ticks {
        let answered = tick.responses.iter().map(|with| with.count).sum::<u64>();
        assert_eq!(answered, tick.requests, "{:?} of them all", tick.responses);
        assert!(tick.responses.iter().all(|with| [200, 500].contains(&with.code)), "{:?}", tick.responses);
    }

    let request = v1::GetReportRequest { id: run.id.clone(), format: v1::ReportFormat::Json.into() };
    let report = bed.client.get_report(request).await.unwrap().into_inner();
    let view: RunView = serde_json::from_slice(&report.content).unwrap();
    assert_eq!((view.id.as_str(), view.revision), (run.id.as_str(), shown.revision));
    let request = v1::GetReportRequest { id: run.id.clone(), format: 0 };
    let report = bed.client.get_report(request).await.unwrap().into_inner();
    assert_eq!(report.content_type, "text/html; charset=utf-8");
    assert!(String::from_utf8(report.content).unwrap().contains(&run.id));

    let request = v1::StopLoadTestRequest { id: run.id };
    assert!(!bed.client.stop_load_test(request).await.unwrap().into_inner().asked, "it has ended");
}

#[tokio::test]
async fn a_run_whose_environment_is_in_use_is_answered_at_once_as_waiting_and_ends_untouched_when_it_is_stopped() {
    let mut bed = Bed::start(Limits::default()).await;
    let active = bed.started_by(None, long_load_test()).await;
    let mut waits = load_test();
    let mut wanting = |if_busy: &str| {
        waits.spec.as_mut().unwrap().if_busy = Some(if_busy.to_owned());
        v1::StartLoadTestRequest { load_test: Some(waits.clone()), ..Default::default() }
    };
    let refused = bed.client.start_load_test(wanting("refuse")).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(refused.get_details_precondition_failure().unwrap().violations[0].r#type, "ENVIRONMENT_IN_USE");
    let wrong = bed.client.start_load_test(wanting("later")).await.unwrap_err();
    assert_eq!(wrong.get_details_bad_request().unwrap().field_violations[0].field, "spec.ifBusy");
    let run = bed.client.start_load_test(wanting("queue")).await.unwrap().into_inner().run.unwrap();
    assert_eq!((run.state.as_str(), run.phase(), run.revision), ("Waiting", v1::Phase::Prepare, 1));
    assert_eq!(run.waits, Some(v1::Waits { run: active.id.clone(), replaces: false }));
    let request = v1::ListLoadTestsRequest { finished: Some(false), ..Default::default() };
    let listed = bed.client.list_load_tests(request).await.unwrap().into_inner().runs;
    let waiting: Vec<&str> = listed.iter().map(|run| run.waiting.as_str()).collect();
    assert_eq!(waiting, ["queue", ""]);
    assert!(
        bed.client.stop_load_test(v1::StopLoadTestRequest { id: run.id.clone() }).await.unwrap().into_inner().asked
    );
    let all = bed.watched(&run.id, 0).await;
    assert_eq!(all.iter().map(|update| update.state.as_str()).collect::<Vec<_>>(), ["Waiting", "Finished"]);
    assert_eq!(all[1].verdict.as_ref().unwrap().outcome(), v1::Outcome::Cancelled);

    let run = bed.client.start_load_test(wanting("replace")).await.unwrap().into_inner().run.unwrap();
    assert_eq!(run.waits, Some(v1::Waits { run: active.id.clone(), replaces: true }));
    let ended = bed.watched(&active.id, 0).await;
    let told = format!("stop requested by run {}, which replaces it", run.id);
    assert!(ended.iter().flat_map(|update| &update.events).any(|event| event.message == told));
}

#[tokio::test]
async fn a_run_is_asked_for_another_target_and_then_to_end() {
    let mut bed = Bed::start(Limits::default()).await;
    let run = bed.started().await;
    let update = |target: &str| v1::UpdateLoadTestRequest {
        id: run.id.clone(),
        target: target.to_owned(),
        within: Some("1m".to_owned()),
        plateau: Some("40m".to_owned()),
    };
    let error = bed.client.update_load_test(update("lots")).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(error.get_details_bad_request().unwrap().field_violations[0].field, "target");
    bed.client.update_load_test(update("1800/min")).await.unwrap();
    let request = v1::WatchLoadTestRequest { id: run.id.clone(), after_revision: 0 };
    let mut stream = bed.client.watch_load_test(request).await.unwrap().into_inner();
    let is_retargeted =
        |update: &v1::WatchLoadTestResponse| update.events.iter().any(|event| event.message.contains("1800"));
    while !is_retargeted(&tokio::time::timeout(LONGEST, stream.message()).await.unwrap().unwrap().unwrap()) {}
    let request = v1::StopLoadTestRequest { id: run.id.clone() };
    assert!(bed.client.stop_load_test(request).await.unwrap().into_inner().asked);
    let verdict = bed.watched(&run.id, 0).await.pop().unwrap().verdict.unwrap();
    assert_eq!((verdict.outcome(), verdict.restored), (v1::Outcome::Cancelled, true));
    let error = bed.client.update_load_test(update("1800/min")).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition, "{error:?}");
}

#[tokio::test]
async fn runs_are_listed_by_pages_and_filters() {
    let mut bed = Bed::start(Limits::default()).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let run = bed.started().await;
        let request = v1::StopLoadTestRequest { id: run.id.clone() };
        bed.client.stop_load_test(request).await.unwrap();
        bed.watched(&run.id, 0).await;
        ids.push(run.id);
    }
    let mut listed = Vec::new();
    let mut request = v1::ListLoadTestsRequest { page_size: 2, ..v1::ListLoadTestsRequest::default() };
    loop {
        let page = bed.client.list_load_tests(request.clone()).await.unwrap().into_inner();
        listed.push(page.runs.len());
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(listed, [2, 1]);
    for (request, expected) in [
        (v1::ListLoadTestsRequest { environment: "model".to_owned(), ..Default::default() }, 3),
        (v1::ListLoadTestsRequest { environment: "other".to_owned(), ..Default::default() }, 0),
        (v1::ListLoadTestsRequest { name: "other".to_owned(), ..Default::default() }, 0),
        (v1::ListLoadTestsRequest { finished: Some(true), ..Default::default() }, 3),
        (v1::ListLoadTestsRequest { finished: Some(false), ..Default::default() }, 0),
    ] {
        let page = bed.client.list_load_tests(request.clone()).await.unwrap().into_inner();
        assert_eq!(page.runs.len(), expected, "{request:?}");
    }
    for (request, field) in [
        (v1::ListLoadTestsRequest { page_size: -1, ..Default::default() }, "pageSize"),
        (v1::ListLoadTestsRequest { page_token: "x".to_owned(), ..Default::default() }, "pageToken"),
    ] {
        let error = bed.client.list_load_tests(request).await.unwrap_err();
        assert_eq!(error.get_details_bad_request().unwrap().field_violations[0].field, field);
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_told_with_its_status() {
    let mut bed = Bed::start(Limits { message_bytes: 10_000.try_into().unwrap(), ..Limits::default() }).await;
    let unknown = v1::GetLoadTestRequest { id: "nobody".to_owned() };
    assert_eq!(bed.client.get_load_test(unknown).await.unwrap_err().code(), Code::NotFound);
    let odd = v1::GetLoadTestRequest { id: "a/b".to_owned() };
    assert_eq!(bed.client.get_load_test(odd).await.unwrap_err().code(), Code::InvalidArgument);
    let mut wrong = load_test();
    wrong.spec.as_mut().unwrap().ramp_up = Some("soon".to_owned());
    wrong.spec.as_mut().unwrap().interval = Some("never".to_owned());
    let error = bed.client.plan_load_test(v1::PlanLoadTestRequest { load_test: Some(wrong) }).await.unwrap_err();
    let fields: Vec<String> =
        error.get_details_bad_request().unwrap().field_violations.into_iter().map(|found| found.field).collect();
    assert_eq!(
        (error.code(), fields),
        (Code::InvalidArgument, vec!["spec.rampUp".to_owned(), "spec.interval".to_owned()])
    );
    let long = v1::GetLoadTestRequest { id: "x".repeat(20_000) };
    assert_eq!(bed.client.get_load_test(long).await.unwrap_err().code(), Code::OutOfRange);

    let run = bed.started().await;
    let request = v1::StartLoadTestRequest { load_test: Some(load_test()), ..Default::default() };
    let busy = bed.client.start_load_test(request).await.unwrap_err();
    assert_eq!(busy.code(), Code::FailedPrecondition, "{busy:?}");
    bed.client.stop_load_test(v1::StopLoadTestRequest { id: run.id.clone() }).await.unwrap();
    bed.watched(&run.id, 0).await;
    bed.store.set_unavailable(true);
    let down = bed.client.get_load_test(v1::GetLoadTestRequest { id: run.id }).await.unwrap_err();
    assert_eq!(down.code(), Code::Unavailable, "{down:?}");
}

#[tokio::test]
async fn a_plan_tells_what_would_change_and_starts_nothing() {
    let mut bed = Bed::start(Limits::default()).await;
    let request = v1::PlanLoadTestRequest { load_test: Some(load_test()) };
    let plan = bed.client.plan_load_test(request).await.unwrap().into_inner().plan.unwrap();
    assert!(plan.fields.contains_key("plan"), "{plan:?}");
    let page = bed.client.list_load_tests(v1::ListLoadTestsRequest::default()).await.unwrap().into_inner();
    assert!(page.runs.is_empty());
}

#[tokio::test]
async fn a_watcher_does_not_keep_the_server_from_its_end() {
    let mut bed = Bed::start(Limits::default()).await;
    let run = bed.started().await;
    let request = v1::WatchLoadTestRequest { id: run.id, after_revision: 0 };
    let mut stream = bed.client.watch_load_test(request).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    bed.end.take().unwrap().send(()).unwrap();
    let error = loop {
        match tokio::time::timeout(LONGEST, stream.message()).await.unwrap() {
            Ok(update) => assert!(update.is_some(), "the watch ended as if the run had"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::Unavailable, "{error:?}");
    tokio::time::timeout(LONGEST, bed.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn bytes_that_are_no_request_end_their_connection_only() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut bed = Bed::start(Limits::default()).await;
    for number in 0..1000_u32 {
        let mut socket = tokio::net::TcpStream::connect(bed.address).await.unwrap();
        // A generator of bytes that is the same in each run of the test.
        let mut state = number.wrapping_mul(2_654_435_761).wrapping_add(12_345);
        let mut bytes: Vec<u8> = match number % 4 {
            0 => Vec::new(),
            1 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            2 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
            _ => b"POST /conductor.v1.LoadTestService/StartLoadTest HTTP/1.1\r\n".to_vec(),
        };
        bytes.extend((0..number % 97).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }));
        // The server may have closed it by then, which is as good.
        let _ = socket.write_all(&bytes).await;
        let _ = socket.shutdown().await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(LONGEST, socket.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "request {number} is never answered nor closed");
    }
    let page = bed.client.list_load_tests(v1::ListLoadTestsRequest::default()).await.unwrap().into_inner();
    assert!(page.runs.is_empty());
}
