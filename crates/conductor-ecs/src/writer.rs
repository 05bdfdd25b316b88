//! Writing to services: look, decide, tag, change.
//!
//! ECS has no conditional writes. So the service is read once more when it is the turn of a write, and not before it waits for its
//! turn: what remains is the time between that answer and the write. Each write is sent once; when no answer comes, the service is
//! looked at again, and what is still missing is decided anew. An answer that does not show yet what this conductor has written
//! decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conductor_core::ports::{FailureKind, PortError, Way};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::answer::Failed;
use crate::attempts::Attempts;
use crate::change::{Wish, Write, admit, decide};
use crate::connect::Clients;
use crate::life::Life;
use crate::looks::Looks;
use crate::marker::{self, Holder, Marker};
use crate::pace::{Operation, Pace, pause};
use crate::place::{Place, Revision};
use crate::reader::Reader;
use crate::sends::{Sends, What};
use crate::service::Service;

/// How often tags are written that are not shown in time.
const MARKS: u32 = 2;
/// Looks in a row in which a service must be missing to be gone.
const ABSENCES: u32 = 3;

/// Writes to the test account.
pub(crate) struct Writer {
    pub(crate) clients: Clients,
    pub(crate) reader: Reader,
    pub(crate) pace: Arc<Pace>,
    pub(crate) services: Arc<Looks<Service>>,
    /// That of this conductor.
    pub(crate) life: Life,
    /// What may still come about.
    pub(crate) sends: Sends,
    /// What this conductor has written into tags, and when.
    known: Mutex<BTreeMap<Place, (Marker, Instant)>>,
    shown_within: Duration,
}

/// A service after a write, or found to be what was wanted already.
#[derive(Debug)]
pub(crate) struct Written {
    /// The deployment that makes it so; `None` where none was needed or is told.
    pub(crate) deployment: Option<String>,
    /// The one that was in place before; `None` where nothing was written now.
    pub(crate) before: Option<String>,
    /// What ECS had said before, by the ids of its events; `None` where nothing was written now.
    pub(crate) told: Option<BTreeSet<String>>,
}

/// What is to be done next.
enum Next {
    Mark(Marker),
    Update(Write),
    /// An answer decides nothing yet: it does not show the tags that were written.
    Wait,
    Nothing,
}

impl Writer {
    pub(crate) fn new(
        clients: Clients,
        reader: Reader,
        pace: Arc<Pace>,
        services: Arc<Looks<Service>>,
        sends: Sends,
        shown_within: Duration,
    ) -> Self {
        Self { clients, reader, pace, services, life: Life::default(), sends, known: Mutex::default(), shown_within }
    }

    /// The service as it is now.
    ///
    /// # Errors
    /// `NotFound` where it is missing in several answers.
    pub(crate) async fn look(&self, place: &Place, act: &str) -> Result<Arc<Service>, PortError> {
        for attempt in 0..ABSENCES {
            if let Some(service) = self.services.at(&place.cluster, &place.service).await? {
                self.sends.see(place, &service);
                return Ok(service);
            }
            pause(attempt).await;
        }
        Err(PortError::because(FailureKind::NotFound, act, format!("there is no active {place}")))
    }

    /// The service once nothing that was sent to it may still come about.
    pub(crate) async fn certain(&self, place: &Place, act: &str) -> Result<Arc<Service>, PortError> {
        loop {
            let is_certain = !self.sends.are_in_doubt(place);
            let live = self.look(place, act).await?;
            // The look itself may have shown that there is more.
            if is_certain && !self.sends.are_in_doubt(place) {
                return Ok(live);
            }
            pause(1).await;
        }
    }

