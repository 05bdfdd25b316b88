//! What a run has come to, for programs: a document with a published schema, `docs/schema/results.json`.
//!
//! It is smaller than a [`RunView`], and steadier: what the program keeps for itself is not in it.

use conductor_core::links::Link;
use conductor_core::verdict::{Evidence, Hold, Outcome, VerdictCause};
use conductor_core::view::{ApplicationView, PhaseView, RunView};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the document. A field may be added at any time; one that goes or changes makes a new version.
const API_VERSION: &str = "loadtest-conductor.dev/v1alpha1";

/// What a run has come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Results {
    /// `loadtest-conductor.dev/v1alpha1`.
    pub api_version: String,
    /// `Results`.
    pub kind: String,
    /// The run.
    pub run: String,
    /// The load test's name.
    pub name: String,
    /// Its environment.
    pub environment: String,
    /// Who has asked for the run, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When the run was created, RFC 3339.
    pub created: String,
    /// When the last was written about it, RFC 3339.
    pub updated: String,
    /// What has become of it: `passed`, `warned`, `failed`, `cancelled` or `invalid`; `running` while it goes on.
    pub outcome: Judgement,
    /// True when everything that the run changed is back and its data deleted; absent while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<bool>,
    /// What has become of it, in words.
    pub summary: String,
    /// Pages that show the run's figures in its time; absent where its environment has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Page>,
    /// The reasons, the gravest first.
    pub causes: Vec<Cause>,
    /// The KPI's name.
    pub kpi: String,
    /// The KPI's target, per minute; the last one where it was changed.
    pub target_per_min: f64,
    /// The level stretches of the load.
    pub holds: Vec<HeldLevel>,
    /// The objectives.
    pub objectives: Vec<Objective>,
    /// Requests of the load, whatever became of them.
    pub requests: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// The requests by the status code of their response, by growing code; absent where the load generator does not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<Responses>,
    /// The most users at one time; absent where they were never counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_users: Option<u64>,
    /// The phases, in their order.
    pub phases: Vec<Phase>,
    /// The applications that the run has looked at.
    pub applications: Vec<Application>,
}

/// A page that shows a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Page {
    /// What it shows.
    pub title: String,
    /// Its address.
    pub url: String,
}

/// Requests with the same status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Responses {
    /// The status code of HTTP; 0 where no response came.
    pub code: u16,
    /// Requests.
    pub count: u64,
}

/// What has become of a run, or what one reason alone makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Judgement {
    /// It goes on.
    Running,
    /// Every level was reached and held.
    Passed,
    /// Passed, but something needs attention.
    Warned,
    /// The run was valid, and the system did not do what was asked.
    Failed,
    /// Somebody ended it before it could tell.
    Cancelled,
    /// The run could not have shown a problem, so it says nothing.
    Invalid,
}

impl From<Outcome> for Judgement {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Passed => Self::Passed,
            Outcome::Warned => Self::Warned,
            Outcome::Failed => Self::Failed,
            Outcome::Cancelled => Self::Cancelled,
            Outcome::Invalid => Self::Invalid,
        }
    }
}

/// A reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cause {
    /// What it alone would make of the run.
    pub outcome: Judgement,
    /// A stable code, such as `target_not_held`: see docs/verdict.md.
    pub code: String,
    /// One sentence with the figures.
    pub message: String,
    /// What it rests on, the most telling first.
    pub evidence: Vec<Fact>,
    /// What to do about it; empty where nothing is said of that.
    pub advice: String,
}

/// A figure or fact that a reason rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fact {
    /// What was measured or seen.
    pub what: String,
    /// The figure, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What the figure was judged by, in the same unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// The unit of both, such as `/min` or `%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The beginning of the time it is of, in seconds since the load began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_s: Option<f64>,
    /// The end of that time, in seconds since the load began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_s: Option<f64>,
    /// Where it comes from.
    pub source: String,
}

/// A level stretch of the load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeldLevel {
    /// Its start, in seconds since the load began.
    pub from_s: f64,
    /// Its end, in seconds since the load began.
    pub to_s: f64,
    /// The KPI to hold, per minute.
    pub level_per_min: f64,
    /// Whether it was held; absent where no window lies in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
    /// Mean KPI, per minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_per_min: Option<f64>,
    /// The share of windows within their tolerance, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows_within: Option<f64>,
    /// The share of its time with samples, from 0 to 1.
    pub measured: f64,
}

