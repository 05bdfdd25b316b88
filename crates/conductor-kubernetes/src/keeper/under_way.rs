//! Waiting for what keepers are at when they are paused. A pause does not interrupt it: what of it is denied by the freeze may
//! be the end of a release, and what is not comes over the run's own changes.

use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError, Readiness};
use conductor_core::units::Span;
use serde_json::Value as Json;
use tokio::time::Instant;

use super::argo_cd::Application;
use super::flux::{HelmRelease, Kustomization};
use super::{Keeper, KeeperKind, Keepers, Keeps};
use crate::environment::KubernetesEnvironment;
use crate::error::cut;
use crate::marker::RUN;

/// The longest wait: less than the time of the phase, so that the run is told by which keeper.
const WITHIN: Duration = Duration::from_secs(8 * 60);
/// How long a keeper must have been at nothing that does not say whether it has heard of the pause: it may have begun
/// something by what it had read before.
const QUIET: Duration = Duration::from_secs(2);
/// Between the first two looks; every further pause is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a paused keeper says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Work {
    /// It is at something, in its own words.
    UnderWay(String),
    /// It is at nothing, and may not have heard of the pause yet.
    None,
    /// It has heard of the pause, and begins nothing any more.
    Over,
}

impl Work {
    fn of(kind: KeeperKind, keeper: &Json) -> Self {
        match kind {
            KeeperKind::Kustomization | KeeperKind::HelmRelease => Self::of_flux(keeper),
            KeeperKind::Application => Self::of_argo_cd(keeper),
            KeeperKind::VerticalPodAutoscaler => Self::Over,
        }
    }

    /// The controllers of Flux deal with one generation of an object after the other, and note that of the pause at its end.
    /// One that has failed before may not: its condition tells then.
    fn of_flux(keeper: &Json) -> Self {
        let generation = keeper["metadata"]["generation"].as_i64();
        let observed = keeper["status"]["observedGeneration"].as_i64();
        if generation.is_some() && observed >= generation {
            return Self::Over;
        }
        let conditions = keeper["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of = |kind: &str| conditions.iter().find(|condition| condition["type"] == kind);
        // With a retry to come the reason is another one.
        let reconciling = of("Reconciling").filter(|one| one["status"] == "True" && one["reason"] == "Progressing");
        let unknown = of("Ready").filter(|one| one["status"] == "Unknown");
        reconciling.or(unknown).map_or(Self::None, |one| Self::under_way(&one["message"]))
    }

    fn of_argo_cd(keeper: &Json) -> Self {
        let state = &keeper["status"]["operationState"];
        let is_on = matches!(state["phase"].as_str(), Some("Running" | "Terminating"));
        match is_on || !keeper["operation"].is_null() {
            true => Self::under_way(&state["message"]),
            false => Self::None,
        }
    }

    fn under_way(message: &Json) -> Self {
        Self::UnderWay(cut(message.as_str().unwrap_or("it does not say with what").to_owned()))
    }
}

impl KubernetesEnvironment {
    /// Waits until a keeper that is paused by now has ended what it was at.
    pub(super) async fn await_rest(&self, keeper: &Keeper, keepers: &Keepers, begun: Instant) -> Result<(), PortError> {
        match keeper.kind {
            KeeperKind::Kustomization => self.await_rest_of::<Kustomization>(keeper, keepers, begun).await,
            KeeperKind::HelmRelease => self.await_rest_of::<HelmRelease>(keeper, keepers, begun).await,
            KeeperKind::Application => self.await_rest_of::<Application>(keeper, keepers, begun).await,
            KeeperKind::VerticalPodAutoscaler => Ok(()),
        }
    }

