//! Who may call what: every method with every role, and what those are told who may not.

use conductor_access::{Access, Secret};
use conductor_grpc::Limits;
use conductor_proto::v1;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_types::StatusExt;

use crate::bed::{Bed, Callers, Client, LONGEST, by, door, long_load_test};
use crate::cluster::token_of;

pub(crate) const METHODS: [&str; 8] = [
    "GetLoadTest",
    "ListLoadTests",
    "WatchLoadTest",
    "GetReport",
    "PlanLoadTest",
    "StartLoadTest",
    "UpdateLoadTest",
    "StopLoadTest",
];
const ROLES: [&str; 3] = ["viewer", "operator", "admin"];
const NAMELESS: &str =
    "no valid credentials: send a valid bearer token in the header `authorization`, or a client certificate";

/// Calls a method about a run, or about a load test of an environment.
pub(crate) async fn call(
    client: &mut Client,
    method: &str,
    token: Option<&Secret>,
    (run, environment): (&str, &str),
) -> Result<(), Status> {
    let id = run.to_owned();
    let mut meant = long_load_test();
    meant.spec.as_mut().unwrap().environment = environment.to_owned();
    let load_test = Some(meant);
    match method {
        "GetLoadTest" => client.get_load_test(by(token, v1::GetLoadTestRequest { id })).await.map(drop),
        "ListLoadTests" => client.list_load_tests(by(token, v1::ListLoadTestsRequest::default())).await.map(drop),
        "WatchLoadTest" => {
            let request = v1::WatchLoadTestRequest { id, after_revision: 0 };
            let mut stream = client.watch_load_test(by(token, request)).await?.into_inner();
            stream.message().await.map(|update| assert!(update.is_some()))
        }
        "GetReport" => client.get_report(by(token, v1::GetReportRequest { id, format: 0 })).await.map(drop),
        "PlanLoadTest" => client.plan_load_test(by(token, v1::PlanLoadTestRequest { load_test })).await.map(drop),
        "StartLoadTest" => {
            let request = v1::StartLoadTestRequest { load_test, request_id: "the-run".to_owned() };
            client.start_load_test(by(token, request)).await.map(drop)
        }
        "UpdateLoadTest" => {
            let target = "1500/min".to_owned();
            let request = v1::UpdateLoadTestRequest { id, target, within: None, plateau: None };
            client.update_load_test(by(token, request)).await.map(drop)
        }
        "StopLoadTest" => client.stop_load_test(by(token, v1::StopLoadTestRequest { id })).await.map(drop),
        other => panic!("{other} is no method"),
    }
}

/// A server with a run that goes on, for callers of every role, who are known in this way.
async fn bed_for(callers: impl FnOnce(&[&str]) -> Callers) -> (Callers, Bed, String) {
    let roles = ROLES.iter().flat_map(|role| ["model", "other"].map(|environment| format!("{role}@{environment}")));
    let roles: Vec<String> = roles.collect();
    let callers = callers(&roles.iter().map(String::as_str).collect::<Vec<_>>());
    let mut bed = Bed::behind(door(callers.access()), Limits::default()).await;
    let token = Some(callers.token("operator@model"));
    let request = v1::StartLoadTestRequest { load_test: Some(long_load_test()), request_id: "the-run".to_owned() };
    let run = bed.client.start_load_test(by(token, request)).await.unwrap().into_inner().run.unwrap();
    (callers, bed, run.id)
}

async fn bed() -> (Callers, Bed, String) {
    bed_for(Callers::with).await
}

#[tokio::test]
async fn every_method_needs_its_role_in_the_environment_and_everybody_else_is_told_nothing() {
    every_method_with_every_role(bed_for(Callers::with).await).await;
}

#[tokio::test]
async fn it_is_the_same_for_callers_whom_a_cluster_knows() {
    every_method_with_every_role(bed_for(Callers::of_cluster).await).await;
}

