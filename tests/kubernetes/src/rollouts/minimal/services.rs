//! The Services that a Rollout switches from one version to another.

use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::error::in_words;
use crate::rollouts::minimal::sets::HASH;
use crate::rollouts::rollout::{BlueGreen, Rollout};

/// The annotation with the Rollout that a Service belongs to.
const MANAGED_BY: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";

/// Those of one Rollout, as far as they are there.
pub(super) struct Services {
    api: Api<Service>,
    active: Option<Service>,
    preview: Option<Service>,
}

impl Services {
    pub(super) async fn read(api: Api<Service>, rollout: &Rollout) -> Result<Self, String> {
        let spec = rollout.spec.strategy.blue_green.as_ref();
        let [active, preview] =
            [spec.map(|spec| &spec.active_service), spec.and_then(|spec| spec.preview_service.as_ref())];
        let find = async |name: Option<&String>| match name {
            Some(name) => api.get_opt(name).await.map_err(in_words),
            None => Ok(None),
        };
        let (active, preview) = (find(active).await?, find(preview).await?);
        Ok(Self { api, active, preview })
    }

    /// What is wrong where one is not there.
    pub(super) fn missing(&self, spec: &BlueGreen) -> Option<String> {
        let active = ("activeService", Some(&spec.active_service), &self.active);
        let preview = ("previewService", spec.preview_service.as_ref(), &self.preview);
        [active, preview].into_iter().find_map(|(field, name, found)| {
            let name = name.filter(|_| found.is_none())?;
            Some(format!("spec.strategy.blueGreen.{field}: Invalid value: \"{name}\": service \"{name}\" not found"))
        })
    }

    /// The hash of the version that users get; empty before there is one.
    pub(super) fn active(&self) -> String {
        chosen(self.active.as_ref())
    }

    /// The hash of the version that can be looked at before users get it; empty where there is no Service for it.
    pub(super) fn preview(&self) -> String {
        chosen(self.preview.as_ref())
    }

    pub(super) async fn switch_active(&mut self, rollout: &Rollout, hash: &str) -> Result<(), String> {
        switch(&self.api, self.active.as_mut(), rollout, hash).await
    }

    pub(super) async fn switch_preview(&mut self, rollout: &Rollout, hash: &str) -> Result<(), String> {
        switch(&self.api, self.preview.as_mut(), rollout, hash).await
    }
}

fn chosen(service: Option<&Service>) -> String {
    let selector = service.and_then(|service| service.spec.as_ref()?.selector.as_ref());
    selector.and_then(|selector| selector.get(HASH)).cloned().unwrap_or_default()
}

async fn switch(
    api: &Api<Service>,
    service: Option<&mut Service>,
    rollout: &Rollout,
    hash: &str,
) -> Result<(), String> {
    let Some(service) = service.filter(|service| chosen(Some(service)) != hash) else { return Ok(()) };
    let annotations = json!({ MANAGED_BY: rollout.name_any() });
    let change = json!({ "metadata": { "annotations": annotations }, "spec": { "selector": { HASH: hash } } });
    let patched = api.patch(&service.name_any(), &PatchParams::default(), &Patch::Merge(change)).await;
    *service = patched.map_err(in_words)?;
    Ok(())
}
