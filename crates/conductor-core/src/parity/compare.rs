//! The comparison of both sides, with the test side as the run makes it.

use std::collections::{BTreeMap, BTreeSet};

use super::profile::{Autoscaler, Autoscaling, Cluster, Container, NodeType, Profile, Role, Sides};
use super::report::{Difference, Report, count};
use super::severity::{Severity, SeverityRule};
use super::waiver::{Day, Waiver};
use crate::app::{ApplicationId, Bounds};
use crate::quantity::Quantity;
use crate::scale::Plan;
use crate::spec::{Intent, ScaleChoice, VersionChoice};

/// Nodes of one type have not all the same memory left for applications: up to so many hundredths are alike.
const ALIKE_PERCENT: i128 = 5;

/// What an environment says of differences.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules<'a> {
    /// Those that it accepts for a time.
    pub waivers: &'a [Waiver],
    /// How much they matter, where that is not as it is for others; of several that are about one the first holds.
    pub severities: &'a [SeverityRule],
}

/// Compares the applications under test and the clusters, as they are while the plan is in place.
pub fn compare(sides: &Sides, scope: &[Intent], plan: &Plan, rules: Rules<'_>, today: Day) -> Report {
    let (production, test) = (&sides.production, &sides.test);
    let mut found = Found { application: None, chosen: Chosen::default(), differences: Vec::new() };
    found.clusters(&production.cluster, &test.cluster);
    let (mut compared, mut absent) = (0, Vec::new());
    let scope = scope.iter().filter(|intent| !intent.support).map(|intent| (&intent.application, intent));
    for (application, intent) in scope.collect::<BTreeMap<_, _>>() {
        if production.unknown.contains(application) || test.unknown.contains(application) {
            continue;
        }
        found.application = Some(application.clone());
        found.chosen = Chosen::of(intent);
        match (production.applications.get(application), test.applications.get(application)) {
            (Some(production), Some(test)) => {
                compared += 1;
                found.profiles(production, &during(test, application, plan));
            }
            (None, None) => absent.push(application.as_str()),
            (production, test) => {
                compared += 1;
                let there = |profile: Option<&Profile>| profile.map(|_| "there".to_owned());
                let severity = Severity::of(found.chosen.version || found.chosen.scale);
                found.look(None, "existence", severity, there(production), there(test));
            }
        }
    }
    let mut notes: Vec<String> = production.unread.iter().chain(&test.unread).cloned().collect();
    if !absent.is_empty() {
        notes.push(format!("not compared, since nothing tells what they are like: {}", absent.join(", ")));
    }
    for difference in &mut found.differences {
        if let Some(rule) = rules.severities.iter().find(|rule| rule.is_about(difference)) {
            difference.severity = rule.severity;
        }
    }
    Report { applications: count(compared), notes, ..Report::of(found.differences, rules.waivers, today) }
}

/// What an application is like while the plan is in place. What only pods have is not the plan's.
fn during(test: &Profile, application: &ApplicationId, plan: &Plan) -> Profile {
    let mut during = test.clone();
    let own = |(_, container): &(&String, &mut Container)| container.role != Role::Injected;
    if let Some(rollout) = plan.rollouts.iter().find(|rollout| rollout.application == *application) {
        for (name, container) in during.containers.iter_mut().filter(own) {
            if let Some(version) = rollout.to.containers().get(name) {
                container.image.clone_from(version);
            }
        }
    }
    if let Some(step) = plan.scale_steps.iter().rfind(|step| step.application == *application) {
        during.replicas = step.to.replicas;
        for (name, container) in during.containers.iter_mut().filter(own) {
            if let Some(resources) = step.to.resources.get(name) {
                container.resources.clone_from(resources);
            }
        }
        if let (Some(Autoscaling::By(autoscaler)), Some(bounds)) = (&mut during.autoscaling, step.to.autoscaling) {
            autoscaler.bounds = bounds;
        }
    }
    during
}

