//! Amounts of a resource as Kubernetes writes them, and as ECS' whole numbers can be read too. What the amounts are given
//! to is in [`crate::app`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::units::{Cpu, Memory};

/// An amount, such as `500m`, `2`, `1.5Gi` or `1e3`. Two are equal when they are as much, however they are written; the
/// text is kept, so that what is put back is written as it was.
///
/// The grammar is that of [Kubernetes' `Quantity`], whose smallest part is a billionth; what is finer is rounded up.
///
/// ```
/// use conductor_core::quantity::Quantity;
///
/// let [half, other]: [Quantity; 2] = [".5", "500m"].map(|text| text.parse().unwrap());
/// assert_eq!(half, other);
/// assert_eq!(half.to_string(), ".5");
/// ```
///
/// [Kubernetes' `Quantity`]: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quantity {
    text: String,
    billionths: i128,
}

/// A text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an amount; expected a number with or without a suffix, such as 500m, 2 or 1.5Gi")]
pub struct QuantityError(pub String);

const BILLION: i128 = 1_000_000_000;

/// Suffixes, and by what they multiply a billionth: decimal ones, then binary ones.
const SUFFIXES: [(&str, i128); 16] = [
    ("", BILLION),
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("k", BILLION * 1_000),
    ("M", BILLION * 1_000_000),
    ("G", BILLION * BILLION),
    ("T", BILLION * BILLION * 1_000),
    ("P", BILLION * BILLION * 1_000_000),
    ("E", BILLION * BILLION * BILLION),
    ("Ki", BILLION << 10),
    ("Mi", BILLION << 20),
    ("Gi", BILLION << 30),
    ("Ti", BILLION << 40),
    ("Pi", BILLION << 50),
    ("Ei", BILLION << 60),
];

/// Suffixes from the largest to the smallest; binary ones first, since memory is mostly given in them.
const SUFFIXES_BY_SIZE: [(&str, i128); 7] = [
    ("Ti", BILLION << 40),
    ("Gi", BILLION << 30),
    ("Mi", BILLION << 20),
    ("", BILLION),
    ("m", 1_000_000),
    ("u", 1_000),
    ("n", 1),
];

impl Quantity {
    /// So much, with the largest suffix that says it exactly.
    pub fn of_billionths(billionths: i128) -> Self {
        let exact = |(_, factor): &&(&str, i128)| billionths != 0 && billionths % factor == 0;
        let (suffix, factor) = SUFFIXES_BY_SIZE.iter().find(exact).unwrap_or(&("", BILLION));
        Self { text: format!("{}{suffix}", billionths / factor), billionths }
    }

    /// The amount, in billionths.
    pub const fn billionths(&self) -> i128 {
        self.billionths
    }

    /// The amount of a text, or `None` when there is none in it or it is too much.
    fn parsed(text: &str) -> Option<i128> {
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{part}");
        let mut amount: i128 = digits.parse().ok()?;
        let mut divisor = power_of_ten(part.len())?;
        if let Some((_, factor)) = SUFFIXES.iter().find(|(known, _)| *known == suffix) {
            amount = amount.checked_mul(*factor)?;
        } else {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let power = power_of_ten(usize::try_from(exponent.unsigned_abs()).ok()?)?;
            amount = amount.checked_mul(BILLION)?;
            if exponent < 0 {
                divisor = divisor.checked_mul(power)?;
            } else {
                amount = amount.checked_mul(power)?;
            }
        }
        let rounded_up = amount / divisor + i128::from(amount % divisor != 0);
        Some(sign * rounded_up)
    }
}

fn power_of_ten(exponent: usize) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(exponent).ok()?)
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        match Self::parsed(text) {
            Some(billionths) => Ok(Self { text: text.to_owned(), billionths }),
            None => Err(QuantityError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Quantity {
    type Error = QuantityError;

    fn try_from(text: String) -> Result<Self, QuantityError> {
        text.parse()
    }
}

impl From<Quantity> for String {
    fn from(quantity: Quantity) -> Self {
        quantity.text
    }
}

impl From<Cpu> for Quantity {
    fn from(cpu: Cpu) -> Self {
        Self { text: cpu.to_string(), billionths: i128::from(cpu.as_millicores()) * 1_000_000 }
    }
}

impl From<Memory> for Quantity {
    fn from(memory: Memory) -> Self {
        Self { text: memory.to_string(), billionths: i128::from(memory.as_bytes()) * BILLION }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.billionths == other.billionths
    }
}

impl Eq for Quantity {}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Option<i128> {
        text.parse::<Quantity>().ok().map(|quantity| quantity.billionths)
    }

    #[test]
    fn amounts_are_equal_however_they_are_written() {
        for (one, other) in [
            ("0.5", "500m"),
            (".5", "500m"),
            ("5.", "5"),
            ("1", "1000m"),
            ("1Gi", "1024Mi"),
            ("1.5Gi", "1536Mi"),
            ("1G", "1000M"),
            ("1e3", "1k"),
            ("1E3", "1k"),
            ("12e-1", "1200m"),
            ("+2", "2"),
            ("128974848", "128974848000m"),
            ("0", "-0"),
            ("1E", "1000P"),
            ("1.5Ei", "1536Pi"),
            ("1Ei", "1152921504606846976"),
        ] {
            let [left, right]: [Quantity; 2] = [one, other].map(|text| text.parse().unwrap());
            assert_eq!(left, right, "{one} and {other}");
            assert_eq!((left.to_string().as_str(), right.to_string().as_str()), (one, other), "the text is kept");
        }
        assert_ne!("1G".parse::<Quantity>(), "1Gi".parse());
    }

    #[test]
    fn what_is_finer_than_a_billionth_is_rounded_up() {
        assert_eq!(amount("0.0000000001"), Some(1));
        assert_eq!(amount("1n"), Some(1));
        assert_eq!(amount("-1.5u"), Some(-1500));
    }

    #[test]
    fn what_is_no_amount_is_refused_with_what_would_be_one() {
        for bad in [
            "",
            ".",
            "m",
            "1 Gi",
            "1gi",
            "1ei",
            "1Ei3",
            "1.2.3",
            "--1",
            "1e",
            "1e+",
            "0x10",
            "9999999999999999999999E",
            "1e99",
        ] {
            // Kubernetes takes `1e` for no exponent at all, and so for no amount.
            assert_eq!(amount(bad), None, "{bad:?}");
        }
        assert_eq!(
            "lots".parse::<Quantity>().unwrap_err().to_string(),
            "\"lots\" is not an amount; expected a number with or without a suffix, such as 500m, 2 or 1.5Gi"
        );
    }

    #[test]
    fn cpu_and_memory_are_amounts() {
        assert_eq!(Quantity::from(Cpu::millicores(1500)), "1.5".parse().unwrap());
        assert_eq!(Quantity::from(Memory::bytes(3 << 30)).to_string(), "3Gi");
    }

    #[test]
    fn an_amount_is_written_with_the_largest_suffix_that_says_it_exactly() {
        for text in ["0", "3", "1500m", "2Gi", "1536Mi", "1Ti", "7u", "9n", "-2Gi"] {
            let quantity: Quantity = text.parse().unwrap();
            assert_eq!(Quantity::of_billionths(quantity.billionths()).to_string(), text);
        }
        let three: Quantity = "1500m".parse().unwrap();
        assert_eq!(Quantity::of_billionths(three.billionths() * 4).to_string(), "6");
    }
}
