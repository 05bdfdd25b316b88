//! Whether this conductor still is the one that a run is driven by.
//!
//! When its signs of life stay out, others put its run back and take its tags away, and nothing in ECS would refuse a write that
//! it sends when it wakes up. So it looks at the time itself, before each write towards the test's state.

use std::sync::{Mutex, PoisonError};

use conductor_core::ports::{FailureKind, PortError};
use jiff::Timestamp;

/// Until when the last sign of life of this conductor is good; nothing where it has given none.
#[derive(Debug, Default)]
pub(crate) struct Life(Mutex<Option<Timestamp>>);

impl Life {
    /// A sign was given.
    pub(crate) fn goes_on(&self, until: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Nobody expects signs any more.
    pub(crate) fn ends(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// # Errors
    /// When a sign was given, and it is not good any more.
    pub(crate) fn check(&self, act: &str, now: Timestamp) -> Result<(), PortError> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match until.filter(|until| *until < now) {
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
}
