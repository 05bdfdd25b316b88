//! What becomes of one application's version and allocation, and what that means where it runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::app::{Allocation, Resources};
use crate::quantity::Quantity;
use crate::units::{Cpu, Memory};

/// Which version an application runs during the test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum VersionChoice {
    /// The version production runs now.
    #[default]
    Production,
    /// The version that is there.
    Keep,
    /// This image or release.
    Release(String),
}

/// Which allocation an application has during the test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ScaleChoice {
    /// Production's replicas and resources.
    #[default]
    Production,
    /// The allocation that is there.
    Keep,
    /// Production's replicas times a factor, rounded up; resources as in production.
    Factor(f64),
    /// These values; what is absent is kept as it is.
    Exactly {
        /// Replicas.
        replicas: Option<u32>,
        /// CPU of one replica.
        cpu: Option<Cpu>,
        /// Memory of one replica.
        memory: Option<Memory>,
    },
}

impl ScaleChoice {
    /// The allocation this choice means, given what is there now and what production has. What an autoscaler manages is
    /// pinned at its replicas, unless it is kept.
    ///
    /// # Errors
    /// The part of a sentence that says why there is none, as `does not exist in production`.
    pub fn of(self, present: &Allocation, production: Option<&Allocation>) -> Result<Allocation, String> {
        let absent = || "does not exist in production".to_owned();
        let (replicas, resources) = match self {
            Self::Keep => return Ok(present.clone()),
            Self::Production => {
                let from = production.ok_or_else(absent)?;
                (from.replicas, like(&present.resources, &from.resources))
            }
            Self::Factor(factor) => {
                let from = production.ok_or_else(absent)?;
                let replicas = (f64::from(from.replicas) * factor).ceil().max(1.0) as u32;
                (replicas, like(&present.resources, &from.resources))
            }
            Self::Exactly { replicas, cpu, memory } => {
                (replicas.unwrap_or(present.replicas), exactly(&present.resources, cpu, memory)?)
            }
        };
        Ok(Allocation { resources, ..present.with_replicas(replicas) })
    }
}

/// The containers that are there, those that production has too with production's resources.
fn like(
    present: &BTreeMap<String, Resources>,
    production: &BTreeMap<String, Resources>,
) -> BTreeMap<String, Resources> {
    present.iter().map(|(name, kept)| (name.clone(), production.get(name).unwrap_or(kept).clone())).collect()
}

/// The only container with so much CPU and memory: as its request, and as its limit where it has one.
fn exactly(
    present: &BTreeMap<String, Resources>,
    cpu: Option<Cpu>,
    memory: Option<Memory>,
) -> Result<BTreeMap<String, Resources>, String> {
    let mut resources = present.clone();
    if cpu.is_none() && memory.is_none() {
        return Ok(resources);
    }
    let mut containers = resources.values_mut();
    match (containers.next(), containers.next()) {
        (Some(only), None) => {
            let wanted = [("cpu", cpu.map(Quantity::from)), ("memory", memory.map(Quantity::from))];
            for (resource, quantity) in wanted {
                let Some(quantity) = quantity else { continue };
                if let Some(limit) = only.get_mut(&format!("limits.{resource}")) {
                    *limit = quantity.clone();
                }
                only.insert(format!("requests.{resource}"), quantity);
            }
            Ok(resources)
        }
        (None, _) => Err("cannot be given cpu or memory where it runs; expected replicas only".to_owned()),
        (Some(_), Some(_)) => {
            let known: Vec<&str> = present.keys().map(String::as_str).collect();
            let known = known.join(", ");
            Err(format!("cannot be given cpu or memory as one figure, since it has the containers {known}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Bounds;

    fn given(containers: &[(&str, &[(&str, &str)])]) -> Allocation {
        let of = |resources: &[(&str, &str)]| {
            resources.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap())).collect()
        };
        let resources = containers.iter().map(|(name, resources)| ((*name).to_owned(), of(resources))).collect();
        Allocation { resources, ..Allocation::of_replicas(2) }
    }

    fn means(choice: ScaleChoice, present: &Allocation) -> Result<String, String> {
        choice.of(present, None).map(|allocation| allocation.to_string())
    }

    #[test]
    fn productions_resources_replace_those_of_the_containers_that_both_have() {
        let present = given(&[("app", &[("requests.cpu", "100m"), ("limits.cpu", "1")]), ("debug", &[])]);
        let mut production = given(&[("app", &[("requests.cpu", "2")]), ("mesh", &[("requests.cpu", "1")])]);
        production.replicas = 7;
        let allocation = ScaleChoice::Factor(1.5).of(&present, Some(&production)).unwrap();
        assert_eq!(
            allocation,
            Allocation { replicas: 11, ..given(&[("app", &[("requests.cpu", "2")]), ("debug", &[])]) }
        );
    }

    #[test]
    fn what_an_autoscaler_manages_is_pinned_unless_it_is_kept() {
        let present = Allocation { autoscaling: Some(Bounds { min: 1, max: 4 }), ..Allocation::of_replicas(2) };
        let production = Allocation { autoscaling: Some(Bounds { min: 5, max: 50 }), ..Allocation::of_replicas(20) };
        let pinned = ScaleChoice::Production.of(&present, Some(&production)).unwrap();
        assert_eq!(pinned, Allocation { autoscaling: Some(Bounds::pinned(20)), ..Allocation::of_replicas(20) });
        assert_eq!(ScaleChoice::Keep.of(&present, Some(&production)).unwrap(), present);
        let plain = ScaleChoice::Production.of(&Allocation::of_replicas(2), Some(&production)).unwrap();
        assert_eq!(plain, Allocation::of_replicas(20), "where nothing scales by itself there is nothing to pin");
    }

    #[test]
    fn one_figure_is_the_request_and_the_limit_where_there_is_one() {
        let choice = ScaleChoice::Exactly { replicas: Some(3), cpu: Some(Cpu::millicores(1500)), memory: None };
        let app: (&str, &[(&str, &str)]) = ("app", &[("limits.cpu", "4"), ("limits.memory", "1Gi")]);
        assert_eq!(
            means(choice, &given(&[app])),
            Ok("3 replicas, limits.cpu 1500m, limits.memory 1Gi, requests.cpu 1500m".to_owned())
        );
        assert_eq!(
            means(choice, &given(&[app, ("proxy", &[])])),
            Err("cannot be given cpu or memory as one figure, since it has the containers app, proxy".to_owned())
        );
        assert_eq!(
            means(choice, &Allocation::of_replicas(1)),
            Err("cannot be given cpu or memory where it runs; expected replicas only".to_owned())
        );
        let replicas = ScaleChoice::Exactly { replicas: Some(3), cpu: None, memory: None };
        assert_eq!(means(replicas, &Allocation::of_replicas(1)), Ok("3 replicas".to_owned()));
        assert_eq!(means(ScaleChoice::Production, &given(&[])), Err("does not exist in production".to_owned()));
    }
}
