//! The same service for those who speak JSON over HTTP.

use std::net::SocketAddr;

use conductor_grpc::Limits;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bed::{Bed, Callers, GATED, LONGEST, door, load_test};

/// An answer: its status, its content type, its text.
struct Answer {
    status: u16,
    kind: String,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn error(&self) -> (u16, String, String) {
        let error = self.json()["error"].clone();
        let text = |field: &str| error[field].as_str().unwrap().to_owned();
        assert_eq!(error["code"], self.status);
        (self.status, text("status"), text("message"))
    }
}

/// One request without more of a client than it needs.
async fn send(address: SocketAddr, verb: &str, path: &str, body: &str) -> Answer {
    send_of_kind(address, verb, path, body, "Content-Type: application/json; charset=utf-8\r\n").await
}

async fn send_of_kind(address: SocketAddr, verb: &str, path: &str, body: &str, header: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!("{verb} {path} HTTP/1.0\r\nHost: {address}\r\n{header}Content-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default().to_owned();
    Answer { status, kind, text: text.to_owned() }
}

async fn call(bed: &Bed, method: &str, body: &Value) -> Answer {
    send(bed.address, "POST", &format!("/conductor.v1.LoadTestService/{method}"), &body.to_string()).await
}

/// The load test of the bed in JSON, which has the shape of the YAML file.
fn in_json() -> Value {
    let load_test = load_test();
    let spec = load_test.spec.unwrap();
    let kpi = spec.kpi.unwrap();
    json!({
        "apiVersion": load_test.api_version,
        "kind": load_test.kind,
        "metadata": { "name": load_test.metadata.unwrap().name },
        "spec": {
            "environment": spec.environment,
            "kpi": { "name": kpi.name, "target": kpi.target },
            "rampUp": spec.ramp_up,
            "plateau": spec.plateau,
            "interval": spec.interval,
        }
    })
}

#[tokio::test]
async fn a_whole_run_is_started_watched_and_shown_in_json() {
    let bed = Bed::start(Limits::default()).await;
    let started = call(&bed, "StartLoadTest", &json!({ "loadTest": in_json() })).await;
    assert_eq!((started.status, started.kind.as_str()), (200, "application/json"), "{}", started.text);
    let id = started.json()["run"]["id"].clone();
    let watched = call(&bed, "WatchLoadTest", &json!({ "id": id, "afterRevision": "0" })).await;
    assert_eq!((watched.status, watched.kind.as_str()), (200, "application/x-ndjson"), "{}", watched.text);
    let lines: Vec<Value> = watched.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let revisions: Vec<u64> = lines.iter().map(|line| line["revision"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(revisions, (1..=lines.len() as u64).collect::<Vec<_>>(), "each record once and in order");
    assert_eq!(lines.last().unwrap()["verdict"]["restored"], true, "{lines:#?}");
    let shown = call(&bed, "GetLoadTest", &json!({ "id": id })).await.json();
    assert_eq!(shown["run"]["phase"], "PHASE_FINISHED");
    let listed = send(bed.address, "POST", "/conductor.v1.LoadTestService/ListLoadTests", "").await.json();
    assert_eq!(listed["runs"][0]["id"], id, "no body is an empty request");
}

#[tokio::test]
async fn what_is_refused_has_its_status_and_says_why() {
    let longest = 2000;
    let bed = Bed::start(Limits { message_bytes: longest.try_into().unwrap(), ..Limits::default() }).await;
    let mut wrong = in_json();
    wrong["spec"]["kpi"]["target"] = "lots".into();
    let refused = call(&bed, "StartLoadTest", &json!({ "loadTest": wrong })).await;
    let (status, name, message) = refused.error();
    assert_eq!((status, name.as_str()), (400, "INVALID_ARGUMENT"));
    assert!(message.contains("spec.kpi.target"), "{message}");
    let detail = refused.json()["error"]["details"][0].clone();
    assert_eq!(detail["@type"], "type.googleapis.com/google.rpc.BadRequest");
    assert_eq!(detail["fieldViolations"][0]["field"], "spec.kpi.target");

    let unknown = call(&bed, "GetLoadTest", &json!({ "id": "model-20260101-000000-abcd" })).await.error();
    assert_eq!((unknown.0, unknown.1.as_str()), (404, "NOT_FOUND"));
    let watched = call(&bed, "WatchLoadTest", &json!({ "id": "model-20260101-000000-abcd" })).await.error();
    assert_eq!((watched.0, watched.1.as_str()), (404, "NOT_FOUND"), "a stream that never began");
    let field = call(&bed, "GetLoadTest", &json!({ "name": "x" })).await.error();
    assert_eq!(field.0, 400);
    assert!(
        field.2.starts_with("the request is no conductor.v1.GetLoadTestRequest: ") && field.2.contains("name"),
        "{}",
        field.2
    );
    let path = "/conductor.v1.LoadTestService/GetLoadTest";
    let broken = send(bed.address, "POST", path, "{\"id\": ").await.error();
    assert!(broken.0 == 400 && broken.2.contains("line 1 column 7"), "{}", broken.2);
    let twice = send(bed.address, "POST", path, "{} {}").await.error();
    assert!(twice.0 == 400 && twice.2.contains("trailing characters"), "{}", twice.2);
    let field = send(bed.address, "POST", path, "{\"id\": \"a\", \"id\": \"b\"}").await.error();
    let expected =
        "the request is no conductor.v1.GetLoadTestRequest: id: the field is there twice; expected each field once";
    assert!(field.0 == 400 && field.2.starts_with(expected), "{}", field.2);
    let other = send(bed.address, "POST", "/conductor.v1.LoadTestService/Sing", "{}").await.error();
    let expected =
        "there is no method /conductor.v1.LoadTestService/Sing; expected /conductor.v1.LoadTestService/METHOD";
    assert_eq!(other, (501, "UNIMPLEMENTED".to_owned(), expected.to_owned()));
    let get = send(bed.address, "GET", path, "").await;
    assert_eq!(
        (get.status, get.json()["error"]["message"].clone()),
        (405, json!("GetLoadTest is called by POST, not by GET"))
    );
    let long = call(&bed, "GetLoadTest", &json!({ "id": "x".repeat(longest) })).await.error();
    assert_eq!(long, (400, "OUT_OF_RANGE".to_owned(), format!("the request is longer than {longest} bytes")));
    for (header, given) in [
        ("", "the request has no content type"),
        (
            "Content-Type: application/x-www-form-urlencoded\r\n",
            "the request's content type is \"application/x-www-form-urlencoded\"",
        ),
    ] {
        let other = send_of_kind(bed.address, "POST", path, "{}", header).await;
        let expected = format!("{given}; expected application/json, or application/grpc");
        assert_eq!((other.status, other.json()["error"]["message"].clone()), (415, json!(expected)));
    }
}

#[tokio::test]
async fn nothing_is_read_of_a_request_whose_caller_is_nobody() {
    let callers = Callers::with(&["viewer"]);
    let bed = Bed::behind(door(callers.access()), Limits::default()).await;
    let mut stream = TcpStream::connect(bed.address).await.unwrap();
    let head =
        "POST /conductor.v1.LoadTestService/ListLoadTests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    stream.write_all(format!("{head}Content-Length: 1000\r\n\r\n{{").as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    tokio::time::timeout(LONGEST, stream.read_exact(&mut answer)).await.expect("it waits for the body").unwrap();
    assert_eq!(answer.as_slice(), b"HTTP/1.1 401");
}

#[tokio::test]
async fn a_caller_who_waits_no_longer_is_told_so_and_what_it_has_begun_goes_on() {
    let bed = Bed::start(Limits::default()).await;
    let mut gated = in_json();
    gated["spec"]["environment"] = GATED.into();
    let body = json!({ "loadTest": gated, "requestId": "one" }).to_string();
    let path = "/conductor.v1.LoadTestService/StartLoadTest";
    let header = "Content-Type: application/json\r\ngrpc-timeout: 200m\r\n";
    let late = send_of_kind(bed.address, "POST", path, &body, header).await.error();
    let text = "the call has not ended within the 200ms that its caller gave it";
    assert_eq!(late, (504, "DEADLINE_EXCEEDED".to_owned(), text.to_owned()));
    bed.gate.open.notify_one();
    let begun = async {
        while send(bed.address, "POST", path, &body).await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONGEST, begun).await.unwrap();
    assert_eq!(call(&bed, "ListLoadTests", &json!({})).await.json()["runs"].as_array().unwrap().len(), 1);
}