    /// Makes a service what is wished, with the marker first.
    pub(crate) async fn write(&self, place: &Place, holder: &Holder, wish: &Wish) -> Result<Written, PortError> {
        let act = format!("could not change {place}");
        let (mut attempts, mut marks, mut turn) = (Attempts::default(), 0, None);
        loop {
            let live = self.look(place, &act).await?;
            let next = self.next(place, &live, holder, wish, &act)?;
            let operation = match &next {
                Next::Mark(_) if marks >= MARKS => {
                    let text =
                        format!("the tags that were written are not shown within {} s", self.shown_within.as_secs());
                    return Err(PortError::because(FailureKind::Unavailable, act, text));
                }
                Next::Mark(_) => Operation::Tag,
                Next::Update(_) => Operation::Update,
                Next::Wait => {
                    turn = None;
                    pause(1).await;
                    continue;
                }
                Next::Nothing => return Ok(Written { deployment: deployment(&live, wish), before: None, told: None }),
            };
            // It is read again when it is its turn.
            if turn != Some(operation) {
                self.pace.turn(operation).await;
                turn = Some(operation);
                continue;
            }
            turn = None;
            match (&next, wish.way) {
                (_, Way::There) => self.life.check(&act, Timestamp::now())?,
                (Next::Update(write), Way::Back) => self.keep_theirs(place, &live, holder, write).await?,
                (Next::Mark(_) | Next::Wait | Next::Nothing, Way::Back) => {}
            }
            let sent = match next {
                Next::Mark(marker) => self.mark(place, &live, marker).await.map(|()| {
                    marks += 1;
                    None
                }),
                Next::Update(write) => self.update(place, &live, &write).await.map(Some),
                Next::Wait | Next::Nothing => Ok(None),
            };
            match sent {
                Ok(Some(written)) => return Ok(written),
                Ok(None) => {}
                Err(failed) => attempts.after(failed, &self.pace, operation).await?,
            }
        }
    }

    fn next(&self, place: &Place, live: &Service, holder: &Holder, wish: &Wish, act: &str) -> Result<Next, PortError> {
        let refused =
            |error: Box<dyn std::error::Error + Send + Sync>| PortError::because(FailureKind::Rejected, act, error);
        let write = decide(live, holder, wish).map_err(|refusal| refused(refusal.into()))?;
        let found = Marker::read(&live.tags).ok().flatten();
        if let Some((known, at)) = self.known(place).filter(|(known, _)| known.holder == *holder) {
            let is_shown = found.as_ref().is_some_and(|found| found.write() == known.write());
            if !is_shown && at.elapsed() < self.shown_within {
                return Ok(Next::Wait);
            }
            if found.is_none() && wish.way == Way::There {
                let text = "the tags of the run are gone: somebody has taken them away, or has put the run back";
                return Err(refused(text.into()));
            }
        }
        Ok(match write.marker.clone() {
            Some(marker) if found.as_ref().is_none_or(|found| found.write() != marker.write()) => Next::Mark(marker),
            Some(_) | None if write.desired.is_some() || write.definition.is_some() => Next::Update(write),
            Some(_) | None => Next::Nothing,
        })
    }

    async fn mark(&self, place: &Place, live: &Service, marker: Marker) -> Result<(), Failed> {
        let (act, tags) = (format!("could not tag {place}"), marker.write());
        let number = self.sends.begin(place, vec![What::Tags(tags.clone())]);
        let tagged = self.tag(&act, &live.arn, &tags).await;
        self.sends.end(place, number, tagged.as_ref().err().map(|failed| failed.outcome));
        tagged?;
        self.remember(place, marker);
        Ok(())
    }

    /// Gives something tags.
    pub(crate) async fn tag(&self, act: &str, arn: &str, tags: &BTreeMap<String, String>) -> Result<(), Failed> {
        let call = self.clients.ecs.tag_resource().resource_arn(arn).set_tags(Some(crate::revisions::tags(tags)));
        call.send().await.map_err(|error| Failed::of(act, error))?;
        self.pace.let_through(Operation::Tag);
        Ok(())
    }

    /// Takes tags away.
    pub(crate) async fn untag(&self, act: &str, arn: &str, keys: Vec<String>) -> Result<(), Failed> {
        let call = self.clients.ecs.untag_resource().resource_arn(arn).set_tag_keys(Some(keys));
        call.send().await.map_err(|error| Failed::of(act, error))?;
        self.pace.let_through(Operation::Tag);
        Ok(())
    }