    async fn await_rest_of<K: Keeps>(
        &self,
        keeper: &Keeper,
        keepers: &Keepers,
        begun: Instant,
    ) -> Result<(), PortError> {
        let (mut pause, mut quiet_since) = (FIRST_PAUSE, Instant::now());
        loop {
            let looked = Instant::now();
            let is_late = looked.duration_since(begun) >= WITHIN;
            let found = match self.reader.whole_in::<K>(&keeper.namespace, &keeper.name).await {
                Ok(found) => found,
                // What has gone does nothing any more.
                Err(error) if error.kind == FailureKind::NotFound => return Ok(()),
                Err(error) if error.kind.is_transient() && !is_late => {
                    quiet_since = Instant::now();
                    tokio::time::sleep(LONGEST_PAUSE).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            match Work::of(K::KIND, &found) {
                Work::Over => return Ok(()),
                Work::None if looked.duration_since(quiet_since) >= QUIET => return Ok(()),
                Work::None => {}
                Work::UnderWay(what) => {
                    let text = format!("waits until {keeper} has ended what it was at ({what})");
                    let places = keepers.by_place.iter().filter(|(_, kept_by)| kept_by.contains(keeper));
                    places.for_each(|(place, _)| {
                        self.tell(place, &Readiness { ready: 0, wanted: 0, text: text.clone() });
                    });
                    if is_late && found["metadata"]["annotations"][RUN].is_string() {
                        return Err(late(keeper, &what));
                    }
                    if is_late {
                        // Its controller may have ended without a word while its owner had it paused.
                        tracing::warn!(%keeper, what, "it was paused before the run, and still says that it is at something");
                        return Ok(());
                    }
                    quiet_since = Instant::now();
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn late(keeper: &Keeper, what: &str) -> PortError {
    let act = format!("could not wait until {keeper} has ended what it was at when it was paused");
    let within = Span::from(WITHIN);
    let why =
        format!("it is still at it after {within} ({what}); expected it to end, or somebody to end it, before the run");
    PortError::because(FailureKind::TimedOut, act, why)
}

#[cfg(test)]
mod tests {
    use conductor_core::failure::Failure;
    use serde_json::json;

    use super::*;

    fn flux(observed: Option<i64>, conditions: &[(&str, &str, &str)]) -> Work {
        let conditions: Vec<Json> = conditions
            .iter()
            .map(|(kind, status, reason)| json!({ "type": kind, "status": status, "reason": reason, "message": kind }))
            .collect();
        let status = json!({ "observedGeneration": observed, "conditions": conditions });
        Work::of(KeeperKind::HelmRelease, &json!({ "metadata": { "generation": 4 }, "status": status }))
    }

    fn under_way(what: &str) -> Work {
        Work::UnderWay(what.to_owned())
    }

    #[test]
    fn flux_is_at_rest_once_it_has_noted_the_generation_of_the_pause() {
        let progressing = ("Reconciling", "True", "Progressing");
        for (observed, conditions, expected) in [
            (Some(3), vec![("Ready", "Unknown", "Progressing"), progressing], under_way("Reconciling")),
            (Some(3), vec![("Ready", "Unknown", "Progressing")], under_way("Ready")),
            (Some(3), vec![("Ready", "True", "ReconciliationSucceeded"), progressing], under_way("Reconciling")),
            (Some(3), vec![("Ready", "True", "ReconciliationSucceeded")], Work::None),
            (Some(3), vec![("Ready", "False", "X"), ("Reconciling", "True", "ProgressingWithRetry")], Work::None),
            (None, vec![], Work::None),
            (Some(4), vec![("Ready", "True", "ReconciliationSucceeded")], Work::Over),
            // It waits for a dependency, and for nothing any more since it is paused.
            (Some(4), vec![("Ready", "False", "DependencyNotReady"), progressing], Work::Over),
        ] {
            assert_eq!(flux(observed, &conditions), expected, "{observed:?} {conditions:?}");
        }
        assert_eq!(Work::of(KeeperKind::Kustomization, &json!({})), Work::None);
    }

    #[test]
    fn argo_cd_is_at_work_while_there_is_an_operation() {
        let work = |status: Json, operation: Json| {
            Work::of(KeeperKind::Application, &json!({ "status": status, "operation": operation }))
        };
        let state =
            |phase: &str| json!({ "operationState": { "phase": phase, "message": "waiting for healthy state" } });
        assert_eq!(work(state("Running"), json!({ "sync": {} })), under_way("waiting for healthy state"));
        assert_eq!(work(state("Running"), Json::Null), under_way("waiting for healthy state"));
        assert_eq!(work(state("Terminating"), Json::Null), under_way("waiting for healthy state"));
        assert_eq!(work(Json::Null, json!({ "sync": {} })), under_way("it does not say with what"));
        for phase in ["Succeeded", "Failed", "Error"] {
            assert_eq!(work(state(phase), Json::Null), Work::None);
        }
        assert_eq!(work(Json::Null, Json::Null), Work::None);
    }

    #[test]
    fn a_keeper_that_does_not_end_is_told_with_what_it_is_at() {
        let [namespace, name] = ["shop", "apps"].map(str::to_owned);
        let keeper = Keeper { kind: KeeperKind::HelmRelease, namespace, name };
        let error = late(&keeper, "Running 'upgrade' action with timeout of 1h0m0s");
        assert_eq!(error.kind, FailureKind::TimedOut);
        assert_eq!(
            Failure::of("", &error).message,
            "could not wait until HelmRelease shop/apps has ended what it was at when it was paused: it is still at it after 8m \
             (Running 'upgrade' action with timeout of 1h0m0s); expected it to end, or somebody to end it, before the run"
        );
    }
}
