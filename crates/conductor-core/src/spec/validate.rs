//! From the written document to the valid spec, and back. Collects every violation instead of stopping at the first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use super::document::{
    API_VERSION, ApplicationDocument, KIND, KpiDocument, LimitsDocument, LoadDocument, LoadTestDocument,
    MetadataDocument, ScaleDocument, ScaleValues, SpecDocument,
};
use super::{
    ApplicationChoice, LOAD_TEST_HEADER, Limits, LoadHints, LoadShape, LoadTestSpec, RUN_HEADER, ScaleChoice,
    SpecError, VersionChoice, Violation, if_busy, slos, stages, verdict, workers,
};
use crate::app::{ApplicationId, NameError, is_name};
use crate::units::{Span, UnitError};

const DEFAULT_INTERVAL: Span = Span::seconds(60);
const SHORTEST_INTERVAL: Span = Span::seconds(5);
const DEFAULT_REHEARSAL: Span = Span::minutes(3);
/// What the default deadline grants to everything before the load.
const DEADLINE_MARGIN: Span = Span::minutes(60);
pub(super) const LONGEST: Span = Span::minutes(7 * 24 * 60);
pub(super) const MOST_REPLICAS: i64 = 100_000;
/// The most applications that a load test may list.
pub const MOST_APPLICATIONS: usize = 10_000;
const NAME: &str = "1 to 128 letters, digits, '-', '_', '.' or '/', beginning with a letter or digit";

impl TryFrom<LoadTestDocument> for LoadTestSpec {
    type Error = SpecError;

    fn try_from(document: LoadTestDocument) -> Result<Self, SpecError> {
        let mut found = Findings::default();
        found.must_be("apiVersion", &document.api_version, API_VERSION);
        found.must_be("kind", &document.kind, KIND);
        found.name("metadata.name", &document.metadata.name);
        let spec = document.spec;
        found.name("spec.environment", &spec.environment);
        found.name("spec.kpi.name", &spec.kpi.name);
        let shape = stages::shape(&mut found, &spec);
        let interval = found.span("spec.interval", spec.interval.as_ref(), DEFAULT_INTERVAL);
        if interval < SHORTEST_INTERVAL {
            let problem = format!("{interval} is too short to measure in");
            found.add("spec.interval", problem, "5s or longer (60s when absent)");
        } else if let Some((shape, _)) = &shape {
            stages::check_length(&mut found, shape, interval);
        }
        let version = test_version(&mut found, spec.version.as_deref());
        let scale = found.scale("spec.scale", spec.scale.as_ref()).unwrap_or_default();
        let applications = applications(&mut found, &spec.applications);
        let limits =
            limits(&mut found, spec.limits.unwrap_or_default(), shape.as_ref().map(|(shape, _)| shape), interval);
        let load = hints(&mut found, spec.load.unwrap_or_default(), &applications);
        let if_busy = if_busy::if_busy(&mut found, spec.if_busy.as_deref());
        let verdict = verdict::thresholds(&mut found, spec.verdict.as_ref());
        let baseline = slos::baseline(&mut found, spec.baseline.as_deref());
        let stated = shape.as_ref().map(|(shape, _)| shape);
        let slos = slos::slos(&mut found, &spec.slos, spec.baseline.as_deref(), stated, interval);
        match shape {
            Some((shape, target)) if found.violations.is_empty() => Ok(Self {
                name: document.metadata.name,
                environment: spec.environment,
                kpi: spec.kpi.name,
                target,
                shape,
                interval,
                version,
                scale,
                applications,
                limits,
                load,
                if_busy,
                verdict,
                slos,
                baseline,
            }),
            _ => Err(SpecError { violations: found.violations }),
        }
    }
}