async fn every_method_with_every_role((callers, mut bed, run): (Callers, Bed, String)) {
    let strangers = [Secret::new("ltc_nobody"), token_of("nobody")];
    // Stopping comes last of the methods and viewers first of the roles, so that the run goes on until then.
    for (method, role) in METHODS.iter().flat_map(|method| ROLES.map(|role| (*method, role))) {
        let what = format!("{method} by {role}");
        let about = (run.as_str(), "model");
        let is_read = ["GetLoadTest", "ListLoadTests", "WatchLoadTest", "GetReport"].contains(&method);
        for token in [None, Some(&strangers[0]), Some(&strangers[1])] {
            let status = call(&mut bed.client, method, token, about).await.unwrap_err();
            assert_eq!((status.code(), status.message()), (Code::Unauthenticated, NAMELESS), "{what}");
        }

        let elsewhere = Some(callers.token(&format!("{role}@other")));
        let answer = call(&mut bed.client, method, elsewhere, about).await;
        match method {
            "ListLoadTests" => assert!(answer.is_ok(), "{what}: it is empty, as the next test shows"),
            "PlanLoadTest" | "StartLoadTest" => {
                let status = answer.unwrap_err();
                let text = r#"this needs the role operator in environment "model", which the caller does not have"#;
                assert_eq!((status.code(), status.message()), (Code::PermissionDenied, text), "{what}, elsewhere");
            }
            _ => {
                let status = answer.unwrap_err();
                let text = format!("there is no run {run}");
                assert_eq!((status.code(), status.message()), (Code::NotFound, text.as_str()), "{what}, elsewhere");
            }
        }

        let right = Some(callers.token(&format!("{role}@model")));
        let answer = call(&mut bed.client, method, right, about).await;
        if role == "viewer" && !is_read {
            let status = answer.unwrap_err();
            let text = r#"this needs the role operator in environment "model", which the caller does not have"#;
            assert_eq!((status.code(), status.message()), (Code::PermissionDenied, text), "{what}");
        } else {
            // The run may have begun its load, with which no other can be planned: that is no matter of who asks.
            let busy = |status: &Status| method == "PlanLoadTest" && status.code() == Code::FailedPrecondition;
            assert!(answer.as_ref().err().is_none_or(busy), "{what}: {answer:?}");
        }
    }
    let verdict = bed.watched_by(Some(callers.token("viewer@model")), &run, 0).await.pop().unwrap().verdict.unwrap();
    assert_eq!((verdict.outcome(), verdict.restored), (v1::Outcome::Cancelled, true), "the permitted stop counted");
}

#[tokio::test]
async fn what_a_caller_may_not_see_is_as_if_it_were_not_there() {
    let (callers, mut bed, run) = bed().await;
    let token = Some(callers.token("admin@other"));
    for method in ["GetLoadTest", "WatchLoadTest", "GetReport", "UpdateLoadTest", "StopLoadTest"] {
        let hidden = call(&mut bed.client, method, token, (&run, "model")).await.unwrap_err();
        let unknown = call(&mut bed.client, method, token, ("no-run", "model")).await.unwrap_err();
        assert_eq!(hidden.code(), unknown.code(), "{method}");
        assert_eq!(hidden.message(), unknown.message().replace("no-run", &run), "{method}");
        let details = |status: &Status| {
            let found = status.get_details_resource_info().unwrap();
            (found.resource_type, found.resource_name.replace("no-run", &run), found.owner)
        };
        assert_eq!(details(&hidden), details(&unknown), "{method}");
    }
    for method in ["PlanLoadTest", "StartLoadTest"] {
        let known = call(&mut bed.client, method, token, ("", "model")).await.unwrap_err();
        let unknown = call(&mut bed.client, method, token, ("", "nowhere")).await.unwrap_err();
        assert_eq!(known.code(), unknown.code(), "{method}");
        assert_eq!(known.message(), unknown.message().replace("nowhere", "model"), "{method}");
    }
    let list = v1::ListLoadTestsRequest::default();
    let page = bed.client.list_load_tests(by(token, list.clone())).await.unwrap().into_inner();
    assert_eq!((page.runs.len(), page.next_page_token.as_str()), (0, ""));
    let after = v1::ListLoadTestsRequest { page_token: run.clone(), ..list.clone() };
    let status = bed.client.list_load_tests(by(token, after.clone())).await.unwrap_err();
    assert_eq!(status.message(), "pageToken: is not known; expected nextPageToken of the page before");
    let viewer = Some(callers.token("viewer@model"));
    assert_eq!(bed.client.list_load_tests(by(viewer, list)).await.unwrap().into_inner().runs.len(), 1);
    assert!(bed.client.list_load_tests(by(viewer, after)).await.is_ok());
}

