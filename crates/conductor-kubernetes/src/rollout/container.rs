//! What keeps one container from running, and since when.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus};

use super::{between, count};

/// How long a container may wait for what the kubelet tries again: a registry that did not answer once is no failure.
const TRIES_FOR: Duration = Duration::from_secs(20);
/// So many restarts within so much time are a crash loop, even if nobody ever looked while the kubelet called it one.
const RESTARTS: u32 = 3;
const RESTARTS_WITHIN: Duration = Duration::from_secs(120);

/// What keeps something from becoming ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// The kubelet's or the scheduler's word for it, such as `ImagePullBackOff`.
    pub(super) reason: String,
    /// Their message.
    pub(super) message: String,
    /// How long it has been seen.
    pub(super) seen_for: Duration,
    /// True when waiting on is no use.
    pub(super) is_final: bool,
}

/// What was seen of one container before.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Since when it has waited with a trouble at each look.
    waits: Option<Timestamp>,
    /// Counts of restarts, each with the last look that showed it.
    restarts: Vec<(Timestamp, u32)>,
}

impl Seen {
    /// Sees the container now.
    pub(super) fn see(&mut self, now: Timestamp, status: &ContainerStatus) -> Option<Trouble> {
        let restarted = self.restarted(now, count(Some(status.restart_count)));
        if let Some(trouble) = self.waiting(now, status) {
            return Some(trouble);
        }
        (restarted >= RESTARTS).then(|| Trouble {
            reason: format!("restarted {restarted} times within {} min", RESTARTS_WITHIN.as_secs() / 60),
            message: ended(status).unwrap_or_default(),
            seen_for: RESTARTS_WITHIN,
            is_final: true,
        })
    }

    fn waiting(&mut self, now: Timestamp, status: &ContainerStatus) -> Option<Trouble> {
        let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
        let found = waiting.and_then(|waiting| {
            let reason = waiting.reason.as_deref()?;
            Some((reason, waiting.message.clone().unwrap_or_default(), patience(reason)?))
        });
        let Some((reason, mut message, patience)) = found else {
            self.waits = None;
            return None;
        };
        // Whatever the reasons: `ErrImagePull` and `ImagePullBackOff` take turns.
        let since = *self.waits.get_or_insert(now);
        let seen_for = between(since, now);
        if let (CRASH_LOOP, Some(ended)) = (reason, ended(status)) {
            message = format!("{message} ({ended})");
        }
        Some(Trouble { reason: reason.to_owned(), message, seen_for, is_final: seen_for >= patience })
    }

    /// How often it restarted of late.
    fn restarted(&mut self, now: Timestamp, restarts: u32) -> u32 {
        match self.restarts.last_mut() {
            Some((seen, same)) if *same == restarts => *seen = now,
            _ => self.restarts.push((now, restarts)),
        }
        self.restarts.retain(|(seen, _)| between(*seen, now) <= RESTARTS_WITHIN);
        let least = self.restarts.iter().map(|(_, restarts)| *restarts).min().unwrap_or(restarts);
        restarts - least
    }
}

const CRASH_LOOP: &str = "CrashLoopBackOff";

/// How long a container may wait for such a reason. None for what is no trouble, such as `ContainerCreating`.
fn patience(reason: &str) -> Option<Duration> {
    match reason {
        // The kubelet tries these again, too, but nothing changes until somebody changes something.
        "CreateContainerConfigError" | "InvalidImageName" | "ErrImageNeverPull" | CRASH_LOOP => Some(Duration::ZERO),
        "ErrImagePull" | "ImagePullBackOff" | "CreateContainerError" | "RunContainerError" => Some(TRIES_FOR),
        _ => None,
    }
}

