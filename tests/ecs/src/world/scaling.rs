//! What moves the number of a service's tasks by itself.

use std::time::Duration;

use serde_json::Value;

/// What an autoscaler acts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pull {
    /// A scaling policy: it moves out and in.
    Dynamic,
    /// A scheduled action.
    Scheduled,
}

/// An autoscaler that wants a number of tasks, again and again. It acts on services that are registered as scalable targets only, within
/// their bounds, and not while what it acts by is suspended. Nothing is scaled in by a policy while a deployment is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Autoscaler {
    /// How many tasks it wants.
    pub wants: u32,
    /// How often it acts, by the clock of the bed.
    pub every: Duration,
    /// By what.
    pub by: Pull,
}

/// A scalable target as it was registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) suspended_in: bool,
    pub(crate) suspended_out: bool,
    pub(crate) suspended_scheduled: bool,
}

impl Target {
    /// Reads what `DescribeScalableTargets` says.
    pub(crate) fn read(value: &Value) -> Self {
        let number = |name: &str, absent: u32| {
            value[name].as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(absent)
        };
        let suspended = |name: &str| value["SuspendedState"][name].as_bool().unwrap_or(false);
        Self {
            min: number("MinCapacity", 0),
            max: number("MaxCapacity", u32::MAX),
            suspended_in: suspended("DynamicScalingInSuspended"),
            suspended_out: suspended("DynamicScalingOutSuspended"),
            suspended_scheduled: suspended("ScheduledScalingSuspended"),
        }
    }

    /// A number within the bounds.
    pub(crate) fn within(self, number: u32) -> u32 {
        // Bounds the wrong way round are refused when they are registered.
        number.max(self.min).min(self.max)
    }

    /// What an autoscaler makes of a number of tasks.
    pub(crate) fn moved(self, autoscaler: Autoscaler, desired: u32, deploys: bool) -> u32 {
        let wanted = self.within(autoscaler.wants);
        let suspended = match autoscaler.by {
            Pull::Scheduled => self.suspended_scheduled,
            Pull::Dynamic if wanted > desired => self.suspended_out,
            Pull::Dynamic => self.suspended_in || deploys,
        };
        if suspended { desired } else { wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_autoscaler_moves_within_its_bounds_unless_what_it_acts_by_is_suspended() {
        let pulls = |wants, by| Autoscaler { wants, every: Duration::from_secs(1), by };
        let target = |suspended: Value| {
            Target::read(&json!({ "MinCapacity": 2, "MaxCapacity": 8, "SuspendedState": suspended }))
        };
        let free = target(Value::Null);
        assert_eq!(free.moved(pulls(1, Pull::Dynamic), 5, false), 2);
        assert_eq!(free.moved(pulls(1, Pull::Dynamic), 5, true), 5, "a deployment is going on");
        assert_eq!(free.moved(pulls(99, Pull::Dynamic), 5, true), 8);
        let scaling_in = target(json!({ "DynamicScalingInSuspended": true }));
        assert_eq!(scaling_in.moved(pulls(1, Pull::Dynamic), 5, false), 5);
        assert_eq!(scaling_in.moved(pulls(7, Pull::Dynamic), 5, false), 7);
        assert_eq!(scaling_in.moved(pulls(1, Pull::Scheduled), 5, false), 2);
        let scheduled = target(json!({ "ScheduledScalingSuspended": true, "DynamicScalingOutSuspended": true }));
        assert_eq!(scheduled.moved(pulls(1, Pull::Scheduled), 5, false), 5);
        assert_eq!(scheduled.moved(pulls(7, Pull::Dynamic), 5, false), 5);
        assert_eq!(scheduled.moved(pulls(3, Pull::Dynamic), 5, false), 3);
    }
}
