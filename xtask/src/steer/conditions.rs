//! The conditions: what the shop and its customers do, and how that changes during the load.

use super::TARGET_PER_MIN;

/// Orders a minute that production's three replicas take: four desks each, 210 ms an order.
const FULL_PER_MIN: f64 = 3.0 * 4.0 / 0.210 * 60.0;

/// What a load test meets.
#[derive(Debug)]
pub(super) struct Condition {
    /// Its name, as it is typed.
    pub(super) name: &'static str,
    /// What is special about it.
    pub(super) what: &'static str,
    /// Changes by the second of load from which they hold, in order; the first holds from the beginning.
    pub(super) course: &'static [(f64, Circumstances)],
}

/// What `conditions.json` says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Circumstances {
    /// Times as long between two clicks.
    think_time: f64,
    /// The share of baskets that are ordered.
    conversion: f64,
    /// Orders that can be served, as a share of the target; `None` for all that the replicas can do.
    capacity: Option<f64>,
}

const USUAL: Circumstances = Circumstances { think_time: 1.0, conversion: 1.0, capacity: None };

/// All conditions.
pub(super) const CONDITIONS: [Condition; 5] = [
    Condition { name: "nominal", what: "nothing changes", course: &[(0.0, USUAL)] },
    Condition {
        name: "think-time",
        what: "customers think 1.5 times as long from 2:30 on",
        course: &[(0.0, USUAL), (150.0, Circumstances { think_time: 1.5, ..USUAL })],
    },
    Condition {
        name: "conversion-halved",
        what: "from 2:30 on only half of the baskets are ordered",
        course: &[(0.0, USUAL), (150.0, Circumstances { conversion: 0.5, ..USUAL })],
    },
    Condition {
        name: "capacity-drop",
        what: "from 2:00 to 3:30 the shop serves 60 % of the target",
        course: &[(0.0, USUAL), (120.0, Circumstances { capacity: Some(0.6), ..USUAL }), (210.0, USUAL)],
    },
    Condition {
        name: "capacity-below-target",
        what: "the shop serves 75 % of the target",
        course: &[(0.0, Circumstances { capacity: Some(0.75), ..USUAL })],
    },
];

impl Condition {
    /// What holds at a second of load.
    pub(super) fn at(&self, second: f64) -> Circumstances {
        let holds = self.course.iter().rev().find(|(from_s, _)| *from_s <= second);
        holds.map_or(USUAL, |(_, circumstances)| *circumstances)
    }

    /// Orders a minute that can be served at a second of load.
    pub(super) fn capacity_per_min(&self, second: f64) -> f64 {
        self.at(second).capacity.map_or(FULL_PER_MIN, |share| share * TARGET_PER_MIN)
    }
}

impl Circumstances {
    /// The text of `conditions.json`.
    pub(super) fn written(&self) -> String {
        let capacity = self.capacity.map_or(1.0, |share| share * TARGET_PER_MIN / FULL_PER_MIN);
        let Self { think_time, conversion, .. } = self;
        format!("{{ \"thinkTime\": {think_time}, \"conversion\": {conversion}, \"capacity\": {capacity:.4} }}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_changes_when_its_course_says_so() {
        let drop = CONDITIONS.iter().find(|condition| condition.name == "capacity-drop").unwrap();
        let capacity = [0.0, 119.0, 120.0, 209.0, 210.0, 300.0].map(|second| drop.capacity_per_min(second).round());
        assert_eq!(capacity, [3429.0, 3429.0, 900.0, 900.0, 3429.0, 3429.0]);
        assert_eq!(drop.at(120.0).written(), "{ \"thinkTime\": 1, \"conversion\": 1, \"capacity\": 0.2625 }\n");
    }
}
