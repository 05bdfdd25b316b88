//! Figures as people read them: those of the report, and the time of day where the terminal is.

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(super) use conductor_web::text::{clock, error_percent, number as thousands, signed_percent};

/// The time of day, in the machine's time zone.
pub(super) fn time_of_day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string()
}
