//! When a service has become what was asked for, and when it never will: the rule of what counts as done. Pure.
//!
//! * An answer may still show the state before the last write: only answers that show what was written, or a deployment that is not
//!   that of before either, count, and they must come within a while.
//! * Done is a service with one deployment, the one that was made, which ECS calls completed (where it says so), with all of
//!   its tasks running and none pending, in two looks in a row.
//! * It never will where ECS has rolled back, where its deployment is replaced or failed, where so many tasks have failed in a
//!   row that ECS' own circuit breaker would have ended it, and where ECS cannot place a task for too long.

use std::collections::BTreeSet;
use std::time::Duration;

use conductor_core::ports::Readiness;

use crate::place::Revision;
use crate::service::{Controller, Deployment, Rollout, Service};

/// Looks in a row that must show it.
const LOOKS: u32 = 2;
/// Looks in a row in which it must be missing to be gone.
const ABSENCES: u32 = 3;
/// Fewest and most failed tasks in a row after which ECS' circuit breaker ends a deployment.
const FEWEST_FAILED: u32 = 3;
const MOST_FAILED: u32 = 200;
/// What ECS says when there is no room.
const NO_ROOM: &str = "unable to place a task";
/// What it says when tasks fail again and again, which it starts less and less often then.
const UNSTABLE: &str = "is unable to consistently start tasks";
/// What it says when there is room.
const STARTED: &str = "has started ";

/// What a service shall become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The revision; `None` where that is not changed.
    pub(crate) definition: Option<Revision>,
    /// The deployment that was made for it; `None` where none was.
    pub(crate) deployment: Option<String>,
    /// The one in whose place it was made.
    pub(crate) before: Option<String>,
    /// `desired_count`; `None` where that is not changed.
    pub(crate) desired: Option<u32>,
    /// What ECS had said before it was written, by the ids of its events; `None` where nothing was.
    pub(crate) told: Option<BTreeSet<String>>,
}

/// Limits of the wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Within what time what was written must be shown.
    pub(crate) shown_within: Duration,
    /// How long ECS may say that it cannot place a task.
    pub(crate) place_within: Duration,
}

/// What is to be said of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// It is not so far yet.
    Waiting(Readiness),
    /// It is done.
    Settled,
    /// It never will be. Where its tasks are the reason, what they were stopped for tells more.
    Failed { text: String, by_tasks: bool },
}

/// Sees the looks at one service.
#[derive(Debug)]
pub(crate) struct Judge {
    wanted: Wanted,
    limits: Limits,
    is_shown: bool,
    settled: u32,
    absent: u32,
    /// Looks in a row that show something else, and not what was there before.
    unlike: u32,
    /// What ECS had said before.
    told: Option<BTreeSet<String>>,
    /// Failed tasks that were there before, where no deployment was made.
    failed_before: Option<u32>,
    /// Since when ECS cannot place a task, and how many ran then.
    unplaced: Option<(Duration, u32)>,
}

impl Judge {
    pub(crate) fn new(wanted: Wanted, limits: Limits) -> Self {
        let told = wanted.told.clone();
        Self {
            wanted,
            limits,
            is_shown: false,
            settled: 0,
            absent: 0,
            unlike: 0,
            told,
            failed_before: None,
            unplaced: None,
        }
    }