#[tokio::test]
async fn pages_are_full_though_runs_of_others_lie_between() {
    let callers = Callers::with(&["operator", "viewer@model"]);
    let mut bed = Bed::behind(door(callers.access()), Limits::default()).await;
    let everywhere = Some(callers.token("operator"));
    for environment in ["model", "other", "model", "other", "model"] {
        let mut load_test = long_load_test();
        load_test.spec.as_mut().unwrap().environment = environment.to_owned();
        let run = bed.started_by(everywhere, load_test).await;
        bed.client.stop_load_test(by(everywhere, v1::StopLoadTestRequest { id: run.id.clone() })).await.unwrap();
        bed.watched_by(everywhere, &run.id, 0).await;
    }
    let mut request = v1::ListLoadTestsRequest { page_size: 2, ..v1::ListLoadTestsRequest::default() };
    let mut sizes = Vec::new();
    loop {
        let answer = bed.client.list_load_tests(by(Some(callers.token("viewer@model")), request.clone())).await;
        let page = answer.unwrap().into_inner();
        assert!(page.runs.iter().all(|run| run.environment == "model"), "{page:?}");
        sizes.push(page.runs.len());
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(sizes, [2, 1]);
}

#[tokio::test]
async fn health_is_for_everybody_and_all_else_for_those_who_are_known() {
    let (callers, bed, _) = bed().await;
    let channel = Channel::from_shared(format!("http://{}", bed.address)).unwrap().connect().await.unwrap();
    let mut health = HealthClient::new(channel.clone());
    let request = HealthCheckRequest { service: "conductor.v1.LoadTestService".to_owned() };
    assert!(health.check(request).await.is_ok());

    let mut reflection = ServerReflectionClient::new(channel);
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let asked = || futures::stream::iter([list.clone()]);
    let status = reflection.server_reflection_info(by(None, asked())).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, NAMELESS));
    let token = Some(callers.token("viewer@other"));
    let mut answers = reflection.server_reflection_info(by(token, asked())).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
}

#[tokio::test]
async fn json_comes_in_by_the_same_door() {
    let (callers, bed, run) = bed().await;
    let answer = async |header: String| {
        let mut socket = tokio::net::TcpStream::connect(bed.address).await.unwrap();
        let body = format!(r#"{{"id":"{run}"}}"#);
        let head = "POST /conductor.v1.LoadTestService/StopLoadTest HTTP/1.1\r\nhost: x\r\nconnection: close";
        let length = body.len();
        let request =
            format!("{head}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{header}\r\n{body}");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        tokio::time::timeout(LONGEST, socket.read_to_string(&mut text)).await.unwrap().unwrap();
        text
    };
    let bearing = |role: &str| format!("authorization: Bearer {}\r\n", callers.token(role).reveal());
    let nobody = answer(String::new()).await;
    assert!(nobody.starts_with("HTTP/1.1 401 ") && nobody.contains("UNAUTHENTICATED"), "{nobody}");
    let viewer = answer(bearing("viewer@model")).await;
    assert!(viewer.starts_with("HTTP/1.1 403 ") && viewer.contains("PERMISSION_DENIED"), "{viewer}");
    let operator = answer(bearing("operator@model")).await;
    assert!(operator.starts_with("HTTP/1.1 200 ") && operator.ends_with(r#"{"asked":true}"#), "{operator}");
}

/// A watch by that token, and what ends it after `change`, seconds later.
async fn ended_by(callers: &Callers, role: &str, change: impl FnOnce()) -> Status {
    let settings = serde_json::json!({ "tokens": { "file": callers.folder.path().join("tokens") }, "lookAgain": "1s" });
    let access = Access::new(&serde_json::from_value(settings).unwrap(), "0.0.0.0:1".parse().unwrap()).unwrap();
    let mut bed = Bed::behind(door(access), Limits::default()).await;
    let id = bed.started_by(Some(callers.token("operator@model")), long_load_test()).await.id;
    let request = v1::WatchLoadTestRequest { id, after_revision: 0 };
    let watch = async |client: &mut Client, role| {
        client.watch_load_test(by(Some(callers.token(role)), request.clone())).await.unwrap().into_inner()
    };
    let mut watched = watch(&mut bed.client, role).await;
    let mut other = watch(&mut bed.client, "operator@model").await;
    // Whoever may watch goes on past several looks.
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_millis(2500) {
        assert!(watched.message().await.unwrap().is_some());
    }
    change();
    let refused = async {
        loop {
            if let Err(status) = watched.message().await {
                return status;
            }
        }
    };
    let status = tokio::time::timeout(LONGEST, refused).await.unwrap();
    assert!(other.message().await.unwrap().is_some(), "somebody else goes on");
    status
}

#[tokio::test]
async fn a_watch_ends_once_its_token_or_its_role_is_taken_away() {
    for (to, code, text) in [
        (None, Code::Unauthenticated, NAMELESS),
        (
            Some("viewer@other"),
            Code::PermissionDenied,
            "this needs the role viewer in environment \"model\", which the caller does not have",
        ),
    ] {
        let callers = Callers::with(&["operator@model", "viewer@model"]);
        let file = callers.folder.path().join("tokens");
        let status = ended_by(&callers, "viewer@model", || {
            let text = std::fs::read_to_string(&file).unwrap();
            let (operator, viewer) = text.trim_end().split_once('\n').unwrap();
            let viewer = to.map_or(String::new(), |role| viewer.replace(" viewer@model", &format!(" {role}")));
            std::fs::write(&file, format!("{operator}\n{viewer}\n")).unwrap();
        });
        let status = status.await;
        assert_eq!((status.code(), status.message()), (code, text));
    }
}
