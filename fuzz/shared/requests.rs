//! What callers say: requests in JSON and in gRPC that are nearly right, wrong frames, and anything at all.

use serde_json::{Value, json};

use super::bytes::Bytes;
use super::edits::{edited, spliced};
use super::protobuf;

const METHODS: [&str; 12] = [
    "/conductor.v1.LoadTestService/StartLoadTest",
    "/conductor.v1.LoadTestService/PlanLoadTest",
    "/conductor.v1.LoadTestService/GetLoadTest",
    "/conductor.v1.LoadTestService/ListLoadTests",
    "/conductor.v1.LoadTestService/WatchLoadTest",
    "/conductor.v1.LoadTestService/UpdateLoadTest",
    "/conductor.v1.LoadTestService/StopLoadTes",
    "/conductor.v1.LoadTestService/GetReport",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/",
];
const KINDS: [&str; 8] = [
    "application/json",
    "application/json; charset=utf-8",
    "application/grpc",
    "application/grpc+proto",
    "application/grpc+json",
    "application/x-protobuf",
    "text/plain",
    "",
];
const HEADERS: [(&str, &str); 8] = [
    ("te", "trailers"),
    ("grpc-timeout", "1n"),
    ("grpc-timeout", "99999999H"),
    ("grpc-timeout", "x"),
    ("grpc-encoding", "gzip"),
    ("authorization", "Bearer ltc_nobody"),
    ("x-test-bin", "!!"),
    ("expect", "100-continue"),
];
/// The preface of HTTP/2, and the empty settings of a client.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const HEADERS_FRAME: u8 = 1;
const DATA_FRAME: u8 = 0;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What a caller says.
pub(crate) struct Input {
    pub(crate) text: Vec<u8>,
    pub(crate) language: Language,
}

/// In which form an answer must come, if one does.
#[derive(Clone, Copy)]
pub(crate) enum Language {
    Http1,
    Http2,
    /// What was said is of no form, so that no answer can be expected.
    None,
}

/// A load test that is right.
pub(crate) fn load_test() -> Value {
    json!({
        "apiVersion": "loadtest-conductor.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": { "name": "model" },
        "spec": {
            "environment": "model",
            "kpi": { "name": "orders", "target": "600/min" },
            "rampUp": "1m",
            "plateau": "160h",
            "interval": "1h",
            "scale": { "factor": 1.5 },
            "limits": { "maxUsers": 1000 },
            "load": { "headers": { "X-Team": "checkout" } }
        }
    })
}

/// The messages about a run, and those about none, by the number of their method.
pub(crate) fn run_of(run: &str) -> Vec<Value> {
    vec![
        json!({ "loadTest": load_test(), "requestId": "one" }),
        json!({ "loadTest": load_test() }),
        json!({ "id": run }),
        json!({ "pageSize": 10, "pageToken": "", "environment": "model", "finished": false }),
        json!({ "id": run, "afterRevision": "3" }),
        json!({ "id": run, "target": "500/min", "within": "1m" }),
        json!({ "id": run }),
        json!({ "id": run, "format": "REPORT_FORMAT_JSON" }),
        json!({ "service": "conductor.v1.LoadTestService" }),
        json!({}),
    ]
}

/// A request that everybody is answered.
pub(crate) fn list() -> Vec<u8> {
    http1("POST", METHODS[3], KINDS[0], None, b"{}", None)
}

impl Input {
    /// What bytes make of the messages.
    pub(crate) fn of(bytes: &mut Bytes<'_>, messages: &[Value]) -> Self {
        let of = |language, text| Self { text, language };
        match bytes.below(8) {
            0..=1 => of(Language::Http1, in_json(bytes, messages)),
            2 => of(Language::Http1, deep(bytes)),
            3..=4 => of(Language::Http2, in_grpc(bytes, messages)),
            5 => of(Language::Http2, [PREFACE, bytes.rest()].concat()),
            6 => of(Language::None, wrong_length(bytes)),
            _ => of(Language::None, bytes.rest().to_vec()),
        }
    }
}

/// The number of a method: of the first, which have messages, most of the time.
fn method(bytes: &mut Bytes<'_>) -> usize {
    bytes.below(METHODS.len())
}

