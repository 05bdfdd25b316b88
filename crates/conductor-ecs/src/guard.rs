//! Keeping what changes services by itself from doing so, and telling when somebody else has changed one.
//!
//! ECS has nothing that would keep others out. What scales services by itself, Application Auto Scaling, is suspended from before
//! the first change until after the last one; its bounds are never sent, for that alone would move `desired_count`.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace, SuspendedState};
use conductor_core::app::ApplicationId;
use conductor_core::guard::{Drift, Guarded, Pause, Standing};
use conductor_core::ports::{EnvironmentGuard, FailureKind, PortError, Way};
use conductor_core::run::RunId;
use conductor_core::scale::{Baseline, ScaleStep};
use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::answer::Failed;
use crate::attempts::Attempts;
use crate::change::{Change, Refusal, Wish, admit, remainder};
use crate::drift::Sentinel;
use crate::environment::{ALL, EcsEnvironment};
use crate::marker::{self, Holder, Marker, Suspended};
use crate::pace::{Operation, pause};
use crate::place::Place;
use crate::reader::Target;
use crate::remains::all_failed;
use crate::sends::What;

/// Why others can change services during a run.
const OPEN: &str = "ECS has nothing that keeps others from changing a service: what they change is seen and told";
/// Looks at a target that may not show what was written.
const LOOKS: u32 = 5;
/// The epoch of a run's first conductor: before it there was none that could have suspended anything.
const FIRST: u64 = 1;

#[async_trait]
impl EnvironmentGuard for EcsEnvironment {
    async fn pauses(&self, applications: &[ApplicationId], _: &[ScaleStep]) -> Result<Vec<Pause>, PortError> {
        let looks = applications.iter().map(|application| async move {
            let place = self.place(application)?;
            let Some(target) = self.targets.at(ALL, &place.resource_id()).await? else { return Ok(None) };
            let service = self.services.at(&place.cluster, &place.service).await?;
            let marker = service.and_then(|service| Marker::read(&service.tags).ok().flatten());
            let paused = marker.filter(|marker| marker.suspended.is_some()).map(|marker| marker.holder.run);
            let standing = match paused {
                Some(by) => Standing::Paused { by },
                None if target.suspended == Suspended::ALL => Standing::Left,
                None => Standing::Acts,
            };
            Ok(Some(Pause {
                name: format!("Application Auto Scaling ({} to {} tasks)", target.min, target.max),
                applications: vec![application.clone()],
                others: Some(0),
                setting: "SuspendedState: all".to_owned(),
                standing,
            }))
        });
        join_all(looks).await.into_iter().filter_map(Result::transpose).collect()
    }

    async fn freeze(
        &self,
        run: &RunId,
        applications: &[ApplicationId],
        until: Timestamp,
    ) -> Result<Guarded, PortError> {
        self.signs().begin(run, until).await?;
        self.writer.life.begins(until);
        let work = applications.iter().map(|application| async move {
            let place = self.place(application)?;
            self.suspend(run, place).await
        });
        all_failed(join_all(work).await)?;
        for (application, service) in self.look(applications).await? {
            self.note_deployment(self.place(&application)?, &service);
        }
        Ok(Guarded::Open { because: OPEN.to_owned() })
    }

    async fn extend(&self, run: &RunId, until: Timestamp) -> Result<(), PortError> {
        let now = Timestamp::now();
        self.writer.life.check(&format!("could not renew the sign of life of load test {run}"), now)?;
        let before = self.signs().renew(run, until).await?;
        if before.is_over {
            self.writer.life.was_ended();
        }
        self.writer.life.goes_on(until);
        if before.until.is_some_and(|before| before >= now) {
            return Ok(());
        }
        let text = match before.until {
            Some(before) => format!(
                "the signs of life of load test {run} had stayed out since {before:.0}, so that others may have put it back; \
                 they are given again"
            ),
            None => format!(
                "load test {run} had no sign of life in its clusters: somebody else has put it back, or has taken the sign away; it \
                 is given again"
            ),
        };
        Err(PortError::new(FailureKind::NotFound, text))
    }

