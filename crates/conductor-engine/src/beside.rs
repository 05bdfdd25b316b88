//! What is common to those who follow runs that are driven here, and whom no run waits for.

use conductor_core::phase::Event;
use conductor_core::run::Record;

/// True where a conductor has begun that did not drive the run before.
pub(crate) fn is_taken_over(record: &Record) -> bool {
    matches!(record.event, Event::Abandoned | Event::Resumed | Event::Adopted { .. })
}
