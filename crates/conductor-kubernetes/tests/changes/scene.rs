//! Applications before a run, and what the run does to them.

use std::time::{Duration, Instant};

use conductor_core::phase::Changes;
use conductor_kubernetes::KubernetesEnvironment;
use conductor_kubernetes_bed::{Rollout, Step, Trigger, scaled_object};
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::bed::{Bed, text};
use crate::everything::{Everything, but_for_what_autoscalers_choose};
use crate::plans::{
    argo_rollout_with_resources, autoscaler, autoscaler_of, blue_green_with_resources, like_production,
    stack_set_with_resources, stateful_set_with_resources, with_resources,
};

/// From what the way back is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum By {
    Journal,
    Cluster,
}

/// How long a controller may take on a busy machine until what it makes of an object is as the object says.
pub(crate) const CARRIED_WITHIN: Duration = Duration::from_secs(60);

/// What scales an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scaling {
    Alone,
    Horizontal,
    Keda,
    /// Nothing; and it is a StatefulSet.
    StatefulSet,
    /// A HorizontalPodAutoscaler; and it is a StatefulSet.
    AutoscaledStatefulSet,
    /// It is a Stack, by itself.
    Stack,
    /// It is a Stack with an autoscaler.
    AutoscaledStack,
    /// Nothing; and it is of a custom kind of which nothing is known but that it can be scaled.
    Scalable,
    /// A HorizontalPodAutoscaler; and it is of such a kind.
    AutoscaledScalable,
    /// Nothing; and it is a Rollout of Argo Rollouts whose canary pauses until somebody goes on.
    Canary,
    /// Nothing; and it is a Rollout whose Services are switched when somebody says so.
    BlueGreen,
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
        let scaling = if is_autoscaled { Scaling::Horizontal } else { Scaling::Alone };
        Self::scaled_by(scaling, namespace, names).await
    }

    /// The same, each scaled by that.
    pub(crate) async fn scaled_by(scaling: Scaling, namespace: &str, names: &[&str]) -> Self {
        if let Scaling::StatefulSet | Scaling::AutoscaledStatefulSet = scaling {
            return Self::of_stateful_sets(namespace, names, scaling == Scaling::AutoscaledStatefulSet).await;
        }
        if let Scaling::Stack | Scaling::AutoscaledStack = scaling {
            let bounds = (scaling == Scaling::AutoscaledStack).then_some(1..=4);
            let sets = names.iter().map(|name| stack_set_with_resources(name, 2, bounds.clone()));
            return Self::of(Bed::of_stack_sets(namespace, sets.collect()).await, names).await;
        }
        if let Scaling::Scalable | Scaling::AutoscaledScalable = scaling {
            let bounds = (scaling == Scaling::AutoscaledScalable).then_some([1, 4]);
            return Self::of_scalables(namespace, names, bounds).await;
        }
        if scaling == Scaling::Canary {
            return Self::of_argo_rollouts(namespace, names, &[Step::SetWeight(50), Step::pause()]).await;
        }
        if scaling == Scaling::BlueGreen {
            return Self::of_rollouts(namespace, names, |name| blue_green_with_resources(name, 2)).await;
        }
        let bed = Bed::new(namespace, names).await;
        for name in names {
            bed.api().create(&PostParams::default(), &with_resources(name, 2)).await.unwrap();
            match scaling {
                Scaling::Alone
                | Scaling::StatefulSet
                | Scaling::AutoscaledStatefulSet
                | Scaling::Canary
                | Scaling::BlueGreen
                | Scaling::Stack
                | Scaling::AutoscaledStack
                | Scaling::Scalable
                | Scaling::AutoscaledScalable => {}
                Scaling::Horizontal => {
                    bed.api().create(&PostParams::default(), &autoscaler(name, 1, 4)).await.unwrap();
                }
                Scaling::Keda => {
                    let mut made = scaled_object(name, 1..=4, Trigger::active());
                    // The trigger is always active: to look often would be in the way of what matters.
                    made.spec.polling_interval = Some(60);
                    bed.scaled_object(made).await;
                }
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

    /// The same with Rollouts of Argo Rollouts, with the steps of a canary.
    pub(crate) async fn of_argo_rollouts(namespace: &str, names: &[&str], steps: &[Step]) -> Self {
        Self::of_rollouts(namespace, names, |name| argo_rollout_with_resources(name, 2, steps)).await
    }

    async fn of_rollouts(namespace: &str, names: &[&str], made: impl Fn(&str) -> Rollout) -> Self {
        let applications: Vec<Value> = names.iter().map(|name| json!({ "name": name, "rollout": name })).collect();
        let bed = Bed::of(namespace, &applications).await;
        for name in names {
            bed.argo_rollout(&made(name)).await;
        }
        Self::of(bed, names).await
    }

    /// The same, with whatever applications there are.
    pub(crate) async fn of(bed: Bed, names: &[&str]) -> Self {
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

    /// There and back by the journal, to what the conductor has seen before.
    pub(crate) async fn goes_there_and_back(&self) {
        let conductor = self.bed.conductor(1).await;
        let before = self.bed.observe(&conductor).await;
        self.perform(&conductor).await;
        self.restore(&conductor, By::Journal).await;
        assert_eq!(self.bed.observe(&conductor).await, before);
    }

    /// Replicas that an autoscaler may choose are its affair, where it is not the way back alone that moves them.
    pub(crate) async fn assert_as_before(&self, when: &str) {
        self.assert_same(but_for_what_autoscalers_choose, when).await;
    }

    /// Replicas that an autoscaler rules are what they were, too.
    pub(crate) async fn assert_exactly_as_before(&self, when: &str) {
        self.assert_same(|all| all, when).await;
    }

    /// Controllers take a moment to carry on what their objects have got.
    async fn assert_same(&self, what: fn(Everything) -> Everything, when: &str) {
        let before = what(self.before.clone());
        let is_slow = before.keys().any(|name| name.starts_with("ScaledObject") || name.starts_with("Stack "));
        let begun = Instant::now();
        while is_slow && what(self.bed.everything().await) != before && begun.elapsed() < CARRIED_WITHIN {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(what(self.bed.everything().await), before, "{}, {when}", self.bed.namespace);
    }
}
