//! Which Stacks have traffic. Pure.

use std::collections::BTreeMap;

/// Percent, by the names of Stacks.
pub(super) type Weights = BTreeMap<String, f64>;

/// A Stack, as traffic sees it.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) name: String,
    /// When it was made.
    pub(super) made: String,
    /// True when all that was made of it is ready.
    pub(super) is_ready: bool,
}

/// What is said of Stacks that are there, so that all of it is a hundred. Where nothing is said the first has all.
pub(super) fn whole(said: &Weights, stacks: &[Candidate]) -> Weights {
    let of = |stack: &Candidate| (stack.name.clone(), said.get(&stack.name).copied().unwrap_or_default());
    let mut weights: Weights = stacks.iter().map(of).collect();
    let sum: f64 = weights.values().sum();
    if sum > 0.0 {
        weights.values_mut().for_each(|weight| *weight *= 100.0 / sum);
    } else if let Some(first) = stacks.iter().min_by(|one, other| one.made.cmp(&other.made)) {
        weights.insert(first.name.clone(), 100.0);
    }
    weights
}

/// The traffic that Stacks have afterwards: what they shall have, unless one that shall have more is not ready.
pub(super) fn switched(actual: &Weights, desired: &Weights, stacks: &[Candidate]) -> Weights {
    let of = |weights: &Weights, name: &str| weights.get(name).copied().unwrap_or_default();
    let mut waiting = stacks.iter().filter(|stack| of(desired, &stack.name) > of(actual, &stack.name));
    if waiting.any(|stack| !stack.is_ready) { actual.clone() } else { desired.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stacks(ready: [bool; 2]) -> [Candidate; 2] {
        let stack =
            |name: &str, made: &str, is_ready| Candidate { name: name.to_owned(), made: made.to_owned(), is_ready };
        [stack("a", "1", ready[0]), stack("b", "2", ready[1])]
    }

    fn weights(of: &[(&str, f64)]) -> Weights {
        of.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
    }

    #[test]
    fn all_of_it_is_a_hundred_and_the_first_has_it_where_nothing_is_said() {
        let stacks = stacks([true, true]);
        for (said, expected) in [
            (vec![], [("a", 100.0), ("b", 0.0)]),
            (vec![("b", 100.0)], [("a", 0.0), ("b", 100.0)]),
            (vec![("a", 1.0), ("b", 3.0)], [("a", 25.0), ("b", 75.0)]),
            (vec![("gone", 100.0)], [("a", 100.0), ("b", 0.0)]),
        ] {
            assert_eq!(whole(&weights(&said), &stacks), weights(&expected), "{said:?}");
        }
    }

    #[test]
    fn traffic_goes_to_what_is_ready_only() {
        let (of_a, of_b) = (weights(&[("a", 100.0), ("b", 0.0)]), weights(&[("a", 0.0), ("b", 100.0)]));
        assert_eq!(switched(&of_a, &of_b, &stacks([true, true])), of_b);
        assert_eq!(switched(&of_a, &of_b, &stacks([true, false])), of_a);
        assert_eq!(switched(&of_a, &of_b, &stacks([false, true])), of_b);
    }
}