fn in_json(bytes: &mut Bytes<'_>, messages: &[Value]) -> Vec<u8> {
    let number = method(bytes);
    let message = edited(messages.get(number).cloned().unwrap_or_default(), bytes);
    let body = spliced(message.to_string(), bytes);
    let (kind, header) = (kind(bytes), header(bytes));
    let verb = if bytes.below(16) == 15 { "GET" } else { "POST" };
    http1(verb, METHODS[number], kind, header, &body, None)
}

fn deep(bytes: &mut Bytes<'_>) -> Vec<u8> {
    let number = method(bytes);
    let (open, times) =
        (bytes.one_of(&["[", "{\"a\":", "{\"spec\":", "{\"loadTest\":{\"spec\":{\"scale\":", "\""]), bytes.below(3000));
    http1("POST", METHODS[number], KINDS[0], None, open.repeat(times).as_bytes(), None)
}

fn wrong_length(bytes: &mut Bytes<'_>) -> Vec<u8> {
    let lengths = ["0", "1", "-1", "18446744073709551616", "1000000000", "x", "7, 8", ""];
    let (number, length) = (method(bytes), bytes.one_of(&lengths));
    http1("POST", METHODS[number], kind(bytes), header(bytes), bytes.rest(), Some(length))
}

/// Mostly JSON.
fn kind(bytes: &mut Bytes<'_>) -> &'static str {
    if bytes.below(4) < 3 { KINDS[0] } else { bytes.one_of(&KINDS) }
}

fn header(bytes: &mut Bytes<'_>) -> Option<(&'static str, &'static str)> {
    let choice = bytes.below(3 * HEADERS.len());
    HEADERS.get(choice).copied().filter(|_| choice > 0)
}

fn http1(
    verb: &str,
    path: &str,
    kind: &str,
    header: Option<(&str, &str)>,
    body: &[u8],
    length: Option<&str>,
) -> Vec<u8> {
    let length = length.map_or_else(|| body.len().to_string(), str::to_owned);
    let more = header.map(|(name, value)| format!("{name}: {value}\r\n")).unwrap_or_default();
    let head = format!(
        "{verb} {path} HTTP/1.1\r\nhost: memory\r\ncontent-type: {kind}\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A call over HTTP/2: its frames are in order, what is in them need not be.
fn in_grpc(bytes: &mut Bytes<'_>, messages: &[Value]) -> Vec<u8> {
    let number = method(bytes);
    let kind = if bytes.below(4) < 3 { KINDS[2] } else { bytes.one_of(&KINDS) };
    let mut text = PREFACE.to_vec();
    // POST and http, which have a number in the table of HTTP/2; the others are spelt out.
    let mut head = vec![0x83, 0x86];
    let fields = [(":path", METHODS[number]), (":authority", "memory"), ("content-type", kind), ("te", "trailers")];
    for (name, value) in fields.into_iter().chain(header(bytes)) {
        head.push(0);
        head.extend([name.len() as u8].iter().chain(name.as_bytes()));
        head.extend([value.len() as u8].iter().chain(value.as_bytes()));
    }
    frame(&mut text, HEADERS_FRAME, END_HEADERS, &head);
    for _ in 0..=bytes.below(3) {
        let message =
            if bytes.below(2) == 0 { protobuf::of_method(number, messages, bytes) } else { protobuf::any(bytes, 0) };
        let length =
            if bytes.below(4) == 3 { u32::from(bytes.next()) << (8 * bytes.below(4)) } else { message.len() as u32 };
        let flag = if bytes.below(8) == 7 { bytes.next() } else { 0 };
        let body = [&[flag], length.to_be_bytes().as_slice(), &message].concat();
        for piece in body.chunks(bytes.below(16 * 1024).max(64)) {
            frame(&mut text, DATA_FRAME, 0, piece);
        }
    }
    let last = if bytes.below(4) == 3 { 0 } else { END_STREAM };
    frame(&mut text, DATA_FRAME, last, &[]);
    text
}

fn frame(text: &mut Vec<u8>, kind: u8, flags: u8, payload: &[u8]) {
    text.extend(&(payload.len() as u32).to_be_bytes()[1..]);
    text.extend([kind, flags, 0, 0, 0, 1]);
    text.extend(payload);
}
