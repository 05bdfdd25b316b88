//! Whether this conductor still is the one that a run is driven by.
//!
//! When its signs of life stay out, others put its run back and take its marks away, and nothing in the cluster would refuse a
//! write that it sends when it wakes up. So it looks at the time itself, before each write towards the test's state.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use conductor_core::ports::{FailureKind, PortError};
use jiff::Timestamp;

/// What is known of the signs of life of a run.
#[derive(Debug, Default)]
pub(crate) struct Life {
    /// The last one of this conductor.
    last: Mutex<Option<Sign>>,
    /// Somebody else has ended them: the run was put back before this conductor took it over.
    is_over: AtomicBool,
}

/// A sign of life.
#[derive(Clone, Debug)]
struct Sign {
    /// Until when it is good.
    until: Timestamp,
    /// The uid of its Lease.
    lease: String,
}

impl Life {
    /// The first sign of a run was given, by the Lease of this uid.
    pub(crate) fn begins(&self, until: Timestamp, lease: String) {
        self.is_over.store(false, Ordering::Relaxed);
        self.goes_on(until, lease);
    }

    /// A sign was given.
    pub(crate) fn goes_on(&self, until: Timestamp, lease: String) {
        self.set(Some(Sign { until, lease }));
    }

    /// The uid of the Lease by which the last one was given.
    pub(crate) fn lease(&self) -> Option<String> {
        self.last().map(|sign| sign.lease)
    }

    /// True when this conductor has given one.
    pub(crate) fn has_begun(&self) -> bool {
        self.last().is_some()
    }

    /// Somebody else has put the run back.
    pub(crate) fn was_ended(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// True when somebody else has put the run back: what its values are found in without a mark is then theirs who have given
    /// them since.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Nobody expects signs any more.
    pub(crate) fn ends(&self) {
        self.set(None);
    }

    /// # Errors
    /// When a sign was given, and none that is still good.
    pub(crate) fn check(&self, act: &str, now: Timestamp) -> Result<(), PortError> {
        match self.last().map(|sign| sign.until).filter(|until| *until < now) {
            None => Ok(()),
            Some(until) => Err(PortError::because(
                FailureKind::Rejected,
                act,
                format!(
                    "this conductor has stood still or was cut off, and its last sign of life was good until {until:.0}: others \
                     may have put the run back since, so that it changes nothing more"
                ),
            )),
        }
    }

    fn last(&self) -> Option<Sign> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, sign: Option<Sign>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = sign;
    }
}

#[cfg(test)]
mod tests {
    use conductor_core::failure::Failure;

    use super::*;

    #[test]
    fn a_conductor_whose_last_sign_is_too_old_is_told_so() {
        let (life, at) = (Life::default(), |text: &str| text.parse::<Timestamp>().unwrap());
        let good = at("2026-11-27T10:15:00.123Z");
        let check = |time| {
            let checked = life.check("could not change deployment shop/cart", at(time));
            checked.map_err(|error| Failure::of("", &error).message)
        };
        assert_eq!(check("2026-11-27T11:00:00Z"), Ok(()), "it has never given one");
        life.goes_on(good, "uid-1".to_owned());
        assert_eq!(check("2026-11-27T10:15:00Z"), Ok(()));
        assert_eq!(
            check("2026-11-27T10:16:00Z").unwrap_err(),
            "could not change deployment shop/cart: this conductor has stood still or was cut off, and its last sign of \
             life was good until 2026-11-27T10:15:00Z: others may have put the run back since, so that it changes nothing more"
        );
        life.ends();
        assert_eq!(check("2026-11-27T10:16:00Z"), Ok(()));
    }
}
