//! What KEDA itself does about replicas, beside what the autoscaler does: to none and back, to the idle ones and back.

use crate::keda::scaled_object::ScaledObjectSpec;

/// What is to be done about the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Stay,
    /// Another number is wanted.
    To(i32),
    /// Another number is wanted, but not yet.
    CoolDown,
}

/// The step for the replicas that are wanted now, by what the triggers say and whether it has cooled down.
pub(super) fn step(spec: &ScaledObjectSpec, replicas: i32, is_active: bool, is_cool: bool) -> Step {
    let least = spec.min_replica_count.unwrap_or_default();
    match spec.idle_replica_count {
        Some(_) if is_active && replicas < least => Step::To(least),
        _ if is_active && replicas == 0 => Step::To(least.max(1)),
        _ if is_active => Step::Stay,
        Some(idle) if replicas > idle => down(idle, is_cool),
        _ if replicas > 0 && least == 0 => down(least, is_cool),
        None if replicas < least => Step::To(least),
        _ => Step::Stay,
    }
}

fn down(to: i32, is_cool: bool) -> Step {
    if is_cool { Step::To(to) } else { Step::CoolDown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(least: i32, idle: Option<i32>) -> ScaledObjectSpec {
        ScaledObjectSpec { min_replica_count: Some(least), idle_replica_count: idle, ..ScaledObjectSpec::default() }
    }

    #[test]
    fn replicas_go_to_none_or_to_the_idle_ones_while_nothing_is_active_and_back() {
        for (least, idle, replicas, active, expected) in [
            (0, None, 3, false, Step::To(0)),
            (0, None, 0, false, Step::Stay),
            (0, None, 0, true, Step::To(1)),
            (2, None, 0, true, Step::To(2)),
            (2, None, 5, false, Step::Stay),
            (2, None, 1, false, Step::To(2)),
            (2, None, 1, true, Step::Stay),
            (2, Some(0), 5, false, Step::To(0)),
            (2, Some(0), 0, false, Step::Stay),
            (2, Some(0), 0, true, Step::To(2)),
            (3, Some(1), 1, true, Step::To(3)),
            (3, Some(1), 1, false, Step::Stay),
            (3, Some(1), 3, true, Step::Stay),
        ] {
            let said = format!("{least} {idle:?} {replicas} {active}");
            assert_eq!(step(&spec(least, idle), replicas, active, true), expected, "{said}");
        }
    }

    #[test]
    fn down_they_go_when_it_has_cooled_down_and_up_at_once() {
        assert_eq!(step(&spec(0, None), 3, false, false), Step::CoolDown);
        assert_eq!(step(&spec(2, Some(0)), 3, false, false), Step::CoolDown);
        assert_eq!(step(&spec(2, None), 1, false, false), Step::To(2));
        assert_eq!(step(&spec(0, None), 0, true, false), Step::To(1));
    }
}
