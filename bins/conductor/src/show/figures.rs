//! Figures as people read them: clocks, shares, rates with thousands apart.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The time of day, in the machine's time zone.
pub(super) fn time_of_day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string()
}

/// Seconds as `m:ss` or `h:mm:ss`.
pub(super) fn clock(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A number without decimals, with thousands apart.
pub(super) fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number <= -0.5 { format!("-{text}") } else { text }
}

/// A share of one, in percent with its sign.
pub(super) fn signed_percent(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}

/// The share of failed requests, in percent.
pub(super) fn error_percent(requests: u64, failures: u64) -> f64 {
    if requests == 0 { 0.0 } else { failures as f64 * 100.0 / requests as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(clock(59.6), "1:00");
        assert_eq!(clock(7_384.0), "2:03:04");
        assert_eq!(thousands(7_200.4), "7,200");
        assert_eq!(thousands(-1_234_567.0), "-1,234,567");
        assert_eq!(thousands(0.0), "0");
        assert_eq!(signed_percent(-0.0123), "-1.2 %");
        assert_eq!(error_percent(0, 0), 0.0);
        assert_eq!(error_percent(200, 1), 0.5);
    }
}
