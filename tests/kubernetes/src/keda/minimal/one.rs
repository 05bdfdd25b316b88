//! One ScaledObject as it is now, with what is done to it and for it.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::error::in_words;
use crate::keda::minimal::pause::{self, Pause};
use crate::keda::minimal::scaling::{Step, step};
use crate::keda::minimal::{autoscaler, target, window};
use crate::keda::scaled_object::{ScaledObject, ScaledObjectCondition, ScaledObjectStatus};

const FINALIZER: &str = "finalizer.keda.sh";
const COOL_DOWN_S: u32 = 300;

/// The conditions that are there from the beginning.
const CONDITIONS: [&str; 4] = ["Ready", "Active", "Fallback", "Paused"];

/// What became of a ScaledObject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is no more, or will be none.
    Gone,
    /// Nothing is done for it.
    Paused,
    /// Its replicas are looked at; anew, where it just got its autoscaler.
    Scaled { generation: i64, anew: bool },
}

/// A ScaledObject as it was read, and its status as it will be.
pub(super) struct One {
    client: Client,
    objects: Api<ScaledObject>,
    autoscalers: Api<HorizontalPodAutoscaler>,
    object: ScaledObject,
    status: ScaledObjectStatus,
}

impl One {
    pub(super) async fn read(client: &Client, namespace: &str, name: &str) -> Result<Option<Self>, String> {
        let objects: Api<ScaledObject> = Api::namespaced(client.clone(), namespace);
        let found = objects.get_opt(name).await.map_err(in_words)?;
        Ok(found.map(|object| Self {
            client: client.clone(),
            autoscalers: Api::namespaced(client.clone(), namespace),
            objects,
            status: object.status.clone().unwrap_or_default(),
            object,
        }))
    }

    /// Brings its autoscaler in line with it.
    pub(super) async fn reconcile(mut self) -> Result<Outcome, String> {
        let finalizers = self.object.finalizers().to_vec();
        let is_held = finalizers.iter().any(|finalizer| finalizer == FINALIZER);
        if self.object.metadata.deletion_timestamp.is_some() {
            if is_held {
                let others: Vec<&String> = finalizers.iter().filter(|finalizer| *finalizer != FINALIZER).collect();
                self.change(json!({ "finalizers": others })).await?;
            }
            return Ok(Outcome::Gone);
        }
        if !is_held {
            let all: Vec<&str> = finalizers.iter().map(String::as_str).chain([FINALIZER]).collect();
            self.change(json!({ "finalizers": all })).await?;
        }
        for kind in CONDITIONS {
            if self.status.condition(kind).is_none() {
                self.say(kind, "Unknown", "", "");
            }
        }
        let outcome = match self.follow().await {
            Ok(outcome) => outcome,
            Err(error) => {
                self.say("Ready", "False", "ScaledObjectCheckFailed", &error);
                self.say("Active", "Unknown", "UnknownState", "ScaledObject check failed");
                self.write_status().await?;
                return Err(error);
            }
        };
        let message = if outcome == Outcome::Paused {
            "ScaledObject is paused"
        } else {
            "ScaledObject is defined correctly and is ready for scaling"
        };
        self.say("Ready", "True", "ScaledObjectReady", message);
        self.say("Fallback", "False", "NoFallbackFound", "No fallbacks are active on this scaled object");
        self.write_status().await?;
        Ok(outcome)
    }

    async fn follow(&mut self) -> Result<Outcome, String> {
        let pause = pause::of(&self.object)?;
        if pause != Pause::No {
            self.say("Paused", "True", "ScaledObjectPaused", "ScaledObject is paused");
            // Said before it is done, so that nobody scales meanwhile.
            self.write_status().await?;
            self.remove_autoscaler().await?;
            self.status.paused_replica_count = None;
            if let Pause::At(replicas) = pause {
                target::scale(&self.client, &self.object, replicas).await.map_err(in_words)?;
                self.status.paused_replica_count = Some(replicas);
            }
            return Ok(Outcome::Paused);
        }
        if self.status.condition("Paused").is_some_and(|paused| paused.status == "True") {
            self.say("Paused", "False", "ScaledObjectUnpaused", "pause annotation removed for ScaledObject");
        }
        self.status.paused_replica_count = None;
        let own = self.object.name_any();
        if self.object.labels().get(autoscaler::OWNER) != Some(&own) {
            self.change(json!({ "labels": { autoscaler::OWNER: own } })).await?;
        }
        let replicas = target::replicas(&self.client, &self.object).await.map_err(in_words)?;
        self.status.scale_target_kind = Some(target::kind(&self.object));
        self.status.original_replica_count.get_or_insert(replicas);
        self.check_bounds()?;
        self.is_active(Timestamp::now())?;
        let anew = self.write_autoscaler().await?;
        self.status.hpa_name = Some(autoscaler::name(&self.object));
        Ok(Outcome::Scaled { generation: self.object.metadata.generation.unwrap_or_default(), anew })
    }