/// What of an application the load test does not take from production: then it wants the difference.
#[derive(Clone, Copy, Debug, Default)]
struct Chosen {
    version: bool,
    scale: bool,
}

impl Chosen {
    fn of(intent: &Intent) -> Self {
        Self { version: intent.version != VersionChoice::Production, scale: intent.scale != ScaleChoice::Production }
    }
}

impl Severity {
    /// Of a difference in what the run makes equal: it matters most, but for one that is wanted.
    const fn of(is_wanted: bool) -> Self {
        if is_wanted { Self::Warn } else { Self::Error }
    }
}

struct Found {
    application: Option<ApplicationId>,
    chosen: Chosen,
    differences: Vec<Difference>,
}

impl Found {
    fn look(
        &mut self,
        container: Option<&str>,
        aspect: impl Into<String>,
        severity: Severity,
        production: Option<String>,
        test: Option<String>,
    ) {
        if production != test {
            let (application, container) = (self.application.clone(), container.map(str::to_owned));
            let aspect = aspect.into();
            self.differences.push(Difference {
                application,
                container,
                aspect,
                production,
                test,
                severity,
                waived: None,
            });
        }
    }

    /// What two maps have under each name.
    fn look_at_all<T: ToString>(
        &mut self,
        container: Option<&str>,
        prefix: &str,
        severity: Severity,
        [production, test]: [&BTreeMap<String, T>; 2],
    ) {
        for name in names(production, test) {
            let [production, test] = [production, test].map(|all| all.get(name).map(ToString::to_string));
            self.look(container, format!("{prefix}{name}"), severity, production, test);
        }
    }

    fn profiles(&mut self, production: &Profile, test: &Profile) {
        // What an autoscaler chooses from time to time may have been another number a moment ago.
        let may_be = |bounds: Bounds| bounds.min < bounds.max && (bounds.min..=bounds.max).contains(&test.replicas);
        let is_of_both = match &production.autoscaling {
            Some(Autoscaling::By(autoscaler)) => may_be(autoscaler.bounds),
            Some(Autoscaling::Absent) | None => false,
        };
        self.look(
            None,
            "replicas",
            Severity::of(self.chosen.scale || is_of_both),
            Some(production.replicas.to_string()),
            Some(test.replicas.to_string()),
        );
        if let (Some(production), Some(test)) = (&production.autoscaling, &test.autoscaling) {
            self.autoscaling(production, test);
        }
        self.look_at_all(None, "", Severity::Info, [&production.settings, &test.settings]);
        for name in names(&production.containers, &test.containers) {
            match (production.containers.get(name), test.containers.get(name)) {
                (Some(production), Some(test)) if production.role == test.role => {
                    self.containers(name, production, test);
                }
                (production, test) => {
                    let shown = |container: Option<&Container>| container.map(|one| one.role.to_string());
                    let is_injected = |one: Option<&Container>| one.is_some_and(|one| one.role == Role::Injected);
                    let is_other = is_injected(production) || is_injected(test);
                    let severity = Severity::of(self.chosen.version || is_other);
                    self.look(Some(name), "container", severity, shown(production), shown(test));
                }
            }
        }
    }

    fn containers(&mut self, name: &str, production: &Container, test: &Container) {
        let name = Some(name);
        // The run does not change what only pods have.
        let is_injected = production.role == Role::Injected;
        if !is_same_image(&production.image, &test.image) {
            let [production, test] = [production, test].map(|one| Some(one.image.clone()));
            self.look(name, "image", Severity::of(self.chosen.version || is_injected), production, test);
        }
        for resource in names(&production.resources, &test.resources) {
            let [production, test] = [production, test].map(|one| one.resources.get(resource));
            if production != test {
                let [production, test] = [production, test].map(|amount| amount.map(Quantity::to_string));
                self.look(name, resource, Severity::of(self.chosen.scale || is_injected), production, test);
            }
        }
        if is_injected {
            // The rest is the business of what injects it.
            return;
        }
        self.look_at_all(name, "env.", Severity::Warn, [&production.env, &test.env]);
        self.look_at_all(name, "envFrom.", Severity::Warn, [&production.env_from, &test.env_from]);
        self.look_at_all(name, "probes.", Severity::Warn, [&production.probes, &test.probes]);
        let [production, test] = [production, test].map(|one| one.command.as_ref().map(ToString::to_string));
        self.look(name, "command", Severity::Warn, production, test);
    }

