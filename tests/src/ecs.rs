//! The shop on Kubernetes, and beside it applications that are services of ECS: one environment, whose production is in two clusters
//! of Kubernetes and in two accounts of AWS.

mod account;
mod services;

use std::ops::Deref;
use std::time::Duration;

use conductor_ecs_bed::{EcsBed, Moment, Requests, Seen, Stop, User};
use serde_json::Value;

use crate::kubernetes::{ClusterBed, differences, runtime};

/// Everything that a run may change, as it was before.
pub struct Before {
    objects: Vec<(String, Value)>,
    rows: Vec<String>,
    account: Vec<(String, Value)>,
    production: Vec<(String, Value)>,
}

/// See the module.
pub struct EcsBeside {
    clusters: ClusterBed,
    aws: EcsBed,
}

impl Deref for EcsBeside {
    type Target = ClusterBed;

    fn deref(&self) -> &ClusterBed {
        &self.clusters
    }
}

impl EcsBeside {
    /// Makes all of it, and starts Locust.
    pub fn up(name: &str, dead_man: &str) -> Self {
        let clusters = ClusterBed::new(name, dead_man);
        let aws = runtime().block_on(services::make());
        let settings = services::settings(&aws);
        clusters.edit("environment.yaml", "  local:\n", &format!("{settings}  local:\n"));
        clusters.edit("environment.yaml", "  alongside:\n", &format!("  alongside:\n{}", services::ALONGSIDE));
        clusters.bring_up();
        Self { clusters, aws }
    }

    /// Everything as it is.
    pub fn before(&self) -> Before {
        let [account, production] = self.accounts();
        Before { objects: self.objects(), rows: self.rows(), account, production }
    }

    /// Asserts that the applications on ECS are as in production, and that nobody else acts on them.
    pub fn assert_like_production(&self) {
        runtime().block_on(services::assert_like_production(&self.aws));
    }

    /// The numbers of tasks that are wanted of the services of the test cluster, by name.
    pub fn desired(&self) -> Vec<(String, u64)> {
        runtime().block_on(services::desired(&self.aws))
    }

    /// Asserts that all is as it was before, that it stays so, and that nobody has written to production.
    pub fn assert_back(&self, before: &Before) {
        assert_eq!(self.changes(before), [""; 0]);
        self.clusters.assert_back(&before.objects, &before.rows);
        assert_eq!(self.changes(before), [""; 0], "it did not stay as it was, while its autoscaler acted");
        assert_eq!(self.clusters.writes()[0], [], "production's cluster was written to");
        assert_eq!(self.writes_to_production(), [], "production's account was written to");
        // It wants what there was before, so that it has nothing to do unless it goes on too early.
        let autoscaled: Vec<Seen> =
            self.aws.writes().into_iter().filter(|seen| seen.who.access_key == services::AUTOSCALER).collect();
        assert_eq!(autoscaled, [], "an autoscaler has acted during the run");
    }

    /// What is other in the accounts than it was before, field by field.
    pub fn changes(&self, before: &Before) -> Vec<String> {
        let [account, production] = self.accounts();
        let mut told = differences(&before.account, &account);
        told.extend(differences(&before.production, &production).iter().map(|change| format!("production: {change}")));
        told
    }

    /// What the conductor has asked of AWS to be changed.
    pub fn asked_of_aws(&self) -> Vec<Seen> {
        let mut writes = self.aws.writes();
        writes.retain(|seen| seen.who.access_key == User::Conductor.access_key());
        writes
    }

    /// Holds one of the conductor's requests for an operation of AWS, counted from now and from 1, and all writes after it.
    pub fn hold_call(&self, operation: &str, number: u32, at: Moment) -> Stop {
        let requests = Requests::writes().by(User::Conductor.access_key()).operation(operation);
        self.aws.stop_at(requests, number, at)
    }

    /// Waits until it is held.
    pub fn await_held(&self, stop: &Stop, within: Duration) {
        runtime().block_on(stop.reached(within));
    }

    /// Only the bed itself writes there, by a session of its own.
    fn writes_to_production(&self) -> Vec<Seen> {
        let mut writes = self.aws.writes();
        writes.retain(|seen| seen.who.role.as_ref().is_some_and(|role| !role.ends_with(services::MAKER)));
        writes
    }

    fn accounts(&self) -> [Vec<(String, Value)>; 2] {
        runtime().block_on(async {
            let production = services::production(&self.aws).await;
            [
                account::everything(&self.aws.actor(User::Admin), services::TEST).await,
                account::everything(&production, services::LIVE).await,
            ]
        })
    }
}