impl From<LoadTestSpec> for LoadTestDocument {
    fn from(spec: LoadTestSpec) -> Self {
        let load = spec.load;
        let mut document = SpecDocument {
            environment: spec.environment,
            kpi: KpiDocument { name: spec.kpi, target: Some(spec.target.to_string()) },
            ramp_up: None,
            plateau: None,
            stages: None,
            search: None,
            interval: Some(spec.interval.to_string()),
            version: Some(written_version(spec.version)),
            scale: Some(written_scale(spec.scale)),
            applications: spec
                .applications
                .into_iter()
                .map(|choice| ApplicationDocument {
                    name: choice.name.into(),
                    version: choice.version.map(written_version),
                    scale: choice.scale.map(written_scale),
                })
                .collect(),
            limits: Some(LimitsDocument {
                max_users: spec.limits.max_users.map(|users| i64::try_from(users).unwrap_or(i64::MAX)),
                deadline: Some(spec.limits.deadline.to_string()),
                rehearsal: Some(spec.limits.rehearsal.to_string()),
            }),
            load: Some(LoadDocument {
                algorithm: Some(load.algorithm),
                users_per_kpi: load.users_per_kpi,
                kpi_lag: load.kpi_lag.map(|lag| lag.to_string()),
                learn_from_last_run: Some(load.learn_from_last_run),
                workers: load.workers.map(workers::written),
                headers: load.headers,
            }),
            if_busy: if_busy::written(spec.if_busy),
            verdict: verdict::written(spec.verdict),
            slos: spec.slos.iter().map(ToString::to_string).collect(),
            baseline: spec.baseline.map(String::from),
        };
        stages::written(spec.shape, &mut document);
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            metadata: MetadataDocument { name: spec.name },
            spec: document,
        }
    }
}

fn written_version(version: VersionChoice) -> String {
    match version {
        VersionChoice::Production => "production".to_owned(),
        VersionChoice::Keep => "keep".to_owned(),
        VersionChoice::Release(release) => release,
    }
}

fn written_scale(scale: ScaleChoice) -> ScaleDocument {
    match scale {
        ScaleChoice::Production => ScaleDocument::Word("production".to_owned()),
        ScaleChoice::Keep => ScaleDocument::Word("keep".to_owned()),
        ScaleChoice::Factor(factor) => {
            ScaleDocument::Values(ScaleValues { factor: Some(factor), ..ScaleValues::default() })
        }
        ScaleChoice::Exactly { replicas, cpu, memory } => ScaleDocument::Values(ScaleValues {
            factor: None,
            replicas: replicas.map(i64::from),
            cpu: cpu.map(|cpu| cpu.to_string()),
            memory: memory.map(|memory| memory.to_string()),
        }),
    }
}

fn test_version(found: &mut Findings, version: Option<&str>) -> VersionChoice {
    let choice = found.version("spec.version", version).unwrap_or_default();
    if let VersionChoice::Release(release) = &choice {
        found.add(
            "spec.version",
            format!("\"{release}\" cannot be the version of every application"),
            "production or keep; give a release to a single application under spec.applications",
        );
    }
    choice
}

