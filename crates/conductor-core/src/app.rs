//! Applications and what they are given to run with. What they run is in [`crate::release`].

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;

/// The name of an application, as the environment's catalogue gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApplicationId(String);

impl ApplicationId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name that cannot be an application's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a name; expected 1 to 128 letters, digits, '-', '_', '.' or '/', beginning with a letter or digit"
)]
pub struct NameError(pub String);

/// True for the names the conductor accepts: for applications, load tests, environments and KPIs alike.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
}

impl FromStr for ApplicationId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if is_name(text) { Ok(Self(text.to_owned())) } else { Err(NameError(text.to_owned())) }
    }
}

impl TryFrom<String> for ApplicationId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<ApplicationId> for String {
    fn from(id: ApplicationId) -> Self {
        id.0
    }
}

impl Borrow<str> for ApplicationId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a container of an application may use, by the substrate's own names: `requests.cpu`, `limits.memory` and their
/// like on Kubernetes.
pub type Resources = BTreeMap<String, Quantity>;

/// What an application is given: how many replicas, and how much each of them may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Allocation {
    /// Wanted replicas (`desired_count` on ECS).
    pub replicas: u32,
    /// What each container may use. Empty where the substrate does not allot anything (a local process, for one), so that
    /// nothing is compared or changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, Resources>,
    /// Between how many replicas an autoscaler chooses; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Bounds>,
}

/// The fewest and the most replicas that an autoscaler may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bounds {
    /// The fewest.
    pub min: u32,
    /// The most.
    pub max: u32,
}

impl Bounds {
    /// Bounds that leave no choice.
    pub const fn pinned(replicas: u32) -> Self {
        Self { min: replicas, max: replicas }
    }

    /// True when an autoscaler with these bounds leaves so many replicas as they are.
    pub const fn contain(self, replicas: u32) -> bool {
        self.min <= replicas && replicas <= self.max
    }

    /// The narrowest bounds around both.
    #[must_use]
    pub fn around(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// The number within the bounds that is nearest.
    pub fn nearest(self, replicas: u32) -> u32 {
        replicas.min(self.max).max(self.min)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(f, "pinned at {}", self.min)
        } else {
            write!(f, "autoscaled from {} to {}", self.min, self.max)
        }
    }
}

impl Allocation {
    /// So many replicas, with resources left to the substrate.
    pub const fn of_replicas(replicas: u32) -> Self {
        Self { replicas, resources: BTreeMap::new(), autoscaling: None }
    }

    /// The same with so many replicas. What an autoscaler manages is pinned there.
    #[must_use]
    pub fn with_replicas(&self, replicas: u32) -> Self {
        let autoscaling = self.autoscaling.map(|_| Bounds::pinned(replicas));
        Self { replicas, resources: self.resources.clone(), autoscaling }
    }

    /// The parts of it as texts, each with a name by which two allocations can be compared.
    fn parts(&self) -> Vec<(String, String)> {
        let count = self.replicas;
        let replicas = format!("{count} replica{}", if count == 1 { "" } else { "s" });
        let mut parts = vec![("replicas".to_owned(), replicas)];
        parts.extend(self.autoscaling.map(|bounds| ("autoscaling".to_owned(), bounds.to_string())));
        for (container, resources) in &self.resources {
            for (resource, quantity) in resources {
                let name = if self.resources.len() == 1 { resource.clone() } else { format!("{container} {resource}") };
                parts.push((name.clone(), format!("{name} {quantity}")));
            }
        }
        parts
    }

    /// What of it is not the same in the other one; replicas when nothing is.
    pub(crate) fn unlike(&self, other: &Self) -> String {
        let (mine, others) = (self.parts(), other.parts());
        let unlike = mine.iter().filter(|part| !others.contains(part)).map(|(_, text)| text.as_str());
        let gone = others.iter().filter(|(name, _)| mine.iter().all(|(own, _)| own != name)).map(|(name, _)| name);
        let texts: Vec<String> = unlike.map(str::to_owned).chain(gone.map(|name| format!("no {name}"))).collect();
        if texts.is_empty() { mine[0].1.clone() } else { texts.join(", ") }
    }
}

impl fmt::Display for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.parts().into_iter().map(|(_, text)| text).collect();
        f.pad(&texts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_spaces_or_nothing_in_them_are_refused() {
        for bad in ["", " ", "a b", "-a", "ä", &"x".repeat(129)] {
            assert!(bad.parse::<ApplicationId>().is_err(), "{bad:?}");
        }
        assert_eq!("shop/checkout-v1.2".parse::<ApplicationId>().unwrap().as_str(), "shop/checkout-v1.2");
    }

    fn resources(container: &str, of: &[(&str, &str)]) -> (String, Resources) {
        (container.to_owned(), of.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap())).collect())
    }

    #[test]
    fn an_allocation_reads_as_a_sentence_part() {
        let app = resources("app", &[("requests.cpu", "500m"), ("requests.memory", "2Gi")]);
        let mut one = Allocation { resources: BTreeMap::from([app]), ..Allocation::of_replicas(1) };
        assert_eq!(one.to_string(), "1 replica, requests.cpu 500m, requests.memory 2Gi");
        one.resources.extend([resources("proxy", &[("limits.cpu", "1")])]);
        one.autoscaling = Some(Bounds { min: 1, max: 4 });
        assert_eq!(
            one.to_string(),
            "1 replica, autoscaled from 1 to 4, app requests.cpu 500m, app requests.memory 2Gi, proxy limits.cpu 1"
        );
        assert_eq!(Allocation::of_replicas(3).to_string(), "3 replicas");
        assert_eq!(Bounds::pinned(3).to_string(), "pinned at 3");
    }

    #[test]
    fn of_two_allocations_only_what_differs_is_told() {
        let with = |of: &[(&str, &str)]| Allocation {
            resources: BTreeMap::from([resources("app", of)]),
            ..Allocation::of_replicas(2)
        };
        let small = with(&[("requests.cpu", "500m"), ("requests.memory", "1Gi")]);
        let large = with(&[("requests.cpu", "2"), ("requests.memory", "1Gi"), ("limits.cpu", "4")]);
        assert_eq!(small.unlike(&large), "requests.cpu 500m, no limits.cpu");
        assert_eq!(large.unlike(&small), "limits.cpu 4, requests.cpu 2");
        assert_eq!(small.unlike(&small), "2 replicas");
    }

    #[test]
    fn bounds_keep_what_is_within_them() {
        let bounds = Bounds { min: 2, max: 5 };
        assert_eq!([1, 2, 4, 5, 9].map(|replicas| bounds.nearest(replicas)), [2, 2, 4, 5, 5]);
        assert_eq!([1, 2, 5, 6].map(|replicas| bounds.contain(replicas)), [false, true, true, false]);
        for (other, around) in [((6, 6), (2, 6)), ((1, 1), (1, 5)), ((3, 4), (2, 5)), ((1, 9), (1, 9))] {
            let [other, around] = [other, around].map(|(min, max)| Bounds { min, max });
            assert_eq!([bounds.around(other), other.around(bounds)], [around; 2]);
        }
    }
}