    async fn thaw(&self, run: &RunId) -> Result<(), PortError> {
        let work = self.places.values().map(|place| self.resume(run, place));
        let resumed = all_failed(join_all(work).await);
        // Whatever became of the services: signs end by themselves as well.
        let ended = self.signs().end(run).await;
        self.writer.life.ends();
        resumed.and(ended)
    }

    async fn pause_again(&self, run: &RunId, applications: &[ApplicationId]) -> Result<(), PortError> {
        let work = applications.iter().map(|application| async move {
            let place = self.place(application)?;
            self.suspend(run, place).await
        });
        all_failed(join_all(work).await)
    }

    async fn drifted(&self, expected: &Baseline, known: &[Drift]) -> Result<Vec<Drift>, PortError> {
        Sentinel::new(self, expected)?.drifted(known).await
    }
}

impl EcsEnvironment {
    /// Suspends what scales a service by itself. What stands still already, by somebody else's will, is left so.
    pub(crate) async fn suspend(&self, run: &RunId, place: &Place) -> Result<(), PortError> {
        let Some(target) = self.targets.at(ALL, &place.resource_id()).await? else { return Ok(()) };
        if target.suspended == Suspended::ALL {
            return Ok(());
        }
        let holder = self.holder(run);
        let suspended = Some(Change { from: target.suspended, to: Suspended::ALL });
        self.writer.write(place, &holder, &Wish { suspended, ..Wish::nothing(Way::There) }).await?;
        self.set_suspended(place, &holder, Suspended::ALL, Way::There).await
    }

    /// Lets what scales a service by itself go on as before the run, and takes away what is left of the run's tags.
    async fn resume(&self, run: &RunId, place: &Place) -> Result<(), PortError> {
        let service = match self.writer.certain(place, "could not look").await {
            Err(error) if error.kind == FailureKind::NotFound => return Ok(()),
            looked => looked?,
        };
        let holder = self.holder(run);
        let of_another = marker::holder(&service.tags).is_some_and(|found| found.run != *run);
        let marker = Marker::read(&service.tags).ok().flatten().filter(|marker| marker.holder.run == *run);
        match marker {
            Some(marker) => {
                if let Some(kept) = marker.suspended {
                    self.go_on(place, &holder, kept.before).await?;
                }
                let left = |service: &_, marker: &Marker| Marker { suspended: None, ..remainder(service, marker) };
                self.writer.let_go(place, &holder, left).await
            }
            None if of_another => Ok(()),
            None => self.resume_without_tags(place, &holder).await,
        }
    }

    /// The tags are gone or broken, as after somebody has applied their own. What this conductor has suspended it knows itself.
    async fn resume_without_tags(&self, place: &Place, holder: &Holder) -> Result<(), PortError> {
        let before = self.writer.written(place, holder).and_then(|marker| marker.suspended).map(|kept| kept.before);
        if let Some(before) = before
            && !self.writer.was_put_back(place, &holder.run).await?
        {
            return self.go_on(place, holder, before).await;
        }
        let target = self.targets.at(ALL, &place.resource_id()).await?;
        let is_suspended = target.is_some_and(|target| target.suspended == Suspended::ALL);
        if !is_suspended || (before.is_none() && holder.epoch <= FIRST) {
            return Ok(());
        }
        let act = format!("could not resume the autoscaling of {place}");
        let text = format!(
            "all of it is suspended, and the tags that would say by whom are gone: load test {} may have done so; expected that \
             somebody resumes it who knows what it was before",
            holder.run
        );
        Err(PortError::because(FailureKind::Rejected, act, text))
    }

    /// Lets go on what the run has suspended, and somebody else has not let go on already.
    async fn go_on(&self, place: &Place, holder: &Holder, before: Suspended) -> Result<(), PortError> {
        let Some(target) = self.certain_target(place).await? else { return Ok(()) };
        match target.suspended.back_to(before) {
            after if after == target.suspended => Ok(()),
            after => self.set_suspended(place, holder, after, Way::Back).await,
        }
    }

