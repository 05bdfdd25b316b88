//! How many workers a target needs, in words, for every screen and page.

use conductor_core::sizing::Sizing;
use conductor_core::units::three_digits;

use crate::text::number;

/// The workers needed, with the figures behind it.
pub fn words(sizing: &Sizing) -> String {
    let Sizing { target_per_min, users, planned_cpu, users_per_worker, workers, present, cost } = sizing;
    let verdict = if sizing.is_enough() {
        format!("{}; {present} {} there", needed(*workers), be(*present))
    } else {
        format!("{}, but only {present} {} there", needed(*workers), be(*present))
    };
    let beyond = if *users_per_worker > 2.0 * cost.most_users { ", extrapolated" } else { "" };
    format!(
        "{}/min takes {} users, {verdict}: one runs {} at {} % CPU ({} % a user, {} % idle; of {} windows with up to {} users on one{beyond})",
        number(*target_per_min),
        number(*users),
        number(*users_per_worker),
        three_digits(*planned_cpu),
        three_digits(cost.cpu_per_user),
        three_digits(cost.idle_cpu),
        cost.windows,
        number(cost.most_users.round()),
    )
}

fn needed(workers: u32) -> String {
    if workers == 1 {
        "for which 1 worker is enough".to_owned()
    } else {
        format!("for which {workers} workers are needed")
    }
}

fn be(count: u32) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use conductor_core::sizing::WorkerCost;

    use super::*;

    #[test]
    fn what_is_needed_is_told_with_what_it_rests_on() {
        let cost = WorkerCost { cpu_per_user: 0.1, idle_cpu: 4.0, windows: 24, most_users: 400.0 };
        assert_eq!(
            words(&cost.sizing(75.0, 12_000.0, 0.15, Some(2))),
            "12,000/min takes 1,800 users, for which 3 workers are needed, but only 2 are there: one runs 710 at 75 % CPU \
             (0.1 % a user, 4 % idle; of 24 windows with up to 400 users on one)"
        );
        let small = WorkerCost { most_users: 100.0, ..cost };
        let told = words(&small.sizing(75.0, 1_000.0, 0.15, None));
        assert!(told.contains("for which 1 worker is enough; 1 is there: one runs 710"), "{told}");
        assert!(told.ends_with("up to 100 users on one, extrapolated)"), "{told}");
    }
}
