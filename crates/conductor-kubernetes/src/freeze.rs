//! The freeze: while a load test runs, nobody else changes the applications under test.
//!
//! What is denied, and to whom, is written in the admission policy of `deploy/kubernetes/freeze`, which an administrator
//! installs. Here its parameters are made, one [`Freeze`] a run, each with a timer in the cluster that removes it when the
//! conductor is gone; and it is proved that they act. When to freeze and what to do without one is decided by the caller.

mod hold;
mod installed;
mod probe;
mod resource;
mod target;
mod timer;

#[cfg(test)]
mod real_tests;

use conductor_core::ports::{FailureKind, PortError};
use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, ResourceExt};

use crate::answer::{answer, attempt};
use crate::error::is_absent;
use crate::write::FIELD_MANAGER;
use resource::Freeze;

pub(crate) use self::{
    probe::Proof,
    target::{Resource, Target},
};

/// Freezes and lifts, in one cluster, as one user.
#[derive(Clone)]
pub struct Freezer {
    client: Client,
    /// The conductor's namespace, where the Freezes are.
    namespace: String,
    /// Who may change what is frozen: the conductor itself, as the API server sees it.
    holder: String,
    /// Whom to ask.
    owner: String,
    controllers: Vec<String>,
    break_glass: Vec<String>,
}

/// A freeze that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Its name, to lift it by.
    pub name: String,
    /// The run that it is for.
    pub run: String,
    /// Whom to ask about it.
    pub owner: String,
    /// When it ends if nobody renews it.
    pub expires: Timestamp,
    /// How many objects are frozen.
    pub targets: usize,
}

impl Freezer {
    /// A freezer for the user of the client, with the conductor's namespace.
    ///
    /// # Errors
    /// When the API server does not tell who the user is.
    pub async fn new(client: Client, namespace: &str) -> Result<Self, PortError> {
        let act = "could not ask the API server who the conductor is";
        let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
        let review = answer(act, || async { reviews.create(&PostParams::default(), &Default::default()).await });
        let user = review.await?.status.and_then(|status| status.user_info).and_then(|user| user.username);
        let holder = user.ok_or_else(|| PortError::because(FailureKind::Rejected, act, "it names no user"))?;
        Ok(Self {
            client,
            namespace: namespace.to_owned(),
            owner: holder.clone(),
            holder,
            controllers: Vec::new(),
            break_glass: Vec::new(),
        })
    }

    /// Says whom to ask about its freezes; the user of the client, if nobody else.
    #[must_use]
    pub(crate) fn owned_by(mut self, owner: &str) -> Self {
        owner.clone_into(&mut self.owner);
        self
    }

    /// Exempts users who carry a frozen owner's spec to the objects that it owns.
    #[must_use]
    pub(crate) fn exempting(mut self, controllers: Vec<String>) -> Self {
        self.controllers = controllers;
        self
    }

    /// Exempts users and groups who may change what is frozen in an emergency. The conductor's own user must not be among
    /// them: nothing could be proved then.
    #[must_use]
    pub(crate) fn with_break_glass(mut self, users: Vec<String>) -> Self {
        self.break_glass = users;
        self
    }

    /// The freezes that exist, by name.
    ///
    /// # Errors
    /// When the API server does not tell.
    pub async fn frozen(&self) -> Result<Vec<Frozen>, PortError> {
        let tell = |freeze: Freeze| Frozen {
            name: freeze.name_any(),
            run: freeze.spec.run,
            owner: freeze.spec.owner,
            expires: freeze.spec.expires_at,
            targets: freeze.spec.targets.len(),
        };
        Ok(self.list().await?.into_iter().map(tell).collect())
    }

    fn freezes(&self) -> Api<Freeze> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// All freezes; none where the cluster does not know the kind.
    async fn list(&self) -> Result<Vec<Freeze>, PortError> {
        let act = format!("could not list the freezes in namespace {}", self.namespace);
        let freezes = self.freezes();
        match attempt(&act, || async { freezes.list(&ListParams::default()).await }).await? {
            Ok(list) => Ok(list.items),
            Err(error) if is_absent(&error) => Ok(Vec::new()),
            Err(error) => Err(crate::error::failed(act, error)),
        }
    }
}
