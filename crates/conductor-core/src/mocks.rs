//! Mocks that take the place of real dependencies for tagged requests: what is asked of them, and what shows that they do not.
//!
//! What was seen is in [`MockProof`] and [`MockSight`]; what follows from it is decided in `mocks/proof.rs`, before load, and in
//! `mocks/watch.rs`, while there is some.

mod proof;
mod watch;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use watch::Watch;

/// The response header that a mock's simulation sets itself, by which an answer tells that it is a simulated one.
pub const MOCKED_HEADER: &str = "X-Mocked-By";
/// The request header that holds what is unique to a probe.
pub const PROBE_HEADER: &str = "X-Probe-Id";

/// What becomes of a run when a mock is seen not to do its work during the load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LeakPolicy {
    /// The load goes on, and the run is invalid.
    #[default]
    Mark,
    /// The run ends, in order, and is invalid.
    Abort,
}

/// What a run must know of a mock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MockSpec {
    /// Its name.
    pub name: String,
    /// What becomes of the run when it does not do its work.
    #[serde(default)]
    pub on_leak: LeakPolicy,
    /// True where others, too, send untagged requests to the real dependency by the same routes.
    #[serde(default)]
    pub other_traffic: bool,
}

/// How a simulator is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Simulator {
    /// Where it is, without what is secret.
    pub at: String,
    /// Its mode, in its own word, such as `simulate`.
    pub mode: String,
    /// True when it answers requests that are for it, as it must behind a router; false when it is a proxy.
    pub webserver: bool,
}

/// Requests that routes have taken, each counted since its router began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteCounts {
    /// By the route to the mock.
    pub mock: u64,
    /// Those of them for which the mock had no answer (status 502).
    #[serde(default)]
    pub missed: u64,
    /// By the route that stops what is tagged and not for the mock's route.
    pub leak: u64,
    /// By the route to the real dependency.
    pub real: u64,
}

impl RouteCounts {
    /// What has come to it since before; all of it where routers have begun anew.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let added = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
        Self {
            mock: added(self.mock, before.mock),
            missed: added(self.missed, before.missed),
            leak: added(self.leak, before.leak),
            real: added(self.real, before.real),
        }
    }
}

/// What a mock and the routes to it are at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MockSight {
    /// The mock's name.
    pub name: String,
    /// Its simulators.
    #[serde(default)]
    pub simulators: Vec<Simulator>,
    /// Requests that have come to the simulators since they began, whoever has sent them. They are read before the routes.
    #[serde(default)]
    pub arrived: u64,
    /// Requests that routes have taken.
    #[serde(default)]
    pub routes: RouteCounts,
    /// Why some of it could not be read; `None` where all of it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// What became of one probe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The status that came back.
    pub status: u16,
    /// What [`MOCKED_HEADER`] of the answer says; `None` where there is no such header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mocked_by: Option<String>,
    /// True where a simulator says that it has fetched the answer from the real dependency.
    #[serde(default)]
    pub fetched: bool,
    /// True where the answer bears what only the real dependency's bear; `None` where nobody has said what that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real_marker: Option<bool>,
    /// What simulators have written down of the probe.
    #[serde(default)]
    pub journal: Vec<Journalled>,
    /// What routes have counted meanwhile.
    #[serde(default)]
    pub routes: RouteCounts,
}

/// One request in a simulator's journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journalled {
    /// The mode in which it was answered.
    pub mode: String,
    /// The status that it was answered with.
    pub status: u16,
}

/// What was found before load. Nothing is sent where what was found before already shows that it must not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MockProof {
    /// The mock before the probes.
    pub before: MockSight,
    /// What became of the tagged probe; `None` where it was not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tagged: Option<Answer>,
    /// What became of the untagged probe; `None` where it was not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untagged: Option<Answer>,
    /// The mock after the probes; the load is watched from there.
    pub after: MockSight,
    /// Why it is not all there; `None` where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// In which way a mock does not do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// Tagged requests reach, or may reach, somebody else than the mock.
    Bypassed,
    /// The mock does not answer as one, answers what is not for it, or cannot be watched.
    Broken,
}

impl FaultKind {
    /// The stable code of a verdict's reason.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bypassed => "mocks_bypassed",
            Self::Broken => "mocks_broken",
        }
    }
}

/// One thing that shows that a mock does not do its work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MockFault {
    /// The mock.
    pub mock: String,
    /// In which way.
    pub kind: FaultKind,
    /// What was found and what was expected, in one sentence without the mock's name.
    pub message: String,
    /// How many requests it was seen by, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// From when on, in seconds since the load began; `None` before the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_s: Option<f64>,
    /// When it was seen last, in seconds since the load began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_s: Option<f64>,
}

impl fmt::Display for MockFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mock {}: {}", self.mock, self.message)
    }
}

/// What keeps these from being proofs of all these mocks; empty where each mock is proved.
pub fn faults(specs: &[MockSpec], proofs: &[MockProof]) -> Vec<MockFault> {
    let of = |spec: &MockSpec| {
        let proof = proofs.iter().find(|proof| proof.before.name == spec.name);
        proof.map_or_else(|| MockProof::default().faults(spec), |proof| proof.faults(spec))
    };
    specs.iter().flat_map(of).collect()
}

impl MockSight {
    /// What of its own set-up keeps it from doing its work.
    fn faults(&self) -> Vec<(FaultKind, String)> {
        let of = |simulator: &Simulator| {
            let Simulator { at, mode, webserver } = simulator;
            let mode = (mode != "simulate").then(|| format!("Hoverfly at {at} is in mode {mode}; expected simulate"));
            let proxy = (!webserver).then(|| {
                format!("Hoverfly at {at} is a proxy and no webserver; expected one that was started with -webserver")
            });
            mode.into_iter().chain(proxy)
        };
        self.simulators.iter().flat_map(of).map(|told| (FaultKind::Broken, told)).collect()
    }
}
