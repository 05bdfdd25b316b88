//! The parts of a load in which objectives are judged.

use super::{During, SHARE_WHOLE};
use crate::ramp::Profile;

/// How far a window may reach over the edge of a stretch, in seconds: times are rounded on the way.
pub(super) const ROUNDING_S: f64 = 0.5;

/// From when to when a part of the load lasts, in seconds since the load began; in the order of time, and apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stretches {
    of: Vec<(f64, f64)>,
    end_s: f64,
}

impl Stretches {
    /// The stretches of a load. It is level where its line is so for an interval or longer, and ramps everywhere else. A load of
    /// no known end, as a search is, has only the whole of it.
    pub(super) fn of(during: During, profile: &Profile, interval_s: f64) -> Self {
        let end_s = profile.end_s();
        let levels = profile.levels().into_iter().filter(|level| level.to_s - level.from_s >= interval_s - 1e-6);
        let mut levels: Vec<(f64, f64)> = levels.map(|level| (level.from_s, level.to_s)).collect();
        let of = match during {
            During::Plateau => levels,
            During::Load => vec![(0.0, f64::INFINITY)],
            During::Ramp => {
                levels.push((end_s, end_s));
                let mut from_s = 0.0;
                let ramps = levels.into_iter().map(|(start, end)| (std::mem::replace(&mut from_s, end), start));
                ramps.filter(|(from, to)| to > from).collect()
            }
        };
        Self { of, end_s }
    }

    /// The stretch that a window lies in. The load stops at its end, so that what its last window counts belongs to it.
    pub(super) fn around(&self, from_s: f64, to_s: f64) -> Option<usize> {
        self.of.iter().position(|(from, to)| {
            let ends_s = if *to >= self.end_s { f64::INFINITY } else { to + ROUNDING_S };
            from_s >= from - ROUNDING_S && to_s <= ends_s
        })
    }

    /// How much of a window lies in a stretch, in seconds.
    pub(super) fn overlap_s(&self, from_s: f64, to_s: f64) -> f64 {
        self.of.iter().map(|(from, to)| (to_s.min(*to).min(self.end_s) - from_s.max(*from)).max(0.0)).sum()
    }

    /// How long they are together, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.of.iter().map(|(from, to)| to.min(self.end_s) - from).sum()
    }

    /// How many minutes may be bad where so many millionths must be good: a share of those that they have, which is seldom a whole
    /// number.
    pub(super) fn bad_minutes(&self, share: u32) -> f64 {
        let bad = f64::from(SHARE_WHOLE - share) / f64::from(SHARE_WHOLE);
        bad * (self.seconds() / 60.0).max(1.0)
    }
}
