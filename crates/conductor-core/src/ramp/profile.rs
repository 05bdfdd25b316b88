//! The line the KPI shall follow: straight pieces between points in time. What users it takes is not known here.

/// A point of the line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProfilePoint {
    /// Seconds since the load began.
    pub at_s: f64,
    /// KPI events per minute from here on, until the next point says otherwise.
    pub per_min: f64,
}

/// The line the KPI shall follow. Between two points it is straight; two points at one time are a step; before the first
/// and after the last point it is level.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    points: Vec<ProfilePoint>,
}

impl Profile {
    /// From nothing to `target_per_min` in `ramp_up_s` seconds, then level for `plateau_s` seconds.
    pub fn ramp(target_per_min: f64, ramp_up_s: f64, plateau_s: f64) -> Self {
        let point = |at_s, per_min| ProfilePoint { at_s, per_min };
        Self {
            points: vec![
                point(0.0, 0.0),
                point(ramp_up_s, target_per_min),
                point(ramp_up_s + plateau_s, target_per_min),
            ],
        }
    }

    /// The points, in the order of time.
    pub fn points(&self) -> &[ProfilePoint] {
        &self.points
    }

    /// The KPI wanted at `at_s` seconds of load, events per minute. At a step it is the value after it.
    pub fn at(&self, at_s: f64) -> f64 {
        let after = self.after(at_s);
        match (after.checked_sub(1).map(|before| self.points[before]), self.points.get(after)) {
            (Some(from), Some(to)) => {
                from.per_min + (to.per_min - from.per_min) * (at_s - from.at_s) / (to.at_s - from.at_s)
            }
            (Some(last), None) => last.per_min,
            (None, Some(first)) => first.per_min,
            (None, None) => 0.0,
        }
    }

    /// True when the line is level from `at_s` on, at least up to the next point.
    pub fn is_level(&self, at_s: f64) -> bool {
        let after = self.after(at_s);
        match (after.checked_sub(1).map(|before| self.points[before]), self.points.get(after)) {
            (Some(from), Some(to)) => from.per_min == to.per_min,
            (Some(_) | None, None) | (None, Some(_)) => true,
        }
    }

    /// The highest KPI wanted, events per minute.
    pub fn highest(&self) -> f64 {
        self.points.iter().map(|point| point.per_min).fold(0.0, f64::max)
    }

    /// When the line ends, seconds since the load began.
    pub fn end_s(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.at_s)
    }

    /// The first point that is later than `at_s`.
    fn after(&self, at_s: f64) -> usize {
        self.points.partition_point(|point| point.at_s <= at_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_rises_evenly_and_stays_at_the_target() {
        let line = Profile::ramp(600.0, 60.0, 120.0);
        assert_eq!(
            [-1.0, 0.0, 15.0, 60.0, 100.0, 999.0].map(|at_s| line.at(at_s)),
            [0.0, 0.0, 150.0, 600.0, 600.0, 600.0]
        );
        assert_eq!([0.0, 59.0, 60.0, 500.0].map(|at_s| line.is_level(at_s)), [false, false, true, true]);
        assert_eq!((line.highest(), line.end_s()), (600.0, 180.0));
    }

    #[test]
    fn a_ramp_of_no_length_is_a_step() {
        let line = Profile::ramp(600.0, 0.0, 120.0);
        assert_eq!([-1.0, 0.0, 1.0].map(|at_s| line.at(at_s)), [0.0, 600.0, 600.0]);
        assert!(line.is_level(0.0));
    }
}
