//! Units as their users write them: rates (`7200/min`), spans of time (`30m`), CPU (`500m`) and memory (`2Gi`).
//!
//! Every type parses from, prints as and serialises as its short text form. No arithmetic of the domain lives here.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::friendly::{Designator, Spacing, SpanParser, SpanPrinter};
use serde::{Deserialize, Serialize};

/// Why a text is not a unit: what was wrong with it and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; expected {expected}")]
pub struct UnitError {
    /// What was wrong, with the offending text quoted.
    pub problem: String,
    /// What would have been right, with an example.
    pub expected: &'static str,
}

/// A positive rate of events, such as orders per minute.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    per_min: f64,
}

impl Rate {
    const EXPECTED: &'static str = "a positive rate such as 7200/min, 120/s or 600/h";
    /// More than all generators of the world could make: a slip of the keyboard.
    const HIGHEST_PER_MIN: f64 = 1e9;

    /// A rate in events per minute; it must be above zero and at most 1,000,000,000.
    ///
    /// # Errors
    /// When the number is out of this range or not a number.
    pub fn per_minute(per_min: f64) -> Result<Self, UnitError> {
        Self::told_as(per_min, &format!("a rate of {per_min}/min"))
    }

    fn told_as(per_min: f64, text: &str) -> Result<Self, UnitError> {
        let problem = if per_min > Self::HIGHEST_PER_MIN {
            format!("{text} is more than {:e}/min", Self::HIGHEST_PER_MIN)
        } else if per_min > 0.0 {
            return Ok(Self { per_min });
        } else {
            format!("{text} is not above zero")
        };
        Err(UnitError { problem, expected: Self::EXPECTED })
    }

    /// Events per minute.
    pub fn as_per_minute(self) -> f64 {
        self.per_min
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let malformed = || UnitError { problem: format!("\"{text}\" is not a rate"), expected: Self::EXPECTED };
        let (number, unit) = text.trim().split_once('/').ok_or_else(malformed)?;
        let number: f64 = number.trim().parse().map_err(|_| malformed())?;
        let per_min = match unit.trim() {
            "s" => number * 60.0,
            "min" | "m" => number,
            "h" => number / 60.0,
            _ => return Err(malformed()),
        };
        Self::told_as(per_min, &format!("\"{text}\""))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/min", self.per_min)
    }
}

/// A span of time, zero or longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

impl Span {
    const EXPECTED: &'static str = "a span of time such as 90s, 30m or 1h30m";

    /// A span of whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A span of whole minutes.
    pub const fn minutes(minutes: u64) -> Self {
        Self(Duration::from_secs(minutes * 60))
    }

    /// The span as a standard duration.
    pub const fn as_duration(self) -> Duration {
        self.0
    }

    /// The span in seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0.as_secs_f64()
    }

    /// True when the span is empty.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The sum of two spans; it saturates at the largest one.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The span taken `times` times; it saturates at the largest one.
    pub fn times(self, times: u32) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let signed: SignedDuration = SpanParser::new().parse_duration(text.trim()).map_err(|_| UnitError {
            problem: format!("\"{text}\" is not a span of time"),
            expected: Self::EXPECTED,
        })?;
        Duration::try_from(signed)
            .map(Self)
            .map_err(|_| UnitError { problem: format!("\"{text}\" is negative"), expected: Self::EXPECTED })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signed = SignedDuration::try_from(self.0).unwrap_or(SignedDuration::MAX);
        let printer = SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::None);
        f.write_str(&printer.duration_to_string(&signed))
    }
}

/// CPU in thousandths of a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cpu(u64);

impl Cpu {
    const EXPECTED: &'static str = "cores or millicores such as 2, 0.5 or 500m";

    /// So many thousandths of a core.
    pub const fn millicores(millicores: u64) -> Self {
        Self(millicores)
    }

    /// Thousandths of a core.
    pub const fn as_millicores(self) -> u64 {
        self.0
    }
}

impl FromStr for Cpu {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (number, per_unit) = match text.trim().strip_suffix('m') {
            Some(number) => (number, 1.0),
            None => (text.trim(), 1000.0),
        };
        positive(number, per_unit).map(Self).ok_or_else(|| UnitError {
            problem: format!("\"{text}\" is not an amount of CPU"),
            expected: Self::EXPECTED,
        })
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}m", self.0) }
    }
}

/// Memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Memory(u64);

/// Suffixes of memory quantities, largest first within each family, so that printing picks the shortest text.
const MEMORY_UNITS: [(&str, u64); 8] = [
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1_000),
];

impl Memory {
    const EXPECTED: &'static str = "bytes with a suffix such as 2Gi, 512Mi or 1G";

