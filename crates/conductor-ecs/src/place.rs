//! Names of what is in ECS: where a service is, and which revision of a task definition is meant.

use std::fmt;
use std::str::FromStr;

/// Where a service is: its cluster and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The cluster, by its name.
    pub(crate) cluster: String,
    /// The service, by its name.
    pub(crate) service: String,
}

impl Place {
    /// How Application Auto Scaling calls it.
    pub(crate) fn resource_id(&self) -> String {
        format!("service/{}/{}", self.cluster, self.service)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service {} of cluster {}", self.service, self.cluster)
    }
}

/// A revision of a task definition. Never "the newest": that may be another one a moment later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Revision {
    /// The family.
    pub(crate) family: String,
    /// The number in it.
    pub(crate) number: u32,
}

/// A text that names no revision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no revision of a task definition; expected family:number")]
pub(crate) struct RevisionError(String);

impl FromStr for Revision {
    type Err = RevisionError;

    /// Reads `family:number`, or an ARN that ends with it.
    fn from_str(text: &str) -> Result<Self, RevisionError> {
        let name = text.rsplit_once('/').map_or(text, |(_, name)| name);
        let parsed = name.rsplit_once(':').and_then(|(family, number)| {
            let number = number.parse().ok()?;
            (!family.is_empty() && !family.contains(':')).then(|| Self { family: family.to_owned(), number })
        });
        parsed.ok_or_else(|| RevisionError(text.to_owned()))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.family, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_read_from_its_arn_or_its_short_name() {
        for text in ["shop:7", "arn:aws:ecs:eu-central-1:123456789012:task-definition/shop:7"] {
            assert_eq!(text.parse(), Ok(Revision { family: "shop".to_owned(), number: 7 }), "{text}");
        }
        for bad in ["shop", "shop:", ":7", "shop:latest", "shop:-1", ""] {
            let told = bad.parse::<Revision>().unwrap_err().to_string();
            assert_eq!(told, format!("\"{bad}\" is no revision of a task definition; expected family:number"));
        }
    }

    #[test]
    fn a_service_is_called_as_each_side_calls_it() {
        let place = Place { cluster: "shop-test".to_owned(), service: "cart".to_owned() };
        assert_eq!(place.to_string(), "service cart of cluster shop-test");
        assert_eq!(place.resource_id(), "service/shop-test/cart");
    }
}
