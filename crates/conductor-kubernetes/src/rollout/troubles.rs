//! What keeps pods from becoming ready, long before a deadline would say that they did not.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::container::{Seen, Trouble};
use super::{between, counted, spoken};
use crate::error::cut;

/// What the pods say of the rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// Nothing keeps them from becoming ready, as far as can be seen.
    Fine,
    /// Something does, and it may pass. For people, such as `2 pods unschedulable for 40 s: 0/4 nodes are available: …`.
    Troubled(String),
    /// It will not pass by itself. It names pod, container and reason, with the message that Kubernetes has for it.
    Failed(String),
}

/// What was seen of pods, to judge what is seen now.
#[derive(Clone, Debug)]
pub(crate) struct Troubles {
    schedule_within: Duration,
    pods: BTreeMap<String, SeenPod>,
}

#[derive(Clone, Debug, Default)]
struct SeenPod {
    unschedulable: Option<Timestamp>,
    containers: BTreeMap<String, Seen>,
}

/// The trouble of one pod, or of one of its containers.
struct Found {
    pod: String,
    container: Option<String>,
    trouble: Trouble,
}

impl Troubles {
    /// How long a pod may wait for a node unless somebody knows better: so long may it take to get a new one.
    pub(crate) const SCHEDULE_WITHIN: Duration = Duration::from_secs(600);

    /// Nothing was seen yet. A pod may be unschedulable for so long.
    pub(crate) fn new(schedule_within: Duration) -> Self {
        Self { schedule_within, pods: BTreeMap::new() }
    }

    /// Sees the pods of the newest template now: all of them, for those that are missing are forgotten.
    ///
    /// Times are those of the looks and not of the objects, whose clocks are others'.
    pub(crate) fn see<'a>(&mut self, now: Timestamp, pods: impl IntoIterator<Item = &'a Pod>) -> Outlook {
        let mut before = std::mem::take(&mut self.pods);
        let mut found = Vec::new();
        // A pod that goes away keeps nobody waiting.
        for pod in pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
            let uid = pod.metadata.uid.clone().unwrap_or_default();
            let mut seen = before.remove(&uid).unwrap_or_default();
            found.extend(seen.see(now, pod, self.schedule_within));
            self.pods.insert(uid, seen);
        }
        // The same answer for the same pods, in whatever order they came.
        found.sort_by(|one, other| (&one.pod, &one.container).cmp(&(&other.pod, &other.container)));
        let (failed, passing): (Vec<Found>, Vec<Found>) = found.into_iter().partition(|found| found.trouble.is_final);
        match failed.split_first() {
            Some((first, more)) => Outlook::Failed(failure(first, more)),
            None if passing.is_empty() => Outlook::Fine,
            None => Outlook::Troubled(summary(&passing)),
        }
    }
}

impl SeenPod {
    fn see(&mut self, now: Timestamp, pod: &Pod, schedule_within: Duration) -> Vec<Found> {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let mut found = Vec::new();
        if let Some(trouble) = self.scheduling(now, pod, schedule_within) {
            found.push(Found { pod: name.clone(), container: None, trouble });
        }
        let mut before = std::mem::take(&mut self.containers);
        for status in containers(pod) {
            let mut seen = before.remove(&status.name).unwrap_or_default();
            if let Some(trouble) = seen.see(now, status) {
                found.push(Found { pod: name.clone(), container: Some(status.name.clone()), trouble });
            }
            self.containers.insert(status.name.clone(), seen);
        }
        found
    }

    fn scheduling(&mut self, now: Timestamp, pod: &Pod, within: Duration) -> Option<Trouble> {
        let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        let unscheduled = conditions.find(|condition| {
            condition.type_ == "PodScheduled"
                && condition.status == "False"
                && condition.reason.as_deref() == Some("Unschedulable")
        });
        let Some(condition) = unscheduled else {
            self.unschedulable = None;
            return None;
        };
        let seen_for = between(*self.unschedulable.get_or_insert(now), now);
        let message = condition.message.clone().unwrap_or_default();
        Some(Trouble { reason: "Unschedulable".to_owned(), message, seen_for, is_final: seen_for > within })
    }
}

fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| {
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten())
    })
}

/// The first failure in full, and how many pods more have one.
fn failure(first: &Found, more: &[Found]) -> String {
    let Found { pod, container, trouble } = first;
    let whose =
        container.as_ref().map_or_else(|| format!("pod {pod}"), |name| format!("container {name} of pod {pod}"));
    let mut reason = trouble.reason.clone();
    if container.is_none() {
        reason = format!("{reason} for {}", spoken(trouble.seen_for));
    }
    let mut pods: Vec<&String> = more.iter().map(|found| &found.pod).filter(|other| *other != pod).collect();
    pods.dedup();
    let others = match pods.len() {
        0 => String::new(),
        others => format!(" (and {} more)", counted(u32::try_from(others).unwrap_or(u32::MAX), "pod")),
    };
    format!("{whose}: {}{others}", with_message(&reason, &trouble.message))
}

/// How many pods have which trouble for how long, each with the message of the first.
fn summary(found: &[Found]) -> String {
    let mut by_reason: BTreeMap<&str, Vec<&Found>> = BTreeMap::new();
    for found in found {
        by_reason.entry(&found.trouble.reason).or_default().push(found);
    }
    let parts = by_reason.into_iter().map(|(reason, mut found)| {
        let longest = found.iter().map(|found| found.trouble.seen_for).max().unwrap_or_default();
        found.dedup_by(|one, other| one.pod == other.pod);
        let pods = counted(u32::try_from(found.len()).unwrap_or(u32::MAX), "pod");
        let what = if reason == "Unschedulable" { "unschedulable".to_owned() } else { format!("with {reason}") };
        let message = found.first().map_or("", |found| &found.trouble.message);
        with_message(&format!("{pods} {what} for {}", spoken(longest)), message)
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn with_message(text: &str, message: &str) -> String {
    if message.is_empty() { text.to_owned() } else { format!("{text}: {}", cut(message.to_owned())) }
}

#[cfg(test)]
#[path = "troubles_tests.rs"]
mod tests;
