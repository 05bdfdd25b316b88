//! What makes a curve valid.

use super::validate::Stages;
use super::{Curve, CurveDocument, CurvePoint, CurvePointDocument, ValueDocument};
use crate::units::{Rate, Span};

const MOST_POINTS: usize = 10_000;

impl Stages<'_> {
    /// A curve, where it is one.
    pub(super) fn curve(&mut self, field: &str, curve: &CurveDocument, scale: Option<&String>) -> Option<Curve> {
        let curve_field = format!("{field}.curve");
        let points = match curve {
            CurveDocument::Points(points) => points,
            CurveDocument::File(file) => {
                let expected = "points here, or a load test that is read from a file beside it";
                self.found.add(&curve_field, format!("the file \"{file}\" was not read"), expected);
                return None;
            }
        };
        if points.len() < 2 || points.len() > MOST_POINTS {
            let problem = format!("there are {} points", points.len());
            self.found.add(&curve_field, problem, format!("2 to {MOST_POINTS} points"));
            return None;
        }
        let levels: Vec<Option<(Span, Level)>> =
            points.iter().enumerate().map(|(at, point)| self.point(&format!("{curve_field}[{at}]"), point)).collect();
        let levels: Vec<(Span, Level)> = levels.into_iter().collect::<Option<_>>()?;
        for (position, pair) in levels.windows(2).enumerate().filter(|(_, pair)| pair[1].0 < pair[0].0) {
            let field = format!("{curve_field}[{}].time", position + 1);
            self.found.add(&field, format!("{} is before {}", pair[1].0, pair[0].0), "points in the order of time");
        }
        let highest_rate = levels.iter().filter_map(|(_, level)| level.rate()).fold(0.0, f64::max);
        let shares = levels.iter().any(|(_, level)| level.rate().is_none());
        let scale = match (scale, shares) {
            (None, false) if self.target.is_none() => Rate::per_minute(highest_rate).ok(),
            (scale, _) => self.rate_or_target(&format!("{field}.scale"), scale),
        }?;
        let value = |level: Level| match level {
            Level::Share(share) => share,
            Level::Rate(rate) => rate.as_per_minute() / scale.as_per_minute(),
        };
        let points: Vec<CurvePoint> =
            levels.into_iter().map(|(time, level)| CurvePoint { time, value: value(level) }).collect();
        let highest = points.iter().map(|point| point.value * scale.as_per_minute()).fold(0.0, f64::max);
        if highest <= 0.0 {
            self.found.add(&curve_field, "every value is zero", "a value above zero");
        } else if let Err(error) = Rate::per_minute(highest) {
            self.found.add(&curve_field, error.problem, error.expected);
        }
        Some(Curve { scale, points })
    }

    fn point(&mut self, field: &str, point: &CurvePointDocument) -> Option<(Span, Level)> {
        const EXPECTED: &str = "a share of the scale from 0 to 1000, such as 0.35, or a rate such as 2500/min";
        let time = self.found.span_of(&format!("{field}.time"), Some(&point.time));
        let field = format!("{field}.value");
        let level = match &point.value {
            ValueDocument::Share(share) if (0.0..=1000.0).contains(share) => Some(Level::Share(*share)),
            ValueDocument::Share(share) => {
                self.found.add(&field, format!("{share} is out of range"), EXPECTED);
                None
            }
            ValueDocument::Rate(text) => match text.parse() {
                Ok(rate) => Some(Level::Rate(rate)),
                Err(_) => {
                    self.found.add(&field, format!("\"{text}\" is neither a share nor a rate"), EXPECTED);
                    None
                }
            },
        };
        Some((time?, level?))
    }
}

/// A curve's level as it was given.
#[derive(Clone, Copy)]
enum Level {
    Share(f64),
    Rate(Rate),
}

impl Level {
    /// Events per minute, where a rate was given.
    fn rate(self) -> Option<f64> {
        match self {
            Self::Rate(rate) => Some(rate.as_per_minute()),
            Self::Share(_) => None,
        }
    }
}
