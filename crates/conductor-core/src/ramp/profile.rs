//! The line the KPI shall follow: straight pieces between points in time. What users it takes is not known here.

use serde::{Deserialize, Serialize};

/// A point of the line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfilePoint {
    /// Seconds since the load began.
    pub at_s: f64,
    /// KPI events per minute here.
    pub per_min: f64,
}

/// The line the KPI shall follow. Between two points it is straight; two points at one time are a step; before the first
/// and after the last point it is level. Times never go back, and every figure is finite and not below zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<ProfilePoint>", into = "Vec<ProfilePoint>")]
pub struct Profile {
    points: Vec<ProfilePoint>,
}

/// Points that are no line.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "point {position} of the profile, {point:?}, is not sound; expected times that do not go back, and rates from zero"
)]
pub struct ProfileError {
    /// The first point that is wrong, counted from 0.
    pub position: usize,
    /// That point.
    pub point: ProfilePoint,
}

/// A stretch in which the line is level, above zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Its start, seconds since the load began.
    pub from_s: f64,
    /// Its end, seconds since the load began.
    pub to_s: f64,
    /// KPI events per minute.
    pub per_min: f64,
}

impl Profile {
    /// A line that begins with nothing and ends where it begins; [`Profile::then`] goes on from there.
    pub fn from_nothing() -> Self {
        Self { points: vec![ProfilePoint { at_s: 0.0, per_min: 0.0 }] }
    }

    /// From nothing to `target_per_min` in `ramp_up_s` seconds, then level for `plateau_s` seconds.
    pub fn ramp(target_per_min: f64, ramp_up_s: f64, plateau_s: f64) -> Self {
        Self::from_nothing().then(ramp_up_s, target_per_min).then(plateau_s, target_per_min)
    }

    /// The line that goes on from its end, straight to `per_min` within so many seconds; 0 s is a step. What is not
    /// finite or below zero counts as zero.
    #[must_use]
    pub fn then(mut self, seconds: f64, per_min: f64) -> Self {
        let sound = |figure: f64| if figure.is_finite() { figure.max(0.0) } else { 0.0 };
        self.points.push(ProfilePoint { at_s: self.end_s() + sound(seconds), per_min: sound(per_min) });
        self
    }

    /// The line as it is up to `at_s` seconds, where it ends.
    #[must_use]
    pub fn until(&self, at_s: f64) -> Self {
        let at_s = if at_s.is_finite() { at_s.max(0.0) } else { 0.0 };
        let mut points = self.points[..self.after(at_s)].to_vec();
        if points.last().is_none_or(|last| last.at_s < at_s) {
            points.push(ProfilePoint { at_s, per_min: self.at(at_s) });
        }
        Self { points }
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

    /// The mean KPI wanted between two times, events per minute.
    pub fn mean(&self, from_s: f64, to_s: f64) -> f64 {
        if to_s <= from_s || !(to_s - from_s).is_finite() {
            return self.at(to_s);
        }
        let (mut events, mut time_s, mut per_min) = (0.0, from_s, self.at(from_s));
        let inside = self.points[self.after(from_s)..].iter().take_while(|point| point.at_s < to_s);
        // Before a step the line ends at its lower point, which comes first.
        for point in inside {
            events += f64::midpoint(per_min, point.per_min) * (point.at_s - time_s);
            (time_s, per_min) = (point.at_s, point.per_min);
        }
        let end = self.before(to_s);
        (events + f64::midpoint(per_min, end) * (to_s - time_s)) / (to_s - from_s)
    }

    /// True when the line is level from `at_s` on, at least up to the next point.
    pub fn is_level(&self, at_s: f64) -> bool {
        let after = self.after(at_s);
        match (after.checked_sub(1).map(|before| self.points[before]), self.points.get(after)) {
            (Some(from), Some(to)) => from.per_min == to.per_min,
            (Some(_) | None, None) | (None, Some(_)) => true,
        }
    }

    /// Where the straight piece at `at_s` leads: its end, or the line's last point after that.
    pub fn ahead(&self, at_s: f64) -> Option<ProfilePoint> {
        self.points.get(self.after(at_s)).or(self.points.last()).copied()
    }

    /// The stretches in which the line is level and not zero.
    pub fn levels(&self) -> Vec<Level> {
        let mut levels: Vec<Level> = Vec::new();
        for pair in self.points.windows(2).filter(|pair| pair[0].per_min == pair[1].per_min && pair[0].per_min > 0.0) {
            let level = Level { from_s: pair[0].at_s, to_s: pair[1].at_s, per_min: pair[0].per_min };
            match levels.last_mut().filter(|last| last.to_s == level.from_s && last.per_min == level.per_min) {
                Some(last) => last.to_s = level.to_s,
                None => levels.push(level),
            }
        }
        levels
    }

    /// The highest KPI wanted, events per minute.
    pub fn highest(&self) -> f64 {
        self.points.iter().map(|point| point.per_min).fold(0.0, f64::max)
    }

    /// The KPI wanted at the line's end, events per minute.
    pub fn last_per_min(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.per_min)
    }

