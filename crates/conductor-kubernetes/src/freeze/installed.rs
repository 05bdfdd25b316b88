//! Whether a cluster has what a freeze needs: the kind, the policy, and the binding that puts it into force.

use std::fmt::Debug;

use conductor_core::ports::PortError;
use k8s_openapi::ClusterResourceScope;
use k8s_openapi::api::admissionregistration::v1::{
    NamedRuleWithOperations, ParamRef, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyBindingSpec,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::Freezer;
use crate::answer::answer;
use crate::scalable::Declared;

const DEFINITION: &str = "freezes.loadtest-conductor.dev";
/// The policy, and its binding.
const POLICY: &str = "freeze.loadtest-conductor.dev";

impl Freezer {
    /// What the cluster lacks to freeze anything, in words. Nothing: it is all there, which does not prove yet that changes
    /// are denied.
    ///
    /// # Errors
    /// When the API server does not tell.
    pub async fn available(&self) -> Result<Vec<String>, PortError> {
        let mut missing = Vec::new();
        match self.installed::<CustomResourceDefinition>(DEFINITION).await? {
            None => missing.push(format!("CustomResourceDefinition {DEFINITION} does not exist")),
            Some(definition) if !is_established(&definition) => {
                missing.push(format!("CustomResourceDefinition {DEFINITION} is not established"));
            }
            Some(_) => {}
        }
        if self.installed::<ValidatingAdmissionPolicy>(POLICY).await?.is_none() {
            missing.push(format!("ValidatingAdmissionPolicy {POLICY} does not exist"));
        }
        match self.installed::<ValidatingAdmissionPolicyBinding>(POLICY).await? {
            None => missing.push(format!("ValidatingAdmissionPolicyBinding {POLICY} does not exist")),
            Some(binding) => {
                let wrong = self.wrong_with(&binding.spec);
                missing.extend(wrong.map(|wrong| format!("ValidatingAdmissionPolicyBinding {POLICY} {wrong}")));
            }
        }
        Ok(missing)
    }

    /// True where the policy is asked about changes of the objects of a custom kind: somebody has added it.
    ///
    /// # Errors
    /// When the API server does not tell.
    pub(crate) async fn knows(&self, kind: &Declared) -> Result<bool, PortError> {
        let policy = self.installed::<ValidatingAdmissionPolicy>(POLICY).await?;
        let rules = policy.and_then(|policy| policy.spec?.match_constraints?.resource_rules);
        Ok(rules.iter().flatten().any(|rule| is_for(rule, kind)))
    }

    async fn installed<K>(&self, name: &str) -> Result<Option<K>, PortError>
    where
        K: Resource<Scope = ClusterResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let objects: Api<K> = Api::all(self.client.clone());
        let act = format!("could not look for {} {name}", K::kind(&()));
        answer(&act, || async { objects.get_opt(name).await }).await
    }

    /// What keeps a binding from acting on the conductor's freezes.
    fn wrong_with(&self, binding: &ValidatingAdmissionPolicyBindingSpec) -> Option<String> {
        let namespace = &self.namespace;
        let looks_here = |params: &ParamRef| params.namespace.as_ref() == Some(namespace);
        if !binding.validation_actions.iter().any(|action| action == "Deny") {
            return Some("denies nothing".to_owned());
        }
        let here = binding.param_ref.as_ref().is_some_and(looks_here);
        (!here).then(|| format!("does not look for freezes in namespace {namespace}"))
    }
}

fn is_for(rule: &NamedRuleWithOperations, kind: &Declared) -> bool {
    let has = |list: &Option<Vec<String>>, name: &str| list.iter().flatten().any(|one| one == name || one == "*");
    has(&rule.api_groups, &kind.group) && has(&rule.resources, &kind.plural) && has(&rule.operations, "UPDATE")
}

pub(super) fn is_established(definition: &CustomResourceDefinition) -> bool {
    let mut conditions = definition.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|condition| condition.type_ == "Established" && condition.status == "True")
}
