//! What an adapter's tests offer to the cases: a small environment on the adapter's own substrate, and hands and eyes of others in it.

use std::collections::BTreeMap;

use conductor_core::app::ApplicationId;
use conductor_core::ports::{Deployer, Production, ReleaseSource, Scaler};

/// The applications of every bed.
pub const APPLICATIONS: [&str; 2] = ["cart", "ledger"];

/// An environment of its own with the [`APPLICATIONS`]. In the test environment each has at least two replicas; in production each has
/// more of them, another version and, where the substrate gives resources, others.
///
/// But for the conductor, everything here asks the substrate itself, as somebody else who may do everything there.
#[allow(async_fn_in_trait, reason = "a test is one task")]
pub trait Bed {
    /// The adapter.
    type Conductor: ReleaseSource + Deployer + Scaler;
    /// Who knows of a run: [`JournalAlone`] or [`Marks`].
    type Knowledge: Knowledge;

    /// An environment that nobody else uses. Everything in it is as it shall be.
    async fn fresh() -> Self;

    /// A conductor as a new process has it. `epoch` is higher for each that takes a run over, where there is such a thing.
    async fn conductor(&self, epoch: u64) -> Self::Conductor;

    /// A name that the conductor knows where it is told names, and of which there is nothing on the substrate.
    fn absent(&self) -> ApplicationId;

    /// An image, or whatever a version is here.
    fn version(&self, application: &ApplicationId, version: Version) -> String;

    /// Everything of the test environment that a run may change, one line for each thing.
    async fn state(&self) -> Vec<String>;

    /// How many replicas of an application are ready as they are wanted now, in version and resources.
    async fn ready(&self, application: &ApplicationId) -> u32;

    /// What conductors have done in the test environment so far: something more for everything that they change, even if it is
    /// changed back at once.
    async fn done(&self) -> Vec<String>;

    /// What production runs.
    async fn production(&self) -> BTreeMap<ApplicationId, Production>;

    /// What conductors have changed, or have tried to change, in production.
    async fn done_in_production(&self) -> Vec<String>;

    /// Somebody else gives an application so many replicas, in the test environment.
    async fn somebody_scales(&self, application: &ApplicationId, replicas: u32);

    /// Somebody else gives an application a version, in the test environment.
    async fn somebody_deploys(&self, application: &ApplicationId, version: &str);
}

/// A version that nothing runs in a fresh bed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Replicas become ready.
    Fine,
    /// Replicas are never ready, and nothing says why.
    NeverReady,
    /// Replicas do not start, and the substrate says so.
    Broken,
}

/// Who knows of a run.
pub trait Knowledge {}

/// Nothing but the journal: nobody is refused, and nothing is left that would tell of a run.
pub enum JournalAlone {}

/// What a run changes carries whose it is, and what it was before, until the run lets it go.
pub enum Marks {}

impl Knowledge for JournalAlone {}

impl Knowledge for Marks {}

/// Of no effect: it can be called for beds of that kind only.
pub const fn is_known_by_the_journal_alone<B: Bed<Knowledge = JournalAlone>>() {}