    /// An autoscaler that has no choice during the load is only good to know of.
    fn autoscaling(&mut self, production: &Autoscaling, test: &Autoscaling) {
        let by = |autoscaling: &Autoscaling| match autoscaling {
            Autoscaling::Absent => None,
            Autoscaling::By(autoscaler) => Some(autoscaler.clone()),
        };
        let (production, test) = (by(production), by(test));
        let is_held = |Autoscaler { bounds: Bounds { min, max }, .. }: &Autoscaler| min == max;
        let severity = if test.as_ref().is_none_or(is_held) { Severity::Info } else { Severity::Warn };
        let bounds = |one: &Option<Autoscaler>| one.as_ref().map(|one| one.bounds.to_string());
        self.look(None, "autoscaling", severity, bounds(&production), bounds(&test));
        let (Some(production), Some(test)) = (production, test) else { return };
        let metrics = |one: &Autoscaler| Some(one.metrics.iter().cloned().collect::<Vec<_>>().join(", "));
        self.look(None, "autoscaling.metrics", severity, metrics(&production), metrics(&test));
        self.look(None, "autoscaling.behavior", severity, Some(production.behavior), Some(test.behavior));
    }

    fn clusters(&mut self, production: &Cluster, test: &Cluster) {
        if let (Some(production), Some(test)) = (&production.version, &test.version) {
            let severity = if minor(production) == minor(test) { Severity::Info } else { Severity::Warn };
            self.look(None, "cluster.version", severity, Some(production.clone()), Some(test.clone()));
        }
        let (Some(production), Some(test)) = (&production.nodes, &test.nodes) else { return };
        let agents = |agents: &BTreeSet<String>| Some(agents.iter().cloned().collect::<Vec<_>>().join(", "));
        self.look(None, "cluster.agents", Severity::Info, agents(&production.agents), agents(&test.agents));
        for name in names(&production.types, &test.types) {
            let (production, test) = (production.types.get(name), test.types.get(name));
            let alike = production.zip(test).is_some_and(|(production, test)| is_alike(production, test));
            if alike && production.map(|one| one.count) == test.map(|one| one.count) {
                continue;
            }
            let severity = if alike { Severity::Info } else { Severity::Warn };
            let [production, test] = [production, test].map(|one| one.map(ToString::to_string));
            self.look(None, format!("cluster.nodes.{name}"), severity, production, test);
        }
    }
}

/// The names of both, in order.
fn names<'a, T>(one: &'a BTreeMap<String, T>, other: &'a BTreeMap<String, T>) -> BTreeSet<&'a String> {
    one.keys().chain(other.keys()).collect()
}

/// Images with the same digest are the same, whatever registry they are pulled from.
fn is_same_image(one: &str, other: &str) -> bool {
    let digest = |image: &'_ str| image.split_once('@').map(|(_, digest)| digest.to_owned());
    one == other || digest(one).is_some_and(|found| digest(other) == Some(found))
}

/// A version without its last part.
fn minor(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// True for nodes that are as large, of the same architecture, however many they are.
fn is_alike(one: &NodeType, other: &NodeType) -> bool {
    let near = |one: &Quantity, other: &Quantity| {
        let (one, other) = (one.billionths(), other.billionths());
        (one - other).abs() * 100 <= one.max(other) * ALIKE_PERCENT
    };
    one.arch == other.arch && near(&one.cpu, &other.cpu) && near(&one.memory, &other.memory)
}

impl std::fmt::Display for NodeType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { count, arch, cpu, memory } = self;
        write!(f, "{count} × {arch} with cpu {cpu}, memory {memory}")
    }
}