fn applications(found: &mut Findings, documents: &[ApplicationDocument]) -> Vec<ApplicationChoice> {
    if let Err(violation) = check_count(documents.len()) {
        // Nobody reads what is wrong with each of them.
        found.violations.push(violation);
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut choices = Vec::with_capacity(documents.len());
    for (position, document) in documents.iter().enumerate() {
        let field = format!("spec.applications[{position}]");
        let version = found.version(&format!("{field}.version"), document.version.as_deref());
        let scale = found.scale(&format!("{field}.scale"), document.scale.as_ref());
        let Some(name) = found.parse::<ApplicationId>(&format!("{field}.name"), &document.name) else { continue };
        if !seen.insert(name.clone()) {
            found.add(&format!("{field}.name"), format!("\"{name}\" is listed twice"), "each application once");
        }
        choices.push(ApplicationChoice { name, version, scale });
    }
    choices
}

/// Whether a load test may list so many applications: whoever has made the document out of something else looks first, since
/// each of them costs.
///
/// # Errors
/// When they are too many.
pub fn check_count(applications: usize) -> Result<(), Violation> {
    if applications <= MOST_APPLICATIONS {
        return Ok(());
    }
    Err(Violation {
        field: "spec.applications".to_owned(),
        problem: format!("{applications} applications are too many"),
        expected: format!("at most {MOST_APPLICATIONS}"),
    })
}

fn limits(found: &mut Findings, document: LimitsDocument, shape: Option<&LoadShape>, interval: Span) -> Limits {
    let load_time = shape.map_or_else(Span::default, |shape| shape.time(interval));
    let max_users = document.max_users.and_then(|users| {
        let valid = u64::try_from(users).ok().filter(|users| *users > 0);
        if valid.is_none() {
            found.add("spec.limits.maxUsers", format!("{users} is not above zero"), "1 or more, or no limit at all");
        }
        valid
    });
    let deadline = found.span("spec.limits.deadline", document.deadline.as_ref(), load_time.plus(DEADLINE_MARGIN));
    if deadline <= load_time {
        found.add(
            "spec.limits.deadline",
            format!("{deadline} leaves no time before the load of {load_time}"),
            match shape {
                Some(LoadShape::Search(_)) => "longer than the search may take",
                Some(LoadShape::Stages(_)) => "longer than all stages together",
                Some(LoadShape::RampUp { .. }) | None => "longer than rampUp and plateau together",
            },
        );
    }
    let rehearsal = found.span("spec.limits.rehearsal", document.rehearsal.as_ref(), DEFAULT_REHEARSAL);
    if rehearsal.is_zero() {
        found.add("spec.limits.rehearsal", "0s leaves the rehearsing user no time", "such as 3m");
    }
    Limits { max_users, deadline, rehearsal }
}

fn hints(found: &mut Findings, document: LoadDocument, scope: &[ApplicationChoice]) -> LoadHints {
    if let Some(users) = document.users_per_kpi.filter(|users| !(users.is_finite() && *users > 0.0)) {
        found.add(
            "spec.load.usersPerKpi",
            format!("{users} is not above zero"),
            "users per KPI event a minute, such as 0.8",
        );
    }
    for (name, value) in &document.headers {
        let field = format!("spec.load.headers.{name}");
        let token =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
        if !token {
            found.add(&field, format!("\"{name}\" is not a header's name"), "letters, digits and '-'");
        } else if [LOAD_TEST_HEADER.0, RUN_HEADER].iter().any(|own| own.eq_ignore_ascii_case(name)) {
            found.add(&field, "the conductor sets this header itself", "another name");
        }
        if value.chars().any(char::is_control) {
            found.add(&field, "the value has a control character", "printable text");
        }
    }
    let kpi_lag = document.kpi_lag.as_ref().map(|lag| found.span("spec.load.kpiLag", Some(lag), Span::default()));
    LoadHints {
        algorithm: document.algorithm.unwrap_or_default(),
        users_per_kpi: document.users_per_kpi,
        kpi_lag,
        learn_from_last_run: document.learn_from_last_run.unwrap_or(true),
        workers: document.workers.and_then(|document| workers::workers(found, &document, scope)),
        headers: document.headers.into_iter().collect::<BTreeMap<_, _>>(),
    }
}

/// The violations found so far.
#[derive(Default)]
pub(super) struct Findings {
    violations: Vec<Violation>,
}

/// What would have been right, told apart from what was wrong.
pub(super) trait Explained: Display {
    fn problem_and_expected(self) -> (String, String);
}

impl Explained for UnitError {
    fn problem_and_expected(self) -> (String, String) {
        (self.problem, self.expected.to_owned())
    }
}

impl Explained for NameError {
    fn problem_and_expected(self) -> (String, String) {
        (format!("\"{}\" is not a name", self.0), NAME.to_owned())
    }
}

impl Findings {
    pub(super) fn add(&mut self, field: &str, problem: impl Into<String>, expected: impl Into<String>) {
        self.violations.push(Violation { field: field.to_owned(), problem: problem.into(), expected: expected.into() });
    }

    fn must_be(&mut self, field: &str, found: &str, expected: &str) {
        if found != expected {
            self.add(field, format!("\"{found}\" is not known"), expected);
        }
    }

    fn name(&mut self, field: &str, name: &str) {
        if !is_name(name) {
            self.add(field, format!("\"{name}\" is not a name"), NAME);
        }
    }

    pub(super) fn parse<T>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T: FromStr,
        T::Err: Explained,
    {
        text.parse()
            .map_err(|error: T::Err| {
                let (problem, expected) = error.problem_and_expected();
                self.add(field, problem, expected);
            })
            .ok()
    }

    pub(super) fn span(&mut self, field: &str, text: Option<&String>, absent: Span) -> Span {
        self.span_of(field, text).unwrap_or(absent)
    }

    /// The span that is written; `None` where there is none, or none that can be read.
    pub(super) fn span_of(&mut self, field: &str, text: Option<&String>) -> Option<Span> {
        let span = self.parse::<Span>(field, text?)?;
        if span > LONGEST {
            self.add(field, format!("{span} is longer than a week"), "at most 168h");
            return None;
        }
        Some(span)
    }

    /// Whether something is wrong with a field.
    pub(super) fn has(&self, field: &str) -> bool {
        self.violations.iter().any(|violation| violation.field == field)
    }

    fn version(&mut self, field: &str, text: Option<&str>) -> Option<VersionChoice> {
        match text? {
            "production" => Some(VersionChoice::Production),
            "keep" => Some(VersionChoice::Keep),
            "" => {
                self.add(field, "it is empty", "production, keep, or an image or release");
                None
            }
            // It is shown to whoever looks at the run, on their terminals.
            text if text.chars().any(char::is_control) => {
                self.add(field, "it has a control character", "production, keep, or an image or release");
                None
            }
            release => Some(VersionChoice::Release(release.to_owned())),
        }
    }

    fn scale(&mut self, field: &str, document: Option<&ScaleDocument>) -> Option<ScaleChoice> {
        const EXPECTED: &str = "production, keep, {factor: 1.5} or {replicas: 3, cpu: 500m, memory: 2Gi}";
        let values = match document? {
            ScaleDocument::Word(word) => {
                return match word.as_str() {
                    "production" => Some(ScaleChoice::Production),
                    "keep" => Some(ScaleChoice::Keep),
                    other => {
                        self.add(field, format!("\"{other}\" is not known"), EXPECTED);
                        None
                    }
                };
            }
            ScaleDocument::Values(values) => values,
        };
        let exact = values.replicas.is_some() || values.cpu.is_some() || values.memory.is_some();
        match values.factor {
            Some(_) if exact => self.add(field, "factor and values exclude each other", EXPECTED),
            Some(factor) if factor.is_finite() && factor > 0.0 && factor <= 1000.0 => {
                return Some(ScaleChoice::Factor(factor));
            }
            Some(factor) => {
                self.add(&format!("{field}.factor"), format!("{factor} is out of range"), "above 0 and at most 1000");
            }
            None if !exact => self.add(field, "it says nothing", EXPECTED),
            None => return Some(self.exactly(field, values)),
        }
        None
    }

    fn exactly(&mut self, field: &str, values: &ScaleValues) -> ScaleChoice {
        let replicas = values.replicas.and_then(|replicas| {
            if !(0..=MOST_REPLICAS).contains(&replicas) {
                self.add(&format!("{field}.replicas"), format!("{replicas} is out of range"), "0 to 100000");
            }
            u32::try_from(replicas).ok()
        });
        ScaleChoice::Exactly {
            replicas,
            cpu: values.cpu.as_ref().and_then(|cpu| self.parse(&format!("{field}.cpu"), cpu)),
            memory: values.memory.as_ref().and_then(|memory| self.parse(&format!("{field}.memory"), memory)),
        }
    }
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