    /// When the line ends, seconds since the load began.
    pub fn end_s(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.at_s)
    }

    /// The first point that is later than `at_s`.
    fn after(&self, at_s: f64) -> usize {
        self.points.partition_point(|point| point.at_s <= at_s)
    }

    /// The value that the line has just before `at_s`: at a step, the one before it.
    fn before(&self, at_s: f64) -> f64 {
        match self.points.iter().find(|point| point.at_s >= at_s) {
            Some(step) if step.at_s == at_s => step.per_min,
            Some(_) | None => self.at(at_s),
        }
    }
}

impl TryFrom<Vec<ProfilePoint>> for Profile {
    type Error = ProfileError;

    fn try_from(points: Vec<ProfilePoint>) -> Result<Self, ProfileError> {
        let mut last_s = 0.0;
        for (position, point) in points.iter().enumerate() {
            let sound = point.at_s.is_finite() && point.at_s >= last_s && point.per_min.is_finite();
            if !sound || point.per_min < 0.0 {
                return Err(ProfileError { position, point: *point });
            }
            last_s = point.at_s;
        }
        Ok(Self { points })
    }
}

impl From<Profile> for Vec<ProfilePoint> {
    fn from(profile: Profile) -> Self {
        profile.points
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
        assert_eq!(line.levels(), [Level { from_s: 60.0, to_s: 180.0, per_min: 600.0 }]);
    }

    #[test]
    fn a_ramp_of_no_length_is_a_step() {
        let line = Profile::ramp(600.0, 0.0, 120.0);
        assert_eq!([-1.0, 0.0, 1.0].map(|at_s| line.at(at_s)), [0.0, 600.0, 600.0]);
        assert!(line.is_level(0.0));
    }

    #[test]
    fn the_mean_counts_every_piece_and_both_sides_of_a_step() {
        let line = Profile::ramp(600.0, 60.0, 60.0).then(0.0, 1200.0).then(60.0, 1200.0);
        assert_eq!(line.mean(0.0, 60.0), 300.0);
        assert_eq!(line.mean(30.0, 90.0), (30.0 * 450.0 + 30.0 * 600.0) / 60.0);
        assert_eq!(line.mean(90.0, 150.0), 900.0);
        assert_eq!(line.mean(60.0, 120.0), 600.0, "a window that ends at a step has nothing of it");
        assert_eq!(line.mean(120.0, 120.0), 1200.0);
        assert_eq!(line.mean(170.0, 190.0), 1200.0);
    }

    #[test]
    fn level_stretches_are_joined_where_they_touch_and_zero_is_none() {
        let line = Profile::from_nothing().then(30.0, 0.0).then(10.0, 50.0).then(60.0, 50.0).then(60.0, 50.0);
        let line = line.then(0.0, 80.0).then(30.0, 80.0).then(30.0, 50.0).then(60.0, 50.0);
        let levels: Vec<_> = line.levels().iter().map(|level| (level.from_s, level.to_s, level.per_min)).collect();
        assert_eq!(levels, [(40.0, 160.0, 50.0), (160.0, 190.0, 80.0), (220.0, 280.0, 50.0)]);
    }

    #[test]
    fn a_line_cut_in_the_middle_of_a_piece_ends_where_it_was() {
        let line = Profile::ramp(600.0, 60.0, 60.0);
        assert_eq!(line.until(30.0).points(), Profile::from_nothing().then(30.0, 300.0).points());
        assert_eq!(line.until(500.0).at(90.0), 600.0);
        assert_eq!(line.until(500.0).end_s(), 500.0);
        assert_eq!(line.until(f64::NAN), Profile::from_nothing());
    }

    #[test]
    fn points_that_are_no_line_are_refused() {
        let read = |text: &str| serde_json::from_str::<Profile>(text);
        assert!(read(r#"[{"atS":0,"perMin":0},{"atS":60,"perMin":5}]"#).is_ok());
        let error = read(r#"[{"atS":60,"perMin":0},{"atS":59,"perMin":5}]"#).unwrap_err().to_string();
        assert!(error.starts_with("point 1 of the profile"), "{error}");
        assert!(read(r#"[{"atS":0,"perMin":-1}]"#).is_err());
    }

    #[test]
    fn what_is_not_finite_counts_as_zero() {
        let line = Profile::from_nothing().then(f64::NAN, 5.0).then(-3.0, f64::INFINITY);
        assert!(line.points().iter().all(|point| point.at_s == 0.0));
        assert_eq!(line.last_per_min(), 0.0);
    }
}
