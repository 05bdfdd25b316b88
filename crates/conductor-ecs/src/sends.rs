//! What was sent to services and was not seen there since.
//!
//! It may still come about: an answer says that it was taken, and not that it is shown; and what nobody was answered, because the
//! answer was lost or its sender was cancelled, may even arrive later. So it is noted before it is sent, and while it is in doubt
//! nothing is decided by its absence. What is not shown in time never came.
//!
//! A conductor that takes a run over does not know what the one before it has sent at last. Its tags tell what that was.

use std::collections::BTreeMap;
use std::mem::discriminant;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::answer::Outcome;
use crate::change::Write;
use crate::marker::{KEYS, Marker, Suspended};
use crate::place::{Place, Revision};
use crate::service::Service;

/// What is in doubt.
pub(crate) struct Sends {
    epoch: u64,
    begun: Instant,
    shown_within: Duration,
    places: Mutex<BTreeMap<Place, OfPlace>>,
}

#[derive(Default)]
struct OfPlace {
    /// The oldest first.
    sent: Vec<Sent>,
    /// So many were sent.
    count: u64,
    /// What an older conductor has sent at last is among them.
    is_taken_over: bool,
}

/// Something that was sent.
struct Sent {
    number: u64,
    what: What,
    at: Instant,
    is_answered: bool,
}

/// What may be sent to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Tags of the run, all of them.
    Tags(BTreeMap<String, String>),
    /// `desired_count`.
    Desired(u32),
    /// The revision of the task definition.
    Definition(Revision),
    /// What of its autoscaling is suspended.
    Suspended(Suspended),
}

impl What {
    /// What a write sends.
    pub(crate) fn of(write: &Write) -> Vec<Self> {
        let desired = write.desired.map(Self::Desired);
        desired.into_iter().chain(write.definition.clone().map(Self::Definition)).collect()
    }

    /// What a run has given a service at last.
    fn newest(marker: &Marker) -> Vec<Self> {
        let desired = marker.desired.as_ref().and_then(|kept| kept.applied.last().copied()).map(Self::Desired);
        let definition = marker.definition.as_ref().and_then(|kept| kept.applied.last().cloned());
        let suspended = marker.suspended.as_ref().and_then(|kept| kept.applied.last().copied());
        let others = definition.map(Self::Definition).into_iter().chain(suspended.map(Self::Suspended));
        desired.into_iter().chain(others).collect()
    }

    /// True for what a look at a service shows.
    fn is_shown(&self, live: &Service) -> bool {
        match self {
            Self::Tags(tags) => {
                let shown = live.tags.iter().filter(|(key, _)| KEYS.contains(&key.as_str()));
                shown.eq(tags.iter())
            }
            Self::Desired(desired) => *desired == live.desired,
            Self::Definition(definition) => Some(definition) == live.definition.as_ref(),
            Self::Suspended(_) => false,
        }
    }
}

impl Sends {
    /// Those of a conductor with this epoch.
    pub(crate) fn new(epoch: u64, shown_within: Duration) -> Self {
        Self { epoch, begun: Instant::now(), shown_within, places: Mutex::default() }
    }

    /// Notes what is sent now, before it is. Answers with its number.
    pub(crate) fn begin(&self, place: &Place, all: Vec<What>) -> u64 {
        let mut places = self.places();
        let of = places.entry(place.clone()).or_default();
        of.count += 1;
        let number = of.count;
        for what in all {
            // What was answered was done before this one.
            of.sent.retain(|sent| !sent.is_answered || discriminant(&sent.what) != discriminant(&what));
            of.sent.push(Sent { number, what, at: Instant::now(), is_answered: false });
        }
        number
    }

    /// Notes what has become of it; `None` where it is done.
    pub(crate) fn end(&self, place: &Place, number: u64, failed: Option<Outcome>) {
        let mut places = self.places();
        let Some(of) = places.get_mut(place) else { return };
        match failed {
            None => of.sent.iter_mut().filter(|sent| sent.number == number).for_each(|sent| sent.is_answered = true),
            Some(Outcome::Throttled | Outcome::Busy | Outcome::Refused) => of.sent.retain(|sent| sent.number != number),
            Some(Outcome::Unknown) => {}
        }
    }

    /// Sees a look at a service.
    pub(crate) fn see(&self, place: &Place, live: &Service) {
        let mut places = self.places();
        let marker = Marker::read(&live.tags).ok().flatten().filter(|marker| marker.holder.epoch < self.epoch);
        if let Some(marker) = marker {
            let of = places.entry(place.clone()).or_default();
            if !of.is_taken_over {
                of.is_taken_over = true;
                let sent = |what| Sent { number: 0, what, at: self.begun, is_answered: false };
                of.sent.extend(What::newest(&marker).into_iter().map(sent));
            }
        }
        if let Some(of) = places.get_mut(place) {
            of.forget(|what| what.is_shown(live));
        }
    }

    /// Sees a look at what scales a service by itself.
    pub(crate) fn see_suspended(&self, place: &Place, suspended: Suspended) {
        if let Some(of) = self.places().get_mut(place) {
            of.forget(|what| *what == What::Suspended(suspended));
        }
    }

    /// True while something that was sent to a service itself may still come about.
    pub(crate) fn are_in_doubt(&self, place: &Place) -> bool {
        self.is_any(place, |what| !matches!(what, What::Suspended(_)))
    }

