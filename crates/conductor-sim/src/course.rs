//! One run of an algorithm on a plant, to be looked at: what it did, beside what could have been done. It is not drawn
//! here.

use crate::plant::Plant;
use crate::score::Yardstick;
use crate::trial::law::Algorithm;
use crate::trial::{Bench, Insight, WINDOW_S};

/// One run of an algorithm on a plant.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// The plant's name.
    pub plant: String,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The seed of the run.
    pub seed: u64,
    /// Its length, seconds.
    pub length_s: f64,
    /// What happened, minute by minute.
    pub windows: Vec<CourseWindow>,
    /// What the algorithm made of it, decision by decision.
    pub insights: Vec<Insight>,
    /// When it said that the KPI is gone, seconds since the load began.
    pub stall_alarms_s: Vec<f64>,
}

/// One minute of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CourseWindow {
    /// Its end, seconds since the load began.
    pub to_s: f64,
    /// The KPI wanted at its end, events per minute.
    pub line_per_min: f64,
    /// The KPI that could be achieved in it, events per minute.
    pub achievable_per_min: f64,
    /// The KPI, events per minute.
    pub kpi_per_min: f64,
    /// Users at its end.
    pub users: f64,
    /// Users at the plant's knee.
    pub knee_users: f64,
}

impl Course {
    /// Runs an algorithm on a plant, which has passed [`Plant::check`]; the algorithm decides every `tick_s` seconds, a
    /// multiple of half a second.
    pub fn run(plant: &Plant, algorithm: Algorithm, seed: u64, tick_s: f64) -> Self {
        let bench = Bench::new(plant, tick_s);
        let yardstick = Yardstick::new(&bench);
        let trace = bench.run(algorithm, seed);
        let window = |number: usize| {
            let to_s = number as f64 * WINDOW_S;
            CourseWindow {
                to_s,
                line_per_min: bench.model.line.at(to_s),
                achievable_per_min: yardstick.achievable()[number],
                kpi_per_min: trace.kpi_per_min[number],
                users: trace.users[number],
                knee_users: yardstick.knee_users()[number],
            }
        };
        Self {
            plant: plant.name.clone(),
            algorithm,
            seed,
            length_s: bench.model.length_s(),
            windows: (0..=bench.windows()).map(window).collect(),
            insights: trace.insights,
            stall_alarms_s: trace.stall_alarms_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use conductor_core::ramp::Mode;

    use super::*;

    #[test]
    fn an_outage_is_alarmed_and_a_healthy_plant_is_not() {
        let plants = crate::scenarios();
        let alarms = |name: &str| {
            let plant = plants.iter().find(|plant| plant.name == name).unwrap();
            Course::run(plant, Algorithm::Adaptive, 1, 60.0).stall_alarms_s
        };
        let first = alarms("outage5m")[0];
        assert!((3060.0..=3240.0).contains(&first), "{first}");
        assert!(alarms("nom600").is_empty());
    }

    #[test]
    fn a_course_tells_modes_and_knee_of_the_law_that_has_them() {
        let plants = crate::scenarios();
        let plant = plants.iter().find(|plant| plant.name == "overcap").unwrap();
        let course = Course::run(plant, Algorithm::Adaptive, 1, 60.0);
        assert_eq!((course.windows.len(), course.insights.len(), course.length_s), (91, 90, 5400.0));
        assert!(course.insights.iter().any(|insight| insight.mode == Some(Mode::Hold)));
        let (last, found) = (course.windows[90], course.insights[89].knee_users.unwrap());
        assert!((last.achievable_per_min / 420.0 - 1.0).abs() < 0.02, "{}", last.achievable_per_min);
        assert!((found / last.knee_users - 1.0).abs() < 0.15, "{found} for {}", last.knee_users);
        let fixed = Course::run(plant, Algorithm::Fixed, 1, 60.0);
        assert!(fixed.insights.iter().all(|insight| insight.mode.is_none() && insight.knee_users.is_none()));
    }
}
