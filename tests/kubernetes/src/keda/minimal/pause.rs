//! Whether annotations pause a ScaledObject.

use std::collections::BTreeMap;

use kube::ResourceExt;

use crate::keda::scaled_object::ScaledObject;

const PAUSED: &str = "autoscaling.keda.sh/paused";
const PAUSED_REPLICAS: &str = "autoscaling.keda.sh/paused-replicas";
const NO_SCALE_IN: &str = "autoscaling.keda.sh/paused-scale-in";
const NO_SCALE_OUT: &str = "autoscaling.keda.sh/paused-scale-out";

/// What Go takes for false. Whatever is no truth value at all counts as true.
const FALSE: [&str; 6] = ["0", "f", "F", "false", "FALSE", "False"];

/// How a ScaledObject is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// Not at all.
    No,
    /// With the replicas that there are.
    AsItIs,
    /// With another number of replicas.
    At(i32),
}

/// # Errors
/// When the number of replicas is none.
pub(super) fn of(object: &ScaledObject) -> Result<Pause, String> {
    let annotations = object.annotations();
    match (annotations.get(PAUSED_REPLICAS), annotations.get(PAUSED)) {
        (Some(count), _) => count
            .parse()
            .map(Pause::At)
            .map_err(|_| format!("annotation {PAUSED_REPLICAS} is {count:?}; expected a number of replicas")),
        (None, Some(paused)) if !FALSE.contains(&paused.as_str()) => Ok(Pause::AsItIs),
        (None, _) => Ok(Pause::No),
    }
}

/// True where replicas are not made fewer.
pub(super) fn of_scale_in(object: &ScaledObject) -> bool {
    is_true(object, NO_SCALE_IN)
}

/// True where replicas are not made more.
pub(super) fn of_scale_out(object: &ScaledObject) -> bool {
    is_true(object, NO_SCALE_OUT)
}

fn is_true(object: &ScaledObject, annotation: &str) -> bool {
    object.annotations().get(annotation).is_some_and(|text| !FALSE.contains(&text.as_str()))
}

/// What is looked at to see whether something was changed. An empty text is no different from none.
pub(super) fn words(annotations: &BTreeMap<String, String>) -> [String; 4] {
    [PAUSED, PAUSED_REPLICAS, NO_SCALE_IN, NO_SCALE_OUT].map(|name| annotations.get(name).cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keda::scaled_object::{Trigger, scaled_object};

    fn annotated(annotations: &[(&str, &str)]) -> Result<Pause, String> {
        let mut object = scaled_object("shop", 1..=5, Trigger::active());
        let owned = annotations.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        *object.annotations_mut() = owned.collect();
        of(&object)
    }

    #[test]
    fn any_text_pauses_unless_it_is_false() {
        for text in ["true", "1", "T", "banana", "no", ""] {
            assert_eq!(annotated(&[(PAUSED, text)]), Ok(Pause::AsItIs), "{text:?}");
        }
        for text in FALSE {
            assert_eq!(annotated(&[(PAUSED, text)]), Ok(Pause::No), "{text:?}");
        }
        assert_eq!(annotated(&[]), Ok(Pause::No));
    }

    #[test]
    fn a_number_of_replicas_pauses_whatever_else_is_said() {
        assert_eq!(annotated(&[(PAUSED, "false"), (PAUSED_REPLICAS, "3")]), Ok(Pause::At(3)));
        assert_eq!(
            annotated(&[(PAUSED_REPLICAS, "many")]).unwrap_err(),
            "annotation autoscaling.keda.sh/paused-replicas is \"many\"; expected a number of replicas"
        );
    }
}
