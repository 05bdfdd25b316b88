//! The ports over a supervisor: what is deployed and allocated, rollouts and scaling; production is a manifest.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_core::app::{Allocation, ApplicationId};
use conductor_core::ports::{
    Deployed, Deployer, FailureKind, LeftBehind, PortError, Production, ProgressSink, Readiness, ReleaseSource, Scaler,
    Way,
};
use conductor_core::release::{Release, Rollout};
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;

use crate::manifest;
use crate::settings::LocalSettings;
use crate::state::StateDir;
use crate::wire::{ApplicationStatus, ReplicaState, ReplicaStatus, Request, Status, ask};

/// Time between two looks at how far a change is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The local applications of an environment, as a place to deploy to and to scale in.
#[derive(Debug)]
pub struct LocalEnvironment {
    settings: LocalSettings,
    state: StateDir,
    progress: Option<Arc<dyn ProgressSink>>,
}

impl LocalEnvironment {
    /// The applications that the supervisor with this folder runs.
    pub fn new(settings: LocalSettings, state_dir: PathBuf) -> Self {
        Self { settings, state: StateDir::new(&state_dir), progress: None }
    }

    /// Tells somebody how far rollouts and scaling are while they are waited for.
    #[must_use]
    pub fn telling(self, progress: Option<Arc<dyn ProgressSink>>) -> Self {
        Self { progress, ..self }
    }

    /// Asks for a change and waits for it, telling meanwhile how far it is.
    async fn change(&self, act: &str, application: &ApplicationId, request: &Request) -> Result<(), PortError> {
        tokio::select! {
            biased;
            done = self.ask(act, request) => done.map(drop),
            never = self.tell(application) => match never {},
        }
    }

    async fn tell(&self, application: &ApplicationId) -> Infallible {
        let Some(progress) = &self.progress else { return std::future::pending().await };
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            // What is wrong is told by the answer that is waited for.
            let Ok(status) = self.ask("look at the local applications", &Request::Status).await else { continue };
            let Some(found) = status.applications.iter().find(|found| found.name == *application) else { continue };
            let is_ready =
                |replica: &&ReplicaStatus| replica.state == ReplicaState::Ready && replica.version == found.version;
            let ready = found.replicas.iter().filter(is_ready).count() as u32;
            let wanted = found.desired;
            let text = format!("{ready} of {wanted} replicas ready");
            progress.told(application, Readiness { ready, wanted, text });
        }
    }

    /// Looks whether there is a supervisor that answers. It does not come by itself, so that it is refused where there is none.
    ///
    /// # Errors
    /// With what brings it up.
    pub async fn is_up(&self) -> Result<(), PortError> {
        let looked = self.ask("look at the local applications", &Request::Status).await;
        looked.map(drop).map_err(|error| PortError { kind: FailureKind::Rejected, ..error })
    }

    async fn ask(&self, act: &str, request: &Request) -> Result<Status, PortError> {
        let answer = match self.state.supervisor() {
            Ok(supervisor) => ask(&supervisor.socket, request).await.map_err(|error| down(act, &error))?,
            Err(error) => return Err(down(act, &error)),
        };
        answer.map_err(|refusal| PortError::because(refusal.kind, format!("could not {act}"), refusal.message))
    }

    /// What the wanted of the applications that exist is.
    async fn wanted<T>(
        &self,
        applications: &[ApplicationId],
        of: impl Fn(&ApplicationStatus) -> T,
    ) -> Result<BTreeMap<ApplicationId, T>, PortError> {
        let status = self.ask("look at the local applications", &Request::Status).await?;
        let found = status.applications.iter().filter(|application| applications.contains(&application.name));
        Ok(found.map(|application| (application.name.clone(), of(application))).collect())
    }
}

/// Nobody answers. Those who are told may be on other machines, where paths of this one are nothing to them: what went wrong
/// is told without.
fn down(act: &str, error: &(dyn Error + 'static)) -> PortError {
    let text = format!("could not {act}: the environment is not up; conductor local up ENVIRONMENT starts it");
    let reasons = std::iter::successors(Some(error), |error| Error::source(*error));
    match reasons.filter_map(|reason| reason.downcast_ref::<io::Error>()).last() {
        // That there is nobody is what the text says already.
        Some(reason) if matches!(reason.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            PortError::new(FailureKind::Unavailable, text)
        }
        Some(reason) => PortError::because(FailureKind::Unavailable, text, reason.to_string()),
        None => PortError::because(FailureKind::Unavailable, text, "what it has written down cannot be read"),
    }
}

#[async_trait]
impl ReleaseSource for LocalEnvironment {
    async fn production(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Production>, PortError> {
        let Some(file) = &self.settings.production_manifest else { return Ok(BTreeMap::new()) };
        let entries = manifest::read(file)?;
        let found = entries.into_iter().filter(|entry| applications.contains(&entry.name));
        let of = |entry: manifest::Entry| {
            let allocation = Allocation::of_replicas(entry.replicas);
            (entry.name, Production::new(Release::single(entry.version), allocation))
        };
        Ok(found.map(of).collect())
    }
}

#[async_trait]
impl Deployer for LocalEnvironment {
    async fn deployed(&self, applications: &[ApplicationId]) -> Result<BTreeMap<ApplicationId, Deployed>, PortError> {
        self.wanted(applications, |application| Deployed {
            release: Release::single(application.version.clone()),
            identity: None,
        })
        .await
    }

    async fn roll_out(&self, _run: &RunId, rollout: &Rollout, _way: Way) -> Result<(), PortError> {
        let application = rollout.application.clone();
        let Some(version) = rollout.to.version() else {
            let text = format!("{application} is a local process and has one version, not {}", rollout.to);
            return Err(PortError::new(FailureKind::Rejected, text));
        };
        let act = format!("roll out {application} {version}");
        let request = Request::RollOut { application: application.clone(), version: version.to_owned() };
        self.change(&act, &application, &request).await
    }
}

#[async_trait]
impl Scaler for LocalEnvironment {
    async fn allocated(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Allocation>, PortError> {
        self.wanted(applications, |application| Allocation::of_replicas(application.desired)).await
    }

    async fn scale(&self, _run: &RunId, step: &ScaleStep, _way: Way) -> Result<(), PortError> {
        let application = step.application.clone();
        if !step.to.resources.is_empty() {
            let text =
                format!("{application} is a local process and cannot be given resources; expected replicas only");
            return Err(PortError::new(FailureKind::Rejected, text));
        }
        let replicas = step.to.replicas;
        let act = format!("scale {application} to {}", step.to);
        let request = Request::Scale { application: application.clone(), replicas };
        self.change(&act, &application, &request).await
    }

    async fn left_behind(&self, _applications: &[ApplicationId]) -> Result<BTreeMap<RunId, LeftBehind>, PortError> {
        Ok(BTreeMap::new())
    }

    async fn let_go(&self, _run: &RunId, _applications: &[ApplicationId]) -> Result<(), PortError> {
        // Nothing is left at a process: the journal alone knows the way back.
        Ok(())
    }
}