/// How the container ended when it last did.
fn ended(status: &ContainerStatus) -> Option<String> {
    let terminated = |state: &Option<k8s_openapi::api::core::v1::ContainerState>| state.as_ref()?.terminated.clone();
    let end: ContainerStateTerminated = terminated(&status.state).or_else(|| terminated(&status.last_state))?;
    let reason = end.reason.unwrap_or_else(|| "ended".to_owned());
    Some(format!("{reason}, exit code {}", end.exit_code))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn status(restarts: i32, state: &Value) -> ContainerStatus {
        let ended = json!({ "terminated": { "reason": "OOMKilled", "exitCode": 137 } });
        serde_json::from_value(json!({
            "name": "main", "image": "shop:2", "imageID": "", "ready": false,
            "restartCount": restarts, "state": state, "lastState": if restarts > 0 { ended } else { Value::Null },
        }))
        .unwrap()
    }

    fn waiting(reason: &str) -> ContainerStatus {
        let restarts = i32::from(reason == CRASH_LOOP);
        status(restarts, &json!({ "waiting": { "reason": reason, "message": "why" } }))
    }

    /// The troubles at the looks, each at its second.
    fn looks(statuses: &[(i64, ContainerStatus)]) -> Vec<Option<Trouble>> {
        let mut seen = Seen::default();
        statuses.iter().map(|(second, status)| seen.see(Timestamp::from_second(*second).unwrap(), status)).collect()
    }

    #[test]
    fn what_only_a_person_can_mend_fails_at_once() {
        for (reason, message) in [
            ("CreateContainerConfigError", "why"),
            ("InvalidImageName", "why"),
            ("ErrImageNeverPull", "why"),
            ("CrashLoopBackOff", "why (OOMKilled, exit code 137)"),
        ] {
            let expected = Trouble {
                reason: reason.to_owned(),
                message: message.to_owned(),
                seen_for: Duration::ZERO,
                is_final: true,
            };
            assert_eq!(looks(&[(0, waiting(reason))]), [Some(expected)]);
        }
    }

    #[test]
    fn what_is_tried_again_fails_after_two_looks_twenty_seconds_apart() {
        for reason in ["ErrImagePull", "ImagePullBackOff", "CreateContainerError", "RunContainerError"] {
            let running = || status(0, &json!({ "running": {} }));
            for (name, seen, is_final) in [
                ("one look", vec![(0, waiting(reason))], false),
                ("two looks too close", vec![(0, waiting(reason)), (19, waiting(reason))], false),
                ("two looks", vec![(0, waiting(reason)), (20, waiting(reason))], true),
                ("many looks", vec![(0, waiting(reason)), (10, waiting(reason)), (20, waiting(reason))], true),
                ("with another reason", vec![(0, waiting("ErrImagePull")), (20, waiting(reason))], true),
                ("running between", vec![(0, waiting(reason)), (10, running()), (20, waiting(reason))], false),
                (
                    "tried anew between",
                    vec![(0, waiting(reason)), (10, waiting("ContainerCreating")), (20, waiting(reason))],
                    false,
                ),
            ] {
                let trouble = looks(&seen).pop().unwrap().unwrap();
                assert_eq!((trouble.reason.as_str(), trouble.is_final), (reason, is_final), "{reason}: {name}");
            }
        }
    }

    #[test]
    fn a_container_that_starts_is_in_no_trouble() {
        let fine = ["ContainerCreating", "PodInitializing", "SomethingNew"].map(|reason| (0, waiting(reason)));
        assert_eq!(looks(&fine), [None, None, None]);
        let without = [json!({}), json!({ "waiting": {} }), json!({ "running": {} }), Value::Null];
        assert_eq!(looks(&without.map(|state| (0, status(0, &state)))), [None, None, None, None]);
    }

    #[test]
    fn three_restarts_within_two_minutes_are_a_crash_loop() {
        for (name, seen, restarted) in [
            ("three at once", vec![(0, 0), (60, 3)], Some(3)),
            ("one by one", vec![(0, 0), (40, 1), (80, 2), (120, 3)], Some(3)),
            ("as many before anybody looked", vec![(0, 7), (60, 7)], None),
            ("two", vec![(0, 4), (60, 6)], None),
            ("too slow", vec![(0, 0), (60, 1), (121, 2), (181, 3)], None),
            ("slow, then fast", vec![(0, 0), (500, 0), (501, 1), (550, 2), (620, 3)], Some(3)),
            ("slow, and none of late", vec![(0, 0), (60, 1), (121, 2), (400, 3)], None),
            ("the count began anew", vec![(0, 9), (10, 0), (20, 2)], None),
        ] {
            let seen: Vec<_> =
                seen.into_iter().map(|(second, count)| (second, status(count, &json!({ "running": {} })))).collect();
            let expected = restarted.map(|times| Trouble {
                reason: format!("restarted {times} times within 2 min"),
                message: "OOMKilled, exit code 137".to_owned(),
                seen_for: RESTARTS_WITHIN,
                is_final: true,
            });
            assert_eq!(looks(&seen).pop().unwrap(), expected, "{name}");
        }
    }
}
