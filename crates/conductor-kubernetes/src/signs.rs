//! Signs of life of a run's conductor, in the cluster itself: a Lease that it renews. When they stay out, anybody who finds
//! what the run has changed may put it back.

use conductor_core::ports::PortError;
use conductor_core::run::RunId;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client};

use crate::answer::attempt;
use crate::error::{failed, is_absent};
use crate::names;
use crate::write::FIELD_MANAGER;

/// What a run's Lease says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sign {
    /// Until when its conductor is taken to live; `None` where nothing is said.
    pub(crate) until: Option<Timestamp>,
    /// The run was put back before, and taken over once more.
    pub(crate) is_over: bool,
}

/// What the holder of a Lease has behind the run's name then.
const OVER: &str = " (put back before)";

/// The signs of life in one cluster.
pub(crate) struct Signs {
    leases: Api<Lease>,
}

impl Signs {
    /// Those in the conductor's namespace.
    pub(crate) fn new(client: Client, namespace: &str) -> Self {
        Self { leases: Api::namespaced(client, namespace) }
    }

    /// Says that a run's conductor lives, and will say so again before `until`. Answers with the uid of its Lease; `None`
    /// where the namespace is missing. `known` is that of the Lease that was given before: what is late makes no other one,
    /// when whoever has put the run back has deleted it.
    pub(crate) async fn give(
        &self,
        run: &RunId,
        until: Timestamp,
        is_over: bool,
        known: Option<String>,
    ) -> Result<Option<String>, PortError> {
        let act = format!("could not renew the lease of run {run}");
        let name = names::of_run(run);
        let now = Timestamp::now();
        let seconds = until.duration_since(now).as_secs().max(1);
        let spec = LeaseSpec {
            holder_identity: Some(format!("{run}{}", if is_over { OVER } else { "" })),
            lease_duration_seconds: Some(i32::try_from(seconds).unwrap_or(i32::MAX)),
            renew_time: Some(MicroTime(now)),
            ..LeaseSpec::default()
        };
        let metadata = ObjectMeta { name: Some(name.clone()), uid: known, ..ObjectMeta::default() };
        let (mut lease, params) = (Lease { metadata, spec: Some(spec) }, PatchParams::apply(FIELD_MANAGER).force());
        let mut given =
            attempt(&act, || async { self.leases.patch(&name, &params, &Patch::Apply(&lease)).await }).await?;
        if given.as_ref().is_err_and(is_another) && lease.metadata.uid.take().is_some() {
            given = attempt(&act, || async { self.leases.patch(&name, &params, &Patch::Apply(&lease)).await }).await?;
        }
        match given {
            Ok(lease) => Ok(lease.metadata.uid),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failed(act, error)),
        }
    }

    /// Until when a run's conductor is taken to live; `None` where it has given no sign.
    pub(crate) async fn until(&self, run: &RunId) -> Result<Option<Timestamp>, PortError> {
        Ok(self.found(run).await?.and_then(|sign| sign.until))
    }

    /// What a run's Lease says; `None` where it has none.
    pub(crate) async fn found(&self, run: &RunId) -> Result<Option<Sign>, PortError> {
        let act = format!("could not read the lease of run {run}");
        let name = names::of_run(run);
        match attempt(&act, || async { self.leases.get(&name).await }).await? {
            Ok(lease) => Ok(Some(Sign::of(&lease.spec.unwrap_or_default()))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failed(act, error)),
        }
    }

    /// Gives no sign any more: the run has nothing left to put back.
    pub(crate) async fn end(&self, run: &RunId) -> Result<(), PortError> {
        let act = format!("could not delete the lease of run {run}");
        let name = names::of_run(run);
        match attempt(&act, || async { self.leases.delete(&name, &DeleteParams::default()).await }).await? {
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(failed(act, error)),
        }
    }
}

impl Sign {
    fn of(lease: &LeaseSpec) -> Self {
        let is_over = lease.holder_identity.as_ref().is_some_and(|holder| holder.ends_with(OVER));
        Self { until: ends(lease), is_over }
    }
}

/// True for the answer that there is no object of that uid, or one of another.
fn is_another(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    status.code == 409 || (status.code == 422 && status.message.contains("metadata.uid"))
}

fn ends(lease: &LeaseSpec) -> Option<Timestamp> {
    let renewed = lease.renew_time.as_ref()?.0;
    let duration = SignedDuration::from_secs(i64::from(lease.lease_duration_seconds?));
    renewed.checked_add(duration).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_ends_its_duration_after_it_was_renewed() {
        let renewed: Timestamp = "2026-11-26T10:00:00Z".parse().unwrap();
        let lease = |renew_time, lease_duration_seconds| LeaseSpec {
            renew_time,
            lease_duration_seconds,
            ..LeaseSpec::default()
        };
        let time = Some(MicroTime(renewed));
        assert_eq!(ends(&lease(time.clone(), Some(900))), "2026-11-26T10:15:00Z".parse().ok());
        assert_eq!(ends(&lease(time, None)), None);
        assert_eq!(ends(&lease(None, Some(900))), None);
    }
}
