//! Whether this conductor still is the one that a run is driven by.
//!
//! When its signs of life stay out, others put its run back and take its tags away, and nothing in ECS would refuse a write that
//! it sends when it wakes up. So it looks at the time itself, before each write towards the test's state.

use std::sync::{Mutex, MutexGuard, PoisonError};

use conductor_core::ports::{FailureKind, PortError};
use jiff::Timestamp;

/// What is known of the signs of life of a run.
#[derive(Debug, Default)]
pub(crate) struct Life(Mutex<Known>);

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Until when the last sign of this conductor is good.
    until: Option<Timestamp>,
    /// This conductor has ended them itself.
    has_ended: bool,
    /// Somebody else has ended them: the run was put back.
    is_over: bool,
}

impl Life {
    /// The first sign of a run was given.
    pub(crate) fn begins(&self, until: Timestamp) {
        *self.known() = Known { until: Some(until), ..Known::default() };
    }

    /// One more was given.
    pub(crate) fn goes_on(&self, until: Timestamp) {
        self.known().until = Some(until);
    }

    /// Nobody expects signs any more: this conductor has put the run back.
    pub(crate) fn ends(&self) {
        let mut known = self.known();
        (known.until, known.has_ended) = (None, true);
    }

    /// True when this conductor has ended them itself.
    pub(crate) fn has_ended(&self) -> bool {
        self.known().has_ended
    }

    /// They were missing: somebody else has put the run back, where this conductor has not ended them itself.
    pub(crate) fn was_ended(&self) {
        let mut known = self.known();
        known.is_over |= !known.has_ended;
    }

    /// True when somebody else has put the run back: what a service has without tags of the run is then theirs who have given it
    /// since.
    pub(crate) fn is_over(&self) -> bool {
        self.known().is_over
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// When a sign was given, and it is not good any more.
    pub(crate) fn check(&self, act: &str, now: Timestamp) -> Result<(), PortError> {
        match self.known().until.filter(|until| *until < now) {
            None => Ok(()),
            Some(until) => Err(PortError::because(
                FailureKind::Rejected,
                act,
                format!(
                    "the last sign of life of this conductor was good until {until:.0}, and it has stood still or was cut off \
                     since: others may have put the run back, so that it changes nothing more"
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use conductor_core::failure::Failure;

    use super::*;

    #[test]
    fn a_conductor_whose_last_sign_is_too_old_is_told_so() {
        let (life, at) = (Life::default(), |text: &str| text.parse::<Timestamp>().unwrap());
        let check = |time| life.check("could not change it", at(time)).map_err(|error| Failure::of("", &error).message);
        assert_eq!(check("2026-11-27T11:00:00Z"), Ok(()), "it has never given one");
        life.goes_on(at("2026-11-27T10:15:00.123Z"));
        assert_eq!(check("2026-11-27T10:15:00Z"), Ok(()));
        assert_eq!(
            check("2026-11-27T10:16:00Z").unwrap_err(),
            "could not change it: the last sign of life of this conductor was good until 2026-11-27T10:15:00Z, and it has stood \
             still or was cut off since: others may have put the run back, so that it changes nothing more"
        );
        life.ends();
        assert_eq!(check("2026-11-27T10:16:00Z"), Ok(()));
    }

    #[test]
    fn a_run_that_somebody_else_has_put_back_stays_so_until_it_begins_anew() {
        let life = Life::default();
        life.was_ended();
        life.goes_on(Timestamp::MAX);
        assert!(life.is_over() && !life.has_ended(), "a sign of this conductor says nothing of what was before");
        life.begins(Timestamp::MAX);
        assert!(!life.is_over());
        life.ends();
        life.was_ended();
        assert!(life.has_ended() && !life.is_over(), "it was this conductor");
    }
}
