//! An objective as text, which is read as the same.

use std::fmt;

use super::{
    Bound, During, FACTOR_WHOLE, Judged, Limit, Metric, NUMBER_WHOLE, PERCENTILE_WHOLE, Percentile, SHARE_WHOLE, Slo,
    Then,
};

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.figure(), self.bound, self.limit)?;
        match self.judged {
            Judged::Whole => {}
            Judged::Over(time) => write!(f, " over {time}")?,
            Judged::For(time) if time.is_zero() => {}
            Judged::For(time) => write!(f, " for {time}")?,
            Judged::Minutes(share) => {
                write!(f, " in {}% of {} minutes", decimal(share, SHARE_WHOLE / 100), self.during)?;
            }
        }
        let said = matches!(self.judged, Judged::Minutes(_)) || self.during == During::Plateau;
        if !said {
            write!(f, " during {}", self.during)?;
        }
        match self.then {
            Then::Mark => Ok(()),
            Then::Abort => f.write_str(" then abort"),
            Then::Alert => f.write_str(" then alert"),
        }
    }
}

impl Slo {
    /// What is judged, such as `p95(checkout)`.
    pub fn figure(&self) -> String {
        match &self.requests {
            None => self.metric.to_string(),
            Some(name) if is_bare(name) => format!("{}({name})", self.metric),
            Some(name) => {
                format!("{}({})", self.metric, quoted(name))
            }
        }
    }
}

/// In quotes, with what would end them or begin an escape escaped.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// True for names that need no quotes.
pub(super) fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && !name.contains(['"', '(', ')', '\\'])
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(percentile) => percentile.fmt(f),
            Self::Mean => f.write_str("mean"),
            Self::ErrorRate => f.write_str("error_rate"),
            Self::Prometheus(query) => write!(f, "prometheus({})", quoted(query)),
        }
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", decimal(self.0, PERCENTILE_WHOLE / 100))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(micros) if *micros < 1_000_000 => write!(f, "{}ms", decimal(*micros, 1_000_u64)),
            Self::Time(micros) => write!(f, "{}s", decimal(*micros, 1_000_000_u64)),
            Self::Share(share) => write!(f, "{}%", decimal(*share, SHARE_WHOLE / 100)),
            Self::Baseline(factor) => write!(f, "{} × baseline", decimal(*factor, FACTOR_WHOLE)),
            Self::Number(number) => {
                let sign = if *number < 0 { "-" } else { "" };
                write!(f, "{sign}{}", decimal(number.unsigned_abs(), NUMBER_WHOLE))
            }
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Below => "<",
            Self::Above => ">",
        })
    }
}

impl fmt::Display for During {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plateau => "plateau",
            Self::Ramp => "ramp",
            Self::Load => "load",
        })
    }
}

/// A count of units as a decimal number of wholes, without zeros at its end. `whole` is a power of ten.
fn decimal(units: impl Into<u64>, whole: impl Into<u64>) -> String {
    let (units, whole) = (units.into(), whole.into());
    let digits = whole.ilog10() as usize;
    let fraction = format!("{:0digits$}", units % whole);
    match fraction.trim_end_matches('0') {
        "" => (units / whole).to_string(),
        rest => format!("{}.{rest}", units / whole),
    }
}
