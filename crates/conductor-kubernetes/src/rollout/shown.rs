//! The order in which an object is judged, whatever its kind.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Progress;
use super::wanted::Wanted;

/// What an object shows, in terms that the kinds share.
pub(super) struct Shown<'a> {
    pub(super) metadata: &'a ObjectMeta,
    /// `spec.replicas`, where absent means one.
    pub(super) replicas: u32,
    /// `status.readyReplicas`.
    pub(super) ready: u32,
    /// `status.observedGeneration`.
    pub(super) observed_generation: Option<i64>,
    /// Why such a spec never leads to what is wanted.
    pub(super) hopeless: Option<String>,
    /// Why its controller gave up, or cannot go on.
    pub(super) given_up: Option<String>,
    /// What is missing by its counts.
    pub(super) missing: Option<Missing>,
}

/// What is missing.
pub(super) enum Missing {
    /// That replicas which are there become ready.
    Readiness,
    /// Something else, in words that follow `3 of 20 replicas ready,`.
    Other(String),
}

impl Shown<'_> {
    /// Where the object stands.
    pub(super) fn judged(self, wanted: &Wanted) -> Progress {
        let underway = |why| Progress::underway(self.ready, wanted.replicas.unwrap_or(self.replicas), why);
        if wanted.before.is_after(self.metadata.generation) {
            return underway(Some("the change is not seen yet".to_owned()));
        }
        if self.metadata.deletion_timestamp.is_some() {
            return Progress::Failed("somebody deletes it".to_owned());
        }
        if let Some(why) = self.hopeless {
            return Progress::Failed(why);
        }
        // Whatever the status says, it says it of an older spec.
        let observed = self.observed_generation.unwrap_or(0);
        if observed == 0 || self.metadata.generation > Some(observed) {
            return underway(Some("its controller has not seen the change yet".to_owned()));
        }
        if let Some(why) = self.given_up {
            return Progress::Failed(why);
        }
        match self.missing {
            None => Progress::Settled { replicas: self.replicas },
            Some(Missing::Readiness) => underway(None),
            Some(Missing::Other(why)) => underway(Some(why)),
        }
    }
}