    /// So many bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Memory {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let trimmed = text.trim();
        let (number, per_unit) = MEMORY_UNITS
            .iter()
            .find_map(|(suffix, bytes)| Some((trimmed.strip_suffix(suffix)?, *bytes)))
            .unwrap_or((trimmed, 1));
        positive(number, per_unit as f64).map(Self).ok_or_else(|| UnitError {
            problem: format!("\"{text}\" is not an amount of memory"),
            expected: Self::EXPECTED,
        })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match MEMORY_UNITS.iter().find(|(_, bytes)| self.0.is_multiple_of(*bytes)) {
            Some((suffix, bytes)) => write!(f, "{}{suffix}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A whole, positive amount, or `None` for anything else.
fn positive(number: &str, per_unit: f64) -> Option<u64> {
    let amount = number.trim().parse::<f64>().ok()? * per_unit;
    (amount.is_finite() && amount > 0.0 && amount < u64::MAX as f64 && amount.fract() == 0.0).then_some(amount as u64)
}

/// The text form is the serialised form.
macro_rules! as_text {
    ($($unit:ty),*) => {$(
        impl TryFrom<String> for $unit {
            type Error = UnitError;
            fn try_from(text: String) -> Result<Self, UnitError> {
                text.parse()
            }
        }
        impl From<$unit> for String {
            fn from(unit: $unit) -> Self {
                unit.to_string()
            }
        }
    )*};
}
as_text!(Rate, Span, Cpu, Memory);

/// A number in three significant digits, as `0.15`, `2.5` or `1234`: what is learnt is not known better.
pub fn three_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value:.0}");
    }
    let decimals = (2 - value.abs().log10().floor() as i32).clamp(0, 12);
    let text = format!("{value:.*}", usize::try_from(decimals).unwrap_or_default());
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::three_digits;

    use super::*;

    #[test]
    fn three_digits_are_enough_for_what_is_learnt() {
        let texts = [0.0, 0.15, 0.123_44, 2.5, 99.96, 1_234.4, 3.0, 0.000_123_4].map(three_digits);
        assert_eq!(texts, ["0", "0.15", "0.123", "2.5", "100", "1234", "3", "0.000123"]);
    }

    #[test]
    fn rates_are_read_in_any_of_their_units() {
        assert_eq!("7200/min".parse::<Rate>().unwrap().as_per_minute(), 7200.0);
        assert_eq!(" 120 / s".parse::<Rate>().unwrap().as_per_minute(), 7200.0);
        assert_eq!("60/h".parse::<Rate>().unwrap().as_per_minute(), 1.0);
    }

    #[test]
    fn a_rate_of_zero_says_what_would_be_right() {
        let error = "0/min".parse::<Rate>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"0/min\" is not above zero; expected a positive rate such as 7200/min, 120/s or 600/h"
        );
        assert!("7200".parse::<Rate>().is_err());
        assert!("NaN/s".parse::<Rate>().is_err());
    }

    #[test]
    fn a_rate_that_nobody_could_mean_is_refused() {
        for text in ["inf/s", "1e400/min", "1e9/s"] {
            let error = text.parse::<Rate>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("\"{text}\" is more than 1e9/min; expected")), "{error}");
        }
        assert_eq!("1e9/min".parse::<Rate>().unwrap().as_per_minute(), 1e9);
    }

    #[test]
    fn spans_print_as_they_are_written() {
        for text in ["90s", "30m", "1h30m", "0s", "1m1s", "250ms"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span, "{text}");
        }
        assert_eq!("1h30m".parse::<Span>().unwrap(), Span::minutes(90));
        assert_eq!(Span::minutes(90).to_string(), "1h30m");
    }

    #[test]
    fn a_negative_span_is_told_apart_from_a_malformed_one() {
        assert!("-5m".parse::<Span>().unwrap_err().problem.contains("negative"));
        assert!("soon".parse::<Span>().unwrap_err().problem.contains("not a span"));
        assert!("5".parse::<Span>().is_err());
    }

    #[test]
    fn quantities_follow_the_kubernetes_forms() {
        assert_eq!("500m".parse::<Cpu>().unwrap(), Cpu::millicores(500));
        assert_eq!("0.5".parse::<Cpu>().unwrap(), Cpu::millicores(500));
        assert_eq!(Cpu::millicores(2000).to_string(), "2");
        assert_eq!("2Gi".parse::<Memory>().unwrap(), Memory::bytes(2 << 30));
        assert_eq!("1G".parse::<Memory>().unwrap(), Memory::bytes(1_000_000_000));
        assert_eq!(Memory::bytes(512 << 20).to_string(), "512Mi");
        assert!("-1Gi".parse::<Memory>().is_err());
        assert!("lots".parse::<Cpu>().is_err());
    }
}