    async fn update(&self, place: &Place, live: &Service, write: &Write) -> Result<Written, Failed> {
        let act = format!("could not update {place}");
        let call = self.clients.ecs.update_service().cluster(&place.cluster).service(&place.service);
        let call = call
            .set_desired_count(write.desired.map(|count| i32::try_from(count).unwrap_or(i32::MAX)))
            .set_task_definition(write.definition.as_ref().map(ToString::to_string));
        let number = self.sends.begin(place, What::of(write));
        let answer = call.send().await.map_err(|error| Failed::of(&act, error));
        self.sends.end(place, number, answer.as_ref().err().map(|failed| failed.outcome));
        let answer = answer?;
        self.pace.let_through(Operation::Update);
        let after = answer.service().and_then(Service::read);
        let primary = after.as_ref().and_then(Service::primary);
        let made = primary.filter(|one| write.definition.is_some() && one.definition == write.definition);
        let told = live.events.iter().map(|event| event.id.clone()).collect();
        let before = live.primary().map(|one| one.id.clone());
        Ok(Written { deployment: made.map(|one| one.id.clone()), before, told: Some(told) })
    }

    /// Takes the tags away that a run does not need any more, of what is looked at when it is their turn. `left` says what it
    /// still needs. While something that the run has sent may still come about, its tags are what would lead back.
    pub(crate) async fn let_go(
        &self,
        place: &Place,
        holder: &Holder,
        left: impl Fn(&Service, &Marker) -> Marker,
    ) -> Result<(), PortError> {
        let act = format!("could not take the tags of load test {} from {place}", holder.run);
        let (mut attempts, mut is_turn) = (Attempts::default(), false);
        loop {
            let live = self.certain(place, &act).await?;
            let found = marker::holder(&live.tags);
            // Another run's are not touched. Of a broken one nobody can say whose it is: the journal has been here.
            if found.as_ref().is_some_and(|found| found.run != holder.run) {
                return Ok(());
            }
            admit(found.as_ref(), holder).map_err(|error| PortError::because(FailureKind::Rejected, &act, error))?;
            let needed = match Marker::read(&live.tags) {
                Ok(Some(marker)) => left(&live, &marker),
                Ok(None) => return Ok(()),
                Err(_) => Marker::new(holder.clone()),
            };
            let kept = if needed.is_empty() { BTreeMap::new() } else { needed.write() };
            let keys: Vec<String> =
                live.tags.keys().filter(|key| is_ours(key) && !kept.contains_key(*key)).cloned().collect();
            if keys.is_empty() {
                return Ok(());
            }
            if !is_turn {
                self.pace.turn(Operation::Tag).await;
                is_turn = true;
                continue;
            }
            is_turn = false;
            match self.untag(&act, &live.arn, keys).await {
                Ok(()) => {
                    self.forget(place, &needed);
                    return Ok(());
                }
                Err(failed) => attempts.after(failed, &self.pace, Operation::Tag).await?,
            }
        }
    }

    /// The marker that this conductor has written last, for a run.
    pub(crate) fn written(&self, place: &Place, holder: &Holder) -> Option<Marker> {
        self.known(place).map(|(marker, _)| marker).filter(|marker| marker.holder == *holder)
    }

    fn known(&self, place: &Place) -> Option<(Marker, Instant)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned()
    }

    fn remember(&self, place: &Place, marker: Marker) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(place.clone(), (marker, Instant::now()));
    }

    fn forget(&self, place: &Place, left: &Marker) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if left.is_empty() {
            known.remove(place);
        } else {
            known.insert(place.clone(), (left.clone(), Instant::now()));
        }
    }
}

fn is_ours(key: &str) -> bool {
    marker::KEYS.contains(&key)
}

/// The deployment by which a service has what is wished already.
fn deployment(live: &Service, wish: &Wish) -> Option<String> {
    let wanted: &Revision = &wish.definition.as_ref()?.to;
    let primary = live.primary().filter(|one| one.definition.as_ref() == Some(wanted));
    primary.map(|one| one.id.clone())
}