/// An objective with what was observed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Objective {
    /// The objective as it is written.
    pub objective: String,
    /// `met`, `near miss`, `breached` or `not measured`.
    pub status: String,
    /// The figure that was judged; absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<f64>,
    /// What it was judged by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// The unit of both.
    pub unit: String,
}

/// A phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Phase {
    /// Its name, such as `GENERATE_LOAD`.
    pub name: String,
    /// When it began, RFC 3339; absent when it has not, or never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began: Option<String>,
    /// When it ended, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// What went wrong in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// An application, in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its version and allocation before the run.
    pub before: String,
    /// The same during the load.
    pub during: String,
    /// The same when the run looked for the last time; absent until then, and where the run did not change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Results {
    /// The results of a run, as far as it has come.
    pub fn of(view: &RunView) -> Self {
        let verdict = view.verdict.as_ref();
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "Results".to_owned(),
            run: view.id.to_string(),
            name: view.name.clone(),
            environment: view.environment.clone(),
            by: view.by.clone(),
            created: view.created_at.to_string(),
            updated: view.updated_at.to_string(),
            outcome: verdict.map_or(Judgement::Running, |verdict| verdict.outcome.into()),
            restored: verdict.map(|verdict| verdict.restored),
            summary: crate::page::headline(view),
            links: crate::links::of(view).into_iter().map(|Link { title, url }| Page { title, url }).collect(),
            causes: verdict.iter().flat_map(|verdict| &verdict.causes).map(Cause::of).collect(),
            kpi: view.kpi.clone(),
            target_per_min: view.target_per_min,
            holds: verdict.iter().flat_map(|verdict| &verdict.holds).map(HeldLevel::of).collect(),
            objectives: verdict.iter().flat_map(|verdict| &verdict.slos).map(Objective::of).collect(),
            requests: view.ticks.iter().map(|tick| tick.requests).sum(),
            failures: view.ticks.iter().map(|tick| tick.failures).sum(),
            responses: crate::responses::totals(view).iter().map(|(code, count)| Responses { code, count }).collect(),
            most_users: view.ticks.iter().filter_map(|tick| tick.users).max(),
            phases: view.phases.iter().map(Phase::of).collect(),
            applications: view.applications.iter().map(Application::of).collect(),
        }
    }
}

impl Cause {
    fn of(cause: &VerdictCause) -> Self {
        Self {
            outcome: cause.outcome.into(),
            code: cause.code.clone(),
            message: cause.message.clone(),
            evidence: cause.evidence.iter().map(Fact::of).collect(),
            advice: cause.advice.clone(),
        }
    }
}

impl Fact {
    fn of(evidence: &Evidence) -> Self {
        let Evidence { what, value, limit, unit, from_s, to_s, source } = evidence.clone();
        Self { what, value, limit, unit, from_s, to_s, source }
    }
}

impl HeldLevel {
    fn of(hold: &Hold) -> Self {
        Self {
            from_s: hold.from_s,
            to_s: hold.to_s,
            level_per_min: hold.level_per_min,
            held: hold.figures.map(|figures| figures.is_held()),
            mean_per_min: hold.figures.map(|figures| figures.mean_per_min),
            windows_within: hold.figures.map(|figures| figures.windows_within),
            measured: hold.measured,
        }
    }
}

impl Objective {
    fn of(result: &conductor_core::slo::SloResult) -> Self {
        Self {
            objective: result.slo.clone(),
            status: result.status.to_string(),
            observed: result.observed,
            limit: result.limit,
            unit: result.unit.clone(),
        }
    }
}

impl Phase {
    fn of(phase: &PhaseView) -> Self {
        let told = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Self {
            name: phase.phase.to_string(),
            began: told(phase.started),
            ended: told(phase.ended),
            failure: phase.failure.clone(),
        }
    }
}

impl Application {
    fn of(application: &ApplicationView) -> Self {
        Self {
            name: application.application.to_string(),
            before: application.before.to_string(),
            during: application.during(),
            after: application.after.as_ref().map(ToString::to_string),
        }
    }
}

/// The JSON Schema of [`Results`], as it is published.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Results).to_value()
}
