//! Figures and times as people read them, on every screen and page.

use jiff::Timestamp;

/// A moment, in UTC.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The time of day, in UTC.
pub fn time_of_day(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// Seconds as `m:ss` or `h:mm:ss`.
pub fn clock(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A number with thousands apart, with decimals only where it is small.
pub fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 10.0 && value.fract().abs() > 1e-9 {
        return format!("{value:.1}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 { format!("−{text}") } else { text }
}

/// A share of one in percent, with its sign.
pub fn signed_percent(share: f64) -> String {
    format!("{:+.1} %", share * 100.0).replace('-', "−")
}

/// The share of failed requests in percent; 0 where there were none.
pub fn error_percent(requests: u64, failures: u64) -> f64 {
    if requests == 0 { 0.0 } else { failures as f64 * 100.0 / requests as f64 }
}

/// A figure with its unit, to three decimals where it is small.
pub fn figure(value: f64, unit: Option<&str>) -> String {
    let told = if value.abs() >= 1000.0 {
        number(value)
    } else {
        ((value * 1000.0).round() / 1000.0).to_string().replace('-', "−")
    };
    match unit {
        None | Some("") => told,
        Some(unit) if unit.starts_with('/') => format!("{told}{unit}"),
        Some(unit) => format!("{told} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(clock(59.6), "1:00");
        assert_eq!(clock(7_384.0), "2:03:04");
        assert_eq!(number(7_200.4), "7,200");
        assert_eq!(number(-1_234_567.0), "−1,234,567");
        assert_eq!((number(0.0), number(0.5), number(12.5)), ("0".to_owned(), "0.5".to_owned(), "12".to_owned()));
        assert_eq!(signed_percent(-0.0123), "−1.2 %");
        assert_eq!(
            (figure(-0.5, Some("%")), figure(1234.5, Some("/min"))),
            ("−0.5 %".to_owned(), "1,234/min".to_owned())
        );
        assert_eq!((error_percent(0, 0), error_percent(200, 1)), (0.0, 0.5));
    }
}