    /// The same of what scales it by itself.
    pub(crate) fn is_suspension_in_doubt(&self, place: &Place) -> bool {
        self.is_any(place, |what| matches!(what, What::Suspended(_)))
    }

    fn is_any(&self, place: &Place, is_meant: impl Fn(&What) -> bool) -> bool {
        let mut places = self.places();
        let Some(of) = places.get_mut(place) else { return false };
        of.sent.retain(|sent| sent.at.elapsed() < self.shown_within);
        of.sent.iter().any(|sent| is_meant(&sent.what))
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<Place, OfPlace>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfPlace {
    /// Forgets what is shown. Where the same was sent several times, any of them may be the one that is: those without an answer
    /// may still arrive.
    fn forget(&mut self, is_shown: impl Fn(&What) -> bool) {
        let is_alone = |what: &What| self.sent.iter().filter(|sent| sent.what == *what).count() == 1;
        let stays: Vec<bool> =
            self.sent.iter().map(|sent| !is_shown(&sent.what) || !(sent.is_answered || is_alone(&sent.what))).collect();
        let mut stays = stays.into_iter();
        self.sent.retain(|_| stays.next().unwrap_or(true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::{Holder, Kept};
    use crate::service::tests::steady;

    const WITHIN: Duration = Duration::from_secs(60);

    fn cart() -> Place {
        Place { cluster: "shop-test".to_owned(), service: "cart".to_owned() }
    }

    fn of(tasks: u32) -> Service {
        steady("shop:7", tasks, "1")
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_is_in_doubt_until_it_is_shown_or_the_time_for_that_is_over() {
        let sends = Sends::new(1, WITHIN);
        assert!(!sends.are_in_doubt(&cart()));
        let number = sends.begin(&cart(), vec![What::Desired(6)]);
        sends.end(&cart(), number, None);
        sends.see(&cart(), &of(2));
        assert!(sends.are_in_doubt(&cart()), "an answer shows nothing");
        sends.see(&cart(), &of(6));
        assert!(!sends.are_in_doubt(&cart()));
        sends.begin(&cart(), vec![What::Desired(9)]);
        tokio::time::advance(WITHIN - Duration::from_secs(1)).await;
        assert!(sends.are_in_doubt(&cart()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!sends.are_in_doubt(&cart()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_never_comes_and_what_was_answered_gives_way_to_the_next() {
        let sends = Sends::new(1, WITHIN);
        for outcome in [Outcome::Throttled, Outcome::Busy, Outcome::Refused] {
            let number = sends.begin(&cart(), vec![What::Desired(6)]);
            sends.end(&cart(), number, Some(outcome));
            assert!(!sends.are_in_doubt(&cart()), "{outcome:?}");
        }
        let number = sends.begin(&cart(), vec![What::Desired(6)]);
        sends.end(&cart(), number, None);
        sends.begin(&cart(), vec![What::Desired(2)]);
        sends.see(&cart(), &of(2));
        assert!(!sends.are_in_doubt(&cart()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_without_an_answer_may_come_after_what_was_sent_later() {
        let sends = Sends::new(1, WITHIN);
        let number = sends.begin(&cart(), vec![What::Desired(6)]);
        sends.end(&cart(), number, Some(Outcome::Unknown));
        let number = sends.begin(&cart(), vec![What::Desired(2)]);
        sends.end(&cart(), number, None);
        sends.see(&cart(), &of(2));
        assert!(sends.are_in_doubt(&cart()));
        sends.begin(&cart(), vec![What::Desired(6)]);
        sends.see(&cart(), &of(6));
        assert!(sends.are_in_doubt(&cart()), "one of two has come, and nobody knows which");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_a_run_over_waits_for_what_was_given_at_last() {
        let mut marker = Marker::new(Holder { run: "one".parse().unwrap(), epoch: 1 });
        marker.desired = Some(Kept { before: 2, applied: vec![4, 6] });
        let found = |tasks| Service { tags: marker.write(), ..of(tasks) };
        let sends = Sends::new(2, WITHIN);
        sends.see(&cart(), &found(2));
        assert!(sends.are_in_doubt(&cart()));
        sends.see(&cart(), &found(6));
        assert!(!sends.are_in_doubt(&cart()));
        sends.see(&cart(), &found(2));
        assert!(!sends.are_in_doubt(&cart()), "it was there");
        let own = Sends::new(1, WITHIN);
        own.see(&cart(), &found(2));
        assert!(!own.are_in_doubt(&cart()), "it knows itself what it has sent");
    }

    #[tokio::test(start_paused = true)]
    async fn tags_and_autoscaling_are_seen_each_in_their_own_looks() {
        let sends = Sends::new(1, WITHIN);
        let tags = Marker::new(Holder { run: "one".parse().unwrap(), epoch: 1 }).write();
        sends.begin(&cart(), vec![What::Tags(tags.clone())]);
        sends.begin(&cart(), vec![What::Suspended(Suspended::ALL)]);
        let mut live = of(2);
        live.tags = tags;
        live.tags.insert("team".to_owned(), "shop".to_owned());
        let doubts = || (sends.are_in_doubt(&cart()), sends.is_suspension_in_doubt(&cart()));
        assert_eq!(doubts(), (true, true));
        sends.see(&cart(), &live);
        sends.see_suspended(&cart(), Suspended::default());
        assert_eq!(doubts(), (false, true));
        sends.see_suspended(&cart(), Suspended::ALL);
        assert_eq!(doubts(), (false, false));
    }
}