    /// Sees a look, so long after the write; `None` where the service was missing in it.
    pub(crate) fn see(&mut self, after: Duration, service: Option<&Service>) -> Outlook {
        let Some(service) = service else { return self.missing() };
        self.absent = 0;
        if let Some(text) = self.failed(service) {
            return Outlook::Failed { text, by_tasks: true };
        }
        if let Some(text) = self.unlike(service) {
            self.settled = 0;
            // What was deployed may have been rolled back between two looks.
            let by_tasks = self.wanted.definition.is_some();
            let replaced = self.replaced(service);
            if self.is_shown || replaced.is_some() {
                // One may be older than the last.
                self.unlike += 1;
                let text = replaced.unwrap_or(text);
                let is_sure = self.unlike >= LOOKS;
                return if is_sure { Outlook::Failed { text, by_tasks } } else { waiting(service, &text) };
            }
            self.unlike = 0;
            let is_late = after > self.limits.shown_within;
            let shown = || format!("{} s after the change it is still shown as before: {text}", after.as_secs());
            return if is_late { Outlook::Failed { text: shown(), by_tasks } } else { waiting(service, &text) };
        }
        (self.is_shown, self.unlike) = (true, 0);
        if let Some(failed) = self.trouble(after, service) {
            return failed;
        }
        match self.missing_still(service) {
            Some(text) => {
                self.settled = 0;
                waiting(service, &text)
            }
            None => {
                self.settled += 1;
                if self.settled >= LOOKS { Outlook::Settled } else { waiting(service, "") }
            }
        }
    }

    fn missing(&mut self) -> Outlook {
        (self.absent, self.settled) = (self.absent + 1, 0);
        if self.absent < ABSENCES {
            return Outlook::Waiting(Readiness { ready: 0, wanted: 0, text: "it was not shown".to_owned() });
        }
        Outlook::Failed { text: format!("it was gone in {ABSENCES} looks in a row"), by_tasks: false }
    }

    /// The deployment that was made, where it is still there.
    fn own<'a>(&self, service: &'a Service) -> Option<&'a Deployment> {
        let id = self.wanted.deployment.as_ref()?;
        service.deployments.iter().find(|one| one.id == *id)
    }

    /// How the deployment that was made has come to nothing. That it is there shows that the answer is new enough.
    fn failed(&self, service: &Service) -> Option<String> {
        let own = self.own(service).or(service.primary().filter(|_| self.is_shown))?;
        (!own.is_primary || own.rollout == Rollout::Failed).then(|| rolled_back(own, service))
    }

    /// By what the deployment that was made is replaced, which is gone: one that is not that of before either was made after it. So an
    /// answer is new enough although none has shown what was written, as after a rollback that was quicker than the looks.
    fn replaced(&self, service: &Service) -> Option<String> {
        let (own, before) = (self.wanted.deployment.as_ref()?, self.wanted.before.as_ref()?);
        let primary = service.primary().filter(|one| one.id != *own && one.id != *before)?;
        Some(format!("deployment {own} was replaced{}", in_place(primary)))
    }

    /// In what an answer is not of the state after the write; `None` where it is.
    fn unlike(&self, service: &Service) -> Option<String> {
        if let Some(desired) = self.wanted.desired.filter(|desired| *desired != service.desired) {
            return Some(format!("desired_count is {}, not {desired}", service.desired));
        }
        let definition = self.wanted.definition.as_ref()?;
        let own = self.own(service);
        if service.definition.as_ref() != Some(definition) {
            let found = service.definition.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
            return Some(format!("the task definition is {found}, not {definition}"));
        }
        let id = self.wanted.deployment.as_ref().filter(|_| own.is_none())?;
        let by = service.primary().map_or("none", |one| one.id.as_str());
        Some(format!("deployment {id} is not there, and {by} is in its place with the same task definition"))
    }

    /// Why it never will be done, by what ECS says of its tasks.
    fn trouble(&mut self, after: Duration, service: &Service) -> Option<Outlook> {
        let failed = service.primary().map_or(0, |one| one.failed);
        let before = *self.failed_before.get_or_insert(if self.wanted.deployment.is_some() { 0 } else { failed });
        let no_room = self.no_room(after, service);
        if let Some((since, text)) = no_room {
            // ECS counts tasks that it cannot place as failed. Room may come.
            let is_over = after.saturating_sub(since) >= self.limits.place_within;
            return is_over.then_some(Outlook::Failed { text, by_tasks: false });
        }
        // No circuit breaker looks at tasks beyond those of a deployment.
        let is_watched = service.has_breaker && self.wanted.deployment.is_some();
        if let Some(text) =
            self.told_since(service, UNSTABLE).filter(|_| !is_watched && service.running < service.desired)
        {
            return Some(Outlook::Failed { text, by_tasks: true });
        }
        let is_over = !is_watched && failed.saturating_sub(before) >= most_failed(service.desired);
        let text = || format!("{} tasks in a row have not started", failed - before);
        is_over.then(|| Outlook::Failed { text: text(), by_tasks: true })
    }

    /// The newest of what ECS has said since the write that has these words in it.
    fn told_since(&self, service: &Service, words: &str) -> Option<String> {
        let before = self.told.as_ref()?;
        let mut new = service.events.iter().filter(|event| !before.contains(&event.id));
        new.find(|event| event.message.contains(words)).map(|event| event.message.clone())
    }

    /// Since when ECS cannot place a task, and what it says; `None` where it can.
    fn no_room(&mut self, after: Duration, service: &Service) -> Option<(Duration, String)> {
        let told: BTreeSet<String> = service.events.iter().map(|event| event.id.clone()).collect();
        let before = self.told.get_or_insert_with(|| told.clone());
        let mut new = service.events.iter().filter(|event| !before.contains(&event.id));
        // What it has started since then had room.
        let newest = new.find(|event| event.message.contains(NO_ROOM) || event.message.contains(STARTED));
        // Tasks of older deployments do not count.
        let running = service.primary().map_or(service.running, |one| one.running);
        if running >= service.desired || self.unplaced.is_some_and(|(_, before)| running > before) {
            // It has got further: what was said before is past.
            (self.unplaced, self.told) = (None, Some(told));
            return None;
        }
        let Some(event) = newest.filter(|event| event.message.contains(NO_ROOM)) else {
            self.unplaced = None;
            return None;
        };
        let (since, _) = *self.unplaced.get_or_insert((after, running));
        Some((since, event.message.clone()))
    }

    /// What is still missing; `None` where nothing is.
    fn missing_still(&self, service: &Service) -> Option<String> {
        let Service { desired, running, pending, .. } = service;
        if service.deployments.len() > 1 {
            return Some(format!("{} deployments are there", service.deployments.len()));
        }
        let primary = service.primary();
        if primary.is_none() && service.controller == Controller::Ecs {
            return Some("no deployment is shown".to_owned());
        }
        if let Some(one) = primary.filter(|one| one.rollout == Rollout::InProgress) {
            return Some(format!("deployment {} is in progress", one.id));
        }
        let lags = |one: &Deployment| one.desired != *desired || one.running != *desired || one.pending > 0;
        if running != desired || *pending > 0 || primary.is_some_and(lags) {
            return Some(if *pending > 0 { format!("{pending} pending") } else { String::new() });
        }
        None
    }
}

