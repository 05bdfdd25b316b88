//! How often a write is sent that is not known to be done.

use conductor_core::ports::PortError;

use crate::answer::{Failed, Outcome};
use crate::pace::{Operation, Pace, pause};

/// How often a write is sent at most.
const MOST: u32 = 6;

/// Counts the attempts of one write.
#[derive(Default)]
pub(crate) struct Attempts(u32);

impl Attempts {
    /// Waits before the next one.
    ///
    /// # Errors
    /// With the failure, where it is refused for good or was tried often enough.
    pub(crate) async fn after(&mut self, failed: Failed, pace: &Pace, operation: Operation) -> Result<(), PortError> {
        self.0 += 1;
        match failed.outcome {
            Outcome::Throttled => pace.throttled(operation),
            Outcome::Busy | Outcome::Unknown => {}
            Outcome::Refused => return Err(failed.error),
        }
        if self.0 >= MOST {
            return Err(failed.error);
        }
        pause(self.0 - 1).await;
        Ok(())
    }
}
