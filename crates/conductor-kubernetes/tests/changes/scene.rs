//! Applications before a run, and what the run does to them.

use conductor_core::phase::Changes;
use conductor_kubernetes::KubernetesEnvironment;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::bed::{Bed, text};
use crate::everything::{Everything, but_for_what_autoscalers_choose};
use crate::plans::{autoscaler, autoscaler_of, like_production, stateful_set_with_resources, with_resources};

/// From what the way back is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum By {
    Journal,
    Cluster,
}

/// Applications before a run, and what the run will do.
pub(crate) struct Scene {
    pub(crate) bed: Bed,
    pub(crate) before: Everything,
    pub(crate) changes: Changes,
}

impl Scene {
    /// Applications of two replicas each in a fresh namespace. The run takes them to production's versions and allocation, of
    /// six replicas.
    pub(crate) async fn new(namespace: &str, names: &[&str], is_autoscaled: bool) -> Self {
        let bed = Bed::new(namespace, names).await;
        for name in names {
            bed.api().create(&PostParams::default(), &with_resources(name, 2)).await.unwrap();
            if is_autoscaled {
                bed.api().create(&PostParams::default(), &autoscaler(name, 1, 4)).await.unwrap();
            }
        }
        Self::of(bed, names).await
    }

    /// The same with StatefulSets, NAME-db for each application.
    pub(crate) async fn of_stateful_sets(namespace: &str, names: &[&str], is_autoscaled: bool) -> Self {
        let set = |name: &str| format!("{name}-db");
        let applications: Vec<Value> =
            names.iter().map(|name| json!({ "name": name, "statefulSet": set(name) })).collect();
        let bed = Bed::of(namespace, &applications).await;
        for name in names {
            let made = stateful_set_with_resources(&set(name), 2);
            bed.api().create(&PostParams::default(), &made).await.unwrap();
            if is_autoscaled {
                let autoscaler = autoscaler_of("StatefulSet", &set(name), 1, 4);
                bed.api().create(&PostParams::default(), &autoscaler).await.unwrap();
            }
        }
        Self::of(bed, names).await
    }

    async fn of(bed: Bed, names: &[&str]) -> Self {
        let before = bed.everything().await;
        let baseline = bed.observe(&bed.conductor(1).await).await;
        let changes = like_production(&baseline, names, 6);
        Self { bed, before, changes }
    }

    pub(crate) async fn perform(&self, conductor: &KubernetesEnvironment) {
        let done = self.bed.perform(conductor, &self.changes.plan).await;
        done.unwrap_or_else(|error| panic!("{}", text(&error)));
    }

    pub(crate) async fn restore(&self, conductor: &KubernetesEnvironment, by: By) {
        match by {
            By::Journal => assert_eq!(self.bed.restore(conductor, &self.changes).await, [""; 0]),
            By::Cluster => drop(self.bed.restore_from_cluster(conductor).await),
        }
    }

    /// Replicas that an autoscaler may choose are its affair, where it is not the way back alone that moves them.
    pub(crate) async fn assert_as_before(&self, when: &str) {
        let [now, before] = [self.bed.everything().await, self.before.clone()].map(but_for_what_autoscalers_choose);
        assert_eq!(now, before, "{}, {when}", self.bed.namespace);
    }

    /// Replicas that an autoscaler rules are what they were, too.
    pub(crate) async fn assert_exactly_as_before(&self, when: &str) {
        assert_eq!(self.bed.everything().await, self.before, "{}, {when}", self.bed.namespace);
    }
}
