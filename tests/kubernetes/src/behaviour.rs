//! What becomes of a workload's pods, written into its pod template.

use std::time::Duration;

use k8s_openapi::api::core::v1::PodTemplateSpec;

/// The annotation that kwok's stages choose by; the template of waiting pods names it, too.
pub(crate) const BEHAVIOUR: &str = "bed.loadtest-conductor.dev/behaviour";
/// The annotation that says how long a pod takes to become ready, as Go writes durations.
pub(crate) const DELAY: &str = "bed.loadtest-conductor.dev/delay";
/// The label of nodes that no node has.
const NOWHERE: &str = "bed.loadtest-conductor.dev/nowhere";

/// What a pod does.
///
/// Where nothing is written into its template, the tag of its image may say it: `imagepull`, `crash`, `hang` or `flap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Behaviour {
    /// Is ready at once.
    Ready,
    /// Is ready after this time.
    Slow(Duration),
    /// Cannot pull its image: `ImagePullBackOff`.
    ImagePull,
    /// Crashes at each start: `CrashLoopBackOff` with five restarts.
    Crash,
    /// Starts for ever: `ContainerCreating`.
    Hang,
    /// Is ready at once, crashes three seconds later and stays in `CrashLoopBackOff`.
    Flap,
    /// Fits on no node: `Unschedulable`.
    Pending,
}

impl Behaviour {
    /// Writes itself into a pod template, in place of one that was there.
    pub fn write_to(self, template: &mut PodTemplateSpec) {
        let annotations = template.metadata.get_or_insert_default().annotations.get_or_insert_default();
        annotations.remove(BEHAVIOUR);
        annotations.remove(DELAY);
        let spec = template.spec.get_or_insert_default();
        if let Some(selector) = &mut spec.node_selector {
            selector.remove(NOWHERE);
        }
        let word = match self {
            Self::Ready => return,
            Self::Pending => {
                spec.node_selector.get_or_insert_default().insert(NOWHERE.to_owned(), "true".to_owned());
                return;
            }
            Self::Slow(delay) => {
                annotations.insert(DELAY.to_owned(), format!("{}ms", delay.as_millis()));
                "slow"
            }
            Self::ImagePull => "imagepull",
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::Flap => "flap",
        };
        annotations.insert(BEHAVIOUR.to_owned(), word.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_behaviour_replaces_another_without_a_trace() {
        let mut fresh = PodTemplateSpec::default();
        Behaviour::Ready.write_to(&mut fresh);
        let mut changed = fresh.clone();
        Behaviour::Slow(Duration::from_secs(2)).write_to(&mut changed);
        assert_eq!(changed.metadata.as_ref().unwrap().annotations.as_ref().unwrap()[DELAY], "2000ms");
        Behaviour::Pending.write_to(&mut changed);
        assert_ne!(changed, fresh);
        Behaviour::Ready.write_to(&mut changed);
        changed.spec.as_mut().unwrap().node_selector = None;
        assert_eq!(changed, fresh);
    }

    #[test]
    fn the_template_of_waiting_pods_looks_at_the_same_annotation() {
        assert!(include_str!("kwok/pod-waiting.tmpl").contains(BEHAVIOUR));
    }
}