    /// What scales a service by itself, once nothing that was sent to it may still come about.
    async fn certain_target(&self, place: &Place) -> Result<Option<Arc<Target>>, PortError> {
        loop {
            let is_certain = !self.writer.sends.is_suspension_in_doubt(place);
            let found = self.target(place).await?;
            if is_certain || found.is_none() {
                return Ok(found);
            }
            pause(1).await;
        }
    }

    /// What scales a service by itself.
    async fn target(&self, place: &Place) -> Result<Option<Arc<Target>>, PortError> {
        let found = self.targets.at(ALL, &place.resource_id()).await?;
        found.iter().for_each(|target| self.writer.sends.see_suspended(place, target.suspended));
        Ok(found)
    }

    /// Says what of a service's autoscaling is suspended, and nothing else of it.
    async fn set_suspended(&self, place: &Place, holder: &Holder, to: Suspended, way: Way) -> Result<(), PortError> {
        let verb = if way == Way::There { "suspend" } else { "resume" };
        let act = format!("could not {verb} the autoscaling of {place}");
        let refused = |error: Refusal| PortError::because(FailureKind::Rejected, &act, error);
        let (mut missed, mut attempts) = (None, Attempts::default());
        loop {
            self.writer.pace.turn(Operation::Autoscaling).await;
            let live = self.writer.look(place, &act).await?;
            let found = marker::holder(&live.tags);
            admit(found.as_ref(), holder).map_err(refused)?;
            if way == Way::There {
                self.writer.life.check(&act, Timestamp::now())?;
                // Nobody could put it back without: a look may be older than the tags for a while.
                if found.is_none() {
                    // It may have waited for its turn for longer than that.
                    let since: Instant = *missed.get_or_insert_with(Instant::now);
                    if since.elapsed() > self.settings.shown_within.as_duration() {
                        return Err(PortError::because(FailureKind::Rejected, act, "the tags of the run are gone"));
                    }
                    pause(1).await;
                    continue;
                }
            }
            let number = self.writer.sends.begin(place, vec![What::Suspended(to)]);
            let sent = self.send_suspended(place, to, &act).await;
            self.writer.sends.end(place, number, sent.as_ref().err().map(|failed| failed.outcome));
            match sent {
                Ok(()) => break,
                Err(failed) => attempts.after(failed, &self.writer.pace, Operation::Autoscaling).await?,
            }
        }
        for attempt in 0..LOOKS {
            let shown = self.target(place).await?;
            if shown.is_none_or(|target| target.suspended == to) {
                return Ok(());
            }
            pause(attempt).await;
        }
        let text = format!("it was asked for, and is not shown in {LOOKS} looks");
        Err(PortError::because(FailureKind::Unavailable, act, text))
    }

    async fn send_suspended(&self, place: &Place, to: Suspended, act: &str) -> Result<(), Failed> {
        let state = SuspendedState::builder()
            .dynamic_scaling_in_suspended(to.scale_in)
            .dynamic_scaling_out_suspended(to.scale_out)
            .scheduled_scaling_suspended(to.scheduled)
            .build();
        let call = self.writer.clients.autoscaling.register_scalable_target().service_namespace(ServiceNamespace::Ecs);
        let call = call.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).resource_id(place.resource_id());
        call.suspended_state(state).send().await.map_err(|error| Failed::of(act, error))?;
        self.writer.pace.let_through(Operation::Autoscaling);
        Ok(())
    }

    /// What each service's autoscaling should be under load: what a run has made of it.
    pub(crate) async fn suspended(&self, places: &[&Place]) -> Result<BTreeMap<Place, Option<Suspended>>, PortError> {
        let looks = places.iter().map(|place| async move {
            let target = self.targets.at(ALL, &place.resource_id()).await?;
            Ok(((*place).clone(), target.map(|target| target.suspended)))
        });
        join_all(looks).await.into_iter().collect()
    }
}