/// After how many failed tasks in a row ECS' circuit breaker ends a deployment: half of those that are wanted.
fn most_failed(desired: u32) -> u32 {
    desired.div_ceil(2).clamp(FEWEST_FAILED, MOST_FAILED)
}

fn rolled_back(own: &Deployment, service: &Service) -> String {
    let by = service.primary().filter(|one| one.id != own.id).map(in_place);
    let reason = if own.reason.is_empty() { String::new() } else { format!(": {}", own.reason) };
    let what = if own.rollout == Rollout::Failed { "has failed" } else { "was replaced" };
    format!("deployment {} {what}{}{reason}", own.id, by.unwrap_or_default())
}

fn in_place(one: &Deployment) -> String {
    let definition = one.definition.as_ref().map_or_else(|| "an unknown revision".to_owned(), ToString::to_string);
    format!(", and {definition} is in its place (deployment {})", one.id)
}

fn waiting(service: &Service, more: &str) -> Outlook {
    // Tasks of older deployments do not count.
    let ready = service.primary().map_or(service.running, |one| one.running).min(service.desired);
    let more = if more.is_empty() { String::new() } else { format!(", {more}") };
    let text = format!("{ready} of {} tasks running{more}", service.desired);
    Outlook::Waiting(Readiness { ready, wanted: service.desired, text })
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
