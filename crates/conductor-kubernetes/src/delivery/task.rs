//! The object by which a delivery system deploys one application for one run: made once, waited for, taken away.

use std::time::Duration;

use conductor_core::app::ApplicationId;
use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;
use kube::Client;
use kube::api::{DeleteParams, DynamicObject, PostParams};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::phase::{Standing, standing};
use crate::answer::{answer, attempt};
use crate::error::{failed, is_absent};
use crate::reader::{Called, Reader};
use crate::settings::DeployObject;
use crate::write::FIELD_MANAGER;

/// The annotation that says for which run and application an object was made.
const DEPLOYS: &str = "loadtest-conductor.dev/deploys";
/// Between two looks at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(5)];
/// How long an object that was deleted may stay: who made it stay may still be at it.
const GONE_WITHIN: Duration = Duration::from_secs(30);

/// One such object, whether it is there or not.
pub(super) struct Task<'a> {
    pub(super) client: &'a Client,
    pub(super) reader: &'a Reader,
    pub(super) settings: &'a DeployObject,
    pub(super) kind: Called,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) run: &'a RunId,
    pub(super) application: &'a ApplicationId,
}

impl Task<'_> {
    /// What people call it.
    pub(super) fn called(&self) -> String {
        self.kind.called(&self.namespace, &self.name)
    }

    fn owner(&self) -> String {
        format!("{}/{}", self.run, self.application)
    }

    /// Makes it of a filled template, or tries whether that could be done. Where it is there already it stays as it is.
    pub(super) async fn make(&self, mut object: Value, is_tried: bool) -> Result<(), PortError> {
        let act = format!("could not make {}", self.called());
        let unreadable = |error| PortError::because(FailureKind::Rejected, act.clone(), error);
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        object["metadata"]["name"] = json!(self.name);
        if !object["metadata"]["annotations"].is_object() {
            object["metadata"]["annotations"] = json!({});
        }
        object["metadata"]["annotations"][DEPLOYS] = json!(self.owner());
        let object: DynamicObject = serde_json::from_value(object).map_err(unreadable)?;
        let params = PostParams { dry_run: is_tried, field_manager: Some(FIELD_MANAGER.to_owned()) };
        let api = self.kind.api(self.client, &self.namespace);
        match attempt(&act, || api.create(&params, &object)).await? {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => match self.look().await? {
                // Gone again between two requests: the next attempt makes it.
                None => Err(PortError::new(FailureKind::Unavailable, act)),
                Some(found) if self.is_own(&found) => Ok(()),
                Some(_) => {
                    let why = "there is one of that name, which was not made for it";
                    Err(PortError::because(FailureKind::Rejected, act, why))
                }
            },
            Err(error) => Err(failed(&act, error)),
        }
    }

    async fn look(&self) -> Result<Option<Value>, PortError> {
        self.reader.object_called(&self.kind, &self.namespace, &self.name).await
    }

    fn is_own(&self, found: &Value) -> bool {
        found["metadata"]["annotations"][DEPLOYS] == self.owner()
    }

    /// Waits until the deployment is done. `tell` hears where it stands.
    pub(super) async fn ended(&self, tell: &(dyn Fn(String) + Send + Sync)) -> Result<(), PortError> {
        let within = self.settings.within;
        let (until, [mut pause, longest]) = (Instant::now() + within.as_duration(), PAUSES);
        let unsettled = |text: String| PortError::new(FailureKind::Unsettled, text);
        loop {
            let Some(found) = self.look().await? else {
                return Err(unsettled(format!("{} was deleted before its deployment had ended", self.called())));
            };
            let phase = match standing(&found, &self.settings.phase) {
                Standing::Done => return Ok(()),
                Standing::Failed(why) => return Err(unsettled(format!("{} {why}", self.called()))),
                Standing::Underway(phase) => phase,
            };
            tell(format!("{} {phase}", self.called()));
            if Instant::now() >= until {
                let expected = self.settings.phase.succeeded.join(" or ");
                return Err(unsettled(format!(
                    "{} {phase} after {within}; expected {expected}. If its delivery is denied what it does by the freeze, \
                     its user belongs among freeze.controllers",
                    self.called()
                )));
            }
            tokio::time::sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Ends the deployment, if it goes on, by deleting the object. One that has ended by itself is deleted only if that is
    /// wanted.
    pub(super) async fn stop(&self, with_ended: bool) -> Result<(), PortError> {
        let Some(found) = self.look().await?.filter(|found| self.is_own(found)) else { return Ok(()) };
        let has_ended = !matches!(standing(&found, &self.settings.phase), Standing::Underway(_));
        if has_ended && !with_ended {
            return Ok(());
        }
        let act = format!("could not delete {}", self.called());
        let api = self.kind.api(self.client, &self.namespace);
        let params = DeleteParams::default();
        match attempt(&act, || api.delete(&self.name, &params)).await? {
            Ok(_) => {}
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(failed(&act, error)),
        }
        if has_ended {
            return Ok(());
        }
        let until = Instant::now() + GONE_WITHIN;
        while answer(&act, || api.get_opt(&self.name)).await?.is_some() {
            if Instant::now() >= until {
                let within = GONE_WITHIN.as_secs();
                let text =
                    format!("{} is still there {within} s after it was deleted: it may still deploy", self.called());
                return Err(PortError::new(FailureKind::Unsettled, text));
            }
            tokio::time::sleep(PAUSES[0]).await;
        }
        Ok(())
    }
}
