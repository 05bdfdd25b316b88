//! Whether there is room for what a run asks for: what is asked for beyond what is there, and what is missing for it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::app::Allocation;
use crate::quantity::Quantity;

/// Something that there is not enough of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shortage {
    /// True when the platform will refuse; false when it may get more, as an autoscaler of nodes does.
    pub is_final: bool,
    /// Of what, where, how much there is and how much is asked for.
    pub message: String,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Amounts by the names of resources, in billionths; `pods` counts replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts(BTreeMap<String, i128>);

impl Amounts {
    /// The name under which replicas are counted.
    pub const PODS: &str = "pods";

    /// All that an allocation gives to all of its replicas.
    pub fn of(allocation: &Allocation) -> Self {
        let mut amounts = Self::default();
        let replicas = i128::from(allocation.replicas);
        for (name, quantity) in allocation.resources.values().flatten() {
            amounts.add(name, quantity.billionths() * replicas);
        }
        amounts.add(Self::PODS, 1_000_000_000 * replicas);
        amounts
    }

    /// So much more of a resource.
    pub fn add(&mut self, name: &str, billionths: i128) {
        *self.0.entry(name.to_owned()).or_default() += billionths;
    }

    /// All of the other one more.
    pub fn add_all(&mut self, other: &Self) {
        other.0.iter().for_each(|(name, billionths)| self.add(name, *billionths));
    }

    /// All of the other one less.
    pub fn take_all(&mut self, other: &Self) {
        other.0.iter().for_each(|(name, billionths)| self.add(name, -billionths));
    }

    /// How much there is of a resource.
    pub fn get(&self, name: &str) -> i128 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// How much there is of a resource, for people.
    pub fn shown(&self, name: &str) -> Quantity {
        Quantity::of_billionths(self.get(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_replicas_ask_for_what_all_of_their_containers_ask_for() {
        let container = |of: &[(&str, &str)]| {
            of.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap())).collect::<BTreeMap<_, _>>()
        };
        let resources = BTreeMap::from([
            ("app".to_owned(), container(&[("requests.cpu", "500m"), ("requests.memory", "1Gi")])),
            ("proxy".to_owned(), container(&[("requests.cpu", "100m"), ("limits.cpu", "1")])),
        ]);
        let large = Allocation { resources, ..Allocation::of_replicas(3) };
        let mut more = Amounts::of(&large);
        let told = |amounts: &Amounts| {
            ["requests.cpu", "requests.memory", "limits.cpu", "pods"].map(|name| amounts.shown(name).to_string())
        };
        assert_eq!(told(&more), ["1800m", "3Gi", "3", "3"]);
        more.take_all(&Amounts::of(&Allocation { replicas: 1, ..large.clone() }));
        assert_eq!(told(&more), ["1200m", "2Gi", "2", "2"]);
        more.add_all(&Amounts::of(&large));
        assert_eq!((told(&more), more.get("hugepages")), (["3", "5Gi", "5", "5"].map(str::to_owned), 0));
    }
}