    /// The API server does not let the fewest replicas be more than the most.
    fn check_bounds(&self) -> Result<(), String> {
        let least = self.object.spec.min_replica_count.map_or(0, |_| autoscaler::least(&self.object));
        match self.object.spec.idle_replica_count {
            Some(idle) if idle >= least => {
                Err(format!("IdleReplicaCount={idle} must be less than MinReplicaCount={least}"))
            }
            _ => Ok(()),
        }
    }

    /// Writes the autoscaler if need be; true when it is a new one.
    async fn write_autoscaler(&self) -> Result<bool, String> {
        let wanted = autoscaler::wanted(&self.object);
        let found = self.autoscalers.get_opt(&wanted.name_any()).await.map_err(in_words)?;
        match &found {
            None => drop(self.autoscalers.create(&PostParams::default(), &wanted).await.map_err(in_words)?),
            Some(found) if autoscaler::differs(&wanted, found) => {
                let replaced = self.autoscalers.replace(&wanted.name_any(), &PostParams::default(), &wanted).await;
                drop(replaced.map_err(in_words)?);
            }
            Some(_) => {}
        }
        Ok(found.is_none())
    }

    async fn remove_autoscaler(&self) -> Result<(), String> {
        match self.autoscalers.delete(&autoscaler::name(&self.object), &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => other.map(drop).map_err(in_words),
        }
    }

    /// Looks at the triggers and scales by them.
    pub(super) async fn scale(mut self) -> Result<(), String> {
        if pause::of(&self.object)? != Pause::No {
            return Ok(());
        }
        let now = Timestamp::now();
        let is_active = self.is_active(now)?;
        let replicas = target::replicas(&self.client, &self.object).await.map_err(in_words)?;
        let step = step(&self.object.spec, replicas, is_active, self.is_cool(now));
        match (is_active, step) {
            (true, _) => {
                self.say("Active", "True", "ScalerActive", "Scaling is performed because triggers are active");
                self.status.last_active_time = Some(whole_seconds(now));
            }
            (false, Step::CoolDown) => {
                self.say("Active", "False", "ScalerCooldown", "Scaler cooling down because triggers are not active");
            }
            (false, Step::Stay | Step::To(_)) => {
                let message = "Scaling is not performed because triggers are not active";
                self.say("Active", "False", "ScalerNotActive", message);
            }
        }
        if let Step::To(wanted) = step
            && !(wanted < replicas && pause::of_scale_in(&self.object))
            && !(is_active && pause::of_scale_out(&self.object))
        {
            target::scale(&self.client, &self.object, wanted).await.map_err(in_words)?;
        }
        self.write_status().await
    }

    fn is_active(&self, now: Timestamp) -> Result<bool, String> {
        let triggers = self.object.spec.triggers.iter().map(|trigger| window::is_active(trigger, now));
        Ok(triggers.collect::<Result<Vec<bool>, String>>()?.contains(&true))
    }

    /// What was never seen active has nothing to cool down from.
    fn is_cool(&self, now: Timestamp) -> bool {
        let seconds = self.object.spec.cooldown_period.unwrap_or(COOL_DOWN_S);
        let last = self.status.last_active_time.as_ref().and_then(|time| time.parse::<Timestamp>().ok());
        last.is_none_or(|last| now.duration_since(last) > SignedDuration::from_secs(seconds.into()))
    }

    pub(super) fn polling_interval(&self) -> Option<u32> {
        self.object.spec.polling_interval
    }

    fn say(&mut self, kind: &str, status: &str, reason: &str, message: &str) {
        let said = ScaledObjectCondition {
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
        };
        match self.status.conditions.iter_mut().find(|condition| condition.kind == kind) {
            Some(condition) => *condition = said,
            None => self.status.conditions.push(said),
        }
    }

    /// Writes metadata of the ScaledObject, of the version that was read.
    async fn change(&mut self, mut metadata: Value) -> Result<(), String> {
        metadata["resourceVersion"] = json!(self.object.metadata.resource_version);
        self.object = self.patch(None, json!({ "metadata": metadata })).await?;
        Ok(())
    }

    async fn write_status(&mut self) -> Result<(), String> {
        if self.object.status.as_ref() != Some(&self.status) {
            self.object = self.patch(Some("status"), json!({ "status": self.status })).await?;
        }
        Ok(())
    }

    async fn patch(&self, subresource: Option<&str>, change: Value) -> Result<ScaledObject, String> {
        let (name, params, change) = (self.object.name_any(), PatchParams::default(), Patch::Merge(change));
        let patched = match subresource {
            None => self.objects.patch(&name, &params, &change).await,
            Some(_) => self.objects.patch_status(&name, &params, &change).await,
        };
        patched.map_err(in_words)
    }
}

fn whole_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
