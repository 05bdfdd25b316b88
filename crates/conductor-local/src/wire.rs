//! The words over the supervisor's socket: one JSON document a line, one request and one answer a connection.

use std::io;
use std::path::Path;

use conductor_core::app::ApplicationId;
use conductor_core::ports::FailureKind;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// What a supervisor runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The applications, in the order of the settings.
    pub applications: Vec<ApplicationStatus>,
}

/// What a supervisor runs of one application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationStatus {
    /// The application.
    pub name: ApplicationId,
    /// The port under which its clients find it, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The wanted version.
    pub version: String,
    /// The wanted replicas.
    pub desired: u32,
    /// The replicas there are.
    pub replicas: Vec<ReplicaStatus>,
}

/// One replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaStatus {
    /// Its number, which no other replica of the application ever has.
    pub number: u64,
    /// The version it runs.
    pub version: String,
    /// How far it is.
    pub state: ReplicaState,
    /// Its process.
    pub pid: u32,
}

/// How far a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReplicaState {
    /// Started, not ready yet.
    Starting,
    /// Ready.
    Ready,
    /// Asked to end.
    Stopping,
}

/// What a supervisor can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Request {
    /// Answer when the environment has come up.
    Started,
    /// Answer with what there is.
    Status,
    /// Run this version; answer when exactly the wanted replicas are ready.
    RollOut { application: ApplicationId, version: String },
    /// Run so many replicas; answer when exactly the wanted replicas are ready.
    Scale { application: ApplicationId, replicas: u32 },
    /// Stop everything; answer when all processes have ended.
    Down,
}

/// Its answer.
pub(crate) type Answer = Result<Status, Refusal>;

/// Why it did not do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refusal {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// Asks a supervisor and waits for its answer, however long that takes.
pub(crate) async fn ask(socket: &Path, request: &Request) -> io::Result<Answer> {
    let mut stream = BufReader::new(UnixStream::connect(socket).await?);
    write(stream.get_mut(), request).await?;
    read(&mut stream).await
}

/// Writes one document.
pub(crate) async fn write<T: Serialize>(stream: &mut UnixStream, value: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line).await
}

/// Reads one document.
pub(crate) async fn read<T: serde::de::DeserializeOwned>(stream: &mut BufReader<UnixStream>) -> io::Result<T> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the supervisor ended before it answered"));
    }
    Ok(serde_json::from_str(&line)?)
}
