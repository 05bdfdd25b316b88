//! Where a deployment stands, as its object tells. Pure.

use serde_json::Value;

use crate::error::cut;
use crate::settings::PhaseSettings;

/// What a denial of the freeze says.
const FROZEN: &str = "frozen by load test";

/// Where a deployment stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It goes on, or has not begun; in words.
    Underway(String),
    Done,
    /// In words, with the object's own.
    Failed(String),
}

/// Where the deployment of an object stands.
pub(super) fn standing(object: &Value, settings: &PhaseSettings) -> Standing {
    let Ok(phase) = settings.json_path.text(object) else {
        return Standing::Underway(format!("says no phase at {}", settings.json_path));
    };
    if settings.succeeded.iter().any(|known| known == phase) {
        return Standing::Done;
    }
    if !settings.failed.iter().any(|known| known == phase) {
        return Standing::Underway(format!("is {phase}"));
    }
    let message = settings.message.as_ref().and_then(|path| path.text(object).ok());
    let message = message.map(|text| cut(text.trim().to_owned()));
    let is_frozen = message.as_ref().is_some_and(|text| text.contains(FROZEN));
    let hint = if is_frozen { " (the user of its delivery belongs among freeze.controllers)" } else { "" };
    Standing::Failed(message.map_or_else(|| format!("is {phase}"), |text| format!("is {phase}: {text}{hint}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_phase_that_is_not_named_is_on_the_way_and_a_failure_has_the_objects_own_words() {
        let settings: PhaseSettings = serde_json::from_value(json!({
            "succeeded": ["Succeeded"], "failed": ["Failed", "Aborted"], "message": "{.status.message}",
        }))
        .unwrap();
        let failed = |text: &str| Standing::Failed(text.to_owned());
        let underway = |text: &str| Standing::Underway(text.to_owned());
        for (status, expected) in [
            (json!({ "phase": "Succeeded" }), Standing::Done),
            (json!({ "phase": "Deploying" }), underway("is Deploying")),
            (json!({ "phase": 3 }), underway("says no phase at $.status.phase")),
            (Value::Null, underway("says no phase at $.status.phase")),
            (json!({ "phase": "Aborted" }), failed("is Aborted")),
            (json!({ "phase": "Failed", "message": " no manifest set 7\n" }), failed("is Failed: no manifest set 7")),
            (
                json!({ "phase": "Failed", "message": "denied request: deployments \"shop\" is frozen by load test a until …" }),
                failed(
                    "is Failed: denied request: deployments \"shop\" is frozen by load test a until … \
                     (the user of its delivery belongs among freeze.controllers)",
                ),
            ),
        ] {
            assert_eq!(standing(&json!({ "status": status }), &settings), expected, "{status}");
        }
    }
}
