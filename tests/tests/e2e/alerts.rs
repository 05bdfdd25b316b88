//! Who is told of a server's runs while they go on, by a receiver that takes what comes.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use conductor_tests::{Bed, Server, Shop, until};
use serde_json::{Value, json};

use crate::server::{PATIENCE, assert_put_back, load_test};

/// One call of a receiver.
#[derive(Clone, Debug)]
struct Call {
    /// The lines of its header, in small letters.
    head: Vec<String>,
    body: String,
}

/// A receiver that says "200 OK" to everything. It ends when it is dropped.
struct Receiver {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    over: Arc<AtomicBool>,
    taking: Option<JoinHandle<()>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (calls, over) = (Arc::<Mutex<Vec<Call>>>::default(), Arc::<AtomicBool>::default());
        let (taken, ends) = (Arc::clone(&calls), Arc::clone(&over));
        let taking = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                if let Some(call) = stream.ok().and_then(answered) {
                    taken.lock().unwrap().push(call);
                }
            }
        });
        Self { address, calls, over, taking: Some(taking) }
    }

    /// What it was told, as notices in JSON.
    fn told(&self) -> Vec<Value> {
        self.calls.lock().unwrap().iter().map(|call| serde_json::from_str(&call.body).unwrap()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        self.taking.take().map(JoinHandle::join);
    }
}

/// Reads a call and answers it; `None` for a connection that brings none.
fn answered(mut stream: TcpStream) -> Option<Call> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = Vec::new();
    for line in (&mut reader).lines() {
        match line.ok()?.to_lowercase() {
            line if line.is_empty() => break,
            line => head.push(line),
        }
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()?;
    Some(Call { head, body: String::from_utf8(body).ok()? })
}

/// A file that names the receiver.
fn alerts(bed: &Bed, receiver: &Receiver) -> String {
    bed.write("alerts.secret", "a-secret-of-the-receiver\n");
    let here =
        format!("{{ name: here, webhook: {{ url: \"http://{}/\", secretFile: alerts.secret }} }}", receiver.address);
    let head = "apiVersion: loadtest-conductor.dev/v1alpha1\nkind: Alerts\nspec:\n  receivers:";
    bed.write("alerts.yaml", &format!("{head}\n    - {here}\n"));
    bed.path("alerts.yaml")
}

#[test]
fn receivers_hear_of_a_run_that_misses_its_target_and_of_its_end() {
    let bed = Bed::up(Shop::default());
    let rows = bed.rows();
    let receiver = Receiver::start();
    alerts(&bed, &receiver);
    let head = "apiVersion: loadtest-conductor.dev/v1alpha1\nkind: Server\nspec:\n  environments: [environment.yaml]";
    bed.write("server.yaml", &format!("{head}\n  alerts: alerts.yaml\n"));
    let server = Server::start(&bed, &["--settings", &bed.path("server.yaml")]);
    server.wait_until_ready();

    let mut hard = load_test();
    hard["spec"]["kpi"]["target"] = json!("2000/min");
    hard["spec"]["plateau"] = json!("40s");
    hard["spec"]["limits"]["maxUsers"] = json!(30);
    let started = server.call("StartLoadTest", &json!({ "loadTest": hard })).json();
    let run = started["run"]["id"].as_str().unwrap().to_owned();
    let ended = server.ended(&run, PATIENCE * 2);
    assert_put_back(&bed, &rows, &ended);
    assert_eq!(ended["verdict"]["outcome"], "OUTCOME_FAILED", "{:#}", ended["verdict"]);

    let of = |topic: &str| -> Vec<Value> {
        let told = receiver.told();
        told.into_iter().filter(|notice| notice["run"] == run && notice["alert"]["key"]["topic"] == topic).collect()
    };
    until("the end of the run is told", PATIENCE, || !of("runOver").is_empty());
    let over = of("runOver");
    assert_eq!(over.len(), 1, "{over:#?}");
    assert_eq!(
        (&over[0]["outcome"], &over[0]["alert"]["severity"]),
        (&json!("failed"), &json!("critical")),
        "{over:#?}"
    );
    let missed: Vec<Value> = of("targetMissed").iter().map(|notice| notice["status"].clone()).collect();
    assert_eq!(missed.first(), Some(&json!("firing")), "{:#?}", receiver.told());
    assert_eq!(missed.last(), Some(&json!("resolved")), "{missed:?}");
    let calls = receiver.calls.lock().unwrap();
    let signed = |call: &Call| call.head.iter().any(|line| line.starts_with("conductor-signature: t="));
    assert!(calls.iter().all(signed), "{calls:#?}");
}

#[test]
fn receivers_hear_of_a_run_that_has_no_server_to_its_end() {
    let bed = Bed::up(Shop::default());
    let receiver = Receiver::start();
    let file = alerts(&bed, &receiver);
    let load_test = bed.path("loadtest.yaml");
    let ended = bed.conductor(&["run", &load_test, "--alerts", &file]);
    let view = bed.view();
    let outcome = &view["verdict"]["outcome"];
    let over: Vec<Value> =
        receiver.told().into_iter().filter(|notice| notice["alert"]["key"]["topic"] == "runOver").collect();
    assert_eq!(over.len(), 1, "it was told before the program ended: {:#?}", receiver.told());
    assert_eq!((&over[0]["outcome"], &over[0]["run"]), (outcome, &view["id"]), "{over:#?}");
    assert!(outcome.is_string(), "{}", ended.err);

    let missing = bed.conductor(&["run", &load_test, "--alerts", &bed.path("nobody.yaml")]).ended_with(2);
    assert!(missing.err.contains("nobody.yaml"), "{}", missing.err);
}

#[test]
fn receivers_are_tried_without_a_run() {
    let bed = Bed::new(Shop::default());
    let receiver = Receiver::start();
    let file = alerts(&bed, &receiver);
    let tried = bed.conductor(&["alerts", "test", &file]);
    tried.ended_with(0);
    let told: Vec<Value> = receiver.told().iter().map(|notice| notice["status"].clone()).collect();
    assert_eq!(told, ["firing", "resolved"]);
    drop(receiver);
    let away = bed.conductor(&["alerts", "test", &file]).ended_with(1);
    assert!(format!("{}{}", away.out, away.err).contains("here"), "{}{}", away.out, away.err);
    bed.write("alerts.secret", "two words\n");
    let refused = bed.conductor(&["alerts", "test", &file]).ended_with(2);
    let field = "spec.receivers[0].webhook.secretFile: ";
    assert!(refused.err.contains(field) && refused.err.contains("it is not one word"), "{}", refused.err);
}
