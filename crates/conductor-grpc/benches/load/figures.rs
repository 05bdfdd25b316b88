//! Figures: how they spread, and whether they are what is aimed for.

use std::fmt::{self, Display, Formatter};

/// Values of one kind.
#[derive(Default)]
pub(crate) struct Spread {
    values: Vec<f64>,
}

impl Spread {
    pub(crate) fn add(&mut self, value: f64) {
        self.values.push(value);
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The value that this share of all does not exceed; not a number where there is none, which no aim is met by.
    pub(crate) fn at(&self, share: f64) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }
}

impl Display for Spread {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:.1} ms, p99 {:.1} ms", self.at(0.5), self.at(0.99))
    }
}

/// What is aimed for, and what was found.
#[derive(Default)]
pub(crate) struct Aims {
    found: Vec<(&'static str, f64, f64)>,
}

impl Aims {
    /// A figure that may be so much at most.
    pub(crate) fn most(&mut self, what: &'static str, found: f64, most: f64) {
        self.found.push((what, found, most));
    }

    /// Says of each whether it is met, and whether all are.
    pub(crate) fn tell(&self) -> bool {
        let mut all = true;
        for (what, found, most) in &self.found {
            let is_met = found <= most;
            all &= is_met;
            let word = if is_met { "met" } else { "missed" };
            println!("{word:<7} {what}: {found:.1}, the aim is {most:.1} at most");
        }
        all
    }
}
