//! What goes wrong in a model world, and when, as it is written.

use conductor_core::app::ApplicationId;
use conductor_core::ports::FailureKind;
use conductor_core::units::Span;
use serde::{Deserialize, Serialize};

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// When it begins. Default `0s`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub at: Span,
    /// What `at` is counted from. Default `start`.
    #[serde(default)]
    pub from: Origin,
    /// How long it lasts; for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub lasts: Option<Span>,
    /// What goes wrong.
    pub what: FaultKind,
}

/// What the time of a fault is counted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// The beginning of the world.
    #[default]
    Start,
    /// The first setting of the load generator; before it the fault does not begin.
    Load,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// A call does not do what it should.
    Call(CallFault),
    /// The KPI cannot be counted.
    SamplesLost,
    /// So many workers of the load generator are gone, and their users with them until others take them over.
    WorkersLost(u32),
    /// The capacity is multiplied by this; 0 is an outage.
    Capacity(f64),
    /// Somebody else changes an application, once, at the fault's beginning.
    ChangedByOthers {
        /// The application.
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        application: ApplicationId,
        /// The version they roll out; untouched when absent.
        #[serde(default)]
        version: Option<String>,
        /// The replicas they want; untouched when absent.
        #[serde(default)]
        replicas: Option<u32>,
    },
}

/// A call that does not do what it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallFault {
    /// The call.
    pub call: Call,
    /// Only for this application, or test data store; for all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// How many calls are hit; all in the fault's time when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What becomes of the call.
    pub outcome: CallOutcome,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum CallOutcome {
    /// It fails and nothing was done.
    Fails(#[cfg_attr(feature = "schema", schemars(with = "String"))] FailureKind),
    /// It is done, and then fails: the answer is lost.
    FailsAfterwards(#[cfg_attr(feature = "schema", schemars(with = "String"))] FailureKind),
    /// It never answers.
    Hangs,
    /// The adapter panics.
    Panics,
}

/// The calls that a conductor makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Call {
    /// What production runs.
    Production,
    /// The versions in the test environment.
    Deployed,
    /// Roll out a version.
    RollOut,
    /// The allocations in the test environment.
    Allocated,
    /// Scale an application.
    Scale,
    /// Keep others from changing applications.
    Freeze,
    /// Let others change applications again.
    Thaw,
    /// Watch what others do to applications.
    Watch,
    /// Check the load generator.
    Check,
    /// Set the load.
    Set,
    /// Ask the load generator what it does.
    Status,
    /// Stop the load.
    Stop,
    /// Measure the KPI.
    Sample,
    /// Count a run's rows.
    Count,
    /// Delete a run's rows.
    Delete,
}

impl Call {
    /// Every call.
    pub const ALL: [Self; 15] = [
        Self::Production,
        Self::Deployed,
        Self::RollOut,
        Self::Allocated,
        Self::Scale,
        Self::Freeze,
        Self::Thaw,
        Self::Watch,
        Self::Check,
        Self::Set,
        Self::Status,
        Self::Stop,
        Self::Sample,
        Self::Count,
        Self::Delete,
    ];
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Production => "read production",
            Self::Deployed => "read versions",
            Self::RollOut => "roll out",
            Self::Allocated => "read allocations",
            Self::Scale => "scale",
            Self::Freeze => "freeze",
            Self::Thaw => "thaw",
            Self::Watch => "watch the applications",
            Self::Check => "check the load generator",
            Self::Set => "set the load",
            Self::Status => "ask the load generator",
            Self::Stop => "stop the load",
            Self::Sample => "measure the KPI",
            Self::Count => "count rows",
            Self::Delete => "delete rows",
        })
    }
}
